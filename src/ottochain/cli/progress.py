"""How a plan goes, as it goes: a live table on a terminal, a line for each step elsewhere. All of it on stderr."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from ottochain.cli.output import say
from ottochain.cli.status_rows import HEADER, NUMBERS, rows

if TYPE_CHECKING:
    from ottochain.ops.execute.runner import Audience
    from ottochain.ops.facts.observation import Observation
    from ottochain.ops.inventory.deployment import Deployment
    from ottochain.ops.plan.steps import Plan, Step


@contextlib.contextmanager
def progress_of(deployment: Deployment, *, live: bool) -> Iterator[Audience]:
    """The audience for this terminal, or for this file."""
    if not live:
        yield Lines()
        return
    table = LiveTable(deployment)
    try:
        yield table
    finally:
        table.close()


class Lines:
    """One line for each step that is done."""

    def __init__(self) -> None:
        self._began = time.monotonic()

    def planned(self, plan: Plan) -> None:
        self._say(f"{len(plan.steps)} steps")

    def began(self, step: Step) -> None:
        """Nothing is said before there is something to say."""

    def done(self, step: Step, note: str, seconds: float) -> None:
        self._say(f"{step.sentence}: {note}")

    def observed(self, observation: Observation) -> None:
        """The steps say it."""

    def _say(self, text: str) -> None:
        say(f"{time.monotonic() - self._began:6.2f} s  {text}")


class LiveTable:
    """The nodes as they are at this moment, and below them what is being done."""

    def __init__(self, deployment: Deployment) -> None:
        from rich.console import Console
        from rich.live import Live

        self._deployment = deployment
        self._observation: Observation | None = None
        self._running: dict[str, Step] = {}
        self._began = time.monotonic()
        self._live = Live(console=Console(stderr=True), get_renderable=self._draw, refresh_per_second=15)
        self._is_shown = False

    def planned(self, plan: Plan) -> None:
        """The table shows its steps as they run."""

    def began(self, step: Step) -> None:
        self._running[step.id] = step

    def done(self, step: Step, note: str, seconds: float) -> None:
        self._running.pop(step.id, None)

    def observed(self, observation: Observation) -> None:
        self._observation = observation
        if not self._is_shown and any(not facts.is_ready for facts in observation.nodes.values()):
            self._live.start()
            self._is_shown = True

    def close(self) -> None:
        if self._is_shown:
            self._running.clear()
            self._live.stop()

    def _draw(self) -> Any:
        from rich.console import Group
        from rich.table import Table
        from rich.text import Text

        table = Table(box=None, pad_edge=False, header_style="bold")
        for column, title in enumerate(HEADER):
            table.add_column(title, justify="right" if column in NUMBERS else "left")
        if self._observation:
            for row, state in rows(self._deployment, self._observation):
                table.add_row(*row, style={"Ready": "green", "stopped": "dim"}.get(state, "yellow"))
        doing = [Text(f"{step.sentence} …", style="dim") for step in self._running.values()]
        return Group(table, Text(f"{time.monotonic() - self._began:.1f} s", style="dim"), *doing)
