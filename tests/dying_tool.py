"""The tool, killed with SIGKILL at an instant of one's choice: ``python -m tests.dying_tool FOLDER VERB TARGET HOW STEP
MOMENT [NURSERY…]``.

MOMENT is ``began`` (the journal says so, nothing was done), ``inside N`` (the N-th thing seen after that), ``acted``
(it was done, the journal does not say so) or ``done`` (the journal says so). A step inside which too little is to be
seen dies when it acted.
"""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, NoReturn

from ottochain.ops.execute.journal import Journal
from ottochain.ops.facts.observation import Observation
from ottochain.ops.inventory.deployment import Deployment
from ottochain.ops.inventory.reading import load
from ottochain.ops.operations.membership import membership_request
from ottochain.ops.operations.operation import execute, prepare
from ottochain.ops.operations.restart import request_for
from ottochain.ops.plan.procedures import plan_procedure
from ottochain.ops.plan.request import Request
from ottochain.ops.plan.steps import Plan, Step
from ottochain.ops.runtimes.nursery import COMMAND

MOMENTS = ("began", "inside 3", "acted", "done")


def requested(deployment: Deployment, verb: str, target: str, how: str) -> Request:
    """As the command line makes it; ``node NAME`` means the node."""
    name, _, node = target.partition(" ")
    if verb in ("join", "leave", "reset"):
        return membership_request(deployment, verb, node or name, layer=not node)  # type: ignore[arg-type]
    return request_for(deployment, verb, node or name, only_node=bool(node), how=how)  # type: ignore[arg-type]


def instants(deployment: Deployment, seen: Observation, procedures: Sequence[tuple[str, str, str]]) -> Iterator[Any]:
    """Every step that the planner lists for these procedures, with every moment of it."""
    for verb, target, how in procedures:
        for step in plan_procedure(deployment, seen, requested(deployment, verb, target, how)).steps:
            for moment in MOMENTS:
                yield verb, target, how, step.id, moment


def die_at(folder: Path, instant: tuple[str, str, str, str, str], nursery: Sequence[str] = ()) -> None:
    """Run the tool until it is killed at that instant."""
    done = subprocess.run(
        [sys.executable, "-m", "tests.dying_tool", str(folder), *instant, *nursery],
        cwd=Path(__file__).parents[1],
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert done.returncode == -signal.SIGKILL, f"{instant}: ended with {done.returncode}: {done.stderr}"


class Doomed:
    """An audience that ends its own process."""

    def __init__(self, step: str, moment: str) -> None:
        self.step, self.moment = step, moment
        self.seen: int | None = None

    def planned(self, plan: Plan) -> None:
        """Plans kill nobody."""

    def began(self, step: Step) -> None:
        if step.id == self.step and self.seen is None:
            if self.moment == "began":
                die()
            self.seen = 0
        else:
            self._something()

    def done(self, step: Step, note: str, seconds: float) -> None:
        if step.id == self.step and self.moment == "done":
            die()
        self._something()

    def observed(self, observation: Observation) -> None:
        self._something()

    def _something(self) -> None:
        if self.seen is not None:
            self.seen += 1
            if self.moment == f"inside {self.seen}":
                die()


def die() -> NoReturn:
    os.kill(os.getpid(), signal.SIGKILL)
    raise AssertionError("this process is dead")


def main(folder: str, verb: str, target: str, how: str, step: str, moment: str, *nursery: str) -> None:
    note = Journal.note

    def note_or_die(self: Journal, event: str, **facts: object) -> None:
        if event == "done" and facts["step"] == step and moment != "done":
            die()
        note(self, event, **facts)

    Journal.note = note_or_die  # type: ignore[method-assign]
    deployment = load(Path(folder) / "ottochain.toml")

    async def run() -> None:
        made = await prepare(deployment, requested(deployment, verb, target, how))
        await execute(deployment, made, Doomed(step, moment), nursery or COMMAND)

    asyncio.run(run())


if __name__ == "__main__":
    main(*sys.argv[1:])
