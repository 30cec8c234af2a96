"""Deployments of fake nodes, each with a block of ports of its own."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest
import pytest_asyncio
from tests.ops.fakes import kill
from tests.ops.worlds import a_deployment
from tests.port_blocks import a_port_offset

from ottochain.ops.inventory.deployment import Deployment


@pytest.fixture
def offset() -> Iterator[int]:
    """A block of ports of our own."""
    with a_port_offset() as found:
        yield found


@pytest_asyncio.fixture
async def deployment(tmp_path: Path, offset: int) -> AsyncIterator[Deployment]:
    """The guide's topology, never founded; every node is stopped at the end."""
    made = a_deployment(tmp_path, f"[deployment]\nport_offset = {offset}\n")
    for file in (made.places.gl0_genesis, made.places.ml0_genesis):
        file.parent.mkdir(parents=True)
        file.write_text("")
    yield made
    kill(made)
