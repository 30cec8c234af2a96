"""An L1 layer that gains and loses nodes: the file of its peers says how many sign, and nobody needs a restart."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from layers.metagraph import create
from node.layered import KEYS, Layered, layered, settled
from node.network import until
from ottochain.codec import exact_json
from ottochain.node.life import live
from ottochain.node.service import StartRefused


@pytest.fixture
async def network(tmp_path: Path) -> AsyncIterator[Layered]:
    async with layered(tmp_path) as started:
        yield started


def name_members(network: Layered, *names: str) -> Path:
    """Writes the file anew, as the operator's tool does."""
    file, new = network.directory / "dl1-peers.txt", network.directory / "new"
    new.write_text("".join(f"{KEYS[name].peer_id}\n" for name in names))
    return new.replace(file)


async def begin(network: Layered, *names: str) -> None:
    """The L0 layers, and those DL1 nodes."""
    file = name_members(network, *names)
    await network.start("gl0", "run-genesis", str(network.balances()))
    await network.create_genesis()
    await network.start("ml0", "run-genesis", str(network.data_dir("ml0") / "genesis.snapshot"), l1_peers_file=file)
    await network.start(names[0], "run-initial-validator", l1_peers_file=file)
    for name in names[1:]:
        await add(network, name)
    await until(lambda: network.dl1().metagraph.on_chain is not None)


async def add(network: Layered, name: str) -> None:
    file = network.directory / "dl1-peers.txt"
    joiner = await network.start(name, "run-validator", l1_peers_file=file)
    assert (await joiner.join(network.running["dl1"].contact))[0] == 200
    await until(lambda: KEYS[name].peer_id in {peer.id for peer in network.running["dl1"].node.membership.ready()})


def signers(network: Layered) -> set[str]:
    """Who signed the newest data block."""
    stored = network.ml0.chain.latest()
    assert stored is not None
    (block,) = exact_json.loads(stored.proposed)["blocks"]
    return {proof["id"] for proof in block["proofs"]}


async def test_the_threshold_follows_the_file_up_and_down(network: Layered) -> None:
    await begin(network, "dl1")
    await network.create(1)
    assert signers(network) == {KEYS["dl1"].peer_id}

    name_members(network, "dl1", "dl1-1")
    await add(network, "dl1-1")
    await network.create(2)
    assert signers(network) == {KEYS["dl1"].peer_id, KEYS["dl1-1"].peer_id}

    await network.stop("dl1-1")
    await network.acknowledged(create(3))
    await until(lambda: any(known.stage == "offered" for known in network.dl1().shell.state.rounds.values()))
    name_members(network, "dl1")
    await network.until_decided(create(3))
    assert signers(network) == {KEYS["dl1"].peer_id}


async def test_a_peer_that_ml0_does_not_know_is_not_asked_to_sign(network: Layered) -> None:
    """Its signature was among those of every block, which ML0 then refused, for ever."""
    await begin(network, "dl1", "dl1-1")
    await add(network, "dl1-2")
    await network.stop("dl1-1")
    await network.acknowledged(create(1))
    await until(lambda: network.dl1().shell.state.undecided == 1)
    await add(network, "dl1-1")
    await network.until_decided(create(1))
    assert signers(network) == {KEYS["dl1"].peer_id, KEYS["dl1-1"].peer_id}


async def test_while_the_file_can_not_be_read_all_stays_as_it_was(
    network: Layered, caplog: pytest.LogCaptureFixture
) -> None:
    await begin(network, "dl1")
    (network.directory / "dl1-peers.txt").unlink()
    await network.acknowledged(create(1))
    await until(lambda: "the nodes that sign this layer's blocks can't be read" in caplog.text)
    assert network.dl1().shell.state.threshold == 1
    name_members(network, "dl1")
    await network.until_decided(create(1))


async def test_a_node_does_not_start_without_knowing_who_signs(network: Layered) -> None:
    network.token = "DAG0CyySf35ftDQDQBnd1bdQ9aPyUdacMghpnCuM"
    node = network.make("dl1", "run-initial-validator", l1_peers_file=network.directory / "missing")
    with pytest.raises(StartRefused, match="the nodes that sign this layer's blocks can't be read"):
        await live(node, "run-initial-validator", None, asyncio.Event())


async def test_blocks_can_be_made_at_an_interval_as_in_the_reference(network: Layered) -> None:
    await begin(network, "dl1")
    await network.stop("dl1")
    file = network.directory / "dl1-peers.txt"
    await network.resume("dl1", l1_peers_file=file, l1_block_interval_seconds=1e6)
    await until(lambda: network.dl1().metagraph.on_chain is not None)
    await network.acknowledged(create(1), create(2))
    await settled(lambda: len(network.dl1().pool) == 2 and network.dl1().shell.state.undecided == 0, seconds=0.1)
    await network.stop("dl1")
    await network.resume("dl1", l1_peers_file=file, l1_block_interval_seconds=0.01)
    await network.create(3)
    await network.until_decided(create(1), create(2))
