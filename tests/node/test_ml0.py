"""ML0: blocks in, snapshots out, and nothing that waits for nobody."""

from __future__ import annotations

import asyncio
import json
import sqlite3
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any

import pytest

from layers.metagraph import ALICE, BOB, L1, add, block, create, fiber_id, forged
from node.layered import KEYS, Layered, layered
from node.network import until
from ottochain.codec import exact_json
from ottochain.node import ml0 as room
from ottochain.node import ml0_blocks
from ottochain.store.blocks import Blocks

DOOR = "/currency/l1-data-output"


@pytest.fixture
async def network(tmp_path: Path) -> AsyncIterator[Layered]:
    async with layered(tmp_path) as started:
        await started.found()
        yield started


async def bring(network: Layered, *blocks: Any) -> None:
    """Blocks come to ML0's door, whoever made them."""
    for each in blocks:
        assert await network.running["ml0"].post(DOOR, data=each.wire) == (200, b"")


# -- the door ----------------------------------------------------------------------------------------------------------


async def test_a_block_is_on_disk_when_it_is_answered(network: Layered) -> None:
    """It is decided even when the node is killed at once."""
    made = block(1, [create(1)])
    await bring(network, made)
    assert network.ml0.received.get(made.round_id) is not None or network.ml0.outcomes.is_decided(create(1).key)
    await network.until_decided(create(1))
    assert network.ml0.received.count() == 0


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"{",
        b"null",
        b"[" * 20_000,
        b'{"value":{},"proofs":[]}',
        b'{"value":' * 3_000,
        b'{"value":{"roundId":"x","dataTransactions":[],"dataTransactionsHashes":[]},"proofs":[{"id":"a","signature":"b"}]}',
        b"1e400",
        b'"\\ud800"',
    ],
    ids=range(9),
)
async def test_what_is_no_block_is_answered_400(network: Layered, body: bytes) -> None:
    assert await network.running["ml0"].post(DOOR, data=body) == (400, b"")
    await network.create(1)


async def test_a_block_with_a_false_hash_or_signature_is_answered_400(network: Layered) -> None:
    made = exact_json.loads(block(1, [create(1)]).wire)
    for change in (
        {"value": {**made["value"], "dataTransactionsHashes": [["00" * 32]]}},
        {"proofs": [{**made["proofs"][0], "signature": "00"}]},
        {"proofs": [{**made["proofs"][0], "id": BOB.peer_id}]},
        {"proofs": [{"id": "zz", "signature": "zz"}]},
    ):
        assert (await network.running["ml0"].post(DOOR, data=exact_json.dumps(made | change)))[0] == 400


async def test_only_members_of_the_l1_are_heard(tmp_path: Path) -> None:
    async with layered(tmp_path) as network:
        await network.start("gl0", "run-genesis", str(network.balances()))
        await network.create_genesis()
        peers = tmp_path / "peers"
        genesis = str(network.data_dir("ml0") / "genesis.snapshot")
        ml0 = await network.start("ml0", "run-genesis", genesis, l1_peers_file=peers)
        assert (await ml0.post(DOOR, data=block(1, [create(1)]).wire))[0] == 503
        peers.write_text(f"{L1.peer_id}\n{BOB.peer_id}\n{ALICE.peer_id}\n")
        assert (await ml0.post(DOOR, data=block(1, [create(1)], KEYS["dl1"]).wire))[0] == 400
        assert (await ml0.post(DOOR, data=block(1, [create(1)], L1).wire))[0] == 400
        assert (await ml0.post(DOOR, data=block(1, [create(1)], L1, BOB).wire))[0] == 200
        await network.until_decided(create(1))


async def test_a_full_pool_of_blocks_sends_newcomers_away(network: Layered, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ml0_blocks, "BLOCKS_WAITING_MAX", 0)
    status, body = await network.running["ml0"].post(DOOR, data=block(1, [create(1)]).wire)
    assert (status, json.loads(body)) == (503, {"message": "Node is not ready yet"})


async def test_one_block_from_two_nodes_at_once_is_taken_once(network: Layered) -> None:
    made = block(1, [create(1), create(2)])
    await asyncio.gather(*(bring(network, made) for _ in range(5)))
    await network.until_decided(create(1), create(2))
    await until(lambda: network.ml0.received.count() == 0)
    assert network.ml0.head_ordinal() == 2
    await bring(network, made)
    await asyncio.sleep(0.05)
    assert (network.ml0.received.count(), network.ml0.head_ordinal()) == (0, 2)


async def test_what_became_of_an_update_can_be_asked(network: Layered) -> None:
    ml0 = network.running["ml0"]
    await bring(network, block(1, [create(1)]))
    await network.until_decided(create(1))
    told = await ml0.json(f"/ottochain/data/{create(1).hash}")
    assert told == {"hash": create(1).hash, "status": "Accepted", "ordinal": 2, "reason": None}
    # A copy under somebody else's broken proofs says nothing of the owner's.
    await bring(network, block(2, [forged(create(1))]))
    await network.until_decided(forged(create(1)))
    assert (await ml0.json(f"/ottochain/data/{create(1).hash}"))["status"] == "Accepted"
    assert await ml0.get(f"/ottochain/data/{'ab' * 32}") == (404, b"")


# -- what waits --------------------------------------------------------------------------------------------------------


async def test_refused_blocks_do_not_hold_up_those_behind_them(
    network: Layered, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The first ones were sent back, and the others waited for the time trigger: 43 seconds."""
    monkeypatch.setattr(ml0_blocks, "UPDATES_PER_SNAPSHOT_MAX", 2)
    bad = [block(number, [create(90 + number), add(80 + number, 0)]) for number in range(1, 4)]
    ml0 = network.ml0
    assert ml0.shell is not None
    waiting = [*bad, block(9, [create(1)])]
    for each in waiting:
        ml0._waiting.add(each)
    ml0.wake()
    await network.until_decided(create(1))
    assert len(ml0._waiting) == 0


async def test_an_early_update_follows_its_predecessor_at_once(network: Layered) -> None:
    """Not when its patience ends."""
    await network.create(1)
    early, predecessor = add(1, 1), add(1, 0)
    await bring(network, block(1, [early]))
    await asyncio.sleep(0.05)
    assert not network.ml0.outcomes.is_decided(early.key)
    start = asyncio.get_running_loop().time()
    await bring(network, block(2, [predecessor]))
    await network.until_decided(predecessor, early)
    assert asyncio.get_running_loop().time() - start < ml0_blocks.EARLY_PATIENCE_SECONDS / 2
    assert network.ml0.fiber_state().calculated.state_machines[fiber_id(1)].sequence_number == 2


async def test_an_early_update_without_predecessor_is_rejected_when_patience_ends(
    network: Layered, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(room, "EARLY_PATIENCE_SECONDS", 0.1)
    monkeypatch.setattr(ml0_blocks, "EARLY_PATIENCE_SECONDS", 0.1)
    await network.create(1)
    lonely = add(1, 7)
    await bring(network, block(1, [lonely]))
    # Snapshots that others make meanwhile neither decide it earlier nor put it off.
    for number in range(2, 5):
        await network.create(number)
    await network.until_decided(lonely)
    outcome = network.ml0.outcomes.of_key(lonely.key)
    assert outcome is not None
    assert not outcome.accepted


async def test_with_a_full_disk_it_waits_for_space_and_goes_on(
    network: Layered, caplog: pytest.LogCaptureFixture
) -> None:
    """A snapshot that could not be written ended the node."""
    database = network.ml0.database

    def limit(pages: int) -> Callable[[sqlite3.Connection], object]:
        return lambda connection: connection.execute(f"PRAGMA max_page_count={pages}").fetchone()

    made = [create(number) for number in range(1, 40)]
    await database.write(limit(1))  # as large as it is now
    await network.acknowledged(*made)
    await until(lambda: "tried again until there is space" in caplog.text or "is answered 503" in caplog.text)
    await database.write(limit(1_000_000))
    await network.until_decided(*made)
    assert not [record for record in caplog.records if record.exc_info]


async def test_what_waited_is_taken_up_after_a_restart(network: Layered) -> None:
    await network.create(1)
    early = block(1, [add(1, 1)])
    await bring(network, early)
    await until(lambda: not network.ml0.has_work())
    await network.stop("ml0")
    await network.resume("ml0")
    assert Blocks(network.ml0.database).get(early.round_id) is not None
    await bring(network, block(2, [add(1, 0)]))
    await network.until_decided(add(1, 0), add(1, 1))


# -- routes ------------------------------------------------------------------------------------------------------------


async def test_ottochain_s_routes_answer_on_ml0(network: Layered) -> None:
    ml0, base = network.running["ml0"], "/data-application/v1"
    await network.create(1)
    await network.acknowledged(add(1, 0))
    await network.until_decided(add(1, 0))
    state = network.ml0.fiber_state()
    assert (await ml0.json(f"{base}/version"))["service"] == "ottochain-ml0"
    assert await ml0.json(f"{base}/onchain") == state.on_chain.to_json()
    checkpoint = {"ordinal": network.ml0.head_ordinal(), "state": state.calculated.to_json()}
    assert await ml0.json(f"{base}/checkpoint") == checkpoint
    record = state.calculated.state_machines[fiber_id(1)].to_json()
    assert await ml0.json(f"{base}/state-machines") == {fiber_id(1): record}
    assert await ml0.json(f"{base}/state-machines?status=ACTIVE") == {fiber_id(1): record}
    assert await ml0.json(f"{base}/state-machines?status=ARCHIVED") == {}
    assert await ml0.json(f"{base}/state-machines/{fiber_id(1)}") == record
    assert await ml0.json(f"{base}/state-machines/{fiber_id(1).upper()}") == record
    assert await ml0.json(f"{base}/state-machines/{fiber_id(9)}") is None
    (receipt,) = await ml0.json(f"{base}/state-machines/{fiber_id(1)}/events")
    assert (receipt["eventName"], receipt["success"]) == ("add", True)
    assert await ml0.json(f"{base}/oracles") == {}
    assert await ml0.json(f"{base}/oracles/{fiber_id(1)}/invocations") == []


@pytest.mark.parametrize(
    "path",
    [
        "state-machines?status=active",
        "state-machines?status=",
        "state-machines/not-a-uuid",
        "state-machines/not-a-uuid/events",
        "oracles/1/invocations",
        "state-machines/%00",
        "nothing",
    ],
)
async def test_a_path_or_status_that_does_not_match_is_not_found(network: Layered, path: str) -> None:
    assert await network.running["ml0"].get(f"/data-application/v1/{path}") == (404, b"Not found")
