"""Of every so manieth seed the steps are recorded, and replayed: the same events must give the same effects."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from ottochain.consensus import journal
from ottochain.consensus.outbox import OutboxConfig, OutboxEvent
from ottochain.sim.checkers.violation import Violated

if TYPE_CHECKING:
    from ottochain.sim.process import Process
    from ottochain.sim.world import World

EVERY: Final = 20
_OUTBOX_EVENTS: Final = OutboxEvent.__args__


class Journals:
    """One journal per core and life."""

    def __init__(self) -> None:
        self._lines: dict[tuple[str, int, str, tuple[str, ...]], list[bytes]] = {}

    def note(self, process: Process, event: Any, effects: tuple[Any, ...]) -> None:
        kind, validators = process.layer, ()
        if isinstance(event, _OUTBOX_EVENTS):
            kind, validators = "outbox", process.outbox.config.members  # type: ignore[attr-defined]
        lines = self._lines.setdefault((process.name, process.life, kind, validators), [])
        lines.append(journal.encode_line(event, effects))

    def check(self, world: World) -> None:
        """Replays all. Raises Violated at the first difference."""
        for (name, life, kind, members), lines in self._lines.items():
            if kind == "outbox":
                found = journal.replay_outbox(OutboxConfig(name, members), lines)
            elif kind == "dl1":
                found = journal.replay_l1(world.l1_nodes[name].config, lines)
            else:
                found = journal.replay(world.validators[name].config, lines)
            if found is not None:
                raise Violated(
                    9, f"the {kind} core of {name}, life {life}, step {found.line}, does not replay: {found}"
                )
