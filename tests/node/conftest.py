from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest_asyncio

from node.network import Network, network


@pytest_asyncio.fixture
async def nodes(tmp_path: Path) -> AsyncIterator[Network]:
    """Starts nodes in this event loop and stops them after the test."""
    async with network(tmp_path) as started:
        yield started
