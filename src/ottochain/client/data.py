"""Data updates: sent to a DL1 node, looked up there, and what became of them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from ottochain.client.endpoint import Endpoint, Refused
from ottochain.client.readings import MalformedReading


@dataclass(frozen=True, slots=True)
class Fate:
    """What became of an acknowledged update: ``Waiting``, ``Accepted`` or ``Rejected``."""

    status: str
    ordinal: int | None
    reason: str | None

    @property
    def is_settled(self) -> bool:
        return self.status != "Waiting"


class DataClient:
    """Speaks to a DL1 node."""

    def __init__(self, endpoint: Endpoint) -> None:
        self._endpoint = endpoint

    async def submit(self, message: Any, proofs: Sequence[dict[str, str]]) -> str:
        """Sends a signed update; its hash.

        ``message`` must be in the server's own form (defaults and nulls written out), since the signatures are over
        that. Returning means that the node has it on disk. Raises ``Refused`` with the reason, or ``Unreachable``:
        then whether it arrived is unknown, and sending it again is safe.
        """
        match await self._endpoint.send("/data", {"value": message, "proofs": list(proofs)}):
            case {"hash": str(update_hash)}:
                return update_hash
            case _:
                raise MalformedReading("no hash in the answer to an update")

    async def fate(self, update_hash: str) -> Fate | None:
        """None for an update that the node does not know (and from an engine that can't tell)."""
        try:
            answer = await self._endpoint.read(f"/data/{update_hash}")
        except Refused as error:
            if error.status == 404:
                return None
            raise
        return read_fate(answer)

    async def waiting(self) -> list[Any]:
        """The signed updates in the node's pool."""
        answer = await self._endpoint.read("/data")
        if not isinstance(answer, list):
            raise MalformedReading("the pool is no list")
        return answer


def read_fate(answer: object) -> Fate:
    """Raises ``MalformedReading``."""
    match answer:
        case {"status": str(status), **rest}:
            return Fate(status, _integer(rest.get("ordinal")), _reason(rest.get("reason")))
        case _:
            raise MalformedReading("no status in the answer")


def _integer(value: object) -> int | None:
    return value if isinstance(value, int) and not isinstance(value, bool) else None


def _reason(value: object) -> str | None:
    return None if value is None else value if isinstance(value, str) else repr(value)
