"""What both L1 layers do: follow ML0 and GL0, and say so."""

from __future__ import annotations

from pathlib import Path

from layers.metagraph import create
from node.layered import KEYS, layered
from node.network import until
from ottochain.model.node_state import NodeState
from ottochain.node.l1 import L1Service


async def test_a_cl1_node_follows_both_layers_above(tmp_path: Path) -> None:
    async with layered(tmp_path) as network:
        await network.found()
        running = await network.start("cl1", "run-initial-validator")
        service = running.node.service
        assert isinstance(service, L1Service)
        await network.create(1)
        await network.until_confirmed()
        head = network.ml0.head_reference()
        assert head is not None
        await until(lambda: service.metagraph.position == head[:2] and service.global_view.confirmed_ordinal == head[0])
        facts = await running.json("/ottochain/node")
        assert (facts["ordinal"], facts["hash"], facts["confirmedOrdinal"]) == (head[0], head[1], head[0])
        assert (facts["diverged"], facts["metagraphId"]) == (False, network.token)
        assert set(facts["loops"]) >= {"follow gl0", "follow ml0"}
        parent = network.running["ml0"].node
        peers = [{"id": parent.id, "ip": "127.0.0.1", "port": parent.ports["public"]}]
        assert await running.json("/l0/peers") == peers


async def test_data_routes_are_dl1_s_alone(tmp_path: Path) -> None:
    async with layered(tmp_path) as network:
        await network.found()
        cl1 = await network.start("cl1", "run-initial-validator")
        for path in ("/data", "/data-application/v1/onchain"):
            assert (await cl1.get(path))[0] == 404
            assert (await network.running["dl1"].get(path))[0] == 200
        assert (await cl1.post("/data", json=create(1).to_json()))[0] == 404


async def test_an_l1_node_starts_before_the_layers_above_and_follows_them_once_they_are_there(tmp_path: Path) -> None:
    async with layered(tmp_path) as network:
        await network.found()
        await network.stop("dl1", "ml0", "gl0")
        dl1 = await network.resume("dl1")
        assert dl1.state is NodeState.READY
        await network.resume("gl0")
        await network.resume("ml0")
        await until(lambda: network.dl1().on_chain() is not None and network.dl1().global_ordinal() is not None)
        await network.create(1)


async def test_a_validator_waits_for_the_join_call(tmp_path: Path) -> None:
    async with layered(tmp_path) as network:
        await network.found()
        joiner = await network.start("dl1-1", "run-validator")
        assert joiner.state is NodeState.READY_TO_JOIN
        await joiner.join(network.running["dl1"].contact)
        await joiner.reached(NodeState.READY)
        assert network.running["dl1"].node.membership.get(KEYS["dl1-1"].peer_id) is not None
