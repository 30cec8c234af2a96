"""What a machine has left: memory, files, clock, listeners. Linux and macOS answer differently; None is unknown."""

from __future__ import annotations

import contextlib
import ctypes
import ctypes.util
import os
import re
import struct
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from ottochain.ops.runtimes.host import LINUX, ask

STATUS_AT: Final = 40
"""Where ``status`` lies in ``struct timex`` on 64-bit Linux: after modes (padded) and four longs (``adjtimex(2)``)."""
UNSYNCHRONISED: Final = 0x40
LISTENING: Final = "0A"


@dataclass(frozen=True, slots=True)
class Memory:
    """Bytes of the whole machine."""

    total: int
    available: int
    swap_used: int


@dataclass(frozen=True, slots=True)
class Listener:
    """A TCP socket on which somebody waits for connections."""

    address: str
    port: int
    inode: str

    @property
    def is_local(self) -> bool:
        """Can only this machine reach it?"""
        return self.address.startswith("127.") or self.address == "::1"


def memory() -> Memory | None:
    """None where neither ``/proc/meminfo`` nor ``vm_stat`` can be read."""
    if not LINUX:
        return _memory_of_macos()
    try:
        rows = dict(line.split(":", 1) for line in Path("/proc/meminfo").read_text().splitlines())
        bytes_of = {name: int(text.split()[0]) * 1024 for name, text in rows.items()}
        swap = bytes_of["SwapTotal"] - bytes_of["SwapFree"]
        return Memory(bytes_of["MemTotal"], bytes_of["MemAvailable"], swap)
    except (OSError, KeyError, ValueError, IndexError):
        return None


def _memory_of_macos() -> Memory | None:
    pages = re.search(r"page size of (\d+)", told := ask("vm_stat"))
    free = re.search(r"Pages free:\s+(\d+)", told)
    inactive = re.search(r"Pages inactive:\s+(\d+)", told)
    total = ask("sysctl", "-n", "hw.memsize").strip()
    if not (pages and free and inactive and total.isdigit()):
        return None
    return Memory(int(total), (int(free[1]) + int(inactive[1])) * int(pages[1]), 0)


def resident_bytes(pid: int) -> int | None:
    """The memory that the process holds; what forked nodes share is counted at each."""
    if not LINUX:
        found = ask("ps", "-o", "rss=", "-p", str(pid)).strip()
        return int(found) * 1024 if found.isdigit() else None
    try:
        found = re.search(r"^VmRSS:\s+(\d+)", Path(f"/proc/{pid}/status").read_text(), re.MULTILINE)  # type: ignore[assignment]
    except OSError:
        return None
    return int(found[1]) * 1024 if found else None


def open_files(pid: int) -> tuple[int, int] | None:
    """How many descriptors the process has open, and how many it may have. None: not ours to see."""
    if not LINUX:
        return None
    try:
        count = len(os.listdir(f"/proc/{pid}/fd"))  # noqa: PTH208  only their number
        limit = re.search(r"^Max open files\s+(\d+)", Path(f"/proc/{pid}/limits").read_text(), re.MULTILINE)
    except OSError:
        return None
    return (count, int(limit[1])) if limit else None


def is_paused(pid: int) -> bool:
    """Is the process there and stopped, by SIGSTOP or a debugger?"""
    if LINUX:
        try:
            return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] in ("T", "t")
        except (OSError, IndexError):
            return False
    return ask("ps", "-o", "stat=", "-p", str(pid)).strip().startswith("T")


def clock_is_kept() -> bool | None:
    """Does some service (ntp, chrony, the hypervisor) keep this machine's clock right? As the kernel knows it."""
    if not LINUX or struct.calcsize("P") != 8:
        return None
    try:
        library = ctypes.CDLL(ctypes.util.find_library("c") or "libc.so.6", use_errno=True)
        timex = ctypes.create_string_buffer(512)  # all zero: asks, changes nothing
        if library.adjtimex(timex) < 0:
            return None
    except (OSError, AttributeError):
        return None
    (status,) = struct.unpack_from("i", timex, STATUS_AT)
    return not status & UNSYNCHRONISED


def listeners() -> list[Listener] | None:
    """Every TCP listener of this machine; None where they can't be listed."""
    if not LINUX:
        return _listeners_of_macos()
    found = []
    for table in ("/proc/net/tcp", "/proc/net/tcp6"):
        with contextlib.suppress(OSError):
            for line in Path(table).read_text().splitlines()[1:]:
                fields = line.split()
                address, _, port = fields[1].rpartition(":")
                if fields[3] == LISTENING:
                    found.append(Listener(_address(address), int(port, 16), fields[9]))
    return found


def _address(digits: str) -> str:
    """The kernel prints addresses as 32-bit words in the machine's byte order."""
    import ipaddress

    raw = b"".join(struct.pack("=I", int(digits[at : at + 8], 16)) for at in range(0, len(digits), 8))
    address = ipaddress.ip_address(raw)
    mapped = getattr(address, "ipv4_mapped", None)
    return str(mapped or address)


def _listeners_of_macos() -> list[Listener] | None:
    told = ask("lsof", "-nP", "-iTCP", "-sTCP:LISTEN", "-Fn")
    if not told:
        return None
    places = re.findall(r"^n(.+):(\d+)$", told, re.MULTILINE)
    return [Listener("0.0.0.0" if host == "*" else host.strip("[]"), int(port), "") for host, port in places]  # noqa: S104
