"""What L1 nodes know of the tokens, from ML0's feed."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from layers.metagraph import ALICE, BOB, create
from ledger.kit import CAROL, INITIAL, lock, lock_block, pay, token_block
from node.told import ToldChain, metagraph_view
from ottochain.codec import exact_json
from ottochain.layers.token_event import TokenEvent
from ottochain.ledger.tips import Tips
from ottochain.node.currency_view import Chains, CurrencyView, LastReference
from ottochain.node.feed import FeedError
from ottochain.node.upstream import MetagraphView


@pytest.fixture
def chain(tmp_path: Path) -> Iterator[ToldChain]:
    told = ToldChain(tmp_path)
    told.grow(create(1))
    yield told
    told.database.close()


def event(content: Any) -> TokenEvent:
    return TokenEvent.from_bytes(exact_json.dumps(content.to_json()))


def paid(chain: ToldChain, *items: Any) -> Any:
    block = token_block(*items, parents=Tips.from_json(chain.state.tips).parents_for("seed"))
    return exact_json.loads(chain.grow(tokens=[event(block)]))


async def follower(chain: ToldChain) -> tuple[MetagraphView, CurrencyView]:
    view = metagraph_view(with_state=False)
    for line in await chain.opening(None):
        view.apply_line(line)
    assert view.currency is not None
    return view, view.currency


def same(known: CurrencyView, chain: ToldChain) -> bool:
    references = {address: last.reference.to_json() for address, last in known.last[Chains.TRANSACTIONS].items()}
    return (known.balances, references, known.tips) == (
        chain.state.info.balances,
        chain.state.info.last_tx_refs,
        Tips.from_json(chain.state.tips),
    )


async def test_the_state_and_the_changes_after_it_give_the_chain_s_tokens(chain: ToldChain) -> None:
    view, known = await follower(chain)
    assert same(known, chain)
    first = pay(ALICE, BOB, 60)
    news = view.apply_line(paid(chain, first)).tokens
    assert news is not None
    assert news.ordinals[Chains.TRANSACTIONS] == {ALICE.address: 1}
    assert news.tips == known.tips
    assert same(known, chain)
    assert known.balances[BOB.address] == 60
    assert known.last_of(Chains.TRANSACTIONS, ALICE.address, INITIAL) == LastReference(first.reference, 3)
    assert known.last_of(Chains.TRANSACTIONS, CAROL.address, INITIAL) == LastReference(INITIAL, 0)


async def test_a_snapshot_without_tokens_leaves_them_as_they_were(chain: ToldChain) -> None:
    view, known = await follower(chain)
    news = view.apply_line(exact_json.loads(chain.grow(create(2)))).tokens
    assert (news is not None and news.tips, known.ordinal) == (None, 3)
    assert same(known, chain)


async def test_each_kind_has_references_of_its_own(chain: ToldChain) -> None:
    view, known = await follower(chain)
    locked = lock(ALICE, 20, until=None)
    view.apply_line(exact_json.loads(chain.grow(tokens=[event(lock_block(1, locked))])))
    assert known.last_of(Chains.LOCKS, ALICE.address, INITIAL).reference == locked.reference
    assert known.last_of(Chains.TRANSACTIONS, ALICE.address, INITIAL).reference == INITIAL
    assert known.balances[ALICE.address] == chain.state.info.balances[ALICE.address]


async def test_whoever_missed_snapshots_learns_of_the_tokens_from_the_state_behind_them(chain: ToldChain) -> None:
    view, known = await follower(chain)
    first, second = pay(ALICE, BOB, 60), pay(ALICE, BOB, 1, parent=pay(ALICE, BOB, 60))
    paid(chain, first)
    paid(chain, second)
    *missed, state = await chain.opening(2)
    for line in missed:
        assert view.apply_line(line).tokens is None
    assert view.apply_line(state).tokens is not None
    assert same(known, chain)
    # The snapshot in between may have brought it; nobody says so.
    assert known.last_of(Chains.TRANSACTIONS, ALICE.address, INITIAL) == LastReference(second.reference, 4)
    view.apply_line(state)
    assert known.last_of(Chains.TRANSACTIONS, ALICE.address, INITIAL).since == 4


async def test_a_change_of_tokens_that_are_not_known_is_not_taken(chain: ToldChain) -> None:
    view, known = await follower(chain)
    known.ordinal -= 1
    with pytest.raises(FeedError, match="changes the tokens of which 1 is known"):
        view.apply_line(paid(chain, pay(ALICE, BOB, 60)))


@pytest.mark.parametrize("change", [{"tips": 1}, {"lastTxRefs": {"DAG": {"ordinal": -1, "hash": "00"}}}, 1])
async def test_tokens_in_another_shape_are_the_parent_s_fault(chain: ToldChain, change: Any) -> None:
    view = metagraph_view(with_state=False)
    (state,) = await chain.opening(None)
    with pytest.raises(FeedError, match="not what it should be"):
        view.apply_line({"state": {**state["state"], "currency": change}})
    assert (view.currency, view.ordinal) == (None, None)
