"""How long a person waits for the tool: a whole process from its start to its end."""

from __future__ import annotations

import subprocess
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack
from pathlib import Path

from benchmarks.effort import Effort
from benchmarks.pairs import alternate
from benchmarks.peers import etcd, patroni, places
from benchmarks.peers.places import PeerMissing
from benchmarks.peers.running import PeerFailed
from benchmarks.report import Figure, Goal, Result
from benchmarks.stack import TOOL, scratch, throw_away, tool_environment

WHAT = "a command from start to end"
MEMBERS = 8


def run(effort: Effort) -> Result:
    """``--help``, and ``status`` of a running stack of eight; peers get a cluster of eight, too."""
    missing: list[str] = []
    with throw_away() as stack, scratch("peers-") as folder, ExitStack() as open_peers:
        stack.up()
        helps: dict[str, tuple[str, ...]] = {"ours": (*TOOL, "--help")}
        _add(helps, "patronictl", lambda: (*_patronictl(), "--help"), missing)
        _add(helps, "ansible", lambda: (*_ansible(), "--help"), missing)
        statuses: dict[str, tuple[str, ...]] = {"ours": (*TOOL, "status")}
        _add(statuses, "patronictl list", lambda: _listing(folder, open_peers), missing)
        shown = _measure("--help", helps, Goal(at_least=150, aim=60), stack.folder, effort)
        status = _measure("status of 8 nodes", statuses, Goal(at_least=400, aim=150), stack.folder, effort)
    return Result("cli", WHAT, (shown, status), tuple(dict.fromkeys(missing)), NOTES)


NOTES = (
    "a plan of 9 nodes is not measured: this version of the tool has no verb that prints one",
    "patronictl list reads eight members from three etcd; no database runs behind them",
)


def _measure(what: str, commands: Mapping[str, Sequence[str]], goal: Goal, folder: Path, effort: Effort) -> Figure:
    def timed(command: Sequence[str]) -> Callable[[], float]:
        return lambda: milliseconds(command, folder)

    contenders = {name: timed(command) for name, command in commands.items()}
    for measure in contenders.values():
        measure()  # once uncounted, for the caches
    found = alternate(contenders, effort.commands)
    ours = tuple(found.pop("ours"))
    return Figure(what, "ms", "less", ours, {name: tuple(times) for name, times in found.items()}, (goal,))


def milliseconds(command: Sequence[str], folder: Path) -> float:
    """How long ``command`` takes. Raises ``CalledProcessError`` when it fails."""
    began = time.perf_counter()
    subprocess.run(command, cwd=folder, env=tool_environment(), check=True, capture_output=True, timeout=60)
    return (time.perf_counter() - began) * 1000


def _add(
    commands: dict[str, tuple[str, ...]], name: str, find: Callable[[], tuple[str, ...]], missing: list[str]
) -> None:
    try:
        commands[name] = find()
    except (PeerMissing, PeerFailed) as reason:
        missing.append(str(reason))


def _patronictl() -> tuple[str, ...]:
    return (str(places.script("patroni", "patronictl")),)


def _ansible() -> tuple[str, ...]:
    return (str(places.script("ansible", "ansible")),)


def _listing(folder: Path, open_peers: ExitStack) -> tuple[str, ...]:
    program = _patronictl()
    endpoint = open_peers.enter_context(etcd.three(folder / "etcd")).clients[0]
    patroni.register(MEMBERS, endpoint)
    return (*program, "-c", str(patroni.configuration(folder, endpoint)), "list")
