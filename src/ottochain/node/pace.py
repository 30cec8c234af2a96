"""How an L0 node spares itself under load: after a snapshot that took long, it lets events gather for the next one.

Most of what a snapshot costs does not depend on how many events are in it: the state goes in whole, and is compressed
again and again to be hashed. So the work of a snapshot sets how long the node rests after it. What took a few
milliseconds is followed at once by the next: nobody waits on a node that has time.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Final

REST_FROM_SECONDS: Final = 0.010
"""Work on a snapshot that is worth a rest, in CPU time of the loop's thread: another program's load is no reason."""

REST_FACTOR: Final = 3.0
REST_SECONDS_MAX: Final = 0.25


class Pace:
    """Measures the work on each snapshot, and rests after it. ``rested`` is called when a rest ends."""

    def __init__(self, rested: Callable[[], None]) -> None:
        self._rested = rested
        self._worked_seconds = 0.0
        self._timer: asyncio.TimerHandle | None = None

    @property
    def resting(self) -> bool:
        """Are events to wait?"""
        return self._timer is not None

    @contextmanager
    def work(self) -> Iterator[None]:
        """Counts what is done inside, which must not await."""
        began = time.thread_time()
        try:
            yield
        finally:
            self._worked_seconds += time.thread_time() - began

    def rest(self) -> None:
        """The snapshot is done."""
        worked, self._worked_seconds = self._worked_seconds, 0.0
        self.close()
        if worked >= REST_FROM_SECONDS:
            seconds = min(worked * REST_FACTOR, REST_SECONDS_MAX)
            self._timer = asyncio.get_running_loop().call_later(seconds, self._end)

    def close(self) -> None:
        """Ends a rest without a word."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _end(self) -> None:
        self._timer = None
        self._rested()
