"""CL1 nodes: what they take in and in which words they refuse, and that what was acknowledged is decided."""

from __future__ import annotations

import asyncio
import errno
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from msgspec.structs import replace

from ledger import kit
from ledger.kit import ALICE, BOB, CAROL, TOKEN
from node.layered import KEYS, Layered, layered
from node.network import until
from ottochain.codec import exact_json
from ottochain.codec.wire import json_hash
from ottochain.consensus.l1_effects import Ml0Up, Offer
from ottochain.consensus.l1_items import Block
from ottochain.ledger.references import Reference
from ottochain.node import l1_pool, transaction_routes
from ottochain.node.cl1_cargo import KINDS, TRANSACTIONS, basis_of
from ottochain.node.l1_lane import Lane
from ottochain.node.l1_messages import enveloped

RICH = 2_000 * TOKEN
"""Free transactions are limited: with so much one is allowed in each snapshot."""

PAID = 200_000
"""The fee that lifts the limit."""

BALANCES = f"{ALICE.address},{RICH}\n{BOB.address},{RICH}\n"
UNKNOWN = "ab" * 32


@pytest.fixture
async def network(tmp_path: Path) -> AsyncIterator[Layered]:
    """GL0, ML0 and one CL1 node; Alice and Bob are rich."""
    async with layered(tmp_path, balances_csv=BALANCES) as started:
        await started.found_l0()
        await started.start_l1(1, "cl1")
        yield started


@pytest.fixture
async def three(tmp_path: Path) -> AsyncIterator[Layered]:
    """Three CL1 nodes, two of which sign each block."""
    async with layered(tmp_path, balances_csv=BALANCES, l1_block_signatures=2) as started:
        await started.found_l0()
        await started.start_l1(3, "cl1")
        yield started


def initial(network: Layered) -> Reference:
    return Reference(0, json_hash(network.token))


def pay(network: Layered, *args: Any, **more: Any) -> Any:
    return kit.pay(*args, **{"parent": initial(network), "fee": PAID, **more})


def allow(network: Layered, *args: Any, **more: Any) -> Any:
    return kit.allow(*args, **{"parent": initial(network), "currency": network.token, "until": 20, **more})


def lock(network: Layered, *args: Any, **more: Any) -> Any:
    return kit.lock(*args, **{"parent": initial(network), "currency": network.token, "until": 20, **more})


def chain(network: Layered, source: Any, count: int, amount: int = 1) -> list[Any]:
    items: list[Any] = []
    parent: Any = initial(network)
    for _ in range(count):
        items.append(pay(network, source, CAROL, amount, parent=parent))
        parent = items[-1]
    return items


async def sent(network: Layered, item: Any, name: str = "cl1", path: str = "transactions") -> tuple[int, Any]:
    status, body = await network.running[name].post(f"/{path}", data=exact_json.dumps(item.to_json()))
    return status, exact_json.loads(body) if body else None


async def taken(network: Layered, *items: Any, **more: Any) -> None:
    """Posts items one after another, all of which must be taken."""
    for item in items:
        assert await sent(network, item, **more) == (200, {"hash": item.hash})


async def refused(network: Layered, item: Any, **more: Any) -> str:
    status, answer = await sent(network, item, **more)
    assert status == 400, answer
    [error] = answer["errors"]
    return str(error["message"])


async def until_decided(network: Layered, *items: Any) -> list[str | None]:
    """Waits until ML0 has decided them; the reasons of those that it refused."""
    await network.until_decided(*items)
    return [outcome.reason for item in items if (outcome := network.ml0.outcomes.of_key(item.key)) is not None]


async def until_heard(network: Layered, item: Any, name: str = "cl1") -> None:
    """Waits until a node knows that an item is decided, and what is left of the pool."""
    await until(lambda: item.key not in network.cl1(name).pool.held)


async def balance(network: Layered, address: str) -> int:
    return int((await network.running["ml0"].json(f"/currency/{address}/balance"))["balance"])


async def last_reference(network: Layered, address: str, name: str = "cl1", path: str = "transactions") -> Any:
    return await network.running[name].json(f"/{path}/last-reference/{address}")


def hold_back(network: Layered, name: str = "transactions") -> Lane:
    """Keeps a lane from making blocks."""
    lane = network.cl1().lanes[name]
    state = lane.shell.state
    lane.shell.state = replace(state, config=replace(state.config, rounds_max=0))
    return lane


def let_go(lane: Lane) -> None:
    """Lets it make blocks again, of what waits and what comes next."""
    state = lane.shell.state
    lane.shell.state = replace(state, config=replace(state.config, rounds_max=4))


# -- transactions ------------------------------------------------------------------------------------------------------


async def test_a_transaction_is_acknowledged_with_its_hash_and_moves_tokens(network: Layered) -> None:
    payment = pay(network, ALICE, CAROL, 60)
    await taken(network, payment)
    assert await until_decided(network, payment) == [None]
    assert await balance(network, CAROL.address) == 60
    assert await balance(network, ALICE.address) == RICH - 60 - PAID
    await network.until_confirmed()
    _, info = await network.running["gl0"].json("/global-snapshots/latest/combined")
    held = info["lastCurrencySnapshots"][network.token]["Right"][1]
    assert held["balances"][CAROL.address] == 60


async def test_the_last_reference_is_the_currency_s_own_and_moves_on(network: Layered) -> None:
    assert await last_reference(network, ALICE.address) == initial(network).to_json()
    first, second = chain(network, ALICE, 2)
    await taken(network, first, second)
    await until_decided(network, second)
    await until_heard(network, second)
    assert await last_reference(network, ALICE.address) == second.reference.to_json()
    assert await last_reference(network, BOB.address) == initial(network).to_json()
    assert (await network.running["cl1"].get("/transactions/last-reference/DAG"))[0] == 404


async def test_what_is_undecided_can_be_looked_at(network: Layered) -> None:
    await network.stop("ml0")
    payment = pay(network, ALICE, BOB, 60)
    await taken(network, payment)
    node = network.running["cl1"]
    assert await node.json(f"/transactions/{payment.hash}") == {
        "transaction": payment.value.to_json(),
        "hash": payment.hash,
        "status": "Waiting",
    }
    assert await node.get(f"/allow-spends/{payment.hash}") == (404, b"")
    assert await node.get(f"/transactions/{UNKNOWN}") == (404, b"")
    assert (await node.get("/transactions/AB"))[0] == 404
    # Its block is agreed on, so that the next one can stand on it.
    assert await last_reference(network, ALICE.address) == payment.reference.to_json()


async def test_a_batch_of_a_hundred_goes_through_in_its_order(network: Layered) -> None:
    items = chain(network, ALICE, 100)
    await taken(network, *items)
    assert await until_decided(network, *items) == [None] * 100
    assert await balance(network, CAROL.address) == 100


async def test_transactions_of_many_addresses_go_side_by_side(network: Layered) -> None:
    ours, theirs = chain(network, ALICE, 20), chain(network, BOB, 20)
    await asyncio.gather(taken(network, *ours), taken(network, *theirs))
    assert await until_decided(network, *ours, *theirs) == [None] * 40


async def test_whatever_is_wrong_with_a_transaction_alone_is_said_at_once(network: Layered) -> None:
    locked = "DAG2KQrN97LpA5gRerJAQ5mDuy6kjC2dDtMr58fe"
    status, answer = await sent(network, pay(network, ALICE, ALICE, 60, signers=(BOB,)))
    assert (status, [each["message"] for each in answer["errors"]]) == (
        400,
        [
            "NonContextualValidationError{error=NotSignedBySourceAddressOwner{}}",
            f"NonContextualValidationError{{error=SameSourceAndDestinationAddress{{address={ALICE.address}}}}}",
        ],
    )
    assert (await sent(network, pay(network, ALICE, locked, 60)))[0] == 200


async def test_words_of_refusal(network: Layered) -> None:
    other = Reference(0, UNKNOWN)
    assert await refused(network, pay(network, ALICE, BOB, parent=other)) == (
        f"HasNoMatchingParent{{parentHash={UNKNOWN}}}"
    )
    assert await refused(network, pay(network, CAROL, BOB, 1_000)) == "InsufficientBalance{amount=1000,balance=0}"
    first = pay(network, ALICE, BOB, 60, fee=0)
    await taken(network, first)
    second = pay(network, ALICE, BOB, 60, fee=0, parent=first)
    limited = await refused(network, second)
    assert limited == f"TransactionLimited{{ref=TransactionReference{{ordinal=2,hash={second.hash}}},fee=0}}"
    await until_decided(network, first)
    await until_heard(network, first)
    late = pay(network, ALICE, BOB, 61)
    assert await refused(network, late) == (
        "ParentOrdinalLowerThenLastProcessedTxOrdinal{parentOrdinal=0,lastTxOrdinal=1}"
    )


async def test_the_same_once_more_is_a_conflict_until_it_is_decided(network: Layered) -> None:
    hold_back(network)
    payment = pay(network, ALICE, BOB, 60)
    await taken(network, payment)
    assert await refused(network, payment) == (
        f"Conflict{{ordinal=1,existingHash={payment.hash},newHash={payment.hash}}}"
    )


async def test_what_comes_at_the_same_time_can_not_take_one_place_twice(network: Layered) -> None:
    items = [pay(network, ALICE, BOB, 1, salt=salt) for salt in range(5)]
    answers = await asyncio.gather(*(sent(network, item) for item in items))
    assert sorted(status for status, _ in answers) == [200, 400, 400, 400, 400]
    [winner] = [item for item, (status, _) in zip(items, answers, strict=True) if status == 200]
    assert await until_decided(network, winner) == [None]


async def test_a_waiting_transaction_gives_way_to_one_that_pays_more(network: Layered) -> None:
    lane = hold_back(network)
    first, second = chain(network, ALICE, 2)
    await taken(network, first, second)
    await until(lambda: len(lane.shell.state.waiting) == 2)
    better = pay(network, ALICE, BOB, 60, fee=PAID + 1)
    await taken(network, better)
    node = network.running["cl1"]
    assert [(await node.get(f"/transactions/{item.hash}"))[0] for item in (first, second, better)] == [404, 404, 200]
    await until(lambda: list(lane.shell.state.waiting) == [better.key])
    await network.stop("cl1")
    await network.resume("cl1")
    assert await until_decided(network, better) == [None]
    assert network.ml0.outcomes.of_key(first.key) is None


async def test_what_would_have_been_replaced_goes_on_when_the_dearer_one_can_not_be_written(
    network: Layered, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It was forgotten until the next start, though its 200 was given."""
    lane = hold_back(network)
    (first,) = chain(network, ALICE, 1)
    await taken(network, first)
    await until(lambda: len(lane.shell.state.waiting) == 1)

    async def full(*_: Any) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(network.cl1().pool, "acknowledge", full)
        assert (await sent(network, pay(network, ALICE, BOB, 60, fee=PAID + 1)))[0] >= 500
    let_go(lane)
    lane.shell.tell(Ml0Up())
    assert await until_decided(network, first) == [None]


async def test_a_transaction_that_came_to_nothing_does_not_take_the_others_with_it(network: Layered) -> None:
    """Bob spends at ML0's door what CL1 still counts on."""
    lane = hold_back(network)
    mine, his = pay(network, ALICE, CAROL, 60), pay(network, BOB, CAROL, RICH - PAID)
    await taken(network, mine, his)
    other = pay(network, BOB, CAROL, 70)
    assert network.ml0.state is not None
    parents = kit.Tips.from_json(network.ml0.state.tips).parents_for("seed")
    body = exact_json.dumps(kit.token_block(other, parents=parents).to_json())
    assert (await network.running["ml0"].post("/currency/l1-output", data=body))[0] == 200
    await until_decided(network, other)
    let_go(lane)
    await taken(network, pay(network, ALICE, CAROL, 1, parent=mine))
    [fine, wrong] = await until_decided(network, mine, his)
    assert (fine, str(wrong).startswith("Rejected")) == (None, True)
    told = await network.running["ml0"].json(f"/transactions/{his.hash}/errors")
    assert "ParentOrdinalBelowLastTxOrdinal" in told["details"]["RejectedTransaction"]["reason"]


async def test_what_the_balance_does_not_suffice_for_any_more_holds_up_nobody(network: Layered) -> None:
    """Chains of different kinds draw on one balance, which each lane sees as the last snapshot left it."""
    lane = hold_back(network)
    spent, others = pay(network, ALICE, CAROL, RICH - PAID), chain(network, BOB, 3)
    await taken(network, spent, *others)
    locked = lock(network, ALICE, RICH - 1)
    await taken(network, locked, path="token-locks")
    assert await until_decided(network, locked) == [None]
    let_go(lane)
    network.cl1().lanes["transactions"].ml0_up()
    assert await until_decided(network, *others) == [None] * 3
    [reason] = await until_decided(network, spent)
    assert "AddressBalanceOutOfRange" in str(reason)
    assert await balance(network, ALICE.address) == 1


# -- allow-spends and token locks --------------------------------------------------------------------------------------


async def test_an_allow_spend_sets_tokens_apart(network: Layered) -> None:
    allowed = allow(network, ALICE, 30)
    await taken(network, allowed, path="allow-spends")
    assert await until_decided(network, allowed) == [None]
    assert await balance(network, ALICE.address) == RICH - 30
    await until_heard(network, allowed)
    assert await last_reference(network, ALICE.address, path="allow-spends") == allowed.reference.to_json()
    assert await last_reference(network, ALICE.address) == initial(network).to_json()
    assert await refused(network, allow(network, ALICE, 30, until=61), path="allow-spends") == (
        "TooFarLastValidEpochProgress{epochProgress=61}"
        if network.ml0.state is None
        else "ParentOrdinalLowerThenLastProcessedTxOrdinal{parentOrdinal=0,lastTxOrdinal=1}"
    )


async def test_a_token_lock_holds_tokens_back(network: Layered) -> None:
    first, second = lock(network, ALICE, 30), lock(network, ALICE, 30, parent=lock(network, ALICE, 30), until=None)
    await taken(network, first, second, path="token-locks")
    assert await until_decided(network, first, second) == [None, None]
    assert await balance(network, ALICE.address) == RICH - 60


@pytest.mark.parametrize(
    ("path", "words"),
    [
        ("allow-spends", "TooFarLastValidEpochProgress{epochProgress=0}"),
        ("token-locks", "TooShortUnlockEpochProgress{epochProgress=Some(0)}"),
    ],
)
async def test_an_end_that_is_too_near_is_refused(network: Layered, path: str, words: str) -> None:
    make = allow if path == "allow-spends" else lock
    item = make(network, ALICE, 30, until=0)
    assert await refused(network, item, path=path) == words
    assert await refused(network, make(network, ALICE, 30, until=20, currency=None), path=path) == (
        "InvalidCurrencyId{currencyId=None}"
    )


async def test_an_approver_is_the_destination(network: Layered) -> None:
    item = allow(network, ALICE, 30, approvers=(BOB.address,))
    assert (await refused(network, item, path="allow-spends")).startswith(
        "NonContextualValidationError{error=InvalidApprover{"
    )


# -- routes ------------------------------------------------------------------------------------------------------------


async def test_a_transaction_costs_nothing_beside_its_fee(network: Layered) -> None:
    body = exact_json.dumps(pay(network, ALICE, BOB).to_json())
    assert await network.running["cl1"].post("/transactions/estimate-fee", data=body) == (200, b'{"fee":0}')
    assert await network.running["cl1"].post("/transactions/estimate-fee", data=b"{}") == (500, b"")


@pytest.mark.parametrize("path", [kind.path for kind in KINDS])
@pytest.mark.parametrize(
    "body", [b"", b"{", b"null", b"[" * 20_000, b'{"value":{},"proofs":[]}', b'"\\ud800"'], ids=repr
)
async def test_a_body_that_is_no_item_is_500(network: Layered, path: str, body: bytes) -> None:
    assert await network.running["cl1"].post(f"/{path}", data=body) == (500, b"")
    assert len(network.cl1().pool) == 0


async def test_before_ml0_was_heard_nothing_is_taken(network: Layered) -> None:
    await network.stop("cl1", "ml0")
    await network.resume("cl1")
    assert await sent(network, pay(network, ALICE, BOB)) == (503, {"message": "Node is not ready yet"})
    assert (await network.running["cl1"].get(f"/transactions/last-reference/{ALICE.address}"))[0] == 503


async def test_a_full_pool_sends_newcomers_away(network: Layered, monkeypatch: pytest.MonkeyPatch) -> None:
    hold_back(network)
    first, second = chain(network, ALICE, 2)
    await taken(network, first)
    monkeypatch.setattr(transaction_routes, "ADDRESS_ITEMS_MAX", 1)
    assert (await sent(network, second))[0] == 503
    await taken(network, *chain(network, BOB, 1))
    monkeypatch.setattr(l1_pool, "POOL_ITEMS_MAX", 2)
    assert (await sent(network, lock(network, ALICE), path="token-locks"))[0] == 503


# -- restarts and several nodes ----------------------------------------------------------------------------------------


async def test_what_waited_is_decided_after_a_restart(network: Layered) -> None:
    await network.stop("ml0")
    items, locked = chain(network, ALICE, 3), lock(network, ALICE, 30)
    await taken(network, *items)
    await taken(network, locked, path="token-locks")
    await network.stop("cl1")
    await network.resume("ml0")
    await network.resume("cl1")
    assert await until_decided(network, *items, locked) == [None] * 4
    for item in (*items, locked):
        await until_heard(network, item)


async def test_a_kill_after_the_200_loses_nothing(network: Layered, tmp_path: Path) -> None:
    await network.stop("ml0")
    items = chain(network, ALICE, 3)
    await taken(network, *items)
    image = tmp_path / "image"
    image.mkdir()
    network.image("cl1", image)
    await network.stop("cl1")
    for path in image.iterdir():
        path.replace(network.data_dir("cl1") / path.name)
    await network.resume("ml0")
    await network.resume("cl1")
    assert await until_decided(network, *items) == [None] * 3


async def test_blocks_follow_the_tips_from_snapshot_to_snapshot(network: Layered) -> None:
    for item in chain(network, ALICE, 20):
        await taken(network, item)
        assert await until_decided(network, item) == [None]
    await until(lambda: network.cl1().metagraph.ordinal == network.ml0.head_ordinal())
    currency, state = network.cl1().currency(), network.ml0.state
    assert currency is not None
    assert state is not None
    assert currency.tips.to_json() == state.tips
    assert currency.tips.active[-1].block.height > 1


async def test_a_transaction_reaches_the_chain_by_any_node(three: Layered) -> None:
    names = ["cl1", "cl1-1", "cl1-2"]
    for number, item in enumerate(chain(three, ALICE, 9)):
        name = names[number % 3]
        await taken(three, item, name=name)
        await until_decided(three, item)
        for other in names:
            await until_heard(three, item, other)
    assert await balance(three, CAROL.address) == 9


async def test_each_block_carries_the_signatures_of_two(three: Layered) -> None:
    payment, allowed, locked = pay(three, ALICE, CAROL, 60), allow(three, ALICE, 30), lock(three, BOB, 20)
    await taken(three, payment)
    await taken(three, allowed, path="allow-spends", name="cl1-1")
    await taken(three, locked, path="token-locks", name="cl1-2")
    assert await until_decided(three, payment, allowed, locked) == [None] * 3
    found: list[Any] = []
    for ordinal in range(2, three.ml0.head_ordinal() + 1):
        value = (await three.running["ml0"].json(f"/snapshots/{ordinal}"))["value"]
        found += [each["block"] for each in value["blocks"]]
        found += [*(value.get("allowSpendBlocks") or ()), *(value.get("tokenLockBlocks") or ())]
    assert len(found) == 3
    ours = {KEYS[name].peer_id for name in ("cl1", "cl1-1", "cl1-2")}
    for block in found:
        assert len(block["proofs"]) >= 2
        assert {proof["id"] for proof in block["proofs"]} <= ours


async def test_of_a_double_spend_by_two_nodes_exactly_one_wins(three: Layered) -> None:
    items = [pay(three, ALICE, CAROL, RICH - PAID), pay(three, ALICE, BOB, RICH - PAID)]
    answers = await asyncio.gather(
        *(sent(three, item, name) for item, name in zip(items, ("cl1", "cl1-1"), strict=True))
    )
    acknowledged = [item for item, (status, _) in zip(items, answers, strict=True) if status == 200]
    outcomes = await until_decided(three, *acknowledged)
    assert outcomes.count(None) == 1
    for name in ("cl1", "cl1-1", "cl1-2"):
        for item in acknowledged:
            await until_heard(three, item, name)
    assert await balance(three, ALICE.address) == 0


async def test_peers_bring_through_what_a_dead_node_offered(three: Layered) -> None:
    await three.stop("ml0")
    items = [pay(three, ALICE, CAROL), pay(three, BOB, CAROL)]
    await taken(three, *items, name="cl1-2")
    names = ("cl1", "cl1-1")
    await until(lambda: all(any(item.key in three.cl1(name).pool.held for name in names) for item in items))
    await three.stop("cl1-2")
    await three.resume("ml0")
    assert await until_decided(three, *items) == [None, None]


async def test_noise_of_a_peer_is_passed_over(three: Layered) -> None:
    """Offers that name nothing to stand on, or what is none, or another kind's items."""
    node, proposer = three.cl1(), KEYS["cl1-1"]
    peer = next(peer for peer in node.node.membership.ready() if peer.id == proposer.peer_id)
    payment, locked = pay(three, ALICE, CAROL, 60), lock(three, ALICE, 20)
    tips = basis_of(node.metagraph.currency.tips) if node.metagraph.currency is not None else ""
    for lane, kind_item, basis in (
        ("transactions", payment, ""),
        ("transactions", payment, "[[]]"),
        ("transactions", payment, '[{"height":-1,"hash":"00"}]'),
        ("transactions", locked, tips),
        ("token-locks", payment, ""),
        ("nothing", payment, tips),
    ):
        item = node.pool.item_of(TRANSACTIONS.named(kind_item))
        block = Block(proposer.peer_id, 99, 1, (item,), basis)
        offer = Offer(block, proposer.sign_hash(block.id()))
        node._hear(peer, enveloped(offer, [exact_json.dumps(kind_item.to_json())], lane))
    await taken(three, payment)
    await taken(three, locked, path="token-locks")
    assert await until_decided(three, payment, locked) == [None, None]
