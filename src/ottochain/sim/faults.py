"""The kinds of faults, how often each may strike, and which of them a run allows."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final


@dataclass(frozen=True, slots=True)
class Kind:
    """A kind of fault. `most` is the highest probability per `chance` that a seed may draw for it."""

    name: str
    what: str
    chance: str
    most: float


KINDS: Final[Mapping[str, Kind]] = {
    kind.name: kind
    for kind in (
        Kind("drop", "a message is lost", "message", 0.3),
        Kind("duplicate", "a message arrives twice", "message", 0.3),
        Kind("delay", "a message is late, and others overtake it", "message", 0.3),
        Kind("partition", "a layer or the whole network falls into two parts", "tick", 0.03),
        Kind("one-way", "one node is heard by nobody, or hears nobody", "tick", 0.03),
        Kind("selective", "for a while messages of one kind reach only one or two nodes", "tick", 0.08),
        Kind("flap", "a connection is lost, and stands again", "tick", 0.05),
        Kind("kill", "a process dies between two effects, or during a write", "effect", 0.008),
        Kind("power", "a machine loses power between two effects", "effect", 0.008),
        Kind("forget", "power is lost during a write, and nothing of it is there", "write", 0.02),
        Kind("tear", "power is lost during a write, and a part of it is there", "write", 0.02),
        Kind("blackout", "all machines of a layer, or all there are, lose power at once", "tick", 0.02),
        Kind("wipe", "a validator loses its disk, and comes back as a learner", "tick", 0.01),
        Kind("death", "a node dies for good, as many as the quorum can spare", "tick", 0.01),
        Kind("slow-disk", "a write takes long", "write", 0.1),
        Kind("slow-work", "building or checking takes longer than a view", "task", 0.1),
        Kind("freeze", "a process stands still, then hears everything at once", "tick", 0.03),
        Kind("clock-ahead", "a clock jumps ahead: timers run out early", "tick", 0.03),
        Kind("clock-back", "a clock jumps back: timers run out late", "tick", 0.03),
        Kind("drift", "a clock runs at half or at twice the speed", "start", 0.3),
        Kind("change", "the operator adds or removes a validator", "tick", 0.03),
        Kind("equivocate", "a liar says one thing here and another there", "message", 0.7),
        Kind("vote-twice", "a liar sends both of two votes to everybody", "message", 0.5),
        Kind("rush", "a liar votes for whatever it hears of, at once", "message", 0.7),
        Kind("withhold", "a liar keeps to itself what it should say", "message", 0.5),
        Kind("bad-value", "a liar proposes a hash that its body does not give", "message", 0.5),
        Kind("forge", "a liar speaks in the name of others", "message", 0.4),
        Kind("swap", "a liar sends a final height with another body", "message", 0.7),
        Kind("boast", "a liar claims a height and view that nobody is in", "message", 0.2),
        Kind("stale", "a liar says again what was said long ago", "message", 0.4),
    )
}

LIES: Final = ("equivocate", "vote-twice", "rush", "withhold", "bad-value", "forge", "swap", "boast", "stale")
"""What only a Byzantine validator does."""


class FaultError(ValueError):
    """A list of faults that can't be read."""


@dataclass(frozen=True, slots=True)
class Allowed:
    """Which faults may strike: of each kind all, or those of these numbers; a kind that is not named never does.

    A fault's number is a part of the lot that was drawn for the thing it strikes, the same in every run of the seed.
    """

    kinds: Mapping[str, frozenset[int] | None] = field(default_factory=lambda: dict.fromkeys(KINDS))

    def has(self, kind: str, number: int) -> bool:
        if kind not in self.kinds:
            return False
        numbers = self.kinds[kind]
        return numbers is None or number in numbers

    @property
    def everything(self) -> bool:
        return len(self.kinds) == len(KINDS) and all(numbers is None for numbers in self.kinds.values())

    def text(self) -> str:
        """The form that ``parse`` reads: ``drop,kill:17+305``; ``none`` when nothing may strike."""
        words = [
            name if numbers is None else f"{name}:{'+'.join(map(str, sorted(numbers)))}"
            for name, numbers in self.kinds.items()
        ]
        return ",".join(words) or "none"


def parse(text: str) -> Allowed:
    """Read a list of faults: kinds with commas between them, each all of it or, behind a colon, some numbers."""
    kinds: dict[str, frozenset[int] | None] = {}
    for word in filter(None, text.replace("none", "").split(",")):
        name, _, numbers = word.partition(":")
        if name not in KINDS:
            raise FaultError(f"there is no fault '{name}': expected some of {', '.join(KINDS)}")
        try:
            kinds[name] = frozenset(map(int, numbers.split("+"))) if numbers else None
        except ValueError:
            raise FaultError(f"which '{name}'? expected numbers like 17+305, found '{numbers}'") from None
    return Allowed(kinds)
