"""Watch the nodes while a plan runs, so that gates open on what is observed."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Collection
from dataclasses import replace
from typing import Final, TypeVar

from ottochain.client.light import LightClient
from ottochain.ops.errors import GateNotMet
from ottochain.ops.facts.observation import NodeFacts, Observation
from ottochain.ops.facts.observe import look_closer, observe_node
from ottochain.ops.files import tail
from ottochain.ops.inventory.deployment import Deployment, Node
from ottochain.ops.runtimes import host

T = TypeVar("T")

LOOK_SECONDS_MIN: Final = 0.015
LOOK_SECONDS_MAX: Final = 0.2
BACK_OFF: Final = 1.25
PATIENCE_SECONDS: Final = 30.0
"""How long a gate waits while nothing moves."""
WAIT_SECONDS_MAX: Final = 600.0
LAST_LINES: Final = 8


class Watch:
    """The latest facts of every node. Use as ``async with``; the looking goes on inside."""

    def __init__(
        self, deployment: Deployment, client: LightClient, seen: Observation, changed: Callable[[Observation], None]
    ) -> None:
        self._deployment = deployment
        self._client = client
        self._facts = dict(seen.nodes)
        self._tell = changed
        self._started: dict[str, int] = {}
        self._news = asyncio.Event()
        self._soon = {node.name: asyncio.Event() for node in deployment.nodes}
        self._last_change = time.monotonic()
        self._tasks: list[asyncio.Task[None]] = []

    async def __aenter__(self) -> Watch:
        self._tasks = [asyncio.create_task(self._look_at(node)) for node in self._deployment.nodes]
        return self

    async def __aexit__(self, *_: object) -> None:
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    @property
    def observation(self) -> Observation:
        return Observation(self._facts, at=time.monotonic())

    def absorb(self, seen: Observation) -> None:
        """A closer look was taken at every node."""
        self._facts.update(seen.nodes)
        self._changed()

    def expect(self, name: str, pid: int) -> None:
        """The node was just started as this process: it lives from now on, and looking at it is worth while."""
        self._started[name] = pid
        self._facts[name] = replace(self._facts[name], process="running", pid=pid, life=None, tip=None)
        self._soon[name].set()
        self._changed()

    def hurry(self, name: str) -> None:
        """Something was just asked of the node: look at it soon."""
        self._soon[name].set()

    async def until(
        self,
        what: str,
        check: Callable[[Observation], T | None],
        alive: Collection[str],
        patience: float = PATIENCE_SECONDS,
    ) -> T:
        """Wait until ``check`` gives something. Raises ``GateNotMet`` at once when a node of ``alive`` ends, or when
        nothing has changed for ``patience`` seconds."""
        began = time.monotonic()
        while (found := check(self.observation)) is None:
            self._refuse_dead(what, alive)
            now = time.monotonic()
            quiet_until = max(began, self._last_change) + patience
            if now > min(quiet_until, began + WAIT_SECONDS_MAX):
                raise self._too_late(what, alive, now - began)
            self._news.clear()
            try:
                async with asyncio.timeout(min(quiet_until - now + 0.01, LOOK_SECONDS_MAX)):
                    await self._news.wait()
            except TimeoutError:
                continue
        return found

    async def _look_at(self, node: Node) -> None:
        pause = LOOK_SECONDS_MIN
        while True:
            facts = await self._look_once(node)
            if self._is_news(facts):
                pause = LOOK_SECONDS_MIN
                self._facts[node.name] = facts
                self._changed()
            else:
                pause = min(pause * BACK_OFF, LOOK_SECONDS_MAX)
            try:
                async with asyncio.timeout(pause):
                    await self._soon[node.name].wait()
                self._soon[node.name].clear()
                pause = LOOK_SECONDS_MIN
            except TimeoutError:
                pass

    async def _look_once(self, node: Node) -> NodeFacts:
        facts = await observe_node(node, self._client, thoroughly=False)
        if facts.process == "stopped" and (pid := self._started.get(node.name)) and host.is_alive(pid):
            facts = replace(facts, process="running", pid=pid)  # it has not taken its lock yet
        if facts.is_ready:
            return await look_closer(node, facts, self._client)
        return facts

    def _is_news(self, facts: NodeFacts) -> bool:
        known = self._facts[facts.name]
        return _seen(facts) != _seen(known) or facts.ordinal != known.ordinal

    def _changed(self) -> None:
        self._last_change = time.monotonic()
        self._news.set()
        self._tell(self.observation)

    def _refuse_dead(self, what: str, alive: Collection[str]) -> None:
        for name in alive:
            if self._facts[name].process == "stopped":
                said = last_words(self._deployment.by_name[name])
                raise GateNotMet(
                    f"{name} ended by itself, waiting for: {what}.\n{said}",
                    next_step=f"ottochain logs {name}, then `ottochain up` again: it goes on from here.",
                )

    def _too_late(self, what: str, alive: Collection[str], seconds: float) -> GateNotMet:
        states = ", ".join(f"{name} {self._facts[name].state or self._facts[name].silent_because}" for name in alive)
        return GateNotMet(
            f"not seen within {seconds:.0f} s: {what} ({states}).",
            next_step=f"ottochain logs {next(iter(alive), '')}".rstrip() + "; `ottochain up` goes on from here.",
        )


def _seen(facts: NodeFacts) -> object:
    """What counts as a change: not the ordinal, which moves on by itself."""
    members = None if facts.members is None else [(one.id, one.state, one.session) for one in facts.members]
    return facts.process, facts.pid, facts.state, members, facts.own.all.get("diverged") if facts.own else None


def last_words(node: Node) -> str:
    """What a node said last: its errors, else the end of its log."""
    said = tail(node.error_file, LAST_LINES) or tail(node.log_file, LAST_LINES)
    return "\n".join(f"  {line}" for line in said) or f"  it left no word in {node.log_file}"
