"""What the nodes say when the storm is over, read through their public routes: all hashes of all nodes, all blocks."""

from __future__ import annotations

import asyncio
import functools
import json
from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final, TypeVar

import aiohttp
from tests.chaos.clients import Item
from tests.network.stack import APPLICATION, Stack

from ottochain.codec.canonical import canonical_bytes
from ottochain.codec.hashing import data_update_hash
from ottochain.codec.wire import json_hash, signed_bytes, unbrotli
from ottochain.crypto.transactions import transaction_hash

T = TypeVar("T")
K = TypeVar("K")

AT_ONCE: Final = 12
PAGE: Final = 200
SNAPSHOT_BYTES_MAX: Final = 64 * 1024 * 1024
PREFIXES: Final = {"gl0": "global-snapshots", "ml0": "snapshots"}


@dataclass(frozen=True, slots=True)
class Confirmed:
    """An ML0 snapshot as GL0 holds it: where, which, with which hash, and the hash of the one before."""

    at: int
    ordinal: int
    hash: str
    parent: str


@dataclass
class Chain:
    """All that is compared. Ordinals begin at 1; hashes are None where a node has none."""

    hashes: dict[str, dict[str, list[str | None]]] = field(default_factory=dict)
    """For each L0 layer, for each node, its hashes from ordinal 1 on."""
    computed: dict[str, list[str]] = field(default_factory=dict)
    """For each L0 layer the hashes of what its first node answers, computed anew."""
    parents: dict[str, list[str]] = field(default_factory=dict)
    updates: dict[str, list[int]] = field(default_factory=dict)
    """For each update in a block the ML0 ordinals where it stands."""
    transactions: dict[str, list[int]] = field(default_factory=dict)
    confirmed: list[Confirmed] = field(default_factory=list)
    fates: dict[str, Mapping[str, Any]] = field(default_factory=dict)
    """What DL1 says became of an update; missing where no node knows it."""
    refusals: dict[str, str] = field(default_factory=dict)
    """Why ML0 refused a transaction; missing where it says nothing."""
    machines: dict[str, Mapping[str, Any]] = field(default_factory=dict)
    diverged: list[str] = field(default_factory=list)
    settled: int = 0
    """The ML0 ordinal up to which GL0 must hold everything; what came later may be on its way."""


def read_chain(stack: Stack, items: Iterable[Item], settled: int) -> Chain:
    """Everything that the checks want to know. ``items``: whose fates are asked for.

    GL0 is read first: what it holds is in ML0's chain then.
    """
    chain = asyncio.run(_Reader(stack).read(list(items)))
    chain.settled = settled
    return chain


class _Reader:
    def __init__(self, stack: Stack) -> None:
        self._stack = stack
        self._chain = Chain()
        self._turn = asyncio.Semaphore(AT_ONCE)

    async def read(self, items: list[Item]) -> Chain:
        chain = self._chain
        async with aiohttp.ClientSession(headers={"Accept": "application/json"}) as self._http:
            for layer, prefix in PREFIXES.items():
                names = self._stack.layer(layer)
                heads = [int((await self._json(name, f"/{prefix}/latest/ordinal"))["value"]) for name in names]
                ordinals = range(1, max(heads) + 1)
                chain.hashes[layer] = {
                    name: await self._each(ordinals, functools.partial(self._hash, name, prefix)) for name in names
                }
                await self._contents(layer, names[0], max(heads))
            await self._each([item for item in items if item.kind == "update"], self._fate)
            missing = [i for i in items if i.kind == "transaction" and i.hash not in chain.transactions]
            await self._each(missing, self._refusal)
            state = (await self._json(self._stack.layer("ml0")[0], f"{APPLICATION}/checkpoint"))["state"]
            chain.machines = state["stateMachines"]
            for name in self._stack.names:
                if (await self._json(name, "/ottochain/node"))["diverged"]:
                    chain.diverged.append(name)
        return chain

    async def _contents(self, layer: str, name: str, head: int) -> None:
        """What is in the snapshots of a layer, as this node serves them; some at a time, for they are large."""
        chain, read = self._chain, self._global if layer == "gl0" else self._metagraph
        chain.computed[layer], chain.parents[layer] = [], []
        ask = functools.partial(self._snapshot, name, PREFIXES[layer])
        for first in range(1, head + 1, PAGE):
            for ordinal, snapshot in enumerate(await self._each(range(first, min(first + PAGE, head + 1)), ask), first):
                if snapshot is not None:
                    value = snapshot["value"]
                    chain.computed[layer].append(json_hash(value))
                    chain.parents[layer].append(value["lastSnapshotHash"])
                    read(ordinal, value)

    async def _each(self, keys: Sequence[K] | range, ask: Callable[[Any], Awaitable[T]]) -> list[T]:
        async def one(key: object) -> T:
            async with self._turn:
                return await ask(key)

        return await asyncio.gather(*(one(key) for key in keys))

    async def _answer(self, name: str, path: str) -> tuple[int, bytes]:
        async with self._http.get(self._stack.url(name, path)) as response:
            return response.status, await response.read()

    async def _json(self, name: str, path: str) -> Any:
        status, body = await self._answer(name, path)
        if status != 200:
            raise AssertionError(f"{name}{path}: {status} {body[:200]!r}")
        return json.loads(body)

    async def _hash(self, name: str, prefix: str, ordinal: int) -> str | None:
        status, body = await self._answer(name, f"/{prefix}/{ordinal}/hash")
        return str(json.loads(body)) if status == 200 else None

    async def _snapshot(self, name: str, prefix: str, ordinal: int) -> Any:
        status, body = await self._answer(name, f"/{prefix}/{ordinal}")
        return json.loads(body) if status == 200 else None

    def _global(self, ordinal: int, value: Mapping[str, Any]) -> None:
        for binaries in value["stateChannelSnapshots"].values():
            for binary in binaries:
                content = json.loads(unbrotli(signed_bytes(binary["value"]["content"]), SNAPSHOT_BYTES_MAX))["value"]
                own, parent = json_hash(content), content["lastSnapshotHash"]
                self._chain.confirmed.append(Confirmed(ordinal, content["ordinal"], own, parent))

    def _metagraph(self, ordinal: int, value: Mapping[str, Any]) -> None:
        for content in value["dataApplication"]["blocks"]:
            for (each,) in json.loads(signed_bytes(content))["value"]["dataTransactions"]:
                found = data_update_hash(canonical_bytes(each["value"]))
                self._chain.updates.setdefault(found, []).append(ordinal)
        for accepted in value["blocks"]:
            for each in accepted["block"]["value"]["transactions"]:
                self._chain.transactions.setdefault(transaction_hash(each["value"]), []).append(ordinal)

    async def _fate(self, item: Item) -> None:
        """What the first node says that knows it, the ones that know it decided before the others."""
        nodes = self._stack.layer("dl1")
        start = int(item.hash[:4], 16) % len(nodes)
        for name in nodes[start:] + nodes[:start]:
            status, body = await self._answer(name, f"/data/{item.hash}")
            if status == 200:
                self._chain.fates[item.hash] = json.loads(body)
                if self._chain.fates[item.hash]["status"] != "Waiting":
                    return

    async def _refusal(self, item: Item) -> None:
        for name in self._stack.layer("ml0"):
            told = await self._json(name, f"/transactions/{item.hash}/errors")
            if told and told["message"]:
                self._chain.refusals[item.hash] = told["message"]
                return
