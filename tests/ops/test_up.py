"""``up`` and ``down`` on fake nodes: every misfortune between nothing and a whole deployment."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import socket
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from tests.ops.fakes import NURSERY, Told, is_whole, kill, pids, starts, up, with_fault
from tests.ops.worlds import a_deployment

from ottochain.ops import chain_record
from ottochain.ops.errors import GateNotMet, LeaseHeld, OttochainError, Refused
from ottochain.ops.execute import actions, bringing_up
from ottochain.ops.inventory.deployment import Deployment
from ottochain.ops.operations.down import bring_down
from ottochain.ops.plan.steps import Step
from ottochain.ops.runtimes import process

pytestmark = pytest.mark.network


async def test_a_deployment_is_founded_once_and_found_whole_the_second_time(deployment: Deployment) -> None:
    first = await up(deployment)
    assert first.changed
    assert await is_whole(deployment)
    record = chain_record.read(deployment.places.chain_record)
    assert record
    assert (record.phase, record.token) == ("founded", first.record.token)
    before, told = pids(deployment), Told()
    second = await up(deployment, told)
    assert not second.changed
    assert told.steps == []
    assert pids(deployment) == before


async def test_after_kill_9_of_everything_the_same_chain_comes_back(deployment: Deployment) -> None:
    token = (await up(deployment)).record.token
    kill(deployment)
    assert (await up(deployment)).record.token == token
    assert await is_whole(deployment)
    assert starts(deployment, "gl0") == ["run-genesis", "run-rollback"]
    assert starts(deployment, "ml0") == ["create-genesis", "run-genesis", "run-rollback"]
    assert starts(deployment, "cl1") == ["run-initial-validator"] * 2


@pytest.mark.parametrize("victim", ["gl0", "ml0", "cl1", "dl1-2"])
async def test_one_killed_node_comes_back_and_no_other_is_touched(deployment: Deployment, victim: str) -> None:
    await up(deployment)
    before = pids(deployment)
    kill(deployment, victim)
    await up(deployment)
    assert await is_whole(deployment)
    after = pids(deployment)
    assert {name for name in after if after[name] != before[name]} == {victim}
    assert starts(deployment, victim)[-1] == ("run-rollback" if victim in ("gl0", "ml0") else "run-validator")


async def test_down_stops_children_first_and_up_brings_all_back(deployment: Deployment) -> None:
    await up(deployment)
    told = Told()
    done = await bring_down(deployment, told)
    assert done.changed
    assert told.steps[-2:] == ["stop ml0", "stop gl0"]
    assert set(done.nodes) == set(deployment.by_name)
    assert set(pids(deployment).values()) == {None}
    assert not (await bring_down(deployment, Told())).changed
    await up(deployment)
    assert await is_whole(deployment)


class Killed(BaseException):
    """As if the operator's command had been killed between two steps."""


FOUNDING_STEPS = (
    "record", "start gl0", "ready gl0", "genesis ml0", "start ml0", "ready ml0", "start cl1", "join dl1-1", "confirmed",
)  # fmt: skip


@pytest.mark.parametrize("everything", [False, True], ids=["the command", "the command and all nodes"])
@pytest.mark.parametrize("moment", FOUNDING_STEPS)
async def test_a_founding_killed_at_any_step_is_finished_with_one_chain_and_one_token(
    deployment: Deployment, moment: str, everything: bool
) -> None:
    def die(step: Step) -> None:
        if step.id == moment:
            raise Killed

    with pytest.raises(Killed):
        await up(deployment, Told(die))
    if everything:
        kill(deployment)
    address = deployment.places.ml0_genesis.with_name("genesis.address")
    made = address.read_text() if address.exists() else None
    done = await up(deployment)
    assert await is_whole(deployment)
    assert done.record.phase == "founded"
    assert done.record.token == address.read_text()
    assert made in (None, done.record.token)
    assert starts(deployment, "gl0").count("run-genesis") == 1
    assert starts(deployment, "ml0").count("create-genesis") == 1


async def test_genesis_files_made_before_their_record_are_adopted(deployment: Deployment) -> None:
    def die(step: Step) -> None:
        if step.id == "start ml0":
            raise Killed

    with pytest.raises(Killed):
        await up(deployment, Told(die))
    record = chain_record.read(deployment.places.chain_record)
    assert record
    chain_record.write(deployment.places.chain_record, chain_record.begin(record.since))
    assert (await up(deployment)).record.token == record.token
    assert starts(deployment, "ml0") == ["create-genesis", "run-genesis"]


async def test_a_lost_record_is_learnt_from_the_data_and_nothing_is_founded(deployment: Deployment) -> None:
    token = (await up(deployment)).record.token
    for stop in (lambda: kill(deployment), lambda: None):
        stop()
        deployment.places.chain_record.unlink()
        assert (await up(deployment)).record.token == token
        record = chain_record.read(deployment.places.chain_record)
        assert record
        assert (record.phase, record.derived_from) == ("founded", "ml0")
    assert starts(deployment, "gl0") == ["run-genesis", "run-rollback"]


@pytest.mark.parametrize("record_too", [False, True], ids=["with the record", "without the record"])
@pytest.mark.parametrize("layer", ["gl0", "ml0"])
async def test_missing_data_is_said_and_nothing_is_started(
    deployment: Deployment, layer: str, record_too: bool
) -> None:
    await up(deployment)
    kill(deployment)
    data = deployment.by_name[layer].data_dir
    data.rename(data.with_name("elsewhere"))
    if record_too:
        deployment.places.chain_record.unlink()
    with pytest.raises(Refused, match=f"{layer}: no chain in {data}"):
        await up(deployment)
    assert set(pids(deployment).values()) == {None}
    assert not data.exists()
    data.with_name("elsewhere").rename(data)
    await up(deployment)
    assert await is_whole(deployment)


async def test_damaged_data_is_said_and_nothing_is_started(deployment: Deployment) -> None:
    await up(deployment)
    kill(deployment)
    (deployment.by_name["ml0"].data_dir / "node.sqlite").write_text("?")
    with pytest.raises(Refused, match="is damaged"):
        await up(deployment)
    assert set(pids(deployment).values()) == {None}


async def test_a_node_that_dies_ends_the_wait_at_once_with_its_last_words(
    deployment: Deployment, tmp_path: Path
) -> None:
    broken = with_fault(deployment, "ml0", "dies", tmp_path)
    with pytest.raises(GateNotMet) as failed:
        async with asyncio.timeout(10):
            await up(broken)
    assert "ml0" in failed.value.what
    assert "the disk is full" in failed.value.what
    assert "ottochain logs ml0" in failed.value.next_step or "up` again" in failed.value.next_step
    assert process.look(broken.by_name["gl0"]).state == "running"
    mended = a_deployment(tmp_path, (tmp_path / "ottochain.toml").read_text().partition("[nodes")[0])
    await up(mended)
    assert await is_whole(mended)


async def test_a_join_that_led_nowhere_is_begun_again(
    deployment: Deployment, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(actions, "STUCK_SECONDS", 0.2)
    deaf = with_fault(deployment, "dl1-1", "deaf", tmp_path)
    await up(deaf)
    assert await is_whole(deaf)
    assert starts(deaf, "dl1-1") == ["run-validator", "run-validator"]


async def test_a_node_that_hangs_is_named_when_nothing_moves_any_more(
    deployment: Deployment, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("ottochain.ops.execute.watch.Watch.until.__defaults__", (0.5,))
    hanging = with_fault(deployment, "gl0", "hangs", tmp_path)
    with pytest.raises(GateNotMet, match=r"gl0 Ready \(gl0 Initial\)"):
        await up(hanging)


async def test_a_stopped_process_is_ended_and_started_again(
    deployment: Deployment, monkeypatch: pytest.MonkeyPatch
) -> None:
    """SIGSTOP: it lives, holds its lock and answers nobody."""
    monkeypatch.setattr(bringing_up, "REST_SECONDS", 0.2)
    monkeypatch.setattr(process.stop, "__kwdefaults__", {"seconds": 0.3})
    monkeypatch.setattr("ottochain.ops.facts.observe.QUESTION_SECONDS", 0.2)
    await up(deployment)
    frozen = {name: pid for name, pid in pids(deployment).items() if name in ("gl0", "dl1")}
    for pid in frozen.values():
        assert pid
        os.kill(pid, signal.SIGSTOP)
    await up(deployment)
    assert await is_whole(deployment)
    assert not set(frozen.values()) & set(pids(deployment).values())
    assert starts(deployment, "gl0") == ["run-genesis", "run-rollback"]
    assert starts(deployment, "dl1")[-1] == "run-validator"


@pytest.fixture
def stranger() -> Iterator[Callable[[int], None]]:
    """Takes a port, as any other program may."""
    taken: list[socket.socket] = []

    def take(port: int) -> None:
        one = socket.create_server(("127.0.0.1", port))
        taken.append(one)

    yield take
    for one in taken:
        one.close()


async def test_ports_in_use_are_named_before_anything_is_started(
    deployment: Deployment, stranger: Callable[[int], None]
) -> None:
    ports = [deployment.by_name["ml0"].ports.cli, deployment.by_name["dl1-2"].ports.p2p]
    for port in ports:
        stranger(port)
    with pytest.raises(Refused) as refused:
        await up(deployment)
    for port, name in zip(ports, ("ml0", "dl1-2"), strict=True):
        assert f"{port} of {name}: process {os.getpid()}" in refused.value.what
    assert set(pids(deployment).values()) == {None}
    assert chain_record.read(deployment.places.chain_record) is None


async def test_another_deployments_node_on_our_port_is_a_stranger(deployment: Deployment, tmp_path: Path) -> None:
    await up(deployment)
    other = tmp_path / "other"
    other.mkdir()
    same_ports = a_deployment(other, (tmp_path / "ottochain.toml").read_text())
    for file in same_ports.places.keys.glob("*.peer-id"):
        file.write_text(file.read_text().strip()[::-1].replace("1", "a") + "\n")
    (same_ports.places.keys / "gl0.peer-id").write_text("e" * 128 + "\n")
    with pytest.raises(Refused, match="of gl0 is answered by another node: process"):
        await up(a_deployment_again(other))
    assert await is_whole(deployment)


def a_deployment_again(folder: Path) -> Deployment:
    from ottochain.ops.inventory.reading import load

    return load(folder / "ottochain.toml")


async def test_a_node_whose_data_was_moved_away_beneath_it_is_named(deployment: Deployment) -> None:
    await up(deployment)
    data = deployment.by_name["gl0"].data_dir
    data.rename(data.with_name("elsewhere"))
    with pytest.raises(Refused, match="without holding its data folder"):
        await up(deployment)
    data.with_name("elsewhere").rename(data)


async def test_down_names_what_still_answers_and_stops_the_rest(deployment: Deployment) -> None:
    await up(deployment)
    lock = deployment.by_name["cl1-1"].data_dir / "node.lock"
    content = lock.read_bytes()
    lock.write_bytes(b"nonsense")
    with pytest.raises(GateNotMet, match=r"still answer, without holding their data folders(?s:.*)cl1-1: process"):
        await bring_down(deployment, Told())
    lock.write_bytes(content)
    assert {name for name, pid in pids(deployment).items() if pid} == {"cl1-1"}
    assert (await bring_down(deployment, Told())).changed


async def test_two_at_once_are_refused_by_name(deployment: Deployment) -> None:
    first = asyncio.create_task(up(deployment))
    while not deployment.places.lease.exists():  # noqa: ASYNC110  the lease is a file
        await asyncio.sleep(0.001)
    with pytest.raises(LeaseHeld, match=r"`ottochain up`"):
        await up(deployment)
    await first
    assert await is_whole(deployment)


async def test_missing_keys_are_refused(deployment: Deployment, tmp_path: Path) -> None:
    (deployment.places.keys / "cl1-2.p12").unlink()
    with pytest.raises(OttochainError, match="the keys of cl1-2 are missing"):
        await up(a_deployment_again(tmp_path))


async def test_missing_passwords_are_refused_before_anything_is_started(deployment: Deployment) -> None:
    (deployment.places.keys / "cl1-2.password").unlink()
    with pytest.raises(Refused, match=r"the password kept in file:.*cl1-2.password could not be read"):
        await up(deployment)
    assert set(pids(deployment).values()) == {None}


@pytest.mark.parametrize("layer", ["gl0", "ml0"])
async def test_missing_balances_are_refused_before_the_founding_begins(deployment: Deployment, layer: str) -> None:
    (deployment.places.state / "genesis" / layer / "genesis.csv").unlink()
    with pytest.raises(Refused, match=f"begins with are missing: .*{layer}/genesis.csv"):
        await up(deployment)
    assert chain_record.read(deployment.places.chain_record) is None
    assert set(pids(deployment).values()) == {None}


async def test_two_clusters_of_one_layer_become_one(deployment: Deployment) -> None:
    token = (await up(deployment)).record.token
    assert token
    # What the guide's restart of a founder does: it opens a cluster of its own, beside its peers'.
    kill(deployment, "cl1")
    node = deployment.by_name["cl1"]
    env = {"CL_KEYSTORE": str(node.key.keystore), "OTTOCHAIN_LOG_FILE": str(node.log_file)}
    env |= {f"CL_{kind.upper()}_HTTP_PORT": str(getattr(node.ports, kind)) for kind in ("public", "p2p", "cli")}
    env["CL_L0_TOKEN_IDENTIFIER"] = token
    request = {
        "argv": ["cl1", "run-initial-validator"],
        "cwd": str(node.data_dir),
        "env": env,
        "stderr": str(node.error_file),
    }
    nursery = await asyncio.create_subprocess_exec(*NURSERY, stdin=-1, stdout=-1)
    await nursery.communicate(json.dumps(request).encode() + b"\n")
    while process.look(node).state != "running":  # noqa: ASYNC110  another process's doing
        await asyncio.sleep(0.01)
    await up(deployment)
    assert await is_whole(deployment)
    assert starts(deployment, "cl1")[-2:] == ["run-initial-validator", "run-validator"]
