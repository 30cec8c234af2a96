"""Findings on the screen: a line for each check, in colour on a terminal, folded to its width there."""

from __future__ import annotations

import shutil
import sys
import textwrap
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from ottochain.ops.checks.finding import Finding

COLOURS = {"ok": "green", "note": "cyan", "unknown": "yellow", "degraded": "yellow", "down": "red"}
VERDICT_COLOURS = {"healthy": "green", "degraded": "yellow", "down": "red"}
EVIDENCE_COLUMNS_LEAST = 30


def screen_width() -> int | None:
    """Columns of the terminal that shows the result; None when nobody looks, and nothing is folded."""
    return shutil.get_terminal_size().columns if sys.stdout.isatty() else None


def finding_lines(findings: Sequence[Finding], width: int | None) -> Iterator[str]:
    """Level, subject, check, evidence, in columns. Colours are in the text; ``click.echo`` takes them out."""
    levels, subjects, checks = (
        max((len(getattr(one, name)) for one in findings), default=0) for name in ("level", "subject", "check")
    )
    margin = levels + subjects + checks + 6
    room = None if width is None else max(EVIDENCE_COLUMNS_LEAST, width - margin)
    for one in findings:
        evidence = [one.evidence] if room is None else textwrap.wrap(one.evidence, room) or [""]
        level = click.style(one.level.ljust(levels), fg=COLOURS[one.level], bold=not one.passed)
        yield f"{level}  {one.subject.ljust(subjects)}  {one.check.ljust(checks)}  {evidence[0]}"
        for more in evidence[1:]:
            yield " " * margin + more


def verdict_line(name: str, verdict: str, findings: Sequence[Finding]) -> str:
    """The last line: the word for all of it."""
    failed = sum(not one.passed for one in findings)
    count = f"all {len(findings)} checks passed" if not failed else f"{failed} of {len(findings)} checks did not pass"
    return f"{name} is {click.style(verdict, fg=VERDICT_COLOURS[verdict], bold=True)}: {count}"
