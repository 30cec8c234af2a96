"""Counters and gauges in Prometheus' text form, each series tagged with the application's name."""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from typing import Final

TEXT_TYPE: Final = "text/plain; version=0.0.4; charset=utf-8"


class Counter:
    """Only ever grows."""

    __slots__ = ("value",)

    def __init__(self) -> None:
        self.value = 0.0

    def add(self, amount: float = 1.0) -> None:
        self.value += amount


class Metrics:
    """The registry of one node. Names are snake case and end with their unit (``_total``, ``_seconds``, ``_bytes``)."""

    def __init__(self, application: str, clock: Callable[[], float] = time.time) -> None:
        self._application = application
        self._started = clock()
        self._counters: dict[str, tuple[str, Counter]] = {}
        self._gauges: dict[str, tuple[str, Callable[[], float]]] = {}
        self.gauge("process_start_time_seconds", "When the node started", lambda: self._started)
        self.gauge("process_cpu_seconds_total", "CPU time used", time.process_time)
        self.gauge("process_resident_memory_bytes", "Memory in use", _resident_bytes)
        self.gauge("process_open_fds", "Open file descriptors", _open_descriptors)

    def counter(self, name: str, description: str) -> Counter:
        """The counter of that name, made at the first call."""
        if name not in self._counters:
            self._counters[name] = (description, Counter())
        return self._counters[name][1]

    def gauge(self, name: str, description: str, read: Callable[[], float]) -> None:
        """A value read when somebody asks for the metrics."""
        self._gauges[name] = (description, read)

    def text(self) -> str:
        lines: list[str] = []
        for name, (description, counter) in self._counters.items():
            self._series(lines, name, description, "counter", counter.value)
        for name, (description, read) in self._gauges.items():
            self._series(lines, name, description, "gauge", read())
        return "\n".join(lines) + "\n"

    def _series(self, lines: list[str], name: str, description: str, kind: str, value: float) -> None:
        lines.append(f"# HELP {name} {description}")
        lines.append(f"# TYPE {name} {kind}")
        lines.append(f'{name}{{application="{self._application}"}} {value!r}')


def _resident_bytes() -> float:
    try:
        with open("/proc/self/statm", "rb") as file:  # noqa: PTH123  a pseudo file
            return float(int(file.read().split()[1]) * os.sysconf("SC_PAGE_SIZE"))
    except (OSError, ValueError, IndexError):
        return float("nan")


def _open_descriptors() -> float:
    try:
        return float(len(os.listdir("/proc/self/fd")))  # noqa: PTH208  a pseudo directory
    except OSError:
        return float("nan")
