"""How long a rolling restart of three CL1 nodes takes, and whether a client with failover notices it."""

from __future__ import annotations

import threading
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from itertools import count

from benchmarks.effort import Effort
from benchmarks.report import Figure, Goal, Result
from benchmarks.stack import Stack, StackFailed, throw_away

WHAT = "a rolling restart of CL1 ×3, no failed request through a client with failover"
REQUEST_SECONDS = 5.0
PAUSE_SECONDS = 0.005


@dataclass(slots=True)
class Served:
    """What a client got that asks one node after the other, and on failure each other node once."""

    answers: int = 0
    failures: list[str] = field(default_factory=list)


def run(effort: Effort) -> Result:
    """One stack; as many rolling restarts as pairs are asked for, and as many of GL0 alone."""
    rolling, single = [], []
    with throw_away() as stack:
        stack.up()
        stack.check_ready()
        for _ in range(effort.pairs):
            with asking(stack) as served:
                rolling.append(_seconds(stack, "cl1"))
            if served.failures or not served.answers:
                raise StackFailed(f"a client with failover was not served: {served.failures[:3] or 'no answer'}")
            single.append(_seconds(stack, "gl0"))
        stack.check_ready()
        stack.down()
    return Result(
        "restart",
        WHAT,
        (
            Figure("rolling restart of CL1", "s", "less", tuple(rolling), {}, (Goal(at_least=8.0, aim=2.0),)),
            Figure("restart of GL0 alone", "s", "less", tuple(single)),
        ),
        ("etcd has no part in this yet: a rolling restart of three is not measured yet",),
        (
            "ours: `ottochain restart`, from the command's start to its end: planned, journaled, each node seen Ready "
            "by its peers before the next is stopped, members, sessions and history compared at the end",
        ),
    )


def _seconds(stack: Stack, target: str) -> float:
    began = time.perf_counter()
    stack.run("restart", target, "--yes")
    return time.perf_counter() - began


@contextmanager
def asking(stack: Stack) -> Iterator[Served]:
    """A client that reads the members of CL1 until the end of the block."""
    served, over = Served(), threading.Event()
    urls = [f"{place.url}/cluster/info" for place in stack.places("cl1")]

    def ask() -> None:
        for turn in count():
            if over.wait(PAUSE_SECONDS):
                return
            start = turn % len(urls)
            said = _failures(urls[start:] + urls[:start])
            if len(said) == len(urls):
                served.failures.append("; ".join(said))
            else:
                served.answers += 1

    client = threading.Thread(target=ask)
    client.start()
    try:
        yield served
    finally:
        over.set()
        client.join()


def _failures(urls: list[str]) -> list[str]:
    """Of each node that was asked until one answered, why it did not."""
    said = []
    for url in urls:
        if (error := _get(url)) is None:
            break
        said.append(error)
    return said


def _get(url: str) -> str | None:
    """None when it answered; else why not."""
    try:
        with urllib.request.urlopen(url, timeout=REQUEST_SECONDS) as answer:  # noqa: S310  our own node
            answer.read()
    except (urllib.error.URLError, OSError) as error:
        return f"{url}: {error}"
    return None
