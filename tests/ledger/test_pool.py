"""The pool of an address: where its items are, what follows them, and what is let go."""

from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from ledger.kit import ALICE, BOB, INITIAL, chain, pay
from ottochain.ledger.pool import AddressPool, Stage, accept, advance, pull, put, put_back, without
from ottochain.ledger.references import Reference


def pool_of(*items: Any) -> AddressPool[Any]:
    pool: AddressPool[Any] = AddressPool(INITIAL)
    for item in items:
        pool = put(pool, item, overrides=False).pool
    return pool


def stages(pool: AddressPool[Any]) -> list[tuple[int, Stage]]:
    return [(each.ordinal, each.stage) for each in pool.stored]


def test_the_life_of_an_item() -> None:
    [first] = chain(ALICE, 1)
    pool = pool_of(first)
    assert pool.waiting(first.hash) == first
    assert pool.last_reference == INITIAL
    pool = pull(pool, [first.key])
    assert (pool.waiting(first.hash), pool.last_reference) == (None, INITIAL)
    assert pool.waiting(first.hash) is None
    assert put_back(pool, [first.key]).waiting(first.hash) == first
    accepted = accept(pool, first)
    assert accepted is not None
    assert accepted.pool.last_reference == first.reference
    assert accepted.pool.majority == INITIAL
    done = advance(accepted.pool, first.reference, 7)
    assert done.pool == AddressPool(first.reference, 7)
    assert done.gone == ()


def test_only_what_is_processing_can_be_put_back() -> None:
    first, second = chain(ALICE, 2)
    pool = pull(pool_of(first, second), [first.key])
    assert stages(put_back(pool, [first.key, second.key])) == [(1, Stage.WAITING), (2, Stage.WAITING)]
    assert stages(pull(pool, [first.key])) == stages(pool)


def test_an_override_lets_go_of_what_stood_there_and_above() -> None:
    first, second, third = chain(ALICE, 3)
    other = pay(ALICE, BOB, 9, fee=1, parent=first)
    changed = put(pool_of(first, second, third), other, overrides=True)
    assert changed.pool.items == (first, other)
    assert changed.gone == (second, third)


def test_an_item_is_accepted_in_its_turn_only() -> None:
    first, second = chain(ALICE, 2)
    assert accept(pool_of(first), second) is None
    accepted = accept(pool_of(), first)
    assert accepted is not None
    assert accepted.pool.last_reference == first.reference


def test_accepting_another_item_lets_go_of_the_chain_it_breaks() -> None:
    first, second = chain(ALICE, 2)
    other = pay(ALICE, BOB, 9)
    changed = accept(pool_of(first, second), other)
    assert changed is not None
    assert changed.pool.items == (other,)
    assert changed.gone == (first, second)


def test_accepting_keeps_what_goes_on_from_it() -> None:
    first, second, third = chain(ALICE, 3)
    changed = accept(pull(pool_of(first, second, third), [first.key, second.key]), first)
    assert changed is not None
    assert stages(changed.pool) == [(1, Stage.ACCEPTED), (2, Stage.PROCESSING), (3, Stage.WAITING)]
    assert changed.gone == ()


def test_a_snapshot_may_be_several_items_ahead() -> None:
    first, second, third = chain(ALICE, 3)
    changed = advance(pool_of(first, second, third), second.reference, 7)
    assert (changed.pool.majority, changed.pool.items, changed.gone) == (second.reference, (third,), ())


def test_a_snapshot_with_another_chain_lets_go_of_ours() -> None:
    first, second = chain(ALICE, 2)
    theirs = pay(ALICE, BOB, 9)
    changed = advance(pool_of(first, second), theirs.reference, 7)
    assert (changed.pool.items, changed.gone) == ((), (first, second))


def test_a_snapshot_that_tells_nothing_new_changes_nothing() -> None:
    first, second = chain(ALICE, 2)
    pool = advance(pool_of(first, second), first.reference, 7).pool
    assert advance(pool, first.reference, 9).pool == pool


def test_what_was_decided_against_is_let_go_alone() -> None:
    first, second = chain(ALICE, 2)
    changed = without(pool_of(first, second), [first.key])
    assert (changed.pool.items, changed.gone) == ((second,), (first,))


@given(st.lists(st.sampled_from(["put", "pull", "back", "accept", "advance", "other"]), max_size=30))
def test_a_pool_never_has_gaps_nor_two_items_at_one_place(moves: list[str]) -> None:
    items = chain(ALICE, 31)
    pool: AddressPool[Any] = AddressPool(INITIAL)
    for step, move in enumerate(moves):
        last = pool.items[-1].reference if pool.items else pool.majority
        if move == "put":
            pool = put(pool, items[last.ordinal], overrides=False).pool
        elif move == "pull":
            pool = pull(pool, [item.key for item in pool.items])
        elif move == "back":
            pool = put_back(pool, [item.key for item in pool.items])
        elif move == "accept" and (following := pool.at(pool.last_reference.ordinal + 1)) is not None:
            changed = accept(pool, following.item)
            assert changed is not None
            pool = changed.pool
        elif move == "advance" and pool.items:
            pool = advance(pool, pool.items[0].reference, step).pool
        references = [pool.majority, *(item.reference for item in pool.items)]
        assert [item.value.parent for item in pool.items] == references[:-1]
        assert pool.last_reference in references
        order = {Stage.ACCEPTED: 0, Stage.PROCESSING: 1, Stage.WAITING: 2}
        ranks = [order[stage] for _, stage in stages(pool)]
        assert ranks[: ranks.count(0)] == [0] * ranks.count(0)


def test_references_are_ordered_by_ordinal_then_hash() -> None:
    assert sorted([Reference(2, "a"), Reference(1, "b"), Reference(1, "a")])[0] == Reference(1, "a")
