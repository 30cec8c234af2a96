"""Looks at processes and their logs while a run goes on: whoever ends without being killed, and every traceback."""

from __future__ import annotations

import threading
import time
from collections.abc import Collection
from typing import Final

from tests.network.stack import Stack

LOOK_SECONDS: Final = 0.1
TOLD_TO_STOP: Final = "the node ends: it was told to stop"
"""What a node logs when ``ottochain`` stops it in good order."""


class Watcher:
    """Use as ``with``. ``killed``: the processes that faults have ended; it grows meanwhile."""

    def __init__(self, stack: Stack, killed: Collection[int], began: float) -> None:
        self.violations: list[str] = []
        self._stack = stack
        self._killed = killed
        self._began = began
        self._pids = stack.pids()
        self._stops = {name: stack.log(name).count(TOLD_TO_STOP) for name in stack.names}
        self._cries: dict[str, set[str]] = {name: set() for name in stack.names}
        self._end = threading.Event()
        self._thread = threading.Thread(target=self._watch)

    def __enter__(self) -> Watcher:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._end.set()
        self._thread.join()
        self._look()
        for name in self._stack.names:
            self._hear(name, self._stack.log(name))

    def _watch(self) -> None:
        while not self._end.wait(LOOK_SECONDS):
            self._look()

    def _look(self) -> None:
        for name in self._stack.names:
            before, now = self._pids.get(name), self._stack.pid(name)
            if before is not None and now != before and before not in self._killed:
                self._ended(name, before)
            if now is None:
                self._pids.pop(name, None)
            else:
                self._pids[name] = now
            errors = self._stack.state / "logs" / f"{name}.err"
            if errors.exists() and errors.stat().st_size:
                self._hear(name, errors.read_text(errors="replace"))

    def _ended(self, name: str, pid: int) -> None:
        log = self._stack.log(name)
        stops = log.count(TOLD_TO_STOP)
        if stops > self._stops[name]:
            self._stops[name] = stops
            return
        at = time.monotonic() - self._began
        last = "\n    ".join(log.splitlines()[-5:])
        self.violations.append(
            f"died: {name} (process {pid}) ended by itself at {at:.1f} s; its last words:\n    {last}"
        )

    def _hear(self, name: str, text: str) -> None:
        """Note what looks like a fault of ours in what a node has said; each kind once. A log has it on one line."""
        lines = text.splitlines()
        for number, line in enumerate(lines):
            if "Traceback (most recent call last)" not in line:
                continue
            inner = line.split(" | ")[1:] or lines[number + 1 :]
            last = next((each for each in inner if each and not each.startswith((" ", "Traceback"))), line)[:300]
            if last not in self._cries[name]:
                self._cries[name].add(last)
                self.violations.append(f"traceback: {name}: {last}\n    {line[:2000]}")
