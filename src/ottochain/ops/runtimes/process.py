"""The process runtime: nodes as processes of this host.

A node is recognised by more than a process id. It holds a lock on ``node.lock`` in its data folder for as long as it
lives, and the file says its process id and its peer id; the kernel releases the lock when the process ends, however
it ends, so an id that was given to another process meanwhile misleads nobody. That the node on the port is the same
is checked where its answers are read, by its peer id.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import signal
import time
from dataclasses import dataclass
from typing import Final, Literal

from ottochain.ops.errors import GateNotMet
from ottochain.ops.inventory.deployment import Node
from ottochain.ops.runtimes import host

STOP_SECONDS: Final = 15.0
KILL_SECONDS: Final = 5.0
LOOK_AGAIN_SECONDS: Final = 0.01


@dataclass(frozen=True, slots=True)
class ProcessFact:
    """Whether a node's process lives. ``pid`` is None unless it runs."""

    state: Literal["running", "stopped", "unknown"]
    pid: int | None = None
    peer_id: str | None = None
    why: str = ""
    started: str = ""
    """When it says that it started; with the process id it names this run of the node and no other."""

    @property
    def life(self) -> str | None:
        """What tells this run of the node from any other; None when it does not run."""
        return None if self.pid is None else f"{self.pid}@{self.started}"


def look(node: Node) -> ProcessFact:
    """Whether the node's process lives, from its lock. Asking disturbs nobody: the lock is only tried when the
    process named in it is alive."""
    file = node.data_dir / "node.lock"
    try:
        content = file.read_bytes()
    except FileNotFoundError:
        return ProcessFact("stopped")
    except OSError as error:
        return ProcessFact("unknown", why=f"{file}: {error.strerror}")
    pid, peer_id, started = _who(content)
    if pid is None or not host.is_alive(pid) or not host.is_locked(file):
        return ProcessFact("stopped")
    return ProcessFact("running", pid, peer_id, started=started)


def _who(content: bytes) -> tuple[int | None, str | None, str]:
    try:
        found = json.loads(content)
        return int(found["pid"]), str(found["id"]), str(found.get("started", ""))
    except (ValueError, KeyError, TypeError, AttributeError):
        return None, None, ""


@dataclass(frozen=True, slots=True)
class Stopped:
    """How a stop went."""

    was_running: bool
    by_force: bool
    seconds: float


async def stop(node: Node, *, seconds: float = STOP_SECONDS) -> Stopped:
    """Ask the node to end, and kill it when it has not by the deadline. Already stopped: nothing happens.

    Raises ``GateNotMet`` when it is still there after that.
    """
    started = time.monotonic()
    if look(node).state == "stopped":
        return Stopped(False, False, 0.0)
    for number, patience in ((signal.SIGTERM, seconds), (signal.SIGKILL, KILL_SECONDS)):
        deadline = time.monotonic() + patience
        told: int | None = None
        while time.monotonic() < deadline:
            fact = look(node)
            if fact.state == "stopped" and (told is None or not host.is_alive(told)):
                return Stopped(True, number == signal.SIGKILL, time.monotonic() - started)
            if fact.pid is not None and fact.pid != told:
                with contextlib.suppress(ProcessLookupError):
                    os.kill(fact.pid, number)
                told = fact.pid
            await asyncio.sleep(LOOK_AGAIN_SECONDS)
    pid = look(node).pid
    raise GateNotMet(
        f"{node.name} (process {pid}) was told to end, then killed, and is there after {seconds + KILL_SECONDS:.0f} s.",
        next_step=f"see what holds it (ps -o pid,stat,command -p {pid}), then repeat the command.",
    )
