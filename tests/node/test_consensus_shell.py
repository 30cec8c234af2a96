"""The shell of a validator's core: effects in their order, each before the next, answers before all else."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from node.network import until
from ottochain.consensus.core import Config, initial
from ottochain.consensus.effects import (
    Boot,
    Broadcast,
    Build,
    Built,
    Commit,
    Committed,
    Diverged,
    Hot,
    NotBuilt,
    PeerUp,
    Persist,
    Send,
    Serve,
    Validate,
    Validated,
)
from ottochain.consensus.journal import decode_line
from ottochain.consensus.quorum import leader_order
from ottochain.consensus.votes import Ask, Chain, Prevote, Proposal
from ottochain.node.consensus_shell import ConsensusShell, Recorder

PARENT, VALUE, BODY = "aa" * 32, "bb" * 32, "cc" * 32
ME, PEER = sorted(("1" * 128, "2" * 128), key=lambda each: leader_order(PARENT, ("1" * 128, "2" * 128)).index(each))
"""Of two validators, the first leads view 0."""


class Layer:
    """Answers the core, and notes in which order it was asked; ``may_persist`` holds a write back."""

    def __init__(self, *validators: str) -> None:
        self.validators = validators
        self.asked: list[Any] = []
        self.may_persist = asyncio.Event()
        self.may_persist.set()
        self.has_something = True

    async def build(self, ask: Build) -> Built | NotBuilt:
        self.asked.append(ask)
        await asyncio.sleep(0)
        if not self.has_something:
            return NotBuilt(ask.height, ask.view, "nothing")
        return Built(ask.height, ask.view, VALUE, BODY, ask.trigger)

    async def validate(self, ask: Validate) -> Validated:
        self.asked.append(ask)
        return Validated(ask.proposal.height, ask.proposal.view, ask.proposal.hash, True)

    async def persist(self, ask: Persist) -> None:
        self.asked.append(ask)
        await self.may_persist.wait()
        self.asked.append("synced")

    async def commit(self, ask: Commit) -> Committed:
        self.asked.append(ask)
        await asyncio.sleep(0)
        return Committed(ask.height, ask.hash, self.validators)

    def send(self, ask: Broadcast | Send | Serve) -> None:
        self.asked.append(ask)

    def of(self, kind: type[Any]) -> list[Any]:
        return [each for each in self.asked if isinstance(each, kind)]


class Running:
    def __init__(self, me: str, *validators: str, recorder: Recorder | None = None) -> None:
        self.layer = Layer(*validators)
        self.diverged: list[Diverged] = []
        self.beats = 0
        config = Config(
            me=me,
            chain=Chain("chain", 0, "ml0"),
            sign=lambda text: f"{me[0]}{text}",
            verify=lambda *_: True,
            timeout_ms=20,
        )
        self.shell = ConsensusShell(
            initial(config), self.layer, self.layer, recorder=recorder, on_diverged=self.diverged.append, beat=self.beat
        )
        self.task = asyncio.create_task(self.shell.run())
        self.shell.tell(Boot(height=1, hash=PARENT, certificate=None, validators=validators))

    def beat(self) -> None:
        self.beats += 1

    async def stop(self) -> None:
        self.task.cancel()
        await asyncio.gather(self.task, return_exceptions=True)


@pytest.fixture
async def lone() -> AsyncIterator[Running]:
    started = Running(ME, ME)
    yield started
    await started.stop()


@pytest.fixture
async def leader() -> AsyncIterator[Running]:
    """One of two validators, the other of which says nothing."""
    started = Running(ME, ME, PEER)
    yield started
    await started.stop()


async def test_a_lone_validator_builds_votes_and_commits(lone: Running) -> None:
    lone.shell.tell(Hot("event"))
    await until(lambda: lone.shell.state.height == 3)
    assert [type(each) for each in lone.layer.asked if each != "synced"] == [Build, Persist, Commit]
    assert lone.beats > 0
    assert lone.layer.of(Commit)[0].hash == VALUE


async def test_a_lone_validator_queues_its_votes_ahead_of_the_commit_and_goes_on_when_both_are_synced(
    lone: Running,
) -> None:
    lone.layer.may_persist.clear()
    lone.shell.tell(Hot("event"))
    await until(lambda: bool(lone.layer.of(Commit)))
    await asyncio.sleep(0.02)
    assert lone.shell.state.phase == "committing"
    lone.layer.may_persist.set()
    await until(lambda: lone.shell.state.height == 3)


async def test_with_others_nothing_leaves_the_node_before_its_vote_is_synced(leader: Running) -> None:
    await until(lambda: bool(leader.layer.of(Broadcast)))
    leader.layer.asked.clear()
    leader.layer.may_persist.clear()
    leader.shell.tell(Hot("event"))
    await until(lambda: bool(leader.layer.of(Persist)))
    await asyncio.sleep(0.01)
    assert [each for each in leader.layer.of(Broadcast) if isinstance(each.message, Proposal | Prevote)] == []
    leader.layer.may_persist.set()
    await until(lambda: any(isinstance(each.message, Prevote) for each in leader.layer.of(Broadcast)))
    order = [each if each == "synced" else type(each) for each in leader.layer.asked]
    assert order.index(Persist) < order.index("synced") < order.index(Broadcast)


async def test_an_answer_comes_before_whatever_was_told_meanwhile(lone: Running, tmp_path: Path) -> None:
    recorder = Recorder(tmp_path / "steps.jsonl")
    running = Running(ME, ME, recorder=recorder)
    running.shell.tell(Hot("event"))
    running.shell.tell(PeerUp(PEER))
    running.shell.tell(PeerUp(PEER))
    await until(lambda: running.shell.state.height == 3)
    await running.stop()
    lines = (tmp_path / "steps.jsonl").read_bytes().splitlines()
    events = [type(decode_line(line).event) for line in lines]
    assert events == [Boot, Hot, Built, Committed, PeerUp, PeerUp]


async def test_timers_fire_and_the_later_one_of_a_name_counts(leader: Running) -> None:
    """The other validator is silent: the views go on by timers alone."""
    leader.shell.tell(Hot("event"))
    await until(lambda: leader.shell.state.asked >= 1)
    assert any(isinstance(each.message, Ask) for each in leader.layer.of(Broadcast))
    leader.shell.tell(Hot("event"))
    assert len(leader.shell._timers) <= 4


async def test_nothing_to_build_leaves_the_height_cold(lone: Running) -> None:
    lone.layer.has_something = False
    lone.shell.tell(Hot("event"))
    await until(lambda: bool(lone.layer.of(Build)))
    await asyncio.sleep(0.01)
    assert (lone.shell.state.phase, lone.layer.of(Commit)) == ("cold", [])
    lone.layer.has_something = True
    lone.shell.tell(Hot("event"))
    await until(lambda: lone.shell.state.height == 3)


@pytest.mark.parametrize("question", ["build", "persist", "commit"])
async def test_a_layer_that_fails_ends_the_shell(lone: Running, question: str, monkeypatch: pytest.MonkeyPatch) -> None:
    async def fails(_layer: Layer, _ask: Any) -> Any:
        raise OSError(f"no {question}")

    monkeypatch.setattr(Layer, question, fails)
    lone.shell.tell(Hot("event"))
    with pytest.raises(OSError, match=f"no {question}"):
        await lone.task


async def test_a_stopped_shell_leaves_no_timer_behind() -> None:
    running = Running(ME, ME, PEER)
    running.shell.tell(Hot("event"))
    await until(lambda: bool(running.shell._timers))
    await running.stop()
    assert all(timer.cancelled() for timer in running.shell._timers.values())
