"""OttoChain's own routes: machines, scripts and the state as a whole, numbers exact."""

from __future__ import annotations

from typing import Any, Final

from ottochain.client.endpoint import Endpoint, Refused
from ottochain.client.readings import MalformedReading

PREFIX: Final = "/data-application/v1"


class FiberClient:
    """Reads fibers at ML0; ``on_chain`` also at DL1. Each question raises ``Unreachable``, ``Refused`` or
    ``MalformedReading``."""

    def __init__(self, endpoint: Endpoint) -> None:
        self._endpoint = endpoint

    async def machine(self, fiber_id: str) -> dict[str, Any] | None:
        """A state machine's record; None where there is none of that id."""
        return await self._record("state-machines", fiber_id)

    async def machines(self, status: str | None = None) -> dict[str, Any]:
        """Records by id; of one status (``ACTIVE``, ``ARCHIVED``, ``FAILED``) or of all."""
        return await self._records("state-machines", status)

    async def events(self, fiber_id: str) -> list[Any]:
        """The machine's receipts in the latest snapshot."""
        return await self._list(f"state-machines/{fiber_id}/events")

    async def script(self, fiber_id: str) -> dict[str, Any] | None:
        """A script's record; None where there is none of that id."""
        return await self._record("oracles", fiber_id)

    async def scripts(self, status: str | None = None) -> dict[str, Any]:
        """Records by id; of one status or of all."""
        return await self._records("oracles", status)

    async def invocations(self, fiber_id: str) -> list[Any]:
        """The script's invocations in the latest snapshot."""
        return await self._list(f"oracles/{fiber_id}/invocations")

    async def checkpoint(self) -> tuple[int, dict[str, Any]]:
        """The latest ordinal, and the calculated state there."""
        match await self._endpoint.read(f"{PREFIX}/checkpoint"):
            case {"ordinal": int(ordinal), "state": dict(state)}:
                return ordinal, state
            case _:
                raise MalformedReading("no ordinal and state in the checkpoint")

    async def on_chain(self) -> dict[str, Any]:
        """The on-chain state: what DL1 validates against."""
        return _object(await self._endpoint.read(f"{PREFIX}/onchain"))

    async def _record(self, kind: str, fiber_id: str) -> dict[str, Any] | None:
        try:
            found = await self._endpoint.read(f"{PREFIX}/{kind}/{fiber_id}")
        except Refused as error:
            if error.status == 404:  # not the text of a UUID
                return None
            raise
        return None if found is None else _object(found)

    async def _records(self, kind: str, status: str | None) -> dict[str, Any]:
        asked = f"?status={status}" if status else ""
        return _object(await self._endpoint.read(f"{PREFIX}/{kind}{asked}"))

    async def _list(self, path: str) -> list[Any]:
        found = await self._endpoint.read(f"{PREFIX}/{path}")
        if not isinstance(found, list):
            raise MalformedReading("the answer is no list")
        return found


def _object(value: object) -> dict[str, Any]:
    if not isinstance(value, dict):
        raise MalformedReading("the answer is no JSON object")
    return value
