"""The shell of the outbox: binaries are delivered, and again, until they are included."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator

import pytest

from node.network import until
from ottochain.consensus.outbox import Binary, OutboxConfig, OutboxError
from ottochain.node.outbox_shell import OutboxShell
from ottochain.node.supervisor import Supervisor


class GlobalLayer:
    """Takes binaries, or says why not."""

    def __init__(self) -> None:
        self.delivered: list[tuple[int, int]] = []
        self.problem: str | None = None

    async def deliver(self, ordinal: int, attempt: int) -> str | None:
        self.delivered.append((ordinal, attempt))
        await asyncio.sleep(0)
        if self.problem == "raise":
            raise RuntimeError("a bug in the delivery")
        return self.problem

    @property
    def ordinals(self) -> list[int]:
        return [ordinal for ordinal, _ in self.delivered]


class Running:
    def __init__(self) -> None:
        self.gl0 = GlobalLayer()
        self.deaths: list[str] = []
        self.supervisor = Supervisor(time.monotonic, self.deaths.append)
        config = OutboxConfig(me="me", members=("me",), retry_ms=10, failed_ms=5, retry_max_ms=20)
        self.shell = OutboxShell(config, self.gl0.deliver, self.supervisor)


@pytest.fixture
async def running() -> AsyncIterator[Running]:
    started = Running()
    yield started
    started.shell.close()
    await started.supervisor.stop()


def binaries(first: int, last: int) -> tuple[Binary, ...]:
    return tuple(Binary(n, f"{n:064x}", f"{n - 1:064x}") for n in range(first, last + 1))


async def test_what_gl0_does_not_hold_is_sent_at_boot_oldest_first(running: Running) -> None:
    running.shell.boot(binaries(3, 9))
    await until(lambda: len(running.gl0.delivered) >= 4)
    assert running.gl0.ordinals[:4] == [3, 4, 5, 6]
    assert running.shell.depth == 7
    oldest = running.shell.oldest_seconds
    assert oldest is not None
    assert oldest >= 0


async def test_a_binary_is_sent_until_it_is_included_whatever_gl0_answers(running: Running) -> None:
    running.shell.boot(())
    running.shell.enqueue(binaries(1, 1)[0])
    await until(lambda: len(running.gl0.delivered) >= 3)
    running.gl0.problem = "status 503"
    await until(lambda: running.shell.last_problem == "status 503")
    running.shell.included(f"{1:064x}")
    assert (running.shell.depth, running.shell.oldest_seconds, running.shell.last_problem) == (0, None, None)
    await asyncio.sleep(0.01)
    count = len(running.gl0.delivered)
    await asyncio.sleep(0.05)
    assert len(running.gl0.delivered) == count


async def test_an_inclusion_confirms_all_before_it_and_lets_the_next_go(running: Running) -> None:
    running.shell.boot(binaries(1, 8))
    running.shell.included(f"{3:064x}")
    assert running.shell.depth == 5
    await until(lambda: {5, 6, 7} <= set(running.gl0.ordinals))
    running.shell.included("ab" * 32)
    assert running.shell.depth == 5


async def test_when_gl0_is_back_nothing_waits_for_its_timer(running: Running) -> None:
    running.gl0.problem = "ClientConnectorError"
    running.shell.boot(binaries(1, 2))
    await until(lambda: len(running.gl0.delivered) >= 6)
    running.gl0.problem = None
    running.gl0.delivered.clear()
    running.shell.gl0_up()
    await asyncio.sleep(0.002)
    assert running.gl0.delivered[:2] == [(1, 0), (2, 0)]


async def test_a_delivery_that_raises_is_tried_again(running: Running, caplog: pytest.LogCaptureFixture) -> None:
    running.gl0.problem = "raise"
    running.shell.boot(binaries(1, 1))
    await until(lambda: len(running.gl0.delivered) >= 3)
    assert running.shell.last_problem == "RuntimeError: a bug in the delivery"
    assert running.deaths == []
    assert "could not be delivered" in caplog.text


async def test_one_problem_is_told_once(running: Running, caplog: pytest.LogCaptureFixture) -> None:
    running.gl0.problem = "status 400"
    running.shell.boot(binaries(1, 3))
    await until(lambda: len(running.gl0.delivered) >= 9)
    assert caplog.text.count("status 400") == 1


async def test_a_gap_in_the_chain_of_binaries_is_an_error(running: Running) -> None:
    running.shell.boot(binaries(1, 2))
    with pytest.raises(OutboxError, match="the outbox is a chain"):
        running.shell.enqueue(binaries(4, 4)[0])


async def test_a_closed_outbox_sends_nothing(running: Running) -> None:
    running.shell.boot(binaries(1, 1))
    await until(lambda: bool(running.gl0.delivered))
    running.shell.close()
    count = len(running.gl0.delivered)
    await asyncio.sleep(0.04)
    assert len(running.gl0.delivered) <= count + 1
