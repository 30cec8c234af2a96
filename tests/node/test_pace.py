"""What took long is followed by a rest in which events gather; what was quick is not."""

from __future__ import annotations

import asyncio
import time

import pytest

from ottochain.node import pace
from ottochain.node.pace import Pace


def busy(seconds: float) -> None:
    end = time.thread_time() + seconds
    while time.thread_time() < end:
        pass


async def test_after_a_snapshot_that_took_long_events_wait_until_the_rest_ends(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pace, "REST_FROM_SECONDS", 0.001)
    rested = asyncio.Event()
    paced = Pace(rested.set)
    with paced.work():
        busy(0.002)
    assert not paced.resting
    paced.rest()
    assert paced.resting
    await asyncio.wait_for(rested.wait(), 5)
    assert not paced.resting


async def test_a_quick_snapshot_is_followed_by_no_rest() -> None:
    paced = Pace(lambda: None)
    with paced.work():
        pass
    paced.rest()
    assert not paced.resting


async def test_the_work_on_one_snapshot_is_not_counted_for_the_next(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pace, "REST_FROM_SECONDS", 0.001)
    paced = Pace(lambda: None)
    with paced.work():
        busy(0.002)
    paced.rest()
    paced.rest()
    assert not paced.resting


async def test_a_rest_that_is_closed_wakes_nobody(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pace, "REST_FROM_SECONDS", 0.0)
    monkeypatch.setattr(pace, "REST_FACTOR", 0.0)
    woken: list[None] = []
    paced = Pace(lambda: woken.append(None))
    paced.rest()
    paced.close()
    await asyncio.sleep(0.01)
    assert not woken
