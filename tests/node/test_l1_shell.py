"""The shell of an L1 core: events in their order, effects in their order, each before the next."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import pytest

from node.network import until
from ottochain.consensus.l1_block import L1Config, L1Error, initial
from ottochain.consensus.l1_effects import (
    Arrived,
    Certified,
    Cosign,
    Decisions,
    KeepItems,
    L1Boot,
    L1Received,
    L1Send,
    L1Validate,
    L1Validated,
    Offer,
    PeersChanged,
    Release,
    Submit,
)
from ottochain.consensus.l1_items import Block, Item
from ottochain.consensus.votes import Chain, Signature
from ottochain.node.l1_shell import L1Shell

ME, PEER = "a" * 128, "b" * 128


def sign(text: str) -> str:
    return f"{text}!"


class Works:
    """Notes what it was asked for; ``may_keep`` holds a write back."""

    def __init__(self) -> None:
        self.asked: list[Any] = []
        self.may_keep = asyncio.Event()
        self.may_keep.set()
        self.good = True

    async def keep(self, ask: KeepItems) -> None:
        self.asked.append(ask)
        await self.may_keep.wait()
        self.asked.append("synced")

    def validate(self, ask: L1Validate) -> L1Validated:
        self.asked.append(ask)
        return L1Validated(ask.block.id(), self.good)

    async def release(self, ask: Release) -> None:
        self.asked.append(ask)

    def send(self, ask: L1Send) -> None:
        self.asked.append(ask)

    def submit(self, ask: Submit) -> None:
        self.asked.append(ask)

    def of(self, kind: type[Any]) -> list[Any]:
        return [ask for ask in self.asked if isinstance(ask, kind)]


class Running:
    """A shell that runs, with milliseconds for timers."""

    def __init__(self) -> None:
        self.works = Works()
        self.beats = 0
        config = L1Config(
            me=ME,
            chain=Chain("DAG", 0, "dl1"),
            sign=sign,
            verify=lambda _signer, text, signature: signature == sign(text),
            retry_ms=5,
            retry_max_ms=5,
            signer_submit_ms=5,
            patience_ms=20,
        )
        self.shell = L1Shell(initial(config), self.works, beat=self.beat)
        self.task = asyncio.create_task(self.shell.run())

    def beat(self) -> None:
        self.beats += 1


@pytest.fixture
async def running() -> AsyncIterator[Running]:
    started = Running()
    yield started
    started.task.cancel()
    await asyncio.gather(started.task, return_exceptions=True)


def item(number: int, origin: str = ME) -> Item:
    return Item(f"key{number}", f"hash{number}", "fiber", None, number, origin)


def offer(*items: Item) -> Offer:
    block = Block(PEER, 1, 0, items)
    return Offer(block, sign(block.text()))


async def test_an_arrival_is_submitted_at_once_where_one_signature_is_enough(running: Running) -> None:
    running.shell.tell(L1Boot(1))
    running.shell.tell(Arrived((item(1),)))
    await until(lambda: bool(running.works.of(Submit)))
    assert running.works.of(Submit)[0].block.items == (item(1),)
    assert running.beats > 0


async def test_a_block_is_submitted_again_until_it_is_decided(running: Running) -> None:
    running.shell.tell(L1Boot(1))
    running.shell.tell(Arrived((item(1),)))
    await until(lambda: len(running.works.of(Submit)) >= 3)
    running.shell.tell(Decisions(("key1",)))
    await until(lambda: bool(running.works.of(Release)))
    count = len(running.works.of(Submit))
    await asyncio.sleep(0.03)
    assert len(running.works.of(Submit)) == count
    assert running.shell.state.undecided == 0


async def test_nothing_is_signed_before_a_peer_s_items_are_synced(running: Running) -> None:
    running.works.may_keep.clear()
    running.shell.tell(L1Boot(1))
    running.shell.tell(PeersChanged((PEER,)))
    running.shell.tell(L1Received(offer(item(1, PEER))))
    await until(lambda: bool(running.works.of(KeepItems)))
    await asyncio.sleep(0.02)
    assert running.works.of(L1Send) == []
    running.works.may_keep.set()
    await until(lambda: bool(running.works.of(L1Send)))
    kept, synced, *sent = running.works.asked[1:]
    assert (type(kept), synced) == (KeepItems, "synced")
    assert isinstance(sent[0].message, Cosign)


async def test_events_are_taken_in_the_order_they_came(running: Running) -> None:
    """Also those that came while a write was waited for."""
    running.works.may_keep.clear()
    running.shell.tell(L1Boot(1))
    running.shell.tell(PeersChanged((PEER,)))
    running.shell.tell(L1Received(offer(item(1, PEER))))
    await until(lambda: bool(running.works.of(KeepItems)))
    running.shell.tell(Arrived((item(2),)))
    running.shell.tell(Decisions(("key2",)))
    running.works.may_keep.set()
    await until(lambda: bool(running.works.of(Release)))
    assert [type(ask) for ask in running.works.asked if isinstance(ask, KeepItems | Release)] == [KeepItems, Release]
    assert running.works.of(Release)[0].keys == ("key2",)


async def test_a_signer_submits_what_its_proposer_does_not(running: Running) -> None:
    running.shell.tell(L1Boot(1))
    running.shell.tell(PeersChanged((PEER,)))
    made = offer(item(1, PEER))
    running.shell.tell(L1Received(made))
    await until(lambda: bool(running.works.of(L1Send)))
    mine = running.works.of(L1Send)[0].message
    signatures = tuple(sorted(_signatures(made, mine)))
    running.shell.tell(L1Received(Certified(made.block.id(), signatures)))
    await until(lambda: bool(running.works.of(Submit)))
    assert running.works.of(Submit)[0].signatures == signatures


def _signatures(made: Offer, mine: Cosign) -> list[Signature]:
    return [Signature(PEER, made.signature), Signature(ME, mine.signature)]


async def test_a_broken_contract_ends_the_shell(running: Running) -> None:
    running.shell.tell(Arrived((item(1),)))
    with pytest.raises(L1Error):
        await running.task


async def test_a_write_that_fails_ends_the_shell(running: Running, monkeypatch: pytest.MonkeyPatch) -> None:
    async def keep(_works: Works, _ask: KeepItems) -> None:
        raise OSError("no space left")

    monkeypatch.setattr(Works, "keep", keep)
    running.shell.tell(L1Boot(1))
    running.shell.tell(PeersChanged((PEER,)))
    running.shell.tell(L1Received(offer(item(1, PEER))))
    with pytest.raises(OSError, match="no space"):
        await running.task
    assert running.works.of(L1Send) == []


async def test_a_stopped_shell_leaves_no_timer_behind() -> None:
    running = Running()
    running.shell.tell(L1Boot(1))
    running.shell.tell(Arrived((item(1),)))
    await until(lambda: bool(running.works.of(Submit)))
    running.task.cancel()
    await asyncio.gather(running.task, return_exceptions=True)
    count = len(running.works.of(Submit))
    running.shell.tell(L1Boot(2))
    await asyncio.sleep(0.03)
    assert len(running.works.of(Submit)) == count
