"""Operations on fake nodes: interrupted at every instant, refused, paused, taken back; two at once."""

from __future__ import annotations

import asyncio
import json
import os
import socket
import sys
import time
from collections.abc import AsyncIterator
from pathlib import Path
from tempfile import mkdtemp

import pytest
import pytest_asyncio
from tests.dying_tool import die_at, instants, requested
from tests.ops.fakes import NURSERY, Told, is_whole, kill, pids, starts, up, with_fault
from tests.ops.worlds import a_deployment, a_world, ready
from tests.port_blocks import a_port_offset

from ottochain.ops import lease
from ottochain.ops.errors import GateNotMet, HalfWay, LeaseHeld, OttochainError, Refused
from ottochain.ops.execute import journal, stopping
from ottochain.ops.execute.journal import Entry
from ottochain.ops.execute.watch import Watch
from ottochain.ops.inventory.deployment import Deployment
from ottochain.ops.operations import resuming
from ottochain.ops.operations.down import bring_down
from ottochain.ops.operations.operation import Report, execute, prepare
from ottochain.ops.plan.document import from_json, to_json
from ottochain.ops.plan.steps import Step, Stop
from ottochain.ops.runtimes import process

pytestmark = pytest.mark.network

ALL = ("gl0", "ml0", "cl1", "cl1-1", "cl1-2", "dl1", "dl1-1", "dl1-2")
PROCEDURES = [
    ("restart", "dl1", "rolling"),
    ("restart", "gl0", ""),
    ("restart", "stack", "full"),
    ("reset", "node dl1-1", ""),
]
INSTANTS = list(instants(a_deployment(Path(mkdtemp())), a_world(others=ready(*ALL)), PROCEDURES))


async def carry_out(deployment: Deployment, verb: str, target: str, how: str = "", told: Told | None = None) -> Report:
    made = await prepare(deployment, requested(deployment, verb, target, how))
    return await execute(deployment, made, told or Told(), NURSERY)


def lives(deployment: Deployment) -> dict[str, str | None]:
    return {node.name: process.look(node).life for node in deployment.nodes}


def last(deployment: Deployment) -> Entry:
    return journal.entries(deployment.places.operations)[-1]


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def whole(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Deployment]:
    """A deployment that is up. Whoever uses it leaves it up."""
    with a_port_offset() as offset:
        made = a_deployment(tmp_path_factory.mktemp("whole"), f"[deployment]\nport_offset = {offset}\n")
        for file in (made.places.gl0_genesis, made.places.ml0_genesis):
            file.parent.mkdir(parents=True)
            file.write_text("")
        await up(made)
        yield made
        kill(made)


@pytest.mark.parametrize("instant", INSTANTS, ids=lambda one: "-".join(one).replace(" ", "-"))
async def test_a_procedure_killed_at_any_instant_is_finished_by_resume(
    whole: Deployment, instant: tuple[str, str, str, str, str]
) -> None:
    verb, target, how, _, _ = instant
    before, others = lives(whole), set(requested(whole, verb, target, how).nodes)
    die_at(whole.places.file.parent, instant, NURSERY)
    assert last(whole).state == "running"
    with pytest.raises(LeaseHeld, match="was cut off"):
        await carry_out(whole, "restart", "ml0")
    entry, _ = await resuming.resume(whole, None, Told(), NURSERY)
    assert await is_whole(whole)
    after = lives(whole)
    assert {name for name in after if after[name] != before[name]} == others
    assert journal.entry(whole.places.operations, entry.id).state == "done"
    for name in others:
        assert starts(whole, name)[-1] in ("run-rollback", "run-validator", "run-initial-validator")


HALVES = [("stop", "node dl1-1", ""), ("leave", "node dl1-1", "")]
INSTANTS_OF_HALVES = list(instants(a_deployment(Path(mkdtemp())), a_world(others=ready(*ALL)), HALVES))


@pytest.mark.parametrize("instant", INSTANTS_OF_HALVES, ids=lambda one: "-".join(one).replace(" ", "-"))
async def test_a_stop_killed_at_any_instant_is_finished_by_resume_and_undone_by_a_start(
    whole: Deployment, instant: tuple[str, str, str, str, str]
) -> None:
    die_at(whole.places.file.parent, instant, NURSERY)
    await resuming.resume(whole, None, Told(), NURSERY)
    assert {name for name, pid in pids(whole).items() if pid is None} == {"dl1-1"}
    await carry_out(whole, "start", "node dl1-1")
    assert await is_whole(whole)


async def test_nothing_to_do_leaves_no_journal(whole: Deployment) -> None:
    before = len(journal.entries(whole.places.operations))
    assert not (await carry_out(whole, "start", "dl1")).changed
    assert not (await up(whole)).changed
    assert len(journal.entries(whole.places.operations)) == before


async def test_a_stop_and_a_start_touch_only_what_they_name(whole: Deployment) -> None:
    before = pids(whole)
    await carry_out(whole, "stop", "dl1-1")
    assert {name for name, pid in pids(whole).items() if pid is None} == {"dl1-1"}
    assert not (await carry_out(whole, "stop", "dl1-1")).changed
    await carry_out(whole, "start", "dl1-1")
    assert await is_whole(whole)
    assert {name for name, pid in pids(whole).items() if pid != before[name]} == {"dl1-1"}
    assert starts(whole, "dl1-1")[-1] == "run-validator"


async def test_the_measured_pause_is_reported(whole: Deployment) -> None:
    assert set((await carry_out(whole, "restart", "gl0")).pauses) == {"gl0"}
    assert not (await carry_out(whole, "restart", "cl1", "rolling")).pauses
    assert set((await carry_out(whole, "restart", "cl1", "full")).pauses) == {"cl1"}
    assert (await carry_out(whole, "stop", "ml0")).lasting == ("ml0",)
    await up(whole)


async def test_a_plan_is_the_same_after_a_journey_through_a_file(whole: Deployment) -> None:
    made = await prepare(whole, requested(whole, "restart", "stack", "full"))
    back = from_json(json.loads(json.dumps(to_json(whole, made))))
    assert back == made
    assert back.fingerprint == made.fingerprint


async def test_a_plan_is_refused_when_what_it_rests_on_has_changed(whole: Deployment) -> None:
    made = await prepare(whole, requested(whole, "restart", "dl1", "rolling"))
    kill(whole, "cl1-1")
    with pytest.raises(Refused, match="cl1-1: its process was running, now stopped"):
        await execute(whole, made, Told(), NURSERY)
    await up(whole)


async def test_an_edited_plan_is_refused(whole: Deployment) -> None:
    document = to_json(whole, await prepare(whole, requested(whole, "restart", "dl1", "rolling")))
    with pytest.raises(Refused, match="was edited"):
        from_json({**document, "request": {**document["request"], "acceptPause": True}})
    with pytest.raises(Refused, match="this is no plan"):
        from_json({"format": 1})
    with pytest.raises(Refused, match="of form 9"):
        from_json({"format": 9})
    made = from_json({**document, "steps": document["steps"][:2]})
    with pytest.raises(Refused, match="other steps"):
        await execute(whole, made, Told(), NURSERY)


async def test_an_asked_pause_comes_between_two_steps_and_resume_goes_on(whole: Deployment) -> None:
    before = lives(whole)

    def ask(step: Step) -> None:
        if step.id == "stop dl1-1":
            resuming.pause(whole, None)

    with pytest.raises(HalfWay, match="pauses before the step: Bring up dl1-1"):
        await carry_out(whole, "restart", "dl1", "rolling", Told(ask))
    assert last(whole).state == "half way"
    assert lives(whole)["dl1"] == before["dl1"]
    with pytest.raises(Refused, match="does not run"):
        resuming.pause(whole, None)
    await resuming.resume(whole, None, Told(), NURSERY)
    assert await is_whole(whole)
    assert lives(whole)["dl1"] != before["dl1"]
    with pytest.raises(Refused, match="no operation stopped half way"):
        await resuming.resume(whole, None, Told(), NURSERY)


async def test_an_abort_brings_back_what_was_stopped_and_does_no_more(whole: Deployment) -> None:
    before = lives(whole)
    die_at(whole.places.file.parent, ("restart", "dl1", "rolling", "stop dl1-1", "acted"), NURSERY)
    entry, _ = await resuming.abort(whole, None, Told(), NURSERY)
    assert await is_whole(whole)
    changed = {name for name, life in lives(whole).items() if life != before[name]}
    assert changed == {"dl1-1", "dl1-2"}
    assert journal.entry(whole.places.operations, entry.id).state == "aborted"
    with pytest.raises(Refused, match="is at its end: aborted"):
        await resuming.resume(whole, entry.id, Told(), NURSERY)


async def test_a_dead_holders_lease_is_broken_with_a_reason_that_is_kept(whole: Deployment) -> None:
    die_at(whole.places.file.parent, ("restart", "gl0", "", "stop gl0", "done"), NURSERY)
    assert lease.maintenance(whole.places.lease, time.time())
    (entry,) = resuming.break_lease(whole, "the plan was wrong")
    assert lease.maintenance(whole.places.lease, time.time()) is None
    broken = journal.entry(whole.places.operations, entry.id)
    assert (broken.state, broken.last_word) == ("broken", "the plan was wrong")
    assert process.look(whole.by_name["gl0"]).state == "stopped"
    await carry_out(whole, "start", "gl0")
    assert await is_whole(whole)


async def test_a_living_holders_lease_is_never_broken(whole: Deployment) -> None:
    with lease.hold(whole.places.lease, "restart dl1"), pytest.raises(LeaseHeld, match="living process"):
        resuming.break_lease(whole, "I am in a hurry")


async def test_up_and_down_take_care_of_what_was_cut_off(whole: Deployment) -> None:
    for ends in ("up", "down"):
        die_at(whole.places.file.parent, ("restart", "dl1", "rolling", "stop dl1-2", "done"), NURSERY)
        cut = last(whole).id
        if ends == "down":
            await bring_down(whole, Told())
            assert set(pids(whole).values()) == {None}
        await up(whole)
        assert await is_whole(whole)
        assert journal.entry(whole.places.operations, cut).state == "superseded"


async def test_two_operators_at_once_the_second_is_told_who_and_what(whole: Deployment) -> None:
    entered = asyncio.Event()

    class Slow(Told):
        def began(self, step: Step) -> None:
            entered.set()

    first = asyncio.create_task(carry_out(whole, "restart", "dl1", "rolling", Slow()))
    await entered.wait()
    with pytest.raises(LeaseHeld) as held:
        await carry_out(whole, "restart", "cl1", "rolling")
    assert "`ottochain restart dl1 --rolling` (operation" in held.value.what
    assert f"process {os.getpid()}, since 2" in held.value.what
    await first
    assert await is_whole(whole)


# Faults at the gates.


async def broken_restart(deployment: Deployment, folder: Path, fault: str, how: str = "rolling") -> GateNotMet:
    """A restart of DL1 of which dl1-1, the second node, misbehaves from now on."""
    await up(deployment)
    faulty = with_fault(deployment, "dl1-1", fault, folder)
    made = await prepare(faulty, requested(faulty, "restart", "dl1", how))
    with pytest.raises(GateNotMet) as failed:
        await execute(faulty, made, Told(), NURSERY)
    return failed.value


def mended(folder: Path) -> Deployment:
    return a_deployment(folder, (folder / "ottochain.toml").read_text().partition("[nodes")[0])


async def test_a_node_that_does_not_come_back_ends_a_rolling_restart_there(
    deployment: Deployment, tmp_path: Path
) -> None:
    error = await broken_restart(deployment, tmp_path, "dies")
    assert "dl1-1 ended by itself" in error.what
    assert "the disk is full" in error.what
    assert "ottochain operations resume 2 goes on, ottochain operations abort 2 takes back" in error.next_step
    assert last(deployment).state == "half way"
    assert {name for name, pid in pids(deployment).items() if pid is None} == {"dl1-1"}  # nothing worse
    assert len(starts(deployment, "dl1")) == 1  # the third was not touched
    whole = mended(tmp_path)
    await resuming.resume(whole, None, Told(), NURSERY)
    assert await is_whole(whole)
    assert len(starts(deployment, "dl1")) == 2


async def test_a_node_that_hangs_ends_it_when_nothing_moves_any_more(
    deployment: Deployment, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("ottochain.ops.execute.watch.Watch.until.__defaults__", (0.5,))
    monkeypatch.setattr("ottochain.ops.execute.bringing_up.REST_SECONDS", 0.2)
    error = await broken_restart(deployment, tmp_path, "hangs")
    assert "dl1-1 Initial" in error.what
    assert "ottochain logs dl1-1" in error.next_step
    whole = mended(tmp_path)
    await resuming.abort(whole, None, Told(), NURSERY)
    assert await is_whole(whole)


@pytest.mark.parametrize(
    ("fault", "said", "next_step"),
    [
        ("stranded", "dl1-1 could not join dl1, 3 times: its handshakes failed", "ottochain logs dl1-1"),
        ("other version", "it runs another engine version than its cluster", "ottochain versions"),
        ("shy", "dl1-1 a member in every Ready peer's view (dl1-1 Ready)", "ottochain logs dl1-1"),
        ("busy", "dl1-1 a member in every Ready peer's view (dl1-1 ReadyToJoin)", "ottochain logs dl1-1"),
    ],
)
async def test_a_node_that_joins_nobody_or_is_not_seen_is_named_with_the_reason(
    deployment: Deployment, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, fault: str, said: str, next_step: str
) -> None:
    monkeypatch.setattr("ottochain.ops.execute.watch.Watch.until.__defaults__", (1.0,))
    monkeypatch.setattr("ottochain.ops.execute.actions.STUCK_SECONDS", 0.1)
    monkeypatch.setattr("ottochain.ops.execute.bringing_up.REST_SECONDS", 0.2)
    error = await broken_restart(deployment, tmp_path, fault)
    assert said in error.what
    assert next_step in error.next_step
    assert error.exit_code == 3
    assert pids(deployment)["dl1"]
    assert len(starts(deployment, "dl1")) == 1  # the third was not touched
    whole = mended(tmp_path)
    await carry_out(whole, "stop", "node dl1-1")
    await resuming.resume(whole, None, Told(), NURSERY)
    assert await is_whole(whole)


async def test_a_port_that_was_taken_meanwhile_is_half_way_and_names_its_holder(
    deployment: Deployment, tmp_path: Path
) -> None:
    await up(deployment)
    node = deployment.by_name["dl1-2"]

    class Thief(Told):
        socket: socket.socket

        def done(self, step: Step, note: str, seconds: float) -> None:
            if step.id == "stop dl1-2":
                self.socket = socket.socket()
                self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
                self.socket.bind(("127.0.0.1", node.ports.public))
                self.socket.listen()

    thief = Thief()
    with pytest.raises(HalfWay, match=rf"{node.ports.public} of dl1-2: process {os.getpid()}") as stopped:
        await carry_out(deployment, "restart", "dl1", "rolling", thief)
    assert "resume" in stopped.value.next_step
    thief.socket.close()
    await resuming.resume(deployment, None, Told(), NURSERY)
    assert await is_whole(deployment)


async def test_a_second_node_that_fails_meanwhile_stops_the_restart_at_the_floor(
    deployment: Deployment, monkeypatch: pytest.MonkeyPatch
) -> None:
    await up(deployment)

    async def until_seen(self: Watch, node: str) -> None:
        await self.until(f"{node} stopped", lambda seen: True if seen[node].process == "stopped" else None, [])

    stop_step = stopping.stop

    async def stop_after_the_other(given: Deployment, watch: Watch, action: Stop) -> str:
        if action.node == "dl1-1":
            kill(deployment, "dl1-2")
            await until_seen(watch, "dl1-2")
        return await stop_step(given, watch, action)

    monkeypatch.setattr("ottochain.ops.execute.procedure.stop", stop_after_the_other)
    with pytest.raises(GateNotMet) as failed:
        await carry_out(deployment, "restart", "dl1", "rolling")
    monkeypatch.undo()
    assert "dl1-1 was not stopped: dl1-2 is not Ready any more" in failed.value.what
    assert pids(deployment)["dl1-1"]
    await carry_out(deployment, "start", "dl1")
    await resuming.resume(deployment, None, Told(), NURSERY)
    assert await is_whole(deployment)


async def test_a_nursery_that_does_not_load_stops_nothing(whole: Deployment) -> None:
    before = pids(whole)
    made = await prepare(whole, requested(whole, "restart", "gl0", ""))
    with pytest.raises(OttochainError, match="the nursery, which starts the nodes, failed"):
        await execute(whole, made, Told(), (sys.executable, "-c", "raise SystemExit"))
    assert pids(whole) == before
    assert last(whole).state == "half way"
    await resuming.abort(whole, None, Told(), NURSERY)
    assert pids(whole) == before


async def test_an_interrupt_at_the_terminal_is_noted_and_can_be_resumed(deployment: Deployment) -> None:
    await up(deployment)
    task = asyncio.create_task(carry_out(deployment, "restart", "dl1", "rolling", Told(lambda step: task.cancel())))
    with pytest.raises(asyncio.CancelledError):
        await task
    assert (last(deployment).state, last(deployment).last_word) == ("half way", "interrupted at the terminal")
    await resuming.resume(deployment, None, Told(), NURSERY)
    assert await is_whole(deployment)
