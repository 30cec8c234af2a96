"""Data updates: sent to a DL1 node, looked up there, and what became of them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
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

    async def submit(self, message: Any, proofs: Sequence[dict[str, str]], fee: Mapping[str, Any] | None = None) -> str:
        """Sends a signed update, and the signed fee that is paid with it; the update's hash.

        ``message`` must be in the server's own form (defaults and nulls written out), since the signatures are over
        that. Returning means that the node has it on disk. Raises ``Refused`` with the reason, or ``Unreachable``:
        then whether it arrived is unknown, and sending it again is safe.
        """
        signed = {"value": message, "proofs": list(proofs)}
        match await self._endpoint.send("/data", signed if fee is None else {"data": signed, "fee": fee}):
            case {"hash": str(update_hash)}:
                return update_hash
            case _:
                raise MalformedReading("no hash in the answer to an update")

    async def estimate_fee(self, message: Any) -> tuple[int, str | None]:
        """What the network asks for an unsigned message, in datum, and whom it is paid to, if the network says so."""
        match await self._endpoint.send("/data/estimate-fee", message):
            case {"fee": int(fee), **rest}:
                return fee, str(rest["address"]) if rest.get("address") else None
            case _:
                raise MalformedReading("no fee in the answer")

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
