"""What the kernel counts of a process is read right."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from benchmarks import processes

pytestmark = pytest.mark.skipif(not Path("/proc/self/smaps_rollup").exists(), reason="needs Linux's /proc")

BUSY = """
import os, sys, time
end = time.process_time() + 0.2
while time.process_time() < end: pass
with open(sys.argv[1], "wb") as file:
    file.write(bytes(1_000_000)); file.flush(); os.fsync(file.fileno())
    print("done", flush=True); sys.stdin.read()
"""


def test_cpu_memory_and_writes_of_a_process(tmp_path: Path) -> None:
    command = [sys.executable, "-c", BUSY, str(tmp_path / "file")]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        before = processes.use_of([process.pid])
        assert process.stdout
        process.stdout.readline()
        used = processes.use_of([process.pid]).since(before)
        assert 0.1 < used.cpu_seconds < 5
        assert used.written_bytes >= 1_000_000 or used.written_bytes == 0  # a file system in memory writes nothing
        assert 1_000_000 < processes.pss_bytes([process.pid]) < 100_000_000
        assert processes.is_alive(process.pid)
        processes.kill([process.pid])
        assert not processes.is_alive(process.pid)
