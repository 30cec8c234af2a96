"""A node that is told to stop: its loops end before its store closes."""

from __future__ import annotations

import asyncio
import logging
from pathlib import Path

import pytest

from layers.metagraph import create
from node.layered import layered


async def test_a_network_stops_in_the_middle_of_its_work_without_an_error(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    async with layered(tmp_path, time_trigger_seconds=0.005) as network:
        await network.found(l1=2)
        posted = [asyncio.create_task(network.send(create(number))) for number in range(1, 30)]
        await asyncio.sleep(0.03)
        for name in ("ml0", "dl1", "gl0", "dl1-1"):
            await network.stop(name)
        await asyncio.gather(*posted, return_exceptions=True)
    assert [record for record in caplog.records if record.levelno >= logging.ERROR] == []
