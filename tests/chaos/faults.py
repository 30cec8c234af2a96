"""Faults as they are done to real processes, disks and connections, and undone again."""

from __future__ import annotations

import contextlib
import os
import re
import signal
import subprocess
from collections.abc import Iterable
from pathlib import Path
from typing import Final

from tests.chaos.ground import cgroup
from tests.chaos.plan import Fault, Kind
from tests.network.stack import Stack, end_processes

SMALL_DISK_MB: Final = 192
BALLAST: Final = "ballast"


class Faults:
    """Strikes and mends the nodes of one stack. Killed processes are noted in ``killed``."""

    def __init__(self, stack: Stack, kinds: Iterable[Kind], small: Iterable[str]) -> None:
        self._stack = stack
        self._cuts = {"cut", "deaf"} & set(kinds)
        self._paused: dict[Fault, list[int]] = {}
        self._small = tuple(small) if "fill" in set(kinds) else ()
        self.killed: set[int] = set()
        self._number = 0
        self._chains: dict[Fault, list[str]] = {}
        self._groups: set[Path] = set()

    def prepare(self) -> None:
        """Before the stack is up: give some nodes a disk of their own, which is small."""
        for name in self._small:
            folder = self._stack.data(name)
            folder.mkdir(parents=True, exist_ok=True)
            _run("mount", "-t", "tmpfs", "-o", f"size={SMALL_DISK_MB}m,mode=0700", "none", str(folder))
        if self._cuts:
            _run("nft", "add", "table", "inet", "chaos")

    def up_again(self) -> None:
        """After each ``up``: every process in a control group of its own, by which a cut knows its connections."""
        if "cut" not in self._cuts:
            return
        for name, pid in self._stack.pids().items():
            group = cgroup(name)
            group.mkdir(exist_ok=True)
            self._groups.add(group)
            with contextlib.suppress(OSError):  # it has just ended
                (group / "cgroup.procs").write_text(str(pid))

    def strike(self, fault: Fault) -> None:
        """Do it. What is struck already, or not there, is left as it is."""
        match fault.kind:
            case "kill":
                self.kill(*fault.nodes)
            case "pause":
                self._paused[fault] = [pid for name in fault.nodes if (pid := self._stack.pid(name)) is not None]
                for pid in self._paused[fault]:
                    _signal(pid, signal.SIGSTOP)
            case "fill":
                for name in fault.nodes:
                    fill(self._stack.data(name) / BALLAST)
            case "cut" | "deaf":
                self._chains[fault] = [self._cut(name, whole=fault.kind == "cut") for name in fault.nodes]

    def kill(self, *names: str) -> None:
        """``kill -9`` of those that live, and a note that it was us."""
        pids = [pid for name in names if (pid := self._stack.pid(name)) is not None]
        self.killed.update(pids)
        end_processes(pids)

    def mend(self, fault: Fault) -> None:
        """Undo it, unless it is undone. A kill is not undone here."""
        for pid in self._paused.pop(fault, ()):
            _signal(pid, signal.SIGCONT)
        if fault.kind == "fill":
            for name in fault.nodes:
                (self._stack.data(name) / BALLAST).unlink(missing_ok=True)
        for chain in self._chains.pop(fault, ()):
            _run("nft", "delete", "chain", "inet", "chaos", chain)

    def mend_all(self, faults: Iterable[Fault]) -> None:
        """Undo whatever of these is not undone. Nobody is left paused, by whichever fault."""
        for fault in faults:
            self.mend(fault)
        for pid in self._stack.pids().values():
            _signal(pid, signal.SIGCONT)

    def close(self) -> None:
        """When every process has ended: no group and no mount is left."""
        for group in self._groups:
            with contextlib.suppress(OSError):
                group.rmdir()
        for name in self._small:
            subprocess.run(["umount", "-l", str(self._stack.data(name))], check=False)

    def _cut(self, name: str, *, whole: bool) -> str:
        """Drop what comes to the node's p2p port and what it answers there; of a whole cut also all that it says to
        other nodes. Clients go on reaching it."""
        self._number += 1
        chain, p2p = f"fault{self._number}", self._stack.port(name, "p2p")
        rules = [f"tcp dport {p2p} drop", f"tcp sport {p2p} drop"]
        if whole:
            others = ", ".join(
                str(self._stack.port(other, listener))
                for other in self._stack.names
                if other != name
                for listener in ("public", "p2p")
            )
            rules.append(f'socket cgroupv2 level 1 "{cgroup(name).name}" tcp dport {{ {others} }} drop')
            # Connections that are older than the group keep the one in which they were opened.
            old = self._opened_by(name)
            if old:
                rules.append(f"tcp sport {{ {', '.join(map(str, old))} }} tcp dport {{ {others} }} drop")
        lines = [f"add chain inet chaos {chain} {{ type filter hook output priority 0 ; }}"]
        lines += [f"add rule inet chaos {chain} {rule}" for rule in rules]
        _run("nft", "\n".join(lines))
        return chain

    def _opened_by(self, name: str) -> list[int]:
        """The local ports of the connections that the node has, without those of its own listeners."""
        pid = self._stack.pid(name)
        own = {self._stack.port(name, listener) for listener in ("public", "p2p", "cli")}
        return [] if pid is None else sorted(_local_ports(pid) - own)


def fill(ballast: Path) -> None:
    """Take all the space that is left on the file's disk."""
    with ballast.open("ab") as file:
        with contextlib.suppress(OSError):
            while True:
                os.write(file.fileno(), bytes(1 << 20))
        with contextlib.suppress(OSError):
            while True:
                os.write(file.fileno(), bytes(512))


def _local_ports(pid: int) -> set[int]:
    """The local ports of a process's TCP connections over IPv4."""
    inodes = set()
    with contextlib.suppress(OSError):
        for descriptor in Path(f"/proc/{pid}/fd").iterdir():
            with contextlib.suppress(OSError):
                found = re.fullmatch(r"socket:\[(\d+)\]", str(descriptor.readlink()))
                if found:
                    inodes.add(found[1])
    rows = (line.split() for line in Path("/proc/net/tcp").read_text().splitlines()[1:])
    return {int(row[1].partition(":")[2], 16) for row in rows if row[9] in inodes}


def _signal(pid: int, number: signal.Signals) -> None:
    with contextlib.suppress(ProcessLookupError):
        os.kill(pid, number)


def _run(*command: str) -> None:
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        raise RuntimeError(f"{' '.join(command)[:500]} ended with {done.returncode}: {done.stderr}")
