"""``./dev bench [NAME …]``: measure rows, and print what was found."""

from __future__ import annotations

import argparse
import importlib
import json
import sys
import tempfile
import time
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Final

from benchmarks import machine
from benchmarks.effort import FULL, LOOK, Effort
from benchmarks.network import Lost
from benchmarks.peers.running import PeerFailed
from benchmarks.report import Result, as_data, render
from benchmarks.stack import StackFailed

ROWS: Final = {
    "start": "from nothing to eight Ready nodes, and back up after kill -9",
    "idle": "memory, CPU and disk of a stack that does nothing",
    "latency": "an accepted update until it is final in ML0 and in GL0",
    "load": "signed transitions a second, sustained, none lost",
    "consensus": "four validators of ML0: commits, and the death of a leader",
    "cli": "--help and status of eight nodes",
    "restart": "a rolling restart of three CL1 nodes, and of GL0 alone",
    "jlvm": "a guard and a fold, metered, beside other engines of JSON logic",
}
LATER: Final = {
    "backup": "it measures `ottochain backup`, which this version of the tool does not have",
}


def main(arguments: Sequence[str] | None = None) -> int:
    """0: measured, whatever the figures say; 1: a stack or peer failed; 2: no such row; 5: a row of a later version."""
    chosen = _parser().parse_args(arguments)
    if not chosen.rows:
        print(_listing())
        return 0
    rows = list(ROWS) if chosen.rows == ["all"] else chosen.rows
    for name in rows:
        if name in LATER:
            print(f"bench: {name} can't be measured: {LATER[name]}.", file=sys.stderr)
            return 5
        if name not in ROWS:
            print(f"bench: there is no row {name!r}.\n{_listing()}", file=sys.stderr)
            return 2
    effort = LOOK if chosen.look else FULL
    if chosen.pairs:
        effort = replace(effort, pairs=chosen.pairs)
    on = machine.describe(Path(tempfile.gettempdir()))
    print(f"machine: {on}", file=sys.stderr)
    results = []
    for name in rows:
        result = _measure(name, effort)
        if result is None:
            return 1
        results.append(result)
        if not chosen.json:
            print(f"\n{render(result)}", flush=True)
    if chosen.json:
        print(json.dumps({"machine": on, "results": [as_data(result) for result in results]}, indent=2))
    return 0


def leaves(group: BaseExceptionGroup[BaseException]) -> list[BaseException]:
    """What went wrong, out of the groups that tasks wrap it in; each sentence once."""
    found: dict[str, BaseException] = {}
    for each in group.exceptions:
        inner = leaves(each) if isinstance(each, BaseExceptionGroup) else [each]
        found.update({str(reason): reason for reason in inner})
    return list(found.values())


def _measure(name: str, effort: Effort) -> Result | None:
    """The row's result; None when it could not be measured, which is then told."""
    began = time.monotonic()
    print(f"bench: measuring {name} …", file=sys.stderr, flush=True)
    result: Result | None = None
    try:
        result = importlib.import_module(f"benchmarks.{name}").run(effort)
        print(f"bench: {name} took {time.monotonic() - began:.0f} s", file=sys.stderr, flush=True)
    except* (StackFailed, Lost, PeerFailed) as failure:
        for reason in leaves(failure):
            print(f"bench: {name} could not be measured: {reason}", file=sys.stderr)
    return result


def _listing() -> str:
    lines = ["usage: ./dev bench [--look] [--pairs N] [--json] NAME … | all", ""]
    lines += [f"  {name:10} {what}" for name, what in ROWS.items()]
    lines += [f"  {name:10} not here: {why}" for name, why in LATER.items()]
    lines += ["", "  --look measures shortly; ./dev peers installs what is compared with; docs/performance.md explains"]
    return "\n".join(lines)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="./dev bench", description=__doc__)
    parser.add_argument("rows", nargs="*", metavar="NAME", help="rows to measure, or: all")
    parser.add_argument("--look", action="store_true", help="a short look instead of a measurement")
    parser.add_argument("--pairs", type=int, metavar="N", help="measure so many pairs")
    parser.add_argument("--json", action="store_true", help="print the results as JSON")
    return parser


if __name__ == "__main__":
    sys.exit(main())
