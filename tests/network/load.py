"""Clients that post without pause, from threads, and keep what was acknowledged to them."""

from __future__ import annotations

import contextlib
import itertools
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Final

import httpx
from tests.network.stack import Stack
from tests.network.updates import Update, add, create, post

from ottochain.crypto.keys import PrivateKey

KEY: Final = PrivateKey.generate()
PAUSE_SECONDS: Final = 0.05
"""Between two posts of a client: what one reads back afterwards should not take long."""


@dataclass
class Load:
    """What clients have got so far. ``acknowledged``: 200 was read; ``unsure``: the answer never came."""

    acknowledged: list[Update] = field(default_factory=list)
    unsure: list[Update] = field(default_factory=list)
    refused: list[str] = field(default_factory=list)
    _stop: threading.Event = field(default_factory=threading.Event)

    def client(self, stack: Stack, number: int, fibers: list[str]) -> None:
        """Drive some machines, each event at another node; and create new machines now and then.

        A client that gets no answer asks another node with the same update: a copy is no other update.
        """
        sequences = dict.fromkeys(fibers, 0)
        names = stack.layer("dl1")
        first = number % len(names)
        nodes = itertools.cycle(names[first:] + names[:first])
        for turn in itertools.count():
            fiber = fibers[turn % len(fibers)]
            update = create(KEY) if turn % 10 == 9 else add(KEY, fiber, sequences[fiber])
            if not self._hand_in(stack, update, nodes):
                return
            sequences[fiber] += turn % 10 != 9
            self._stop.wait(PAUSE_SECONDS)

    def _hand_in(self, stack: Stack, update: Update, nodes: Iterator[str]) -> bool:
        while not self._stop.is_set():
            with contextlib.suppress(httpx.TransportError):
                response = post(stack, update, next(nodes))
                if response.status_code == 200:
                    self.acknowledged.append(update)
                    return True
                if response.status_code < 500:
                    # The first 200 was lost with its connection, and the update is decided already.
                    if update in self.unsure:
                        return True
                    self.refused.append(response.text)
                    return False
            if update not in self.unsure:
                self.unsure.append(update)
            self._stop.wait(PAUSE_SECONDS)
        return False


@contextlib.contextmanager
def clients(stack: Stack, fibers: list[str], count: int = 3) -> Iterator[Load]:
    """That many clients post until the end of the block; the fibers are dealt out among them."""
    load = Load()
    threads = [
        threading.Thread(target=load.client, args=(stack, number, fibers[number::count])) for number in range(count)
    ]
    for thread in threads:
        thread.start()
    try:
        yield load
    finally:
        load._stop.set()
        for thread in threads:
            thread.join()
