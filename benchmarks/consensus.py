"""How quickly four validators of ML0 agree, and what the death of a leader costs; three etcd beside them."""

from __future__ import annotations

import asyncio
import base64
import os
import signal
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import Final

import orjson
import uvloop

from benchmarks.agreeing import Validators, drive, validators
from benchmarks.effort import Effort
from benchmarks.pairs import alternate
from benchmarks.peers import etcd
from benchmarks.peers.places import PeerMissing
from benchmarks.peers.running import PeerFailed, answer_of
from benchmarks.posting import Poster
from benchmarks.report import Figure, Goal, Result
from benchmarks.samples import percentile
from benchmarks.stack import Stack, scratch, throw_away
from benchmarks.workload import Fiber, fibers
from ottochain.crypto.keys import PrivateKey
from ottochain.crypto.keystore import read_p12

WHAT = "signed blocks of one update, handed to an ML0 of four validators; all nodes and the client on this machine"
FIBERS: Final = 16
"""Lanes that hand in updates without pause while snapshots are counted and a leader dies."""

BEFORE_DEATH_SECONDS: Final = 1.0
PUT_BYTES: Final = 1024
"""About what a block has."""


@dataclass(frozen=True, slots=True)
class Agreement:
    """What one pair found: commits one after the other, commits a second, the longest silence around a death."""

    commit_p50_ms: float
    commit_p99_ms: float
    per_second: float
    gap_seconds: float


def run(effort: Effort) -> Result:
    """Each pair: commits one by one, commits under load, and ``kill -9`` of the leader; then the same with etcd."""
    missing: list[str] = []
    with throw_away(ml0=4) as stack, scratch("peers-") as folder:
        stack.up()
        signers = tuple(_key(stack, name) for name in ("dl1", "dl1-1"))
        contenders: dict[str, Callable[[], Agreement]] = {
            "ours": lambda: uvloop.run(_ours(stack, signers, effort)),
        }
        turns = iter(range(1_000_000))

        def etcds() -> Agreement:
            with etcd.three(folder / f"etcd-{next(turns)}") as three:
                return uvloop.run(_etcd(three, effort))

        try:
            etcds()
            contenders["three etcd"] = etcds
        except (PeerMissing, PeerFailed) as reason:
            missing.append(str(reason))
        found = alternate(contenders, effort.pairs)
        stack.up()
        stack.down()
    notes = (
        f"{effort.commits} commits one by one, then {FIBERS} lanes for {effort.agreeing_seconds:g} s; a put of "
        f"{PUT_BYTES} bytes there; etcd's puts a second are requests, several of which share an entry of its log",
        "commit: from the moment a block is sent to a validator until the first validator tells that it is final",
        "the gap is the longest time between two commits, or two puts that succeeded, from before the death on",
    )
    return Result("consensus", WHAT, tuple(_figures(found)), tuple(missing), notes)


def _figures(found: dict[str, list[Agreement]]) -> list[Figure]:
    ours, peers = found["ours"], {name: values for name, values in found.items() if name != "ours"}

    def figure(what: str, unit: str, field: str, goal: Goal | None) -> Figure:
        others = {name: tuple(getattr(each, field) for each in values) for name, values in peers.items()}
        own = tuple(getattr(each, field) for each in ours)
        return Figure(what, unit, "less", own, others, () if goal is None else (goal,))

    per_second = tuple(each.per_second for each in ours)
    return [
        Figure("snapshots a second", "/s", "more", per_second, {}, (Goal(at_least=20, aim=100),)),
        figure("commit, p50", "ms", "commit_p50_ms", Goal(at_least=40, aim=8)),
        figure("commit, p99", "ms", "commit_p99_ms", None),
        figure("longest gap after kill -9 of the leader", "s", "gap_seconds", Goal(at_least=2, aim=0.5)),
    ]


async def _ours(stack: Stack, signers: tuple[PrivateKey, ...], effort: Effort) -> Agreement:
    stack.up()
    ready = fibers(FIBERS)
    for fiber in ready:
        fiber.prepare(effort.commits)
    async with validators(stack, signers) as found:
        for turn, fiber in enumerate(ready):
            await found.final(fiber.creation(), turn)
        took = [await found.final(ready[turn % FIBERS].next(), turn) * 1000 for turn in range(effort.commits)]
        began = time.perf_counter()
        await drive(found, ready, effort.agreeing_seconds)
        ended = time.perf_counter()
        committed = sum(1 for at in found.commits.values() if began <= at < ended)
        gap = await _death(stack, found, ready, effort.death_seconds)
    return Agreement(percentile(took, 0.5), percentile(took, 0.99), committed / (ended - began), gap)


async def _death(stack: Stack, found: Validators, ready: list[Fiber], seconds: float) -> float:
    driving = asyncio.create_task(drive(found, ready, BEFORE_DEATH_SECONDS + seconds))
    await asyncio.sleep(BEFORE_DEATH_SECONDS)
    victim = stack.places("ml0")[found.leader].pid()
    died = time.perf_counter()
    assert victim is not None
    os.kill(victim, signal.SIGKILL)
    await driving
    return longest_gap(list(found.commits.values()), died)


def longest_gap(times: list[float], since: float) -> float:
    """The longest time between two neighbours, from the last one before ``since`` on."""
    before = [at for at in times if at < since][-1:]
    return max(later - earlier for earlier, later in pairwise([*before, *(at for at in times if at >= since)]))


def _key(stack: Stack, name: str) -> PrivateKey:
    """The key of an L1 node: blocks count for ML0 when two such nodes signed them."""
    keys = Path(stack.folder) / ".ottochain" / "keys"
    password = (keys / f"{name}.password").read_text().strip()
    return read_p12((keys / f"{name}.p12").read_bytes(), name, password).key


async def _etcd(three: etcd.EtcdThree, effort: Effort) -> Agreement:
    posters = [Poster(f"{client}/v3/kv/put", 64) for client in three.clients]
    done: list[float] = []

    async def put(turn: int) -> float:
        value = base64.b64encode(os.urandom(PUT_BYTES)).decode()
        body = orjson.dumps({"key": base64.b64encode(b"k%d" % (turn % FIBERS)).decode(), "value": value})
        began = time.perf_counter()
        while True:
            with suppress(OSError, TimeoutError):
                status, _ = await asyncio.wait_for(posters[turn % 3].post(body), 0.5)
                if status == 200:
                    done.append(time.perf_counter())
                    return done[-1] - began
            turn += 1

    async def lanes(seconds: float) -> None:
        until = time.perf_counter() + seconds

        async def lane(turn: int) -> None:
            while time.perf_counter() < until:
                await put(turn)
                turn += 1

        async with asyncio.TaskGroup() as group:
            for turn in range(FIBERS):
                group.create_task(lane(turn))

    took = [await put(turn) * 1000 for turn in range(effort.commits)]
    count = len(done)
    await lanes(effort.agreeing_seconds)
    per_second = (len(done) - count) / effort.agreeing_seconds
    driving = asyncio.create_task(lanes(BEFORE_DEATH_SECONDS + effort.death_seconds))
    await asyncio.sleep(BEFORE_DEATH_SECONDS)
    victim = three.pids[await asyncio.to_thread(etcd_leader, three)]
    died = time.perf_counter()
    os.kill(victim, signal.SIGKILL)
    await driving
    for poster in posters:
        poster.close()
    return Agreement(percentile(took, 0.5), percentile(took, 0.99), per_second, longest_gap(done, died))


def etcd_leader(three: etcd.EtcdThree) -> int:
    """Which of the three leads."""
    for number, client in enumerate(three.clients):
        status = orjson.loads(answer_of(f"{client}/v3/maintenance/status", b"{}"))
        if status["leader"] == status["header"]["member_id"]:
            return number
    raise PeerFailed("etcd has no leader")
