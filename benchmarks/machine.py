"""What was measured on: a figure without its machine says little."""

from __future__ import annotations

import os
import platform
import statistics
import tempfile
import time
from pathlib import Path


def describe(folder: Path) -> str:
    """Cores, processor, memory, Python, and how long a sync takes where the stacks keep their data."""
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    memory = _first_of(Path("/proc/meminfo"), "MemTotal")
    gigabytes = f", {int(memory.split()[0]) / 2**20:.0f} GiB" if memory else ""
    processor = _first_of(Path("/proc/cpuinfo"), "model name") or platform.processor() or platform.machine()
    python = f"{platform.python_implementation()} {platform.python_version()}"
    load = os.getloadavg()[0]
    return (
        f"{cores} cores of {processor}{gigabytes}; {python}; "
        f"a sync of 4 KB takes {sync_ms(folder):.2f} ms; load before: {load:.1f}"
    )


def sync_ms(folder: Path, times: int = 20) -> float:
    """How long it takes until 4 KB appended to a file are on the disk: the median."""
    found = []
    with tempfile.TemporaryFile(dir=folder) as file:
        for _ in range(times):
            file.write(bytes(4096))
            file.flush()
            began = time.perf_counter()
            os.fdatasync(file.fileno())
            found.append((time.perf_counter() - began) * 1000)
    return statistics.median(found)


def _first_of(path: Path, name: str) -> str | None:
    try:
        lines = path.read_text().splitlines()
    except OSError:
        return None
    return next((line.partition(":")[2].strip() for line in lines if line.startswith(name)), None)
