"""How long an accepted update takes until it is final: in ML0's checkpoint, and in a GL0 snapshot."""

from __future__ import annotations

import random
import time
from asyncio import sleep
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass

import aiohttp
import uvloop

from benchmarks.effort import Effort
from benchmarks.network import Network, connected
from benchmarks.pairs import alternate
from benchmarks.peers import ethereum
from benchmarks.peers.places import PeerMissing
from benchmarks.peers.running import PeerFailed
from benchmarks.report import Figure, Goal, Result
from benchmarks.samples import percentile
from benchmarks.stack import Stack, scratch, throw_away
from benchmarks.workload import Fiber, fibers

WHAT = "one signed transition after the other, on an idle stack"
FIBERS = 20
REST_SECONDS_MAX = 0.02
"""A random rest before each update, so that none keeps step with a timer of the stack."""


@dataclass(frozen=True, slots=True)
class Times:
    """Milliseconds of one pair: the middle and the slow end of what was sampled."""

    to_ml0: tuple[float, ...]
    to_gl0: tuple[float, ...]
    posting: tuple[float, ...]


def run(effort: Effort) -> Result:
    """Each pair: ``effort.updates`` transitions here, as many transactions there."""
    missing: list[str] = []
    with throw_away() as stack, scratch("peers-") as folder, ExitStack() as open_peers:
        stack.up()
        ready = fibers(FIBERS)
        uvloop.run(_found(stack, ready))
        contenders: dict[str, Callable[[], Times]] = {
            "ours": lambda: uvloop.run(_ours(stack, ready, effort.updates)),
        }
        try:
            url = open_peers.enter_context(ethereum.anvil(folder))
            contenders["anvil"] = lambda: uvloop.run(_anvil(url, effort.updates))
        except (PeerMissing, PeerFailed) as reason:
            missing.append(str(reason))
        for measure in contenders.values():
            measure()  # once uncounted
        found = alternate(contenders, effort.pairs)
        stack.down()
    return Result("latency", WHAT, tuple(_figures(found)), tuple(missing), _notes(found["ours"]))


def _figures(found: dict[str, list[Times]]) -> list[Figure]:
    def figure(what: str, share: float, field: str, goal: Goal | None, *, peers: bool = True) -> Figure:
        def values(name: str) -> tuple[float, ...]:
            return tuple(percentile(getattr(times, field), share) for times in found[name])

        others = {name: values(name) for name in found if name != "ours" and peers}
        return Figure(what, "ms", "less", values("ours"), others, () if goal is None else (goal,))

    return [
        figure("accepted → ML0's checkpoint, p50", 0.5, "to_ml0", Goal(at_least=120, aim=15)),
        figure("accepted → ML0's checkpoint, p99", 0.99, "to_ml0", Goal(at_least=400, aim=60)),
        figure("accepted → a GL0 snapshot, p50", 0.5, "to_gl0", Goal(at_least=400, aim=35), peers=False),
        figure("accepted → a GL0 snapshot, p99", 0.99, "to_gl0", Goal(aim=120), peers=False),
        figure("sent → accepted (synced to disk), p50", 0.5, "posting", None),
    ]


def _notes(ours: list[Times]) -> tuple[str, ...]:
    return (
        f"{len(ours[0].to_ml0)} updates a pair; anvil: transaction hash → receipt; it keeps everything in memory and "
        "signs with a key of its own",
        "ours is timed from the moment the client has read 200 until ML0 answers a question with the new state",
    )


async def _found(stack: Stack, ready: list[Fiber]) -> None:
    async with connected(stack) as network:
        for turn, fiber in enumerate(ready):
            creation = fiber.creation()
            await network.post(creation.body, turn)
            await network.decided(creation.hash)


async def _ours(stack: Stack, ready: list[Fiber], updates: int) -> Times:
    to_ml0, to_gl0, posting = [], [], []
    async with connected(stack) as network:
        for turn in range(updates):
            await sleep(random.uniform(0, REST_SECONDS_MAX))  # noqa: S311  no secret
            sent, accepted, ml0, gl0 = await _one(network, ready[turn % len(ready)], turn)
            posting.append((accepted - sent) * 1000)
            to_ml0.append((ml0 - accepted) * 1000)
            to_gl0.append((gl0 - accepted) * 1000)
    return Times(tuple(to_ml0), tuple(to_gl0), tuple(posting))


async def _one(network: Network, fiber: Fiber, turn: int) -> tuple[float, float, float, float]:
    """The times at which one update was sent, accepted, seen in ML0's checkpoint, and told of by GL0."""
    update = fiber.next()
    sent = time.perf_counter()
    accepted = await network.post(update.body, turn)
    decided = await network.decided(update.hash)
    ml0 = await network.in_checkpoint(fiber.id, fiber.sequence_number)
    return sent, accepted, ml0, await network.in_gl0(decided.ordinal)


async def _anvil(url: str, updates: int) -> Times:
    receipts, posting = [], []
    async with aiohttp.ClientSession() as http:
        sender = ethereum.Sender(http, url, (await ethereum.accounts(http, url))[0])
        for _ in range(updates):
            await sleep(random.uniform(0, REST_SECONDS_MAX))  # noqa: S311
            sent = time.perf_counter()
            transaction = await sender.send()
            accepted = time.perf_counter()
            await sender.until_receipt(transaction)
            receipts.append((time.perf_counter() - accepted) * 1000)
            posting.append((accepted - sent) * 1000)
    return Times(tuple(receipts), (), tuple(posting))
