"""``./dev fuzz``: every decoder, and every route of a running network, for as many minutes as you like."""

from __future__ import annotations

import argparse
import secrets
import shutil
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Final

sys.path.insert(0, str(Path(__file__).parents[1]))  # where pytest finds what tests make, such as layers.metagraph

from hypothesis import HealthCheck, Phase, given, seed, settings
from hypothesis import strategies as st
from tests.fuzz.mutations import inputs
from tests.fuzz.routes import problem_of, requests, routes
from tests.fuzz.targets import TARGETS
from tests.network.stack import Stack
from tests.network.updates import accepted, create

from ottochain.crypto.keys import PrivateKey

PROBLEM_LETTERS_MAX: Final = 1500
EXAMPLES: Final = 100
"""Of one target in one turn."""


def main(arguments: Sequence[str]) -> int:
    """0: nothing found; 1: something."""
    chosen = _parser().parse_args(arguments)
    end = time.monotonic() + chosen.minutes * 60
    first = secrets.randbelow(1_000_000) if chosen.seed is None else chosen.seed
    print(f"fuzz: seed {first}", flush=True)
    folder = Path(tempfile.mkdtemp(prefix="ottochain-fuzz-"))
    stack = Stack(folder)
    tried: Counter[str] = Counter()
    found: dict[str, str] = {}
    try:
        stack.up()
        pids = stack.pids()
        turns: dict[str, Callable[[st.DataObject], None]] = {name: _decoding(name) for name in TARGETS}
        turns |= {str(route): _asking(stack, route) for route in routes()}
        turns = {name: turn for name, turn in turns.items() if chosen.only in name}
        number = first
        while time.monotonic() < end:
            for name, turn in turns.items():
                number += 1
                if name in found or time.monotonic() > end:
                    continue
                problem = _turn(turn, number, tried, name)
                if problem:
                    found[name] = problem
                    print(f"FOUND {name} (seed {number}): {problem}", flush=True)
        if stack.pids() != pids:
            found["processes"] = ""
            print(f"FOUND a node ended: {pids} before, {stack.pids()} after")
        stack.assert_ready()
        accepted(stack, create(PrivateKey.generate()))
        for name in stack.names:
            if "Traceback" in stack.log(name):
                found[f"the log of {name}"] = ""
    finally:
        stack.close()
    kinds = len(tried)
    print(f"fuzz: {sum(tried.values())} inputs for {kinds} targets; found something in: {', '.join(found) or 'none'}")
    if found:
        print(f"fuzz: the logs are in {stack.state / 'logs'}")
        return 1
    shutil.rmtree(folder, ignore_errors=True)
    return 0


def _decoding(name: str) -> Callable[[st.DataObject], None]:
    target = TARGETS[name]

    def turn(data: st.DataObject) -> None:
        raw = data.draw(inputs(target.samples))
        try:
            target.read(raw)
        except target.refusals:
            return

    return turn


def _asking(stack: Stack, route: object) -> Callable[[st.DataObject], None]:
    def turn(data: st.DataObject) -> None:
        problem = problem_of(stack, data.draw(requests(route)))  # type: ignore[arg-type]
        assert problem is None, problem

    return turn


def _turn(turn: Callable[[st.DataObject], None], number: int, tried: Counter[str], name: str) -> str | None:
    """Some inputs for one target; what was found, made small."""

    @seed(number)
    @settings(
        max_examples=EXAMPLES,
        deadline=None,
        database=None,
        phases=(Phase.generate, Phase.shrink),
        suppress_health_check=list(HealthCheck),
    )
    @given(data=st.data())
    def once(data: st.DataObject) -> None:
        tried[name] += 1
        turn(data)

    try:
        once()
    except Exception as error:
        notes = " | ".join(getattr(error, "__notes__", ()))
        return f"{type(error).__name__}: {error} {notes}"[:PROBLEM_LETTERS_MAX]
    return None


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="./dev fuzz", description=__doc__)
    parser.add_argument("--minutes", type=float, default=5.0, help="how long [5]")
    parser.add_argument("--seed", type=int, help="the same seed tries the same")
    parser.add_argument("--only", default="", metavar="WORD", help="targets with this word in their name")
    return parser


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
