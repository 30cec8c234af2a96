"""Four validators of ML0 as their L1 sees them: signed blocks go in, and each validator's feed tells what is final."""

from __future__ import annotations

import asyncio
import contextlib
import time
import uuid
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any, Final

import aiohttp
import orjson

from benchmarks.network import Lost
from benchmarks.posting import Poster
from benchmarks.stack import Stack
from benchmarks.workload import Fiber, Signed
from ottochain.codec.wire import json_hash
from ottochain.consensus.quorum import leader_order
from ottochain.crypto.keys import PrivateKey
from ottochain.crypto.proofs import sign

DOOR: Final = "/currency/l1-data-output"
ASK_AGAIN_SECONDS: Final = 0.5
"""A block that is not decided by then goes to the next validator, as an L1 node would send it."""


class Validators:
    """Posts blocks of one update, and hears of every commit from whoever tells first."""

    def __init__(self, stack: Stack, signers: tuple[PrivateKey, ...]) -> None:
        self._signers = signers
        self._places = stack.places("ml0")
        self._posters = [Poster(f"{place.url}{DOOR}", 64) for place in self._places]
        self._waiting: dict[str, asyncio.Future[float]] = {}
        self.commits: dict[int, float] = {}
        """When each ordinal was first told of."""
        self._newest: dict[str, Any] = {}

    async def final(self, update: Signed, turn: int) -> float:
        """Hands one update in and waits until it is final; the seconds that took. Raises ``Lost`` when rejected."""
        decided = self._waiting[update.hash] = asyncio.get_running_loop().create_future()
        began, body = time.perf_counter(), self._block(update)
        while True:
            with contextlib.suppress(OSError):
                await self._posters[turn % len(self._posters)].post(body)
            with contextlib.suppress(TimeoutError):
                at: float = await asyncio.wait_for(asyncio.shield(decided), ASK_AGAIN_SECONDS)
                return at - began
            turn += 1

    @property
    def leader(self) -> int:
        """Whose turn it is to propose next: its place among the nodes."""
        leader = leader_order(self._newest["bodyHash"], sorted(self._newest["validators"]))[0]
        return self._ids.index(leader)

    async def follow(self, started: asyncio.Event) -> None:
        """Follow all feeds until cancelled. A feed that ends is that of a node that was killed."""
        async with aiohttp.ClientSession() as http, asyncio.TaskGroup() as group:
            self._ids = [await _id(http, place.url) for place in self._places]
            heard = [asyncio.Event() for _ in self._places]
            for place, event in zip(self._places, heard, strict=True):
                group.create_task(self._follow(http, place.url, event))
            for event in heard:
                await event.wait()
            started.set()

    def close(self) -> None:
        """Close the connections."""
        for poster in self._posters:
            poster.close()

    def _block(self, update: Signed) -> bytes:
        hashes = [[update.hash]]
        proofs = [sign(json_hash(hashes), key).to_json() for key in self._signers]
        value = b'{"roundId":"%b","dataTransactions":[[%b]],"dataTransactionsHashes":%b}' % (
            str(uuid.uuid4()).encode(),
            update.body,
            orjson.dumps(hashes),
        )
        return b'{"value":%b,"proofs":%b}' % (value, orjson.dumps(proofs))

    async def _follow(self, http: aiohttp.ClientSession, url: str, begun: asyncio.Event) -> None:
        timeout = aiohttp.ClientTimeout(total=None)
        rest = b""
        with contextlib.suppress(aiohttp.ClientError, OSError):
            async with http.get(f"{url}/ottochain/feed", timeout=timeout) as response:
                async for chunk in response.content.iter_any():
                    at = time.perf_counter()
                    *lines, rest = (rest + chunk).split(b"\n")
                    for line in lines:
                        self._heard(orjson.loads(line), at)
                    begun.set()

    def _heard(self, line: dict[str, Any], at: float) -> None:
        entry = line.get("entry") or {}
        header = entry.get("header") or line.get("state", {}).get("header")
        if header is not None and header["ordinal"] > self._newest.get("ordinal", -1):
            self._newest = header
            self.commits[header["ordinal"]] = at
        for outcome in entry.get("decided", ()):
            future = self._waiting.pop(outcome["hash"], None)
            if future is None:
                continue
            if outcome["reason"] is not None:
                future.set_exception(Lost(f"rejected: {outcome['reason']}"))
            else:
                future.set_result(at)


async def _id(http: aiohttp.ClientSession, url: str) -> str:
    async with http.get(f"{url}/node/info") as response:
        return str((await response.json())["id"])


@asynccontextmanager
async def validators(stack: Stack, signers: tuple[PrivateKey, ...]) -> AsyncIterator[Validators]:
    """All of them, heard for the duration."""
    found = Validators(stack, signers)
    started = asyncio.Event()
    following = asyncio.create_task(found.follow(started))
    waiting = asyncio.create_task(started.wait())
    try:
        await asyncio.wait([following, waiting], return_when=asyncio.FIRST_COMPLETED)
        yield found
    finally:
        found.close()
        for task in (following, waiting):
            task.cancel()
        await asyncio.gather(following, waiting, return_exceptions=True)


async def drive(found: Validators, ready: list[Fiber], seconds: float) -> None:
    """One lane for each fiber, its next update handed in when the last one is final, for so long."""
    until = time.perf_counter() + seconds

    async def lane(fiber: Fiber, turn: int) -> None:
        while time.perf_counter() < until:
            await found.final(fiber.next(), turn)
            turn += 1

    async with asyncio.TaskGroup() as group:
        for turn, fiber in enumerate(ready):
            group.create_task(lane(fiber, turn))
