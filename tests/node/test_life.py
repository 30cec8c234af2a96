"""A node's whole life: start, leave, restart within the process, stop, failure."""

from __future__ import annotations

import asyncio
import gc
from pathlib import Path

import pytest

from node.network import Network, make_config, until
from node.plain_service import PlainService
from ottochain.crypto.keys import PrivateKey
from ottochain.model.node_state import NodeState
from ottochain.node.life import run_lives
from ottochain.node.listeners import PortInUse
from ottochain.node.node import Ending, Node
from ottochain.node.process import YOUNG_OBJECTS, SettledMemory
from ottochain.node.service import LayerService

S = NodeState


async def test_a_validator_that_leaves_goes_offline_and_stays_so(nodes: Network) -> None:
    founder, validator = await nodes.cluster(2)
    assert await validator.post("/cluster/leave", "cli") == (200, b"")
    await validator.reached(S.OFFLINE)
    await until(lambda: founder.node.membership.all() == [])
    await asyncio.sleep(0.05)
    assert not validator.node.ended.done()
    assert validator.service.events == ["start run-validator", "joined", "leaving"]
    assert (await validator.json("/node/info"))["state"] == "Offline"


async def test_leaving_takes_its_delay_and_peers_see_it(nodes: Network) -> None:
    founder = await nodes.founder()
    validator = await nodes.start(leaving_delay_seconds=0.2)
    await validator.join(founder.contact)
    await validator.reached(S.READY)
    await validator.post("/cluster/leave", "cli")
    await validator.post("/cluster/leave", "cli")
    assert validator.state is S.LEAVING
    await until(lambda: [peer.state for peer in founder.node.membership.all()] == [S.LEAVING])
    await validator.reached(S.OFFLINE)
    assert validator.service.events.count("leaving") == 1


async def test_a_founder_that_leaves_starts_anew_as_a_validator(tmp_path: Path) -> None:
    built: list[Node] = []

    def create(node: Node) -> LayerService:
        built.append(node)
        return PlainService(node)

    stopped = asyncio.Event()
    config = make_config("dl1", "run-initial-validator", tmp_path)
    lives = asyncio.create_task(run_lives(config, PrivateKey.generate(), create, stopped))
    await until(lambda: len(built) == 1 and built[0].lifecycle.state is S.READY)
    first_session = built[0].sessions.own
    built[0].leave()
    await until(lambda: len(built) == 2 and built[1].lifecycle.state is S.READY_TO_JOIN)
    assert first_session is not None
    assert built[1].sessions.own is None
    assert built[0].service.events[-2:] == ["stop", "close"]  # type: ignore[attr-defined]
    stopped.set()
    assert await lives == 0


async def test_a_stopping_node_tells_its_peers(nodes: Network) -> None:
    founder, validator = await nodes.cluster(2)
    ending = await validator.stop()
    assert ending == Ending("it was told to stop")
    assert founder.node.membership.all() == []
    assert validator.service.events[-2:] == ["stop", "close"]


async def test_a_dead_loop_ends_the_node_with_a_failure(nodes: Network, caplog: pytest.LogCaptureFixture) -> None:
    node = await nodes.founder()

    async def dies() -> None:
        raise ValueError("no way on")

    node.node.supervisor.loop("sender", dies())
    assert node.life is not None
    ending = await node.life
    assert ending.exit_code == 1
    assert "loop sender died: ValueError: no way on" in ending.reason
    assert "Traceback" in caplog.text


async def test_a_failed_errand_ends_the_node_and_a_done_one_does_not(nodes: Network) -> None:
    """A download that failed left its node in DownloadInProgress for ever."""
    node = await nodes.founder()

    async def errand(error: Exception | None) -> None:
        if error is not None:
            raise error

    await node.node.supervisor.errand("download", errand(None))
    assert node.life is not None
    assert not node.life.done()
    node.node.supervisor.errand("download", errand(ValueError("no way on")))
    assert (await node.life).reason == "download failed: ValueError: no way on"


async def test_a_loop_that_returns_ends_the_node_too(nodes: Network) -> None:
    node = await nodes.founder()

    async def returns() -> None:
        return

    node.node.supervisor.loop("sender", returns())
    assert node.life is not None
    assert (await node.life).exit_code == 1


async def test_a_failed_background_task_is_logged_and_nothing_more(
    nodes: Network, caplog: pytest.LogCaptureFixture
) -> None:
    node = await nodes.founder()

    async def fails() -> None:
        raise ValueError("once")

    node.node.supervisor.background("greet", fails())
    await until(lambda: "background task greet failed" in caplog.text)
    assert not node.node.ended.done()


async def test_heartbeats_are_told(nodes: Network) -> None:
    node = await nodes.founder()

    async def beats() -> None:
        while True:
            node.node.supervisor.beat("sender")
            await asyncio.sleep(0.01)

    node.node.supervisor.loop("sender", beats())
    await asyncio.sleep(0.05)
    loops = (await node.json("/ottochain/node"))["loops"]
    assert list(loops) == ["sender"]
    assert 0 <= loops["sender"] < 5


async def test_a_service_that_can_t_start_ends_the_life_with_its_error(tmp_path: Path) -> None:
    class Broken(PlainService):
        async def start(self, mode: str, argument: str | None) -> None:
            raise LookupError("no genesis here")

    config = make_config("dl1", "run-validator", tmp_path)
    with pytest.raises(LookupError):
        await run_lives(config, PrivateKey.generate(), Broken, asyncio.Event())


async def test_a_node_may_be_stopped_before_it_has_started(tmp_path: Path) -> None:
    class Slow(PlainService):
        async def start(self, mode: str, argument: str | None) -> None:
            await asyncio.sleep(60)

    stopped = asyncio.Event()
    config = make_config("dl1", "run-validator", tmp_path)
    lives = asyncio.create_task(run_lives(config, PrivateKey.generate(), Slow, stopped))
    await asyncio.sleep(0.05)
    stopped.set()
    async with asyncio.timeout(5):
        assert await lives == 0


async def test_a_taken_port_is_named_and_the_other_listeners_are_closed(nodes: Network, tmp_path: Path) -> None:
    holder = await nodes.start()
    port = holder.node.ports["cli"]
    config = make_config("dl1", "run-validator", tmp_path, cli_port=port)
    with pytest.raises(PortInUse, match=rf"port {port} on 127\.0\.0\.1 \(cli listener\) is in use"):
        await run_lives(config, PrivateKey.generate(), PlainService, asyncio.Event())


async def test_create_genesis_runs_without_listeners_and_ends(tmp_path: Path) -> None:
    config = make_config("ml0", "create-genesis", tmp_path, argument="balances.csv")
    assert await run_lives(config, PrivateKey.generate(), PlainService, asyncio.Event()) == 0
    assert (tmp_path / "genesis.snapshot").read_text() == "balances.csv"


async def test_each_life_says_that_it_has_begun(tmp_path: Path) -> None:
    begun: list[int] = []
    stopped = asyncio.Event()
    config = make_config("dl1", "run-initial-validator", tmp_path)
    built: list[Node] = []

    def create(node: Node) -> PlainService:
        built.append(node)
        return PlainService(node)

    lives = asyncio.create_task(
        run_lives(config, PrivateKey.generate(), create, stopped, begun=lambda: begun.append(len(built)))
    )
    await until(lambda: begun == [1])
    built[0].leave()
    await until(lambda: begun == [1, 2])
    stopped.set()
    assert await lives == 0


def test_what_a_node_holds_from_its_start_is_left_alone_by_the_collector() -> None:
    before, threshold = gc.get_freeze_count(), gc.get_threshold()
    memory = SettledMemory()
    try:
        memory.settle()
        assert gc.get_freeze_count() > before
        assert gc.get_threshold() == (YOUNG_OBJECTS, *threshold[1:])
        memory.settle()
        assert gc.get_freeze_count() > before
    finally:
        gc.unfreeze()
        gc.set_threshold(*threshold)
