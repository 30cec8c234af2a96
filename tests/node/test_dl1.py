"""DL1 nodes: what 200 means, and that what was acknowledged is decided, whatever happens to nodes and blocks."""

from __future__ import annotations

import asyncio
import json
import sqlite3
import threading
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any

import pytest

from layers.metagraph import ALICE, BOB, COUNTER, add, archive, block, create, fiber_id, forged, update
from ledger.kit import fee_of
from node.layered import KEYS, Layered, layered, settled
from node.network import until
from ottochain.codec import exact_json
from ottochain.consensus.l1_effects import KeepItems, L1Validate, Offer
from ottochain.consensus.l1_items import Block
from ottochain.fibers import SignedUpdate
from ottochain.layers.update_block import BlockRule
from ottochain.ledger.fee_transactions import SignedFee
from ottochain.model.node_state import NodeState
from ottochain.node import l1_lane, l1_pool, submission
from ottochain.node.l1_messages import enveloped
from ottochain.node.l1_pool import Held, Position, named
from ottochain.node.membership import Peer
from ottochain.node.paid_updates import PaidUpdate
from ottochain.store.outcomes import Outcome

UNKNOWN = "ab" * 32


@pytest.fixture
async def network(tmp_path: Path) -> AsyncIterator[Layered]:
    """One node a layer."""
    async with layered(tmp_path) as started:
        await started.found()
        yield started


@pytest.fixture
async def three(tmp_path: Path) -> AsyncIterator[Layered]:
    """Three DL1 nodes, two of which sign each block."""
    async with layered(tmp_path, l1_block_signatures=2) as started:
        await started.found(l1=3)
        yield started


def wire(update: SignedUpdate) -> bytes:
    return exact_json.dumps(update.to_json())


async def outcome(network: Layered, update: SignedUpdate, name: str = "dl1") -> Any:
    return await network.running[name].json(f"/data/{update.hash}")


async def until_told(network: Layered, update: SignedUpdate, status: str, name: str = "dl1") -> Any:
    """What a node says of an update, once it says this."""
    async with asyncio.timeout(10):
        while True:
            told = await outcome(network, update, name)
            if told["status"] == status:
                return told
            await asyncio.sleep(0.005)


# -- routes ------------------------------------------------------------------------------------------------------------


async def test_an_update_is_acknowledged_with_its_hash_and_accepted(network: Layered) -> None:
    update = create(1)
    assert await network.send(update) == (200, {"hash": update.hash, "feeHash": None})
    told = await until_told(network, update, "Accepted")
    assert told == {"hash": update.hash, "status": "Accepted", "ordinal": 2, "reason": None}
    assert network.ml0.fiber_state().calculated.state_machines[fiber_id(1)].fiber_id == fiber_id(1)


async def test_what_waits_is_listed_and_said_to_wait(network: Layered) -> None:
    await network.stop("ml0")
    update = create(1)
    await network.acknowledged(update)
    status, body = await network.running["dl1"].get("/data")
    assert (status, exact_json.loads(body)) == (200, [[update.to_json()]])
    assert await outcome(network, update) == {"hash": update.hash, "status": "Waiting", "ordinal": None, "reason": None}


async def test_a_node_knows_what_ml0_knows_of_an_update(three: Layered) -> None:
    """An update that came and went by another node, before this one began."""
    await three.create(1)
    await three.stop("dl1-2")
    (three.data_dir("dl1-2") / "node.sqlite").unlink()
    await three.join("dl1-2", "dl1")
    assert (await outcome(three, create(1), "dl1-2"))["status"] == "Accepted"


@pytest.mark.parametrize("path", [f"/data/{UNKNOWN}", "/data/AB", f"/data/{UNKNOWN}0", "/data/%00"])
async def test_an_unknown_hash_is_404(network: Layered, path: str) -> None:
    assert await network.running["dl1"].get(path) == (404, b"")


async def test_a_hash_is_404_when_ml0_can_not_be_asked(network: Layered) -> None:
    await network.stop("ml0")
    assert await network.running["dl1"].get(f"/data/{UNKNOWN}") == (404, b"")


async def test_the_fee_is_estimated_as_nothing(network: Layered) -> None:
    node, update = network.running["dl1"], archive(1, 2)
    status, body = await node.post("/data/estimate-fee", data=exact_json.dumps(update.to_json()["value"]))
    assert (status, json.loads(body)) == (200, {"fee": 0, "updateHash": update.hash})
    status, body = await node.post("/data/estimate-fee", data=b'{"Nothing":{}}')
    assert (status, json.loads(body)["code"]) == (500, 3)


async def test_ottochain_s_routes_answer_on_dl1(network: Layered) -> None:
    node, update = network.running["dl1"], create(1)
    await network.create(1)
    await until(lambda: network.dl1().on_chain() == network.ml0.fiber_state().on_chain)
    assert await node.json("/data-application/v1/onchain") == network.ml0.fiber_state().on_chain.to_json()
    assert (await node.json("/data-application/v1/version"))["service"] == "ottochain-dl1"
    status, body = await node.post("/data-application/v1/util/hash", data=wire(forged(update)))
    assert (status, json.loads(body)) == (
        200,
        {"protocol message hash": update.hash, "protocol message": update.to_json()["value"]},
    )
    assert (await node.post("/data-application/v1/util/hash", data=b"{"))[0] == 500
    assert await node.json("/l0/peers") == [
        {"id": KEYS["ml0"].peer_id, "ip": "127.0.0.1", "port": network.running["ml0"].node.ports["public"]}
    ]


async def test_before_ml0_was_heard_nothing_is_taken(network: Layered) -> None:
    await network.stop("dl1", "ml0")
    await network.resume("dl1")
    await until(lambda: network.dl1().global_ordinal() is not None)
    status, body = await network.send(create(1))
    assert (status, body["description"]) == (500, "Last Currency Snapshot not available")
    assert (await network.running["dl1"].get("/data-application/v1/onchain"))[0] == 400


@pytest.mark.parametrize("body", [b"", b"{", b"null", b"[" * 20_000, b"1e400", b'"\\ud800"'], ids=repr)
async def test_a_bad_body_is_answered_and_forgotten(network: Layered, body: bytes) -> None:
    status, answer = await network.running["dl1"].post("/data", data=body)
    assert (status, json.loads(answer)["code"]) == (500, 1)
    assert len(network.dl1().pool) == 0


async def test_a_full_pool_sends_newcomers_away_and_keeps_what_it_has(
    network: Layered, monkeypatch: pytest.MonkeyPatch
) -> None:
    await network.stop("ml0")
    monkeypatch.setattr(l1_pool, "POOL_ITEMS_MAX", 2)
    await network.acknowledged(create(1), create(2))
    assert (await network.send(create(3)))[0] == 503
    assert (await network.send(create(1)))[0] == 200
    monkeypatch.setattr(l1_pool, "POOL_ITEMS_MAX", 10)
    monkeypatch.setattr(l1_pool, "POOL_BYTES_MAX", 10)
    status, body = await network.send(create(3))
    assert (status, body["retriable"]) == (503, True)


# -- what 200 means ----------------------------------------------------------------------------------------------------


async def test_200_comes_when_the_write_is_synced_and_not_before(network: Layered) -> None:
    service, may_write = network.dl1(), threading.Event()
    blocking = asyncio.create_task(service.database.write(lambda _: may_write.wait(10)))
    await asyncio.sleep(0.05)
    posts = [asyncio.create_task(network.send(update)) for update in (create(1), create(1), create(2))]
    await settled(lambda: not any(post.done() for post in posts))
    assert service.pool.held == {}
    may_write.set()
    assert [status for status, _ in await asyncio.gather(*posts)] == [200, 200, 200]
    await blocking


async def test_a_kill_after_the_200_loses_nothing(network: Layered, tmp_path: Path) -> None:
    """And nothing is applied twice, though the dead node's block had reached ML0."""
    await network.create(1)
    updates = [create(number) for number in range(10, 30)]
    posts = [asyncio.create_task(network.send(update)) for update in updates]
    done, _ = await asyncio.wait(posts, return_when=asyncio.FIRST_COMPLETED)
    image = tmp_path / "image"
    image.mkdir()
    network.image("dl1", image)
    acknowledged = [update for update, post in zip(updates, posts, strict=True) if post in done]
    await asyncio.gather(*posts)
    await network.stop("dl1")
    for path in network.data_dir("dl1").glob("node.sqlite*"):
        path.unlink()
    for path in image.iterdir():
        path.rename(network.data_dir("dl1") / path.name)
    await network.resume("dl1")
    await network.until_decided(*acknowledged)
    await until(lambda: len(network.dl1().pool) == 0)
    for each in acknowledged:
        assert len(network.ml0.outcomes.of_hash(each.hash)) == 1


async def test_what_waited_in_the_pool_is_decided_after_a_restart(network: Layered) -> None:
    await network.create(1)
    await network.stop("ml0")
    waiting = [add(1, 0), create(2), add(1, 0, by=5)]
    await network.acknowledged(*waiting)
    await network.stop("dl1")
    await network.resume("ml0")
    await network.resume("dl1")
    await network.until_decided(*waiting)
    await until_told(network, waiting[0], "Accepted")
    assert (await until_told(network, waiting[2], "Rejected"))["reason"]


async def test_decisions_that_came_while_the_node_was_down_are_booked_when_it_is_back(three: Layered) -> None:
    await three.create(1)
    update = add(1, 0)
    await three.acknowledged(update)
    await until(lambda: update.key in three.dl1("dl1-1").pool.held or three.ml0.outcomes.is_decided(update.key))
    await three.stop("dl1")
    await three.until_decided(update)
    await three.resume("dl1")
    await until(lambda: len(three.dl1().pool) == 0)
    assert three.dl1().pool.outcomes.is_decided(update.key)


async def test_an_update_may_be_sent_again_once_it_is_decided(network: Layered) -> None:
    await network.create(1)
    await until(lambda: len(network.dl1().pool) == 0)
    status, body = await network.send(create(1))
    assert (status, body["code"]) == (400, 3)
    assert "CidAlreadyExists" in body["details"]["reason"]


# -- blocks ------------------------------------------------------------------------------------------------------------


async def test_a_guilty_update_does_not_take_its_neighbours_with_it(network: Layered) -> None:
    await network.create(1, 2)
    good = [add(1, 0), add(2, 0), create(3)]
    bad = add(2, 0, by=-1)
    await network.acknowledged(*good, bad)
    await network.until_decided(*good, bad)
    accepted = [network.ml0.outcomes.of_key(update.key) for update in (good[0], good[2])]
    assert all(outcome is not None and outcome.accepted for outcome in accepted)


async def test_an_update_reaches_the_chain_by_any_node(three: Layered) -> None:
    await three.create(1)
    for number, name in enumerate(("dl1", "dl1-1", "dl1-2")):
        await three.acknowledged(add(1, number), name=name)
        await three.until_decided(add(1, number))
        await until(lambda: all(len(three.dl1(each).pool) == 0 for each in ("dl1", "dl1-1", "dl1-2")))
    assert three.ml0.fiber_state().calculated.state_machines[fiber_id(1)].state_data == {"total": 3}


async def test_each_block_carries_the_signatures_of_two(three: Layered) -> None:
    await three.create(1)
    stored = three.ml0.chain.latest()
    assert stored is not None
    proposal = exact_json.loads(stored.proposed)
    assert len(proposal["blocks"][0]["proofs"]) >= 2


async def test_an_update_sent_to_two_nodes_at_once_is_decided_once(three: Layered) -> None:
    await three.create(1)
    update = add(1, 0)
    await asyncio.gather(
        three.acknowledged(update, name="dl1"),
        three.acknowledged(update, name="dl1-1"),
        three.acknowledged(update, name="dl1-2"),
    )
    await three.until_decided(update)
    await until(lambda: all(len(three.dl1(name).pool) == 0 for name in ("dl1", "dl1-1", "dl1-2")))
    outcomes = three.ml0.outcomes.of_hash(update.hash)
    assert [each.accepted for each in outcomes].count(True) == 1
    assert three.ml0.fiber_state().calculated.state_machines[fiber_id(1)].state_data == {"total": 1}


async def test_peers_bring_through_what_a_dead_node_offered(three: Layered) -> None:
    await three.create(1)
    await three.stop("ml0")
    update = add(1, 0)
    await three.acknowledged(update, name="dl1-2")
    await until(lambda: any(update.key in three.dl1(name).pool.held for name in ("dl1", "dl1-1")))
    await three.stop("dl1-2")
    await three.resume("ml0")
    await three.until_decided(update)


async def test_blocks_too_heavy_for_one_door_go_in_halves(three: Layered, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(l1_lane, "BLOCK_BYTES_MAX", 2_000)
    updates = [create(number) for number in range(1, 14)]
    await three.acknowledged(*updates)
    await three.until_decided(*updates)
    for ordinal in range(2, three.ml0.head_ordinal() + 1):
        stored = three.ml0.chain.at(ordinal)
        assert stored is not None
        for each in exact_json.loads(stored.proposed)["blocks"]:
            assert sum(len(exact_json.dumps(group)) for group in each["value"]["dataTransactions"]) < 2_100


async def test_a_block_decided_in_part_is_proposed_again_without_that_part(network: Layered) -> None:
    """One of its updates came to ML0 in another block: the rest must not wait for it for ever."""
    await network.create(1)
    service = network.dl1()
    ahead, neighbour = create(5), create(6)
    gate = threading.Event()
    holding = asyncio.create_task(service.database.write(lambda _: gate.wait(10)))
    await asyncio.sleep(0.02)
    posts = asyncio.gather(network.acknowledged(ahead), network.acknowledged(neighbour))
    assert (await network.running["ml0"].post("/currency/l1-data-output", data=block(1, [ahead]).wire))[0] == 200
    await network.until_decided(ahead)
    gate.set()
    await asyncio.gather(posts, holding)
    await network.until_decided(neighbour)
    await until(lambda: len(service.pool) == 0 and service.shell.state.undecided == 0)


async def test_a_block_whose_signatures_do_not_do_any_more_is_made_anew(
    network: Layered, monkeypatch: pytest.MonkeyPatch
) -> None:
    """ML0 asks for more of them since there are more nodes: the old block was sent again and again, for ever."""
    monkeypatch.setattr(l1_lane, "ATTEMPTS_UNTIL_ANEW", 0)
    monkeypatch.setattr(network.ml0.door, "block_rule", lambda: BlockRule(2))
    await network.acknowledged(create(1))
    await until(lambda: any(known.stage == "certified" for known in network.dl1().shell.state.rounds.values()))
    await network.join("dl1-1", "dl1")
    await network.until_decided(create(1))


async def test_a_node_that_is_alone_with_what_is_decided_learns_it(
    network: Layered, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its own block brought it back into the pool after the decision had gone by; nobody signs that with it, and ML0,
    which is asked, refused to answer a block with one signature: it was asked twice a second, for ever."""
    await network.create(1)
    service = network.dl1()
    monkeypatch.setattr(network.ml0.door, "block_rule", lambda: BlockRule(2))
    item = named(create(1), 1, KEYS["dl1"].peer_id, 0)
    await service.database.write(lambda connection: connection.execute("DELETE FROM outcomes"))
    await service.pool.acknowledge(item, wire(create(1)))
    service.arrived(item)
    await until(lambda: len(service.pool) == 0 and service.shell.state.undecided == 0)
    assert (await outcome(network, create(1)))["status"] == "Accepted"


async def test_a_full_disk_is_told_and_takes_nothing_until_there_is_space(
    network: Layered, caplog: pytest.LogCaptureFixture
) -> None:
    database = network.dl1().database

    def fat(number: int) -> SignedUpdate:
        payload = {"fiberId": fiber_id(number), "definition": COUNTER, "initialData": {"total": 0, "x": "x" * 20_000}}
        return update({"CreateStateMachine": payload}, ALICE)

    def limit(pages: int) -> Callable[[sqlite3.Connection], object]:
        return lambda connection: connection.execute(f"PRAGMA max_page_count={pages}").fetchone()

    await database.write(limit(1))  # as large as it is now
    statuses = [(await network.running["dl1"].post("/data", data=wire(fat(number))))[0] for number in range(1, 40)]
    assert set(statuses[10:]) == {503}
    assert not [record for record in caplog.records if record.exc_info]
    await database.write(limit(1_000_000))
    await network.create(50)


async def test_what_is_judged_for_long_holds_up_nobody(network: Layered, monkeypatch: pytest.MonkeyPatch) -> None:
    may_end, judge = threading.Event(), submission.judge

    def slow(body: bytes, *known: Any) -> PaidUpdate:
        if len(body) > 100_000:
            assert may_end.wait(10)
        return judge(body, *known)

    monkeypatch.setattr(submission, "judge", slow)
    heavy = asyncio.create_task(network.running["dl1"].post("/data", data=b" " * 200_000 + wire(create(1))))
    await asyncio.sleep(0.02)
    await network.create(2)
    assert not heavy.done()
    may_end.set()
    assert (await heavy)[0] == 200


# -- fees --------------------------------------------------------------------------------------------------------------


@pytest.fixture
async def paying(tmp_path: Path) -> AsyncIterator[Layered]:
    """Two of three nodes sign each block; Alice has 100."""
    async with layered(tmp_path, l1_block_signatures=2, balances_csv=f"{ALICE.address},100\n") as started:
        await started.found(l1=3)
        yield started


async def paid(network: Layered, update: SignedUpdate, fee: SignedFee, name: str = "dl1") -> tuple[int, Any]:
    body = exact_json.dumps({"data": update.to_json(), "fee": fee.to_json()})
    status, answer = await network.running[name].post("/data", data=body)
    return status, exact_json.loads(answer)


async def balances(network: Layered) -> list[int]:
    ml0 = network.running["ml0"]
    return [(await ml0.json(f"/currency/{key.address}/balance"))["balance"] for key in (ALICE, BOB)]


async def test_a_fee_is_paid_when_its_update_is_accepted(paying: Layered) -> None:
    update = create(1)
    fee = fee_of(ALICE, 30, update.hash, destination=BOB.address)
    assert await paid(paying, update, fee) == (200, {"hash": update.hash, "feeHash": fee.hash})
    await paying.until_decided(update)
    assert await balances(paying) == [70, 30]
    assert (await paying.running["ml0"].json("/snapshots/latest"))["value"]["feeTransactions"] == [fee.to_json()]
    await until(lambda: paying.dl1().balances() == paying.ml0.state.info.balances if paying.ml0.state else False)
    refused = await paid(paying, create(2), fee_of(ALICE, 71, create(2).hash, destination=BOB.address))
    assert refused[1]["details"]["reason"].endswith("Chain(SourceWalletNotEnoughBalance)")


async def test_a_fee_waits_with_its_update_through_a_restart(paying: Layered) -> None:
    await paying.stop("ml0")
    update = create(1)
    fee = fee_of(ALICE, 30, update.hash, destination=BOB.address)
    assert (await paid(paying, update, fee, "dl1-2"))[0] == 200
    assert await paying.running["dl1-2"].json("/data") == [[update.to_json(), fee.to_json()]]
    for other in (fee_of(ALICE, 31, update.hash, destination=BOB.address), None):
        status, answer = await (paid(paying, update, other, "dl1-2") if other else paying.send(update, "dl1-2"))
        assert status == 400
        assert answer["details"]["reason"] == "this update waits here already, with another fee or none"
    assert (await paid(paying, update, fee, "dl1-2"))[0] == 200
    await until(lambda: update.key in paying.dl1().pool.held)
    await paying.stop("dl1-2", "dl1-1", "dl1")
    await paying.resume("ml0")
    for name in ("dl1", "dl1-1"):
        await (paying.resume(name) if name == "dl1" else paying.join(name, "dl1"))
    await paying.until_decided(update)
    assert await balances(paying) == [70, 30]


async def test_an_update_whose_fee_can_not_be_paid_any_more_is_rejected(paying: Layered) -> None:
    """Both are taken: each node knows the balance that the chain has."""
    updates = [create(number) for number in (1, 2)]
    for each, name in zip(updates, ("dl1", "dl1-1"), strict=True):
        fee = fee_of(ALICE, 60, each.hash, destination=BOB.address)
        assert (await paid(paying, each, fee, name))[0] in (200, 400)
    await until(lambda: any(paying.ml0.outcomes.of_key(update.key) is not None for update in updates))
    held = [update for update in updates for name in ("dl1", "dl1-1") if update.key in paying.dl1(name).pool.held]
    await paying.until_decided(*held)
    assert await balances(paying) == [40, 60]


# -- peers -------------------------------------------------------------------------------------------------------------


def peer(name: str = "dl1-1") -> Peer:
    return Peer(KEYS[name].peer_id, "127.0.0.1", 1, 2, 3, 4, NodeState.READY, True, "")


async def test_noise_of_a_peer_is_passed_over(network: Layered) -> None:
    service = network.dl1()
    for noise in (b"", b"{", b"[" * 100_000, b'{"message":{"type":"offer"}}', b"\x00" * 100):
        service._hear(peer(), noise)
    await network.create(1)


def offer(*updates: SignedUpdate, proposer: str = "dl1-1") -> Offer:
    key = KEYS[proposer]
    items = tuple(named(update, arrival, key.peer_id, 0) for arrival, update in enumerate(updates, start=1))
    made = Block(key.peer_id, 1, 0, items)
    return Offer(made, key.sign_hash(made.text()))


async def test_an_offer_is_good_when_every_item_is_at_hand_signed_and_undecided(network: Layered) -> None:
    service = network.dl1()
    await network.create(1)
    await until(lambda: len(service.pool) == 0)
    mine, theirs = create(2), create(3, BOB)

    def judged(made: Offer, *contents: SignedUpdate, sender: str = "dl1-1") -> tuple[str, ...] | None:
        service._hear(peer(sender), enveloped(made, map(wire, contents)))
        answer = service.validate(L1Validate(made.block))
        return None if answer.ok else answer.guilty

    assert judged(offer(mine, theirs), mine, theirs) is None
    assert judged(offer(mine, create(4)), mine) == (create(4).key,)
    assert judged(offer(forged(mine)), forged(mine)) == (forged(mine).key,)
    assert judged(offer(create(1)), create(1)) == (create(1).key,)
    # Contents count only when the proposer itself brought them.
    assert judged(offer(create(7)), create(7), sender="dl1-2") == (create(7).key,)


async def test_an_item_under_a_false_name_is_guilty(network: Layered) -> None:
    service, update = network.dl1(), add(1, 3)
    honest = offer(update)
    (item,) = honest.block.items
    false = type(item)(item.key, item.hash, item.fiber, 9, item.arrival, item.origin)
    lie = Block(honest.block.proposer, 1, 1, (false,))
    service._hear(peer(), enveloped(Offer(lie, "3045"), [wire(update)]))
    assert service.validate(L1Validate(lie)).guilty == (update.key,)


async def test_what_was_decided_between_judging_and_keeping_needs_not_be_kept(network: Layered) -> None:
    service, update = network.dl1(), create(9, ALICE)
    made = offer(update)
    await service.pool.keep([Held(made.block.items[0], wire(update))])
    assert service.validate(L1Validate(made.block)).ok
    await service.pool.decide([Outcome(update.key, update.hash, 8, None)], Position(8, "ab"))
    await service.keep(KeepItems(made.block.id(), made.block.items))
    assert update.key not in service.pool.held
