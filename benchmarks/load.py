"""How many signed transitions a second go through DL1 into final ML0 snapshots, sustained, and none lost."""

from __future__ import annotations

import asyncio
import time
from collections import Counter
from contextlib import ExitStack, suppress
from dataclasses import dataclass
from typing import Final

import aiohttp
import uvloop

from benchmarks.effort import Effort
from benchmarks.network import Lost, Network, connected
from benchmarks.pairs import alternate
from benchmarks.peers import ethereum
from benchmarks.peers.places import PeerMissing
from benchmarks.peers.running import PeerFailed
from benchmarks.report import Figure, Goal, Result
from benchmarks.samples import percentile
from benchmarks.stack import Stack, scratch, throw_away
from benchmarks.workload import Fiber, fibers

WHAT = "signed transitions through DL1 into final ML0 snapshots; all 8 nodes and the load on this machine"
PREPARED_PER_SECOND: Final = 3_000
"""Messages signed before the clock runs, over all fibers; beyond them each is signed when it is sent."""
DEPTH_OF_ONE: Final = 64
"""Messages under way at once for a single fiber: its sequence numbers queue."""
DRAIN_SECONDS: Final = 60.0
PEER_SENDERS: Final = 16


@dataclass(frozen=True, slots=True)
class Load:
    """One sustained load: final transitions a second, over the whole window and in its slowest second; how long each
    took from accepted to final; how many were accepted and, in the end, found applied."""

    per_second: float
    slowest_second: float
    final_p50_ms: float
    final_p99_ms: float
    applied: int
    full_pools: int


def run(effort: Effort) -> Result:
    """Each pair: one stack, one sustained load; then anvil with as many senders as it has accounts."""
    missing: list[str] = []
    notes = []
    with scratch("peers-") as folder, ExitStack() as open_peers:
        ours: list[Load] = []
        contenders = {"ours": lambda: _note(ours, sustained(effort, effort.fibers))}
        try:
            url = open_peers.enter_context(ethereum.anvil(folder, *ethereum.FOR_THROUGHPUT))
            contenders["anvil"] = lambda: uvloop.run(_anvil(url, effort.peer_load_seconds))
        except (PeerMissing, PeerFailed) as reason:
            missing.append(str(reason))
        found = alternate(contenders, effort.pairs)
        others = [(count, sustained(effort, count)) for count in effort.other_fibers]
    figures = [
        Figure(
            f"final transitions, {effort.fibers:,} fibers",
            "/s",
            "more",
            tuple(found.pop("ours")),
            {name: tuple(values) for name, values in found.items()},
            (Goal(at_least=500, aim=2_500),),
        ),
        Figure("the slowest second of each load", "/s", "more", tuple(load.slowest_second for load in ours)),
        Figure("accepted → final under load, p50", "ms", "less", tuple(load.final_p50_ms for load in ours)),
        Figure("accepted → final under load, p99", "ms", "less", tuple(load.final_p99_ms for load in ours)),
    ]
    for count, load in others:
        what = f"final transitions, {count:,} fiber{'s' if count > 1 else ''}"
        figures.append(Figure(what, "/s", "more", (load.per_second,)))
    applied = sum(load.applied for load in ours) + sum(load.applied for _, load in others)
    notes += [
        f"sustained for {effort.load_seconds:g} s each, after {effort.warm_seconds:g} s; none lost: each of "
        f"{applied:,} acknowledged transitions was found applied in ML0's checkpoint",
        "anvil: a block each second (faster for it than one per transaction), in memory, signed with keys of its own",
    ]
    if full := sum(load.full_pools for load in ours):
        notes.append(f"nodes answered {full} times that their pool is full; those messages were sent again")
    return Result("load", WHAT, tuple(figures), tuple(missing), tuple(notes))


def _note(all_of_ours: list[Load], load: Load) -> float:
    all_of_ours.append(load)
    return load.per_second


def sustained(effort: Effort, fiber_count: int) -> Load:
    """A load on a stack of its own. Raises ``Lost`` when an acknowledged transition is not found applied."""
    with throw_away() as stack:
        stack.up()
        load = uvloop.run(drive(stack, effort, fiber_count))
        stack.down()
    return load


async def drive(stack: Stack, effort: Effort, fiber_count: int) -> Load:
    """Found the fibers, sign, run, drain, and look for every transition in the checkpoint."""
    ready = fibers(fiber_count)
    seconds = effort.warm_seconds + effort.load_seconds
    async with connected(stack) as network:
        await _found(network, ready, effort.in_flight)
        for fiber in ready:
            fiber.prepare(int(PREPARED_PER_SECOND * seconds / fiber_count) + 1)
        lanes = Lanes(network, ready, effort.in_flight)
        began = time.perf_counter()
        await lanes.run(began + seconds)
        await _check_applied(network, ready)
    start = began + effort.warm_seconds
    window = [at for at in lanes.final if start <= at < start + effort.load_seconds]
    by_second = Counter(int(at - start) for at in window)
    return Load(
        per_second=len(window) / effort.load_seconds,
        slowest_second=min(by_second[second] for second in range(max(1, int(effort.load_seconds)))),
        final_p50_ms=percentile(lanes.took_ms, 0.5),
        final_p99_ms=percentile(lanes.took_ms, 0.99),
        applied=len(lanes.final),
        full_pools=network.full_pools,
    )


class Lanes:
    """One lane for each fiber: post its next message, wait until that is final, go on. At most so many at once."""

    def __init__(self, network: Network, ready: list[Fiber], in_flight: int) -> None:
        self._network = network
        self._fibers = ready
        self._places = asyncio.Semaphore(in_flight)
        self.final: list[float] = []
        self.took_ms: list[float] = []

    async def run(self, until: float) -> None:
        """Drive all lanes until that time, and wait until everything accepted is final. Raises ``Lost``."""
        try:
            async with asyncio.timeout(until - time.perf_counter() + DRAIN_SECONDS), asyncio.TaskGroup() as group:
                for turn, fiber in enumerate(self._fibers):
                    if len(self._fibers) == 1:
                        group.create_task(self._pipelined(fiber, turn, until, group))
                    else:
                        group.create_task(self._in_turn(fiber, turn, until))
        except TimeoutError:
            raise Lost(f"accepted, but not final {DRAIN_SECONDS:g} s after the load ended") from None

    async def _in_turn(self, fiber: Fiber, turn: int, until: float) -> None:
        while time.perf_counter() < until:
            async with self._places:
                if time.perf_counter() >= until:
                    return
                update = fiber.next()
                accepted = await self._network.post(update.body, turn)
                await self._until_final(update.hash, accepted)

    async def _pipelined(self, fiber: Fiber, turn: int, until: float, group: asyncio.TaskGroup) -> None:
        """Posts are answered in their order; what is accepted queues until its turn comes."""
        places = asyncio.Semaphore(DEPTH_OF_ONE)

        async def finish(update_hash: str, accepted: float) -> None:
            await self._until_final(update_hash, accepted)
            places.release()

        while time.perf_counter() < until:
            await places.acquire()
            update = fiber.next()
            accepted = await self._network.post(update.body, turn)
            group.create_task(finish(update.hash, accepted))

    async def _until_final(self, update_hash: str, accepted: float) -> None:
        at = (await self._network.decided(update_hash)).at
        self.final.append(at)
        self.took_ms.append(max(0.0, at - accepted) * 1000)


async def _found(network: Network, ready: list[Fiber], in_flight: int) -> None:
    places = asyncio.Semaphore(min(in_flight, 500))

    async def create(fiber: Fiber, turn: int) -> None:
        async with places:
            creation = fiber.creation()
            await network.post(creation.body, turn)
            await network.decided(creation.hash)

    async with asyncio.TaskGroup() as group:
        for turn, fiber in enumerate(ready):
            group.create_task(create(fiber, turn))


async def _check_applied(network: Network, ready: list[Fiber]) -> None:
    """Every fiber stands where its acknowledged transitions must have brought it."""
    found = await network.sequence_numbers()
    wrong = [(fiber.id, fiber.sequence_number, found.get(fiber.id)) for fiber in ready]
    wrong = [each for each in wrong if each[1] != each[2]]
    if wrong:
        fiber_id, sent, applied = wrong[0]
        raise Lost(f"{len(wrong)} fibers are not where they must be: {fiber_id} took {sent}, ML0 shows {applied}")


async def _anvil(url: str, seconds: float) -> float:
    """Transactions in blocks a second, while each of some accounts sends one after the other."""
    async with aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=0)) as http:
        accounts = (await ethereum.accounts(http, url))[:PEER_SENDERS]
        first = await ethereum.height(http, url)
        with suppress(TimeoutError):
            async with asyncio.timeout(seconds), asyncio.TaskGroup() as group:
                for account in accounts:
                    group.create_task(_send_on_and_on(ethereum.Sender(http, url, account)))
        last = await ethereum.height(http, url)
        return sum([await ethereum.transactions_in(http, url, block) for block in range(first + 1, last + 1)]) / seconds


async def _send_on_and_on(sender: ethereum.Sender) -> None:
    while True:
        await sender.send()
