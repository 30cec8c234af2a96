"""How long it takes from nothing until all eight nodes are Ready, and back up after ``kill -9`` of all."""

from __future__ import annotations

import time
from collections.abc import Callable
from contextlib import AbstractContextManager
from itertools import count
from pathlib import Path

from benchmarks.effort import Effort
from benchmarks.pairs import alternate
from benchmarks.peers import etcd, ethereum
from benchmarks.peers.places import PeerMissing
from benchmarks.peers.running import PeerFailed
from benchmarks.report import Figure, Goal, Result
from benchmarks.stack import scratch, throw_away

WHAT = "a stack of 8 from nothing to all Ready"


def run(effort: Effort) -> Result:
    """Each pair: a new deployment brought up, killed, brought up again; then each peer started once."""
    missing: list[str] = []
    with scratch("peers-") as folder:
        peers = {
            name: measure
            for name, begin in (("hardhat node", ethereum.hardhat), ("three etcd", etcd.three))
            if (measure := _timed(begin, folder, name, missing)) is not None
        }
        found = alternate({"ours": founded_and_back, **peers}, effort.pairs)
    ours = found.pop("ours")
    first = tuple(times[0] for times in ours)
    again = tuple(times[1] for times in ours)
    others = {name: tuple(times[0] for times in measured) for name, measured in found.items()}
    return Result(
        "start",
        WHAT,
        (
            Figure("nothing → all Ready", "s", "less", first, others, (Goal(at_least=4.0, aim=0.8),)),
            Figure("kill -9 of all → all Ready", "s", "less", again),
        ),
        tuple(missing),
        (
            "ours: `ottochain up` in a folder fresh from `ottochain init`, until it ends: every node Ready, clusters "
            "agreed, GL0 holding ML0's snapshot",
            "peers: from starting the processes until all answer; hardhat is one process that keeps nothing",
        ),
    )


def founded_and_back() -> tuple[float, float]:
    """Seconds of the first ``up``, and of the one after ``kill -9`` of every node."""
    with throw_away() as stack:
        first = stack.up()
        stack.check_ready()
        stack.kill()
        again = stack.up()
        stack.check_ready()
        stack.down()
    return first, again


def _timed(
    begin: Callable[[Path], AbstractContextManager[object]], folder: Path, name: str, missing: list[str]
) -> Callable[[], tuple[float, float]] | None:
    """A measurement of how long a peer takes; None, and a word in ``missing``, when it can't be started."""
    numbers = count()

    def measure() -> tuple[float, float]:
        began = time.perf_counter()
        with begin(folder / f"{name.replace(' ', '-')}-{next(numbers)}"):
            return time.perf_counter() - began, 0.0

    try:
        measure()  # once uncounted: is it there, does it work, are its files in the cache
    except (PeerMissing, PeerFailed) as reason:
        missing.append(str(reason))
        return None
    return measure
