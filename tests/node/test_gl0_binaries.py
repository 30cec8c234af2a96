"""The binaries that wait at GL0, and who may make them wait."""

from __future__ import annotations

import pytest

from layers.channel import Channel, GlobalDriver
from layers.metagraph import ALICE, BOB, VALIDATOR, block, create
from ottochain.codec.hashing import EMPTY_HASH
from ottochain.crypto.keys import PrivateKey
from ottochain.crypto.proofs import sign
from ottochain.layers.delivery import Delivery
from ottochain.model.binary import Binary, SignedBinary
from ottochain.node import gl0_binaries
from ottochain.node.gl0_binaries import WaitingBinaries


@pytest.fixture
def channel() -> Channel:
    """A metagraph with its genesis, ordinal 1, and two snapshots more."""
    made = Channel()
    made.advance(block(1, [create(1)]))
    made.advance(block(2, [create(2)]))
    return made


def stray(address: str, key: PrivateKey, parent: str = "cd" * 32) -> Delivery:
    binary = Binary(parent, b"content")
    return Delivery(address, SignedBinary.of(binary, [sign(binary.hash, key)]))


def test_binaries_wait_in_the_order_of_their_arrival(channel: Channel) -> None:
    waiting = WaitingBinaries()
    for delivery in (*channel.deliveries, channel.deliveries[0]):
        waiting.add(delivery)
    assert waiting.all() == channel.deliveries
    assert channel.deliveries[1].key in waiting
    waiting.remove([channel.deliveries[1].key, "unknown"])
    assert (len(waiting), channel.deliveries[1].key in waiting) == (3, False)


def test_binaries_without_their_parent_are_no_work_until_a_snapshot_took_something_in(channel: Channel) -> None:
    waiting = WaitingBinaries()
    assert not waiting.any_ready
    waiting.add(channel.deliveries[3])
    assert waiting.any_ready
    waiting.mark_idle([channel.deliveries[3].key, "unknown"])
    assert not waiting.any_ready
    waiting.state_changed()
    assert waiting.any_ready
    waiting.mark_idle([channel.deliveries[3].key])
    waiting.add(channel.deliveries[2])
    assert waiting.any_ready
    waiting.remove([channel.deliveries[2].key, channel.deliveries[3].key])
    assert not waiting.any_ready


def test_there_is_an_end_to_binaries_and_to_their_bytes(channel: Channel, monkeypatch: pytest.MonkeyPatch) -> None:
    waiting = WaitingBinaries()
    waiting.add(channel.deliveries[0])
    assert not waiting.full
    with monkeypatch.context() as patch:
        patch.setattr(gl0_binaries, "BINARIES_WAITING_MAX", 1)
        assert waiting.full
    with monkeypatch.context() as patch:
        patch.setattr(gl0_binaries, "BYTES_WAITING_MAX", len(channel.deliveries[0].signed.binary.content))
        assert waiting.full
        waiting.remove([channel.deliveries[0].key])
        assert not waiting.full


def test_the_next_binary_may_always_come(channel: Channel, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(gl0_binaries, "AHEAD_MAX", 0)
    waiting, driver = WaitingBinaries(), GlobalDriver()
    genesis, first, second, _ = channel.deliveries
    assert waiting.may_come(genesis, None)
    driver.commit(genesis, first)
    assert waiting.may_come(second, driver.state.metagraphs[channel.address])


def test_only_validators_may_bring_what_must_wait_for_its_parent(channel: Channel) -> None:
    """Anybody could fill the pool with binaries on parents that never come, and close the door to all others."""
    waiting, driver = WaitingBinaries(), GlobalDriver()
    driver.commit(*channel.deliveries[:2])
    metagraph = driver.state.metagraphs[channel.address]
    assert waiting.may_come(channel.deliveries[3], metagraph)
    assert waiting.may_come(stray(channel.address, VALIDATOR), metagraph)
    assert not waiting.may_come(stray(channel.address, ALICE), metagraph)


def test_before_a_metagraph_is_founded_the_signers_of_its_genesis_may(channel: Channel) -> None:
    waiting = WaitingBinaries()
    genesis, first, *_ = channel.deliveries
    assert not waiting.may_come(first, None)
    waiting.add(genesis)
    assert waiting.may_come(first, None)
    assert not waiting.may_come(stray(channel.address, BOB), None)
    assert not waiting.may_come(stray(BOB.address, VALIDATOR), None)


def test_no_more_than_so_many_of_one_metagraph_wait_for_their_parents(
    channel: Channel, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(gl0_binaries, "AHEAD_MAX", 2)
    waiting, driver = WaitingBinaries(), GlobalDriver()
    driver.commit(*channel.deliveries[:2])
    metagraph = driver.state.metagraphs[channel.address]
    for number in range(2):
        each = stray(channel.address, VALIDATOR, f"{number:064x}")
        assert waiting.may_come(each, metagraph)
        waiting.add(each)
    assert not waiting.may_come(stray(channel.address, VALIDATOR), metagraph)
    assert waiting.may_come(channel.deliveries[2], metagraph)


def test_a_genesis_may_always_come() -> None:
    binary = Binary(EMPTY_HASH, b"content")
    genesis = Delivery(binary.metagraph_id, SignedBinary.of(binary, [sign(binary.hash, ALICE)]))
    assert WaitingBinaries().may_come(genesis, None)
