"""What a stack costs that does nothing: memory, CPU, and writes to the disk between two triggers of time."""

from __future__ import annotations

import time
from contextlib import ExitStack
from dataclasses import dataclass

from benchmarks.effort import Effort
from benchmarks.peers import etcd
from benchmarks.peers.places import PeerMissing
from benchmarks.peers.running import PeerFailed, answer_of
from benchmarks.processes import Use, pss_bytes, use_of
from benchmarks.report import Figure, Goal, Result
from benchmarks.stack import Stack, StackFailed, scratch, throw_away

WHAT = "the whole stack of 8 with nothing to do"
TRIES_MAX = 5
MEGA = 10**6


@dataclass(frozen=True, slots=True)
class Look:
    """One window: memory at its end, and what was used during it."""

    memory_mega: float
    cpu_percent: float
    written_kilo: float


def run(effort: Effort) -> Result:
    """Ours and the peer stand side by side; each window takes both, for what a process uses is counted for itself."""
    missing: list[str] = []
    with throw_away() as stack, scratch("peers-") as folder, ExitStack() as open_peers:
        peers: dict[str, tuple[int, ...]] = {}
        try:
            peers["three etcd"] = open_peers.enter_context(etcd.three(folder)).pids
        except (PeerMissing, PeerFailed) as reason:
            missing.append(str(reason))
        stack.up()
        time.sleep(effort.settle_seconds)
        pids = stack.pids()
        if len(pids) != len(stack.places()):
            raise StackFailed(f"expected {len(stack.places())} processes, found {len(pids)}")
        looks = [_look(stack, {"ours": pids, **peers}, effort.idle_seconds) for _ in range(effort.pairs)]
    return Result("idle", WHAT, _figures(looks), tuple(missing), _notes(effort))


def _look(stack: Stack, groups: dict[str, tuple[int, ...]], seconds: float) -> dict[str, Look]:
    """One window between two triggers: taken again when a snapshot was made meanwhile. Raises ``StackFailed``."""
    for _ in range(TRIES_MAX):
        ordinals = _ordinals(stack)
        before = {name: use_of(pids) for name, pids in groups.items()}
        time.sleep(seconds)
        after = {name: use_of(pids) for name, pids in groups.items()}
        found = {name: _of(after[name].since(before[name]), pids, seconds) for name, pids in groups.items()}
        if _ordinals(stack) == ordinals:
            return found
    raise StackFailed(f"an idle stack made snapshots in each of {TRIES_MAX} windows of {seconds:g} s")


def _of(used: Use, pids: tuple[int, ...], seconds: float) -> Look:
    return Look(pss_bytes(pids) / MEGA, 100 * used.cpu_seconds / seconds, used.written_bytes / 1000)


def _ordinals(stack: Stack) -> tuple[bytes, ...]:
    """What the two layers that make snapshots have made."""
    return (
        answer_of(f"{stack.places('gl0')[0].url}/global-snapshots/latest/ordinal"),
        answer_of(f"{stack.places('ml0')[0].url}/snapshots/latest/ordinal"),
    )


def _figures(looks: list[dict[str, Look]]) -> tuple[Figure, ...]:
    def values(name: str, field: str) -> tuple[float, ...]:
        return tuple(getattr(look[name], field) for look in looks)

    def figure(what: str, unit: str, field: str, goal: Goal) -> Figure:
        peers = {name: values(name, field) for name in looks[0] if name != "ours"}
        return Figure(what, unit, "less", values("ours", field), peers, (goal,))

    return (
        figure("memory (sum of PSS)", "MB", "memory_mega", Goal(at_least=450, aim=200)),
        figure("CPU", "% of a core", "cpu_percent", Goal(at_least=3.0, aim=0.5)),
        figure("written to disk between triggers", "KB", "written_kilo", Goal(at_least=0.0, aim=0.0)),
    )


def _notes(effort: Effort) -> tuple[str, ...]:
    return (f"windows of {effort.idle_seconds:g} s without a snapshot in them; every process of each side is counted",)
