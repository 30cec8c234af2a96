"""The client's side of a running stack: post to DL1, and learn from ML0 and GL0 what became final.

Nothing is polled: both feeds are followed, so the measuring costs the stack next to nothing.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any, Final

import aiohttp
import orjson

from benchmarks.posting import Poster
from benchmarks.stack import Stack

PREFIX: Final = "/data-application/v1"
FULL_POOL_PAUSE_SECONDS: Final = 0.05


class Lost(AssertionError):  # noqa: N818  what happened
    """An update was refused, rejected, or answered and then not applied."""


@dataclass(frozen=True, slots=True)
class Decided:
    """ML0's word on an update: in which ordinal, why not (None: applied), and when the word came here."""

    ordinal: int
    reason: str | None
    at: float


class Network:
    """One client session over all nodes. Times are of ``time.perf_counter``."""

    def __init__(self, stack: Stack, http: aiohttp.ClientSession, connections: int) -> None:
        self._http = http
        self._dl1 = tuple(Poster(f"{place.url}/data", connections) for place in stack.places("dl1"))
        self._ml0 = stack.places("ml0")[0].url
        self._gl0 = stack.places("gl0")[0].url
        self._token = stack.token
        self._waiting: dict[str, asyncio.Future[Decided]] = {}
        self._early: dict[str, Decided] = {}
        self._in_gl0: dict[int, float] = {}
        self._highest_in_gl0 = -1
        self._news_of_gl0 = asyncio.Event()
        self.full_pools = 0
        """How often a node answered that its pool is full."""

    async def post(self, body: bytes, turn: int) -> float:
        """Post to the DL1 whose turn it is; gives the time at which 200 was read. Raises ``Lost`` on a refusal."""
        dl1 = self._dl1[turn % len(self._dl1)]
        while True:
            status, said = await dl1.post(body)
            if status == 200:
                return time.perf_counter()
            if status != 503:
                raise Lost(f"refused with {status}: {said[:300]!r}")
            self.full_pools += 1
            await asyncio.sleep(FULL_POOL_PAUSE_SECONDS)

    def close(self) -> None:
        """Close the connections to DL1."""
        for poster in self._dl1:
            poster.close()

    async def decided(self, update_hash: str) -> Decided:
        """What ML0 decided, as soon as it says so. Raises ``Lost`` when the update was rejected."""
        found = self._early.pop(update_hash, None)
        if found is None:
            future: asyncio.Future[Decided] = asyncio.get_running_loop().create_future()
            self._waiting[update_hash] = future
            found = await future
        if found.reason is not None:
            raise Lost(f"rejected in ordinal {found.ordinal}: {found.reason}")
        return found

    async def in_checkpoint(self, fiber_id: str, sequence_number: int) -> float:
        """The time at which ML0 answered a question for the machine with at least that number."""
        url = f"{self._ml0}{PREFIX}/state-machines/{fiber_id}"
        while True:
            machine = await self._get(url)
            if machine is not None and machine["sequenceNumber"] >= sequence_number:
                return time.perf_counter()

    async def in_gl0(self, ordinal: int) -> float:
        """The time at which GL0 told of a snapshot that holds ML0's ``ordinal``."""
        while self._highest_in_gl0 < ordinal:
            self._news_of_gl0.clear()
            await self._news_of_gl0.wait()
        return next(at for known, at in self._in_gl0.items() if known >= ordinal)

    async def sequence_numbers(self) -> dict[str, int]:
        """Of every machine in ML0's checkpoint."""
        checkpoint = await self._get(f"{self._ml0}{PREFIX}/checkpoint")
        return {key: record["sequenceNumber"] for key, record in checkpoint["state"]["stateMachines"].items()}

    async def _get(self, url: str) -> Any:
        async with self._http.get(url) as response:
            response.raise_for_status()
            return orjson.loads(await response.read())

    def _heard_from_ml0(self, line: dict[str, Any], at: float) -> None:
        for outcome in line.get("decided") or line.get("entry", {}).get("decided", ()):
            found = Decided(outcome["ordinal"], outcome.get("reason"), at)
            future = self._waiting.pop(outcome["hash"], None)
            if future is None:
                self._early[outcome["hash"]] = found
            elif not future.done():
                future.set_result(found)

    def _heard_from_gl0(self, line: dict[str, Any], at: float) -> None:
        entry = line.get("entry") or line.get("state") or {}
        for binary in entry.get("channels", {}).get(self._token, ()):
            if binary["ordinal"] > self._highest_in_gl0:
                self._highest_in_gl0 = binary["ordinal"]
                self._in_gl0[binary["ordinal"]] = at
        self._news_of_gl0.set()

    async def follow(self, started: asyncio.Event) -> None:
        """Follow both feeds until cancelled; ``started`` is set once both have begun."""
        begun = [asyncio.Event(), asyncio.Event()]
        async with asyncio.TaskGroup() as group:
            group.create_task(self._follow(self._ml0, self._heard_from_ml0, begun[0]))
            group.create_task(self._follow(self._gl0, self._heard_from_gl0, begun[1]))
            for event in begun:
                await event.wait()
            started.set()

    async def _follow(self, url: str, heard: Callable[[dict[str, Any], float], None], begun: asyncio.Event) -> None:
        timeout = aiohttp.ClientTimeout(total=None)
        async with self._http.get(f"{url}/ottochain/feed", timeout=timeout) as response:
            response.raise_for_status()
            rest = b""
            async for chunk in response.content.iter_any():
                at = time.perf_counter()
                *lines, rest = (rest + chunk).split(b"\n") if b"\n" in chunk else (rest + chunk,)
                for line in lines:
                    heard(orjson.loads(line), at)
                if lines:
                    begun.set()
        raise Lost(f"{url} ended its feed")


@asynccontextmanager
async def connected(stack: Stack, connections: int = 32) -> AsyncIterator[Network]:
    """A network that follows both feeds for the duration. ``connections`` go to each DL1 node."""
    async with aiohttp.ClientSession() as http:
        network = Network(stack, http, connections)
        started = asyncio.Event()
        following = asyncio.create_task(network.follow(started))
        waiting = asyncio.create_task(started.wait())
        try:
            await asyncio.wait([following, waiting], return_when=asyncio.FIRST_COMPLETED)
            if following.done():
                following.result()
            yield network
        finally:
            network.close()
            waiting.cancel()
            following.cancel()
            await asyncio.gather(following, waiting, return_exceptions=True)
