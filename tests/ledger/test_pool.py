"""The pool of an address: which of the undecided items count, and what its last reference is."""

from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from ledger.kit import ALICE, BOB, INITIAL, chain, pay, pool_of
from ottochain.ledger.pool import AddressPool, Stage, Stored
from ottochain.ledger.references import Reference


def stages(pool: AddressPool[Any]) -> list[tuple[int, Stage]]:
    return [(each.ordinal, each.stage) for each in pool.stored]


def test_what_follows_each_other_counts_in_whichever_order_it_came() -> None:
    first, second, third = chain(ALICE, 3)
    pool = pool_of(third, first, second)
    assert pool.items == (first, second, third)
    assert [pool.at(ordinal) for ordinal in (0, 4)] == [None, None]
    assert pool.at(2) == Stored(second, Stage.WAITING)


def test_the_last_reference_is_that_of_the_newest_accepted_item() -> None:
    first, second, third = chain(ALICE, 3)
    assert pool_of(first, second).last_reference == INITIAL
    pool = pool_of(first, second, third, stages=[Stage.ACCEPTED, Stage.ACCEPTED, Stage.PROCESSING])
    assert pool.last_reference == second.reference
    assert pool_of(majority=third.reference).last_reference == third.reference


def test_what_a_snapshot_has_and_what_its_chain_left_behind_do_not_count() -> None:
    first, second, third = chain(ALICE, 3)
    other = pay(ALICE, BOB, 9, parent=first)
    pool = pool_of(first, other, second, third, majority=second.reference, at=7)
    assert (pool.items, pool.majority_at) == ((third,), 7)
    assert pool_of(first, second, third, majority=other.reference).items == ()


def test_of_two_items_at_one_place_the_one_that_is_further_counts_with_what_stands_on_it() -> None:
    first, second = chain(ALICE, 2)
    other = pay(ALICE, BOB, 9)
    assert pool_of(first, other, second).items == (first, second)
    assert pool_of(other, first, second).items == (other,)
    pool = pool_of(other, first, second, stages=[Stage.WAITING, Stage.PROCESSING, Stage.WAITING])
    assert stages(pool) == [(1, Stage.PROCESSING), (2, Stage.WAITING)]


@given(st.data())
def test_a_pool_has_neither_gaps_nor_two_items_at_one_place(data: st.DataObject) -> None:
    ours, others = chain(ALICE, 8), chain(ALICE, 8, 2)
    items = data.draw(st.lists(st.sampled_from([*ours, *others]), unique_by=lambda item: item.key))
    states = data.draw(st.lists(st.sampled_from(list(Stage)), min_size=len(items), max_size=len(items)))
    majority = data.draw(st.sampled_from([INITIAL, *(item.reference for item in ours)]))
    pool = pool_of(*items, stages=states, majority=majority)
    references = [pool.majority, *(item.reference for item in pool.items)]
    assert [item.value.parent for item in pool.items] == references[:-1]
    assert pool.last_reference in references
    assert all(pool.at(each.ordinal) == each for each in pool.stored)


def test_references_are_ordered_by_ordinal_then_hash() -> None:
    assert sorted([Reference(2, "a"), Reference(1, "b"), Reference(1, "a")])[0] == Reference(1, "a")
