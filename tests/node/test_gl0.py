"""GL0: binaries in, global snapshots out."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from layers.channel import Channel
from layers.metagraph import ALICE, block, create
from node.layered import BALANCES, Layered, layered, settled
from node.network import until
from node.test_gl0_binaries import stray
from ottochain.layers.delivery import Delivery
from ottochain.layers.gl0_built import Gl0Rules
from ottochain.node.l0_terms import ChainProblem


@pytest.fixture
async def network(tmp_path: Path) -> AsyncIterator[Layered]:
    """GL0 alone."""
    async with layered(tmp_path) as started:
        await started.start("gl0", "run-genesis", str(started.balances()))
        yield started


@pytest.fixture
def channel() -> Channel:
    made = Channel()
    for number in range(1, 5):
        made.advance(block(number, [create(number)]))
    return made


async def deliver(network: Layered, delivery: Delivery) -> tuple[int, Any]:
    path = f"/state-channels/{delivery.address}/snapshot"
    status, body = await network.running["gl0"].post(path, data=delivery.to_bytes())
    return status, json.loads(body) if body else None


def included(network: Layered, channel: Channel) -> int | None:
    assert network.gl0.state is not None
    metagraph = network.gl0.state.metagraphs.get(channel.address)
    return None if metagraph is None else metagraph.ordinal


# -- binaries ----------------------------------------------------------------------------------------------------------


async def test_binaries_are_included_in_the_order_of_their_chain_however_they_come(
    network: Layered, channel: Channel
) -> None:
    genesis, *rest = channel.deliveries
    assert await deliver(network, genesis) == (200, None)
    for delivery in reversed(rest):
        assert await deliver(network, delivery) == (200, None)
    await until(lambda: included(network, channel) == channel.state.ordinal)
    assert network.gl0.received.count() == 0


async def test_a_binary_is_on_disk_when_it_is_answered(network: Layered, channel: Channel) -> None:
    genesis, first, second, third, *_ = channel.deliveries
    for delivery in (genesis, first):
        assert (await deliver(network, delivery))[0] == 200
    await until(lambda: included(network, channel) == 1)
    assert (await deliver(network, third))[0] == 200
    assert network.gl0.received.get(third.key) is not None
    await network.stop("gl0")
    await network.resume("gl0")
    assert (await deliver(network, second))[0] == 200
    await until(lambda: included(network, channel) == 3)


async def test_a_binary_sent_again_is_answered_200_and_makes_no_snapshot(network: Layered, channel: Channel) -> None:
    for delivery in channel.deliveries:
        await deliver(network, delivery)
    await until(lambda: included(network, channel) == channel.state.ordinal)
    head = network.gl0.head_reference()
    for delivery in channel.deliveries:
        assert await deliver(network, delivery) == (200, None)
    await settled(lambda: network.gl0.head_reference() == head)
    assert network.gl0.received.count() == 0


async def test_a_copy_under_another_name_is_dropped_without_a_snapshot(network: Layered, channel: Channel) -> None:
    """Each such copy made a global snapshot that held nothing."""
    genesis, first, second, *_ = channel.deliveries
    for delivery in (genesis, first, second):
        await deliver(network, delivery)
    await until(lambda: included(network, channel) == 2)
    gl0 = network.gl0
    gl0._included.clear()
    head = gl0.head_reference()
    assert (await deliver(network, first))[0] == 200
    await until(lambda: gl0.received.count() == 0 and len(gl0._waiting) == 0)
    assert gl0.head_reference() == head


async def test_binaries_that_had_no_room_come_with_the_next_snapshot(network: Layered, channel: Channel) -> None:
    """They waited for the time trigger: 43 seconds."""
    gl0 = network.gl0
    size = len(channel.deliveries[2].signed.binary.content)
    gl0._rules = Gl0Rules(events_bytes_max=size)
    for delivery in channel.deliveries:
        assert (await deliver(network, delivery))[0] == 200
    await until(lambda: included(network, channel) == channel.state.ordinal)
    assert (gl0.head_reference() or (0,))[0] >= 4


async def test_strangers_can_not_make_binaries_wait(network: Layered, channel: Channel) -> None:
    for delivery in channel.deliveries[:2]:
        await deliver(network, delivery)
    await until(lambda: included(network, channel) == 1)
    for address in (channel.address, ALICE.address):
        status, body = await deliver(network, stray(address, ALICE))
        assert (status, body) == (503, {"message": "Node not yet ready to accept metagraph snapshots."})
    assert network.gl0.received.count() == 0


async def test_a_binary_that_nobody_thought_of_does_not_end_the_node(network: Layered, channel: Channel) -> None:
    """Anybody can found a metagraph and make its binaries wait; this one ended GL0 when its turn came, for good."""
    genesis, first, second, third, fourth, *_ = channel.deliveries
    for delivery in (genesis, first):
        await deliver(network, delivery)
    await until(lambda: included(network, channel) == 1)
    assert third.header is not None
    poison = Delivery(third.address, third.signed, replace(third.header, certificate={"kind": "\ud800"}))
    assert (await deliver(network, poison))[0] == 200
    assert (await deliver(network, fourth))[0] == 200
    assert (await deliver(network, second))[0] == 200
    await until(lambda: included(network, channel) == 2)
    await until(lambda: poison.key not in network.gl0._waiting)
    assert (await deliver(network, third))[0] == 200
    await until(lambda: included(network, channel) == 4)


@pytest.mark.parametrize("body", [b"", b"{", b"null", b'{"value":1}', b"[" * 20_000, b"1e400"], ids=range(6))
async def test_an_undecodable_binary_is_answered_500_without_a_body(network: Layered, body: bytes) -> None:
    path = f"/state-channels/{ALICE.address}/snapshot"
    assert await network.running["gl0"].post(path, data=body) == (500, b"")


async def test_what_is_wrong_with_a_binary_is_told(network: Layered, channel: Channel) -> None:
    path, wire = "/state-channels/DAG-no-address/snapshot", stray("DAG-no-address", ALICE).to_bytes()
    assert await network.running["gl0"].post(path, data=wire) == (404, b"Not found")
    genesis = channel.deliveries[0]
    status, errors = await deliver(network, Delivery(ALICE.address, genesis.signed, None, genesis.founding))
    assert (status, list(errors[0])) == (400, ["StateChannellGenesisAddressNotGeneratedFromData"])


# -- balances and modes ------------------------------------------------------------------------------------------------


async def test_the_balances_of_the_genesis_are_shown(network: Layered) -> None:
    gl0 = network.running["gl0"]
    address = BALANCES.split(",")[0]
    ordinal = (await gl0.json("/ottochain/node"))["ordinal"]
    assert await gl0.json(f"/dag/{address}/balance") == {"balance": 1000, "ordinal": ordinal}
    assert await gl0.json(f"/dag/{ALICE.address}/balance") == {"balance": 0, "ordinal": ordinal}
    assert await gl0.json("/dag/total-supply") == {"total": 1000, "ordinal": ordinal}
    assert await gl0.json("/dag/wallet-count") == {"count": 1, "ordinal": ordinal}
    assert (await gl0.get("/dag/nobody/balance"))[0] == 404


async def test_a_chain_is_not_founded_twice(network: Layered) -> None:
    head = network.gl0.head_reference()
    await network.stop("gl0")
    with pytest.raises(ChainProblem, match="run-rollback"):
        await network.start("gl0", "run-genesis", str(network.balances()))
    await network.resume("gl0")
    assert network.gl0.head_reference() == head


async def test_without_a_chain_there_is_nothing_to_roll_back_to(tmp_path: Path) -> None:
    async with layered(tmp_path) as network:
        with pytest.raises(ChainProblem, match="holds no chain"):
            await network.start("gl0", "run-rollback")


async def test_a_rollback_goes_on_from_the_certified_head_alone(network: Layered) -> None:
    head = network.gl0.head_reference()
    assert head is not None
    parent = network.gl0.chain.hash_at(0)
    await network.stop("gl0")
    for target, words in ((parent, "which is ordinal 0"), ("ab" * 32, "not in this data directory")):
        with pytest.raises(ChainProblem, match=words):
            await network.start("gl0", "run-rollback", target)
    await network.start("gl0", "run-rollback", head[1])
    assert network.gl0.head_reference() == head


async def test_a_copy_made_online_is_not_gone_on_with(network: Layered, tmp_path: Path) -> None:
    """It was Ready, and made no snapshot ever again, without a word."""
    copy = tmp_path / "copy.sqlite"
    await network.gl0.database.copy_to(copy)
    await network.stop("gl0")
    store = network.data_dir("gl0") / "node.sqlite"
    for file in store.parent.glob("node.sqlite*"):
        file.rename(tmp_path / f"before-{file.name}")
    copy.rename(store)
    with pytest.raises(ChainProblem, match="but not what this validator voted"):
        await network.start("gl0", "run-rollback")


@pytest.mark.parametrize("content", ["DAG1,1\n", "x", "a,b,c\n", "\xff"], ids=range(4))
async def test_balances_that_can_not_be_read_are_named(tmp_path: Path, content: str) -> None:
    path = tmp_path / "balances.csv"
    path.write_text(content, encoding="latin-1")
    async with layered(tmp_path) as network:
        for file in (path, tmp_path / "missing.csv"):
            with pytest.raises(ChainProblem, match=file.name):
                await network.start("gl0", "run-genesis", str(file))
