"""Clients with failover: each asks one node, and on failure each other node once. What then still failed is kept."""

from __future__ import annotations

import contextlib
import itertools
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

import httpx
from tests.network.stack import Stack
from tests.network.updates import Update, create

from ottochain.crypto.keys import PrivateKey

KEY = PrivateKey.generate()
PAUSE_SECONDS = 0.02
REQUEST_SECONDS = 5.0


@dataclass
class Answers:
    """What clients got so far."""

    acknowledged: list[Update] = field(default_factory=list)
    read: int = 0
    failed: list[str] = field(default_factory=list)
    """Requests that no node answered."""
    _stop: threading.Event = field(default_factory=threading.Event)

    def write(self, stack: Stack, names: tuple[str, ...]) -> None:
        """New machines, one after the other, each at another node first."""
        for turn in itertools.count():
            if self._stop.wait(PAUSE_SECONDS):
                return
            update = create(KEY)
            said = self._try(names, turn, lambda http, name, update=update: http.post(  # type: ignore[misc]
                stack.url(name, "/data"), content=update.body, headers={"Content-Type": "application/json"}
            ))  # fmt: skip
            if said is not None:
                self.acknowledged.append(update)

    def look(self, stack: Stack, names: tuple[str, ...]) -> None:
        """The members of the cluster, as each node sees them."""
        for turn in itertools.count():
            if self._stop.wait(PAUSE_SECONDS):
                return
            if self._try(names, turn, lambda http, name: http.get(stack.url(name, "/cluster/info"))) is not None:
                self.read += 1

    def _try(
        self, names: tuple[str, ...], turn: int, ask: Callable[[httpx.Client, str], httpx.Response]
    ) -> httpx.Response | None:
        said = []
        with httpx.Client(timeout=REQUEST_SECONDS) as http:
            for name in names[turn % len(names) :] + names[: turn % len(names)]:
                try:
                    answer = ask(http, name)
                except httpx.TransportError as error:
                    said.append(f"{name}: {error!r}")
                    continue
                if answer.status_code == 200:
                    return answer
                said.append(f"{name}: {answer.status_code} {answer.text[:200]}")
        self.failed.append("; ".join(said))
        return None


@contextlib.contextmanager
def restless(stack: Stack, readers: tuple[str, ...]) -> Iterator[Answers]:
    """One client writes to DL1, one reads from ``readers``, until the end of the block."""
    answers = Answers()
    threads = [
        threading.Thread(target=answers.write, args=(stack, ("dl1", "dl1-1", "dl1-2"))),
        threading.Thread(target=answers.look, args=(stack, readers)),
    ]
    for thread in threads:
        thread.start()
    try:
        yield answers
    finally:
        answers._stop.set()
        for thread in threads:
            thread.join()
