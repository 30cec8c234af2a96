"""Token transactions, and what else moves tokens: sent to a CL1 node, and the reference that the next one must name."""

from __future__ import annotations

from typing import Any, Final, Literal

from ottochain.client.endpoint import Endpoint, Refused
from ottochain.client.readings import MalformedReading

Kind = Literal["transactions", "allow-spends", "token-locks"]
"""What moves tokens, by its path. Each address has a chain of each kind."""

KINDS: Final[tuple[Kind, ...]] = ("transactions", "allow-spends", "token-locks")


class CurrencyClient:
    """Speaks to a CL1 node. Each question raises ``Unreachable``, ``Refused`` or ``MalformedReading``."""

    def __init__(self, endpoint: Endpoint, kind: Kind = "transactions") -> None:
        self._endpoint = endpoint
        self._kind = kind

    async def last_reference(self, address: str) -> tuple[int, str]:
        """Ordinal and hash of the address's last accepted transaction: the parent of the next."""
        match await self._endpoint.read(f"/{self._kind}/last-reference/{address}"):
            case {"ordinal": int(ordinal), "hash": str(transaction_hash)}:
                return ordinal, transaction_hash
            case _:
                raise MalformedReading("no ordinal and hash in the answer")

    async def submit(self, signed_transaction: dict[str, Any]) -> str:
        """Sends a signed transaction; its hash. Raises ``Refused`` with the reasons."""
        match await self._endpoint.send(f"/{self._kind}", signed_transaction):
            case {"hash": str(transaction_hash)}:
                return transaction_hash
            case _:
                raise MalformedReading("no hash in the answer to a transaction")

    async def waiting(self, transaction_hash: str) -> dict[str, Any] | None:
        """The transaction while it waits at this node; None when it does not."""
        try:
            answer = await self._endpoint.read(f"/{self._kind}/{transaction_hash}")
        except Refused as error:
            if error.status == 404:
                return None
            raise
        if not isinstance(answer, dict):
            raise MalformedReading("the answer is no JSON object")
        return answer
