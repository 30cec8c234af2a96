"""The questions on processes and ports that Linux and macOS answer differently; ``resources`` has the machine's."""

from __future__ import annotations

import contextlib
import errno
import fcntl
import os
import re
import socket
import subprocess
import sys
from pathlib import Path

LINUX = sys.platform == "linux"


def is_alive(pid: int) -> bool:
    """Whether a process of this id exists and has not ended. One that ended and was not collected has ended."""
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return _run_state(pid) not in ("Z", "X", "")


def _run_state(pid: int) -> str:
    if LINUX:
        try:
            # The name before it may hold blanks and brackets; the state follows the last bracket.
            return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
        except (OSError, IndexError):
            return ""
    return ask("ps", "-o", "stat=", "-p", str(pid)).strip()[:1]


def is_locked(file: Path) -> bool:
    """Does some process hold a lock on the file?"""
    try:
        descriptor = os.open(file, os.O_RDONLY | os.O_CLOEXEC)
    except OSError:
        return False
    try:
        fcntl.flock(descriptor, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    finally:
        os.close(descriptor)
    return False


def command_line(pid: int) -> str:
    """What the process was started as; empty when it can't be seen."""
    if LINUX:
        try:
            return Path(f"/proc/{pid}/cmdline").read_bytes().replace(b"\0", b" ").decode("utf-8", "replace").strip()
        except OSError:
            return ""
    return ask("ps", "-o", "command=", "-p", str(pid)).strip()


def is_taken(port: int) -> bool:
    """Whether some process listens on the port, on any or on the loopback address."""
    for address in ("0.0.0.0", "127.0.0.1"):  # noqa: S104  bound for a moment, never listened on
        with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind((address, port))
            except OSError as error:
                if error.errno in (errno.EADDRINUSE, errno.EACCES):
                    return True
                raise
    return False


def listener_of(port: int) -> str:
    """Who listens on the port, in words: ``process 123 (python -m http.server)``, or that it can't be seen."""
    pid = _listening_pid(port)
    if pid is None:
        return "a process that is not ours to see"
    command = command_line(pid)
    return f"process {pid} ({command[:80]})" if command else f"process {pid}"


def _listening_pid(port: int) -> int | None:
    if not LINUX:
        found = re.search(r"\d+", ask("lsof", "-nP", f"-iTCP:{port}", "-sTCP:LISTEN", "-t"))
        return int(found[0]) if found else None
    inodes = _listening_inodes(port)
    for process in Path("/proc").iterdir() if inodes else ():
        if process.name.isdigit() and inodes & _descriptors(process):
            return int(process.name)
    return None


def _descriptors(process: Path) -> set[str]:
    """What a process has open, as far as it can be seen: one may be closed while the others are looked at."""
    found = set()
    with contextlib.suppress(OSError):
        for descriptor in (process / "fd").iterdir():
            with contextlib.suppress(OSError):
                found.add(os.readlink(descriptor))  # noqa: PTH115  no path: a name such as socket:[5]
    return found


def _listening_inodes(port: int) -> set[str]:
    inodes = set()
    for table in ("/proc/net/tcp", "/proc/net/tcp6"):
        with contextlib.suppress(OSError):
            for line in Path(table).read_text().splitlines()[1:]:
                fields = line.split()
                if fields[3] == "0A" and int(fields[1].rpartition(":")[2], 16) == port:
                    inodes.add(f"socket:[{fields[9]}]")
    return inodes


def ask(*command: str) -> str:
    """What a program of the system prints; empty when it is not there, or too slow."""
    try:
        return subprocess.run(command, capture_output=True, text=True, timeout=5, check=False).stdout  # noqa: S603
    except (OSError, subprocess.SubprocessError):
        return ""


def unit_faults(file: Path) -> list[str]:
    """What ``systemd-analyze verify`` finds wrong with a unit file; nothing where systemd is not there to ask."""
    try:
        done = subprocess.run(  # noqa: S603
            ["systemd-analyze", "verify", str(file)],  # noqa: S607
            capture_output=True,
            text=True,
            timeout=30,
            check=False,
        )
    except (OSError, subprocess.SubprocessError):
        return []
    return [line for line in done.stderr.splitlines() if file.name in line]
