"""The blocks that wait at ML0: which come next, and which wait for a predecessor."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from layers.metagraph import add, block, create
from ottochain.layers.update_block import UpdateBlock
from ottochain.node import ml0_blocks
from ottochain.node.ml0_blocks import EARLY_PATIENCE_SECONDS, WaitingBlocks


class Clock:
    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def waiting(clock: Clock) -> WaitingBlocks:
    return WaitingBlocks(clock)


BLOCKS = [block(number, [create(number)]) for number in range(1, 9)]


def ids(blocks: list[UpdateBlock]) -> list[str]:
    return [each.round_id for each in blocks]


def test_blocks_come_in_the_order_of_their_arrival(waiting: WaitingBlocks) -> None:
    for each in (BLOCKS[2], BLOCKS[0], BLOCKS[2]):
        waiting.add(each)
    assert waiting.next() == [BLOCKS[2], BLOCKS[0]]
    assert (len(waiting), BLOCKS[0].round_id in waiting, BLOCKS[1].round_id in waiting) == (2, True, False)
    waiting.remove([BLOCKS[2].round_id, "unknown"])
    assert waiting.next() == [BLOCKS[0]]
    assert waiting.named([BLOCKS[0].round_id, BLOCKS[2].round_id]) == [BLOCKS[0]]


def test_what_another_validator_brought_is_not_kept_here_until_it_comes_again(waiting: WaitingBlocks) -> None:
    brought, own = BLOCKS[0], BLOCKS[1]
    waiting.add(brought, kept=False)
    waiting.add(own)
    waiting.add(own, kept=False)
    assert (waiting.is_kept(brought.round_id), waiting.is_kept(own.round_id)) == (False, True)
    waiting.add(brought)
    assert waiting.is_kept(brought.round_id)
    waiting.remove([brought.round_id])
    assert not waiting.is_kept(brought.round_id)


def test_one_snapshot_takes_so_many_updates_and_always_one_block(
    waiting: WaitingBlocks, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(ml0_blocks, "UPDATES_PER_SNAPSHOT_MAX", 3)
    large = block(20, [create(number) for number in range(20, 25)])
    for each in (large, *BLOCKS):
        waiting.add(each)
    assert waiting.next() == [large]
    waiting.remove([large.round_id])
    assert waiting.next() == BLOCKS[:3]


def test_one_snapshot_takes_so_many_bytes_and_always_one_block(
    waiting: WaitingBlocks, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(ml0_blocks, "BYTES_PER_SNAPSHOT_MAX", 2 * len(BLOCKS[0].wire) + 10)
    for each in BLOCKS:
        waiting.add(each)
    assert waiting.next() == BLOCKS[:2]
    monkeypatch.setattr(ml0_blocks, "BYTES_PER_SNAPSHOT_MAX", 1)
    assert waiting.next() == BLOCKS[:1]


def test_early_blocks_keep_nobody_out_and_are_not_kept_out(
    waiting: WaitingBlocks, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A thousand early updates in front held up everything behind them."""
    monkeypatch.setattr(ml0_blocks, "UPDATES_PER_SNAPSHOT_MAX", 2)
    for each in BLOCKS:
        waiting.add(each)
    waiting.mark_early(ids(BLOCKS[:4]))
    assert waiting.next() == [*BLOCKS[4:6], *BLOCKS[:2]]


def test_early_blocks_alone_are_no_work_until_the_state_changed(waiting: WaitingBlocks) -> None:
    waiting.add(BLOCKS[0])
    assert (waiting.any_in_time, waiting.any_early) == (True, False)
    waiting.mark_early([BLOCKS[0].round_id, "unknown"])
    assert (waiting.any_in_time, waiting.any_early) == (False, True)
    waiting.state_changed()
    assert (waiting.any_in_time, waiting.any_early) == (True, True)
    waiting.mark_early([BLOCKS[0].round_id])
    waiting.remove([BLOCKS[0].round_id])
    assert (waiting.any_in_time, waiting.any_early) == (False, False)


def test_patience_counts_from_when_a_block_was_found_early(waiting: WaitingBlocks, clock: Clock) -> None:
    """However often it was judged again since; and not from its arrival, for it may not have been judged for long."""
    waiting.add(BLOCKS[0])
    clock.now += 10
    assert waiting.impatient() == set()
    waiting.mark_early([BLOCKS[0].round_id])
    clock.now += EARLY_PATIENCE_SECONDS / 2
    waiting.state_changed()
    waiting.mark_early([BLOCKS[0].round_id])
    assert waiting.impatient() == set()
    clock.now += EARLY_PATIENCE_SECONDS / 2
    assert waiting.impatient() == {BLOCKS[0].round_id}


def test_an_update_is_found_in_whatever_block_it_waits(waiting: WaitingBlocks) -> None:
    waiting.add(block(1, [create(1), add(1, 0)]))
    assert waiting.holds_update(add(1, 0).hash)
    assert not waiting.holds_update(add(1, 1).hash)


def test_there_is_an_end_to_blocks(waiting: WaitingBlocks, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ml0_blocks, "BLOCKS_WAITING_MAX", 2)
    waiting.add(BLOCKS[0])
    assert not waiting.full
    waiting.add(BLOCKS[1])
    assert waiting.full


def test_there_is_an_end_to_their_bytes(waiting: WaitingBlocks, monkeypatch: pytest.MonkeyPatch) -> None:
    """Ten thousand blocks of sixteen megabytes each were let in."""
    monkeypatch.setattr(ml0_blocks, "BLOCK_BYTES_WAITING_MAX", len(BLOCKS[0].wire) + 1)
    waiting.add(BLOCKS[0])
    waiting.add(BLOCKS[0])
    assert not waiting.full
    waiting.add(BLOCKS[1])
    assert waiting.full
    waiting.remove([BLOCKS[1].round_id, BLOCKS[1].round_id])
    assert not waiting.full


@given(
    st.lists(st.tuples(st.sampled_from(["add", "remove", "early", "changed", "time"]), st.integers(0, 7)), max_size=30)
)
def test_whatever_happens_every_block_comes_next_or_waits_its_turn(steps: list[tuple[str, int]]) -> None:
    clock = Clock()
    waiting = WaitingBlocks(clock)
    present: dict[str, None] = {}
    for step, number in steps:
        each = BLOCKS[number]
        match step:
            case "add":
                waiting.add(each)
                present.setdefault(each.round_id)
            case "remove":
                waiting.remove([each.round_id])
                present.pop(each.round_id, None)
            case "early":
                waiting.mark_early([each.round_id])
            case "changed":
                waiting.state_changed()
            case "time":
                clock.now += 1
        # There is room for all of them here.
        assert sorted(ids(waiting.next())) == sorted(present)
        assert len(waiting) == len(present)
        assert waiting.impatient() <= set(present)
        assert waiting.any_in_time or not present or waiting.any_early
