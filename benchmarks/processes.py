"""What processes cost, as the kernel counts it under ``/proc``."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Iterable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

PROC = Path("/proc")


@dataclass(frozen=True, slots=True)
class Use:
    """What a group of processes has used since each began."""

    cpu_seconds: float
    written_bytes: int
    """Bytes that they made the kernel send towards a disk."""

    def since(self, earlier: Use) -> Use:
        """What was used between the two looks."""
        return Use(self.cpu_seconds - earlier.cpu_seconds, self.written_bytes - earlier.written_bytes)


def use_of(pids: Iterable[int]) -> Use:
    """CPU and disk of these processes together. Raises ``OSError`` when one has ended."""
    pids = tuple(pids)
    return Use(sum(map(_cpu_seconds, pids)), sum(map(_written_bytes, pids)))


def pss_bytes(pids: Iterable[int]) -> int:
    """Memory of these processes together, each shared page counted once in parts. Raises ``OSError``."""
    return sum(_field(PROC / str(pid) / "smaps_rollup", "Pss:") * 1024 for pid in pids)


def is_alive(pid: int) -> bool:
    """Is there such a process, and not only the remains of one?"""
    try:
        return "\nState:\tZ" not in (PROC / str(pid) / "status").read_text()
    except OSError:
        return False


def kill(pids: Iterable[int], seconds: float = 10.0) -> None:
    """``kill -9`` of each, and wait until all are gone. Raises ``TimeoutError``."""
    pids = tuple(pids)
    for pid in pids:
        with suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)
    end = time.monotonic() + seconds
    while left := [pid for pid in pids if is_alive(pid)]:
        if time.monotonic() > end:
            raise TimeoutError(f"killed, but not gone after {seconds:g} s: {left}")
        time.sleep(0.002)


def _cpu_seconds(pid: int) -> float:
    """By the scheduler's own count where the kernel keeps it, else in ticks."""
    try:
        tasks = (PROC / str(pid) / "task").iterdir()
        running = sum(int((task / "schedstat").read_text().split()[0]) for task in tasks)
    except (FileNotFoundError, IndexError):
        running = 0
    if running:
        return running / 1e9
    fields = (PROC / str(pid) / "stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def _written_bytes(pid: int) -> int:
    return _field(PROC / str(pid) / "io", "write_bytes:")


def _field(path: Path, name: str) -> int:
    """The number behind ``name`` in a file of lines ``NAME VALUE …``."""
    for line in path.read_text().splitlines():
        if line.startswith(name):
            return int(line.split()[1])
    raise OSError(f"{path} has no {name}")
