"""``.ottochain/health/history.jsonl``: what the health was, one line a look, no more than fits.

The file is a memory for people, not a record that anything depends on: it is not synced, and a line that can't be read
is left out.
"""

from __future__ import annotations

import fcntl
import json
import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from ottochain.ops.checks.finding import Finding, verdict_of

LOOKS_KEPT: Final = 4032
"""Two weeks of a look each five minutes."""
LOOKS_OVER: Final = 512
"""So many more may gather before the oldest are cut off: cutting writes the whole file."""
LINE_BYTES_MAX: Final = 16 * 1024


@dataclass(frozen=True, slots=True)
class Look:
    """One look: when (UTC), the verdict, and what did not pass."""

    at: str
    verdict: str
    failed: tuple[tuple[str, str, str, str], ...]
    """Check, subject, level, evidence of each."""

    @classmethod
    def of(cls, at: str, findings: Sequence[Finding]) -> Look:
        failed = ((one.check, one.subject, one.level, one.evidence) for one in findings if not one.passed)
        return cls(at, verdict_of(findings), tuple(failed))

    @property
    def what(self) -> tuple[str, tuple[tuple[str, str, str], ...]]:
        """What makes two looks the same for a reader: the verdict and which checks failed, not their numbers."""
        return self.verdict, tuple(one[:3] for one in self.failed)

    def to_json(self) -> dict[str, Any]:
        names = ("check", "subject", "level", "evidence")
        return {
            "at": self.at,
            "verdict": self.verdict,
            "failed": [dict(zip(names, one, strict=True)) for one in self.failed],
        }


@dataclass(frozen=True, slots=True)
class Period:
    """Looks in a row that found the same."""

    first: Look
    last: Look
    looks: int


def remember(file: Path, look: Look) -> None:
    """Adds a look, and cuts off the oldest when there are too many. Raises ``OSError``."""
    line = json.dumps(look.to_json(), ensure_ascii=False).encode()
    if len(line) > LINE_BYTES_MAX:
        line = json.dumps({**look.to_json(), "failed": []}).encode()
    file.parent.mkdir(parents=True, exist_ok=True)
    descriptor = os.open(file, os.O_RDWR | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, 0o644)
    try:
        # Two looks may end at the same time: one with a timer, one at a terminal.
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        os.write(descriptor, line + b"\n")
        lines = os.pread(descriptor, os.fstat(descriptor).st_size, 0).splitlines(keepends=True)
        if len(lines) > LOOKS_KEPT + LOOKS_OVER:
            os.ftruncate(descriptor, 0)
            os.write(descriptor, b"".join(lines[-LOOKS_KEPT:]))
    finally:
        os.close(descriptor)


def recall(file: Path) -> list[Look]:
    """Every look that is kept, the oldest first; none when there is no such file."""
    try:
        lines = file.read_bytes().splitlines()
    except FileNotFoundError:
        return []
    return [look for line in lines if (look := _read(line)) is not None]


def _read(line: bytes) -> Look | None:
    try:
        found = json.loads(line)
        failed = tuple((one["check"], one["subject"], one["level"], one["evidence"]) for one in found["failed"])
        return Look(str(found["at"]), str(found["verdict"]), failed)
    except (ValueError, KeyError, TypeError):
        return None


def periods(looks: Sequence[Look]) -> list[Period]:
    """Looks that found the same, put together."""
    found: list[Period] = []
    for look in looks:
        if found and found[-1].last.what == look.what:
            found[-1] = Period(found[-1].first, look, found[-1].looks + 1)
        else:
            found.append(Period(look, look, 1))
    return found
