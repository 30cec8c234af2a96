"""The status routes of a public listener, as readings."""

from __future__ import annotations

from ottochain.client.endpoint import Endpoint, Refused
from ottochain.client.readings import Member, NodeInfo, OwnFacts, read_members


class StatusClient:
    """What a node says of itself and of its cluster. Each question raises ``Unreachable``, ``Refused`` or
    ``MalformedReading``."""

    def __init__(self, endpoint: Endpoint) -> None:
        self._endpoint = endpoint

    async def info(self) -> NodeInfo:
        return NodeInfo.read(await self._endpoint.get("/node/info"))

    async def members(self) -> tuple[Member, ...]:
        return read_members(await self._endpoint.get("/cluster/info"))

    async def facts(self) -> OwnFacts | None:
        """What the embedded engine tells beyond the reference; None from an engine that has no such route."""
        try:
            return OwnFacts.read(await self._endpoint.get("/ottochain/node"))
        except Refused as error:
            if error.status == 404:
                return None
            raise

    async def metrics(self) -> str:
        """Prometheus' text."""
        return (await self._endpoint.get("/metrics")).decode()
