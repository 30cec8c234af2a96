"""What a run saw: the faults that struck, the places where nodes died, and the rare things that must happen too."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any, Final, get_args

from ottochain.consensus.effects import Diverged, Effect, Equivocated, Persist, Valued, Voted
from ottochain.consensus.l1_effects import BlockRefused, Decline, L1Effect, L1Send, L1TimerFired
from ottochain.consensus.outbox import OutboxEffect, SendBinary
from ottochain.consensus.votes import Proposal
from ottochain.sim.writes import ValidatorTables

RARE: Final = (
    "a life began with votes of its height",
    "a life began with a lock",
    "a value was proposed again, with its polka",
    "a height was decided in a later view",
    "a newer polka freed somebody from a lock",
    "a wrong body came with a decision",
    "a decided body was not at hand any more",
    "two different ballots of a liar were proven",
    "a learner became a validator",
    "a validator was removed",
    "a validator without its record was added anew",
    "a block of items was refused",
    "an L1 node declined a block",
    "an item that nobody carried was looked for",
    "an item that never follows was rejected",
    "a binary was sent again",
)
"""What happens only when several things come together; a campaign in which one never did has not tested it."""

BOUNDARIES: Final = (
    *(
        f"before {kind.__name__}"
        for kind in (*get_args(Effect), *get_args(L1Effect), *get_args(OutboxEffect))
        if kind is not Diverged  # it never happens
    ),
    *(f"in a write ({kind})" for kind in ("kill", "forget", "tear")),
)
"""Where a node may die: between any two effects, and between a write and its sync. A campaign must see each."""


@dataclass(slots=True)
class Coverage:
    """Counts of one run, or of many."""

    runs: int = 0
    steps: int = 0
    messages: int = 0
    heights: Counter[str] = field(default_factory=Counter)
    items: int = 0
    faults: Counter[str] = field(default_factory=Counter)
    runs_with: Counter[str] = field(default_factory=Counter)
    deaths: Counter[str] = field(default_factory=Counter)
    marks: Counter[str] = field(default_factory=Counter)

    def booted(self, tables: ValidatorTables) -> None:
        if any(isinstance(record, Voted) for record in tables.votes):
            self.marks["a life began with votes of its height"] += 1
        if any(isinstance(record, Valued) and record.locked for record in tables.votes):
            self.marks["a life began with a lock"] += 1

    def stepped(self, event: Any, effects: Iterable[Any]) -> None:
        self.steps += 1
        if isinstance(event, BlockRefused):
            self.marks["a block of items was refused"] += 1
        elif isinstance(event, L1TimerFired) and event.name == "orphans":
            self.marks["an item that nobody carried was looked for"] += 1
        for effect in effects:
            if isinstance(effect, Persist):
                self.persisted(effect.records)
            elif isinstance(effect, L1Send):
                self.marks["an L1 node declined a block"] += isinstance(effect.message, Decline)
            elif isinstance(effect, SendBinary):
                self.marks["a binary was sent again"] += effect.attempt > 0

    def persisted(self, records: Iterable[object]) -> None:
        for record in records:
            if isinstance(record, Equivocated):
                self.marks["two different ballots of a liar were proven"] += 1
            elif isinstance(record, Voted) and isinstance(record.message, Proposal) and record.message.polka:
                self.marks["a value was proposed again, with its polka"] += 1

    def add(self, other: Coverage) -> None:
        """Counts another run in."""
        self.runs += other.runs
        self.steps += other.steps
        self.messages += other.messages
        self.items += other.items
        for mine, theirs in (
            (self.heights, other.heights),
            (self.faults, other.faults),
            (self.runs_with, other.runs_with),
            (self.deaths, other.deaths),
            (self.marks, other.marks),
        ):
            mine.update(theirs)
