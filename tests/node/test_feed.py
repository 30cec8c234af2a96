"""The feed of the L0 layers: how a follower is let in."""

from __future__ import annotations

import pytest

from node.network import Network
from ottochain.node.service import service_factory


async def test_a_follower_is_sent_away_until_there_is_something_to_open_with(
    nodes: Network, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Let in before, it would hear nothing until the next snapshot; sent away, it comes back within milliseconds."""
    monkeypatch.setattr("node.network.PlainService", service_factory("gl0"))
    without_chain = await nodes.start("gl0", "run-validator")
    assert await without_chain.get("/ottochain/feed") == (503, b'{"message":"Node is not ready yet"}')
