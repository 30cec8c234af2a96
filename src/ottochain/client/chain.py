"""Snapshots and balances: the routes of GL0 and ML0, which differ only in their prefixes."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal, Self

from ottochain.client.endpoint import Endpoint
from ottochain.client.readings import MalformedReading, read_ordinal


@dataclass(frozen=True, slots=True)
class Balance:
    """In datum (1e-8 of a token), as of a snapshot."""

    amount: int
    ordinal: int


class ChainClient:
    """Reads a chain. Each question raises ``Unreachable``, ``Refused`` (503 unless the node is Ready) or
    ``MalformedReading``."""

    def __init__(self, endpoint: Endpoint, snapshots: str, currency: str) -> None:
        self._endpoint = endpoint
        self._snapshots = snapshots
        self._currency = currency

    @classmethod
    def of(cls, layer: Literal["gl0", "ml0"], endpoint: Endpoint) -> Self:
        return cls(endpoint, *(("/global-snapshots", "/dag") if layer == "gl0" else ("/snapshots", "/currency")))

    async def latest_ordinal(self) -> int:
        return read_ordinal(await self._endpoint.get(f"{self._snapshots}/latest/ordinal"))

    async def latest(self) -> dict[str, Any]:
        """The signed incremental snapshot at the head."""
        return _object(await self._endpoint.read(f"{self._snapshots}/latest"))

    async def latest_combined(self) -> tuple[dict[str, Any], dict[str, Any]]:
        """The signed snapshot at the head and the state it leaves."""
        match await self._endpoint.read(f"{self._snapshots}/latest/combined"):
            case [snapshot, state]:
                return _object(snapshot), _object(state)
            case _:
                raise MalformedReading("the combined snapshot is no pair")

    async def snapshot(self, ordinal: int) -> dict[str, Any]:
        """Raises ``Refused`` with 404 for an ordinal that the node does not have."""
        return _object(await self._endpoint.read(f"{self._snapshots}/{ordinal}"))

    async def snapshot_hash(self, ordinal: int) -> str:
        match await self._endpoint.read(f"{self._snapshots}/{ordinal}/hash"):
            case str(text):
                return text
            case _:
                raise MalformedReading("the snapshot's hash is no string")

    async def balance(self, address: str) -> Balance:
        """0 for an address that was never seen."""
        match await self._endpoint.read(f"{self._currency}/{address}/balance"):
            case {"balance": int(amount), "ordinal": int(ordinal)}:
                return Balance(amount, ordinal)
            case _:
                raise MalformedReading("no balance in the answer")


def _object(value: object) -> dict[str, Any]:
    if not isinstance(value, dict):
        raise MalformedReading("the answer is no JSON object")
    return value
