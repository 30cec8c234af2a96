"""The cli listener: what an operator tells a node. It listens on the loopback interface of the node's host only."""

from __future__ import annotations

from ottochain.client.endpoint import Endpoint


class ControlClient:
    """Join and leave."""

    def __init__(self, endpoint: Endpoint) -> None:
        self._endpoint = endpoint

    async def join(self, peer_id: str, ip: str, p2p_port: int) -> None:
        """Asks the node to join by way of a member.

        Returning means only that the node began: whether it became a member is seen in its peers' view. Raises
        ``Refused`` with status 409 when the node is not ``ReadyToJoin``, and ``Unreachable``.
        """
        await self._endpoint.send("/cluster/join", {"id": peer_id, "ip": ip, "p2pPort": p2p_port})

    async def leave(self) -> None:
        """Asks the node to leave its cluster. Raises ``Refused`` or ``Unreachable``."""
        await self._endpoint.post("/cluster/leave")
