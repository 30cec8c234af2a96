"""What waits at an L1 node for its turn is on the disks of its peers, too, and one of them brings it through."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import msgspec
import pytest

from layers.metagraph import create
from ledger.kit import ALICE, BOB
from node.layered import KEYS, Layered, layered, settled
from node.network import until
from node.test_cl1 import BALANCES, PAID, hold_back, let_go, pay, taken
from ottochain.codec import exact_json
from ottochain.consensus.l1_effects import Ml0Up
from ottochain.fibers import SignedUpdate
from ottochain.node import l1_blocks, l1_copies, l1_pool
from ottochain.node.dl1 import DataL1Service
from ottochain.node.l1_messages import Copy, copies_body
from ottochain.node.membership import Peer

DL1 = ("dl1", "dl1-1", "dl1-2")


@pytest.fixture
async def three(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Layered]:
    """Three DL1 nodes without ML0, whose cores have no block free, so that everything waits."""
    monkeypatch.setattr(l1_copies, "WAIT_SECONDS", 0.01)
    monkeypatch.setattr(l1_copies, "TAKE_OVER_SECONDS", 0.05)
    async with layered(tmp_path, l1_block_signatures=2) as started:
        await started.found(l1=3)
        await started.stop("ml0")
        numbers = iter(range(100, 200))
        shell = started.dl1().shell
        while shell.state.own_rounds < shell.state.config.rounds_max:
            await started.acknowledged(create(next(numbers)))
            await until(lambda: not shell.state.waiting or shell.state.own_rounds == shell.state.config.rounds_max)
        await started.acknowledged(*(create(next(numbers)) for _ in range(4)))
        await until(lambda: len(shell.state.waiting) >= 4)
        await until(lambda: all(holds(started.dl1(name), *waiting(started)) for name in DL1))
        yield started


def waiting(network: Layered) -> list[SignedUpdate]:
    """What waits at the first node."""
    held = network.dl1().pool.held
    return [SignedUpdate.from_json(exact_json.loads(held[key].signed)) for key in network.dl1().shell.state.waiting]


def holds(service: DataL1Service, *updates: SignedUpdate) -> bool:
    return all(update.key in service.pool.held for update in updates)


async def test_what_waits_while_ml0_is_away_survives_its_node_s_disk(three: Layered) -> None:
    updates = [create(number) for number in range(30)]
    for update in updates:
        await three.acknowledged(update)
    assert len(three.dl1().shell.state.waiting) > 0
    await until(lambda: all(holds(three.dl1(name), *updates) for name in DL1))
    for name in DL1[1:]:
        assert not any(three.dl1(name).shell.state.knows(key) for key in three.dl1().shell.state.waiting)

    await three.stop("dl1")
    (three.data_dir("dl1") / "node.sqlite").unlink()
    await three.resume("ml0")
    await three.until_decided(*updates)
    await until(lambda: all(len(three.dl1(name).pool) == 0 for name in DL1[1:]))


async def test_also_when_the_node_comes_back_without_its_disk(three: Layered) -> None:
    updates = waiting(three)
    await three.stop("dl1")
    (three.data_dir("dl1") / "node.sqlite").unlink()
    await three.join("dl1", "dl1-1")
    await three.resume("ml0")
    await three.until_decided(*updates)


async def test_what_waits_for_the_time_of_a_block_is_copied_too(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(l1_copies, "WAIT_SECONDS", 0.01)
    async with layered(tmp_path, l1_block_signatures=2) as network:
        await network.found_l0()
        await network.start("dl1", "run-initial-validator", l1_block_interval_seconds=1e6)
        await network.join("dl1-1", "dl1")
        await until(lambda: all(network.dl1(name).pool.position is not None for name in DL1[:2]))
        await until(lambda: network.dl1().metagraph.on_chain is not None)
        await network.acknowledged(create(1))
        await until(lambda: holds(network.dl1("dl1-1"), create(1)))


async def test_copies_are_let_go_when_they_are_decided(three: Layered) -> None:
    updates = [create(number) for number in range(30)]
    await three.acknowledged(*updates)
    await until(lambda: all(holds(three.dl1(name), *updates) for name in DL1))
    await three.resume("ml0")
    await three.until_decided(*updates)
    await until(lambda: all(len(three.dl1(name).pool) == 0 for name in DL1))


async def test_a_node_that_comes_later_gets_copies_of_what_waits(three: Layered) -> None:
    await three.stop("dl1-2")
    updates = [create(number) for number in range(10)]
    for update in updates:
        await three.acknowledged(update)
    await until(lambda: holds(three.dl1("dl1-1"), *updates))
    joiner = await three.start("dl1-2", "run-validator")
    assert (await joiner.join(three.running["dl1"].contact))[0] == 200
    await until(lambda: holds(three.dl1("dl1-2"), *waiting(three)))


async def test_a_full_pool_takes_no_copies(three: Layered, monkeypatch: pytest.MonkeyPatch) -> None:
    service = three.dl1("dl1-1")
    monkeypatch.setattr(l1_pool, "POOL_ITEMS_MAX", 0)
    body = copies_body([copy_of(create(1))], 1, "")
    service._hear(member(three), body)
    await settled(lambda: not holds(service, create(1)), seconds=0.1)


async def test_what_may_be_decided_already_is_not_taken(three: Layered) -> None:
    """The news of its decision would never come again: it was held as waiting for ever."""
    service = three.dl1("dl1-1")
    assert service.pool.position is not None
    behind = service.pool.position.ordinal - 1
    service._hear(member(three), copies_body([copy_of(create(1))], behind, ""))
    service._hear(member(three), copies_body([copy_of(create(2))], behind + 1, ""))
    await until(lambda: holds(service, create(2)))
    assert not holds(service, create(1))


async def test_who_has_enough_to_keep_reads_no_more(three: Layered) -> None:
    service = three.dl1("dl1-1")
    assert service.pool.position is not None
    for number in range(l1_blocks.KEEPING_MAX):
        assert not service._is_busy()
        service._hear(member(three), copies_body([copy_of(create(number))], service.pool.position.ordinal, ""))
    assert service._is_busy()
    await until(lambda: not service._is_busy())
    assert holds(service, *(create(number) for number in range(l1_blocks.KEEPING_MAX)))


@pytest.mark.parametrize("signed", [b"{}", b'"x"', b"[1,2,3]"])
async def test_what_is_no_item_is_passed_over(three: Layered, signed: bytes) -> None:
    service = three.dl1("dl1-1")
    before = len(service.pool)
    service._hear(member(three), copies_body([Copy(0, 1, msgspec.Raw(signed)), copy_of(create(2))], 10, ""))
    await until(lambda: holds(service, create(2)))
    assert len(service.pool) == before + 1


async def test_what_its_sender_replaced_is_forgotten_everywhere(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(l1_copies, "WAIT_SECONDS", 0.01)
    async with layered(tmp_path, l1_block_signatures=2, balances_csv=BALANCES) as network:
        await network.found_l0()
        await network.start_l1(2, "cl1")
        lane, pool = hold_back(network), network.cl1("cl1-1").pool
        first = pay(network, ALICE, BOB, 1)
        await taken(network, first)
        await until(lambda: first.key in pool.held)
        dearer = pay(network, ALICE, BOB, 1, fee=PAID + 1)
        await taken(network, dearer)
        await until(lambda: list(pool.held) == [dearer.key])
        let_go(lane)
        lane.shell.tell(Ml0Up())
        await network.until_decided(dearer)


def copy_of(update: SignedUpdate) -> Copy:
    return Copy(0, 1, msgspec.Raw(exact_json.dumps(update.to_json())))


def member(three: Layered) -> Peer:
    """The first node, as the second sees it."""
    found = three.running["dl1-1"].node.membership.get(KEYS["dl1"].peer_id)
    assert found is not None
    return found
