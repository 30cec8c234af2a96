"""Keeps a node's loops: each has a name and a heartbeat, and none dies in silence."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Coroutine
from typing import Any

log = logging.getLogger(__name__)


class Supervisor:
    """The tasks of one node. A *loop* must never end; an *errand* must not fail; a *background* task may do either, and
    its failure is logged."""

    def __init__(self, clock: Callable[[], float], on_death: Callable[[str], None]) -> None:
        """``clock`` gives seconds and only ever grows; ``on_death`` gets one sentence when a loop ended."""
        self._clock = clock
        self._on_death = on_death
        self._beats: dict[str, float] = {}
        self._tasks: dict[asyncio.Task[Any], str] = {}
        self._stopping = False

    def loop(self, name: str, work: Coroutine[Any, Any, None]) -> asyncio.Task[None]:
        """Runs ``work`` for the node's life; its end, whether it raised or returned, ends the node."""
        self.beat(name)
        task = asyncio.get_running_loop().create_task(work, name=name)
        self._tasks[task] = name
        task.add_done_callback(self._loop_ended)
        return task

    def background(self, name: str, work: Coroutine[Any, Any, None]) -> asyncio.Task[None]:
        """Runs ``work`` once."""
        task = asyncio.get_running_loop().create_task(work, name=name)
        self._tasks[task] = name
        task.add_done_callback(self._background_ended)
        return task

    def errand(self, name: str, work: Coroutine[Any, Any, None]) -> asyncio.Task[None]:
        """Runs ``work`` once. Without it the node would stand still: its failure ends the node, its end does not."""
        task = self.background(name, work)
        task.remove_done_callback(self._background_ended)
        task.add_done_callback(self._errand_ended)
        return task

    def beat(self, name: str) -> None:
        """A loop says that it is alive."""
        self._beats[name] = self._clock()

    def heartbeats(self) -> dict[str, float]:
        """Seconds since the last beat of each loop."""
        now = self._clock()
        return {name: round(now - beat, 3) for name, beat in self._beats.items()}

    async def stop(self) -> None:
        """Cancels all tasks and waits for them."""
        self._stopping = True
        tasks = [task for task in self._tasks if task is not asyncio.current_task()]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    def _loop_ended(self, task: asyncio.Task[None]) -> None:
        name = self._tasks.pop(task)
        self._beats.pop(name, None)
        if self._stopping or task.cancelled():
            return
        error = task.exception()
        if error is None:
            log.error("loop %s returned, which it must not", name)
            self._on_death(f"loop {name} returned")
        else:
            log.error("loop %s died", name, exc_info=error)
            self._on_death(f"loop {name} died: {type(error).__name__}: {error}")

    def _errand_ended(self, task: asyncio.Task[None]) -> None:
        name = self._tasks[task]
        self._background_ended(task)
        if not self._stopping and not task.cancelled() and (error := task.exception()) is not None:
            self._on_death(f"{name} failed: {type(error).__name__}: {error}")

    def _background_ended(self, task: asyncio.Task[None]) -> None:
        name = self._tasks.pop(task)
        if not task.cancelled() and (error := task.exception()) is not None:
            log.error("background task %s failed", name, exc_info=error)
