"""A finding, and the verdict over many. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass
from typing import Any, Final, Literal, TypeAlias

Level: TypeAlias = Literal["ok", "note", "unknown", "degraded", "down"]
Verdict: TypeAlias = Literal["healthy", "degraded", "down"]

LEVELS: Final[tuple[Level, ...]] = ("ok", "note", "unknown", "degraded", "down")
"""From the best to the worst."""

EXIT_CODES: Final[dict[Verdict, int]] = {"healthy": 0, "degraded": 3, "down": 7}


@dataclass(frozen=True, slots=True)
class Finding:
    """What one check says of one subject."""

    check: str
    subject: str
    """A layer, a node, or ``machine``."""
    level: Level
    evidence: str
    """What was seen, in a line."""
    next_step: str = ""
    """The command, or the deed, that goes on from here; empty when nothing is to be done."""

    @property
    def passed(self) -> bool:
        """A check that could not see has not passed."""
        return self.level in ("ok", "note")

    def to_json(self) -> dict[str, Any]:
        return asdict(self)


def verdict_of(findings: Iterable[Finding]) -> Verdict:
    """The worst level decides; what is unknown is never down."""
    worst = max((LEVELS.index(finding.level) for finding in findings), default=0)
    if LEVELS[worst] == "down":
        return "down"
    return "healthy" if LEVELS[worst] in ("ok", "note") else "degraded"


def next_steps(findings: Iterable[Finding]) -> list[str]:
    """What to do, the most urgent first, each once."""
    failed = sorted((one for one in findings if not one.passed), key=lambda one: -LEVELS.index(one.level))
    return list(dict.fromkeys(one.next_step for one in failed if one.next_step))


def names(found: Sequence[str]) -> str:
    """``a, b and c``."""
    *others, last = found
    return f"{', '.join(others)} and {last}" if others else last


def seconds_in_words(seconds: float) -> str:
    """``850 ms``, ``4.2 s``, ``3 min``, ``5 h``, ``2 days``: as exact as one needs to know it."""
    if seconds < 1:
        return f"{seconds * 1000:.0f} ms"
    if seconds < 60:
        return f"{seconds:.1f} s"
    if seconds < 2 * 3600:
        return f"{seconds / 60:.0f} min"
    if seconds < 2 * 86_400:
        return f"{seconds / 3600:.0f} h"
    return f"{seconds / 86_400:.0f} days"


def bytes_in_words(count: float) -> str:
    """``512 B``, ``1.5 MB``, ``20 GB``: decimal units."""
    for unit in ("B", "kB", "MB", "GB"):
        if count < 1000:
            return f"{count:.0f} {unit}" if count >= 10 or unit == "B" else f"{count:.1f} {unit}"
        count /= 1000
    return f"{count:.1f} TB"
