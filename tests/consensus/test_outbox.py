"""ML0's outbox: contiguous, at most four under way, sent again until GL0 has it in a snapshot, never silent."""

from random import Random

import pytest

from consensus.kit import digest
from ottochain.consensus.outbox import (
    Binary,
    Enqueued,
    Gl0Up,
    Included,
    OutboxBoot,
    OutboxCancelTimer,
    OutboxConfig,
    OutboxEffect,
    OutboxError,
    OutboxEvent,
    OutboxSetTimer,
    OutboxState,
    OutboxTimerFired,
    Remove,
    SendBinary,
    SendDone,
    initial,
    step,
)
from ottochain.consensus.quorum import rank


def block(ordinal: int) -> str:
    return digest("binary", ordinal)


def binary(ordinal: int) -> Binary:
    return Binary(ordinal, block(ordinal), block(ordinal - 1))


class Outbox:
    """An outbox driven by hand, booted with some binaries."""

    def __init__(self, *ordinals: int, me: str = "a", members: str = "a") -> None:
        self.state: OutboxState = initial(OutboxConfig(me, tuple(members)))
        self.effects = self(OutboxBoot(tuple(binary(ordinal) for ordinal in ordinals)))

    def __call__(self, event: OutboxEvent) -> tuple[OutboxEffect, ...]:
        self.state, self.effects = step(self.state, event)
        return self.effects


def sent(effects: tuple[OutboxEffect, ...]) -> list[int]:
    return [effect.ordinal for effect in effects if isinstance(effect, SendBinary)]


def test_an_empty_outbox_does_nothing() -> None:
    assert Outbox().effects == ()


def test_a_binary_is_sent_at_once_and_waited_for() -> None:
    assert Outbox()(Enqueued(binary(1))) == (SendBinary(1, 0), OutboxSetTimer(1, 2_000))


def test_at_most_four_are_under_way_oldest_first() -> None:
    outbox = Outbox(*range(1, 10))
    assert sent(outbox.effects) == [1, 2, 3, 4]
    assert sent(outbox(Enqueued(binary(10)))) == []
    assert outbox.state.depth == 10


def test_taken_is_not_included() -> None:
    """GL0 answered 200; no snapshot holds it: it is sent again when the timer runs out."""
    outbox = Outbox(1)
    assert outbox(SendDone(1, True)) == ()
    assert outbox(OutboxTimerFired(1)) == (SendBinary(1, 1), OutboxSetTimer(1, 4_000))


def test_the_wait_grows_to_ten_seconds_and_never_ends() -> None:
    outbox = Outbox(1)
    waits = [effect.milliseconds for effect in outbox.effects if isinstance(effect, OutboxSetTimer)]
    for _ in range(40):
        waits += [e.milliseconds for e in outbox(OutboxTimerFired(1)) if isinstance(e, OutboxSetTimer)]
    assert waits[:4] == [2_000, 4_000, 8_000, 10_000]
    assert set(waits[4:]) == {10_000}


def test_a_failure_is_tried_again_soon_then_less_and_less_often() -> None:
    outbox = Outbox(1)
    waits = []
    for _ in range(8):
        (timer,) = outbox(SendDone(1, False, "connection refused"))
        assert isinstance(timer, OutboxSetTimer)
        waits.append(timer.milliseconds)
        assert sent(outbox(OutboxTimerFired(1))) == [1]
    assert waits == [250, 500, 1_000, 2_000, 4_000, 8_000, 10_000, 10_000]


def test_inclusion_removes_it_and_sends_the_next() -> None:
    outbox = Outbox(*range(1, 7))
    effects = outbox(Included(block(1)))
    assert effects == (Remove((1,)), OutboxCancelTimer(1), SendBinary(5, 0), OutboxSetTimer(5, 2_000))


def test_inclusion_of_one_includes_all_it_stands_on() -> None:
    outbox = Outbox(*range(1, 7))
    effects = outbox(Included(block(3)))
    assert effects[0] == Remove((1, 2, 3))
    assert sent(effects) == [5, 6]


def test_what_other_nodes_had_included_leaves_even_before_it_was_sent_here() -> None:
    outbox = Outbox(*range(1, 9))
    effects = outbox(Included(block(7)))
    assert effects[0] == Remove((1, 2, 3, 4, 5, 6, 7))
    assert sent(effects) == [8]


@pytest.mark.parametrize(
    "event", [Included(digest("unknown")), OutboxTimerFired(9), SendDone(9, False), SendDone(1, True)]
)
def test_what_is_not_about_a_binary_under_way_changes_nothing(event: OutboxEvent) -> None:
    outbox = Outbox(1)
    before = outbox.state
    assert outbox(event) == ()
    assert outbox.state == before


def test_a_gl0_that_is_back_gets_everything_under_way_at_once() -> None:
    outbox = Outbox(*range(1, 7))
    for _ in range(5):
        outbox(SendDone(1, False, "refused"))
        outbox(OutboxTimerFired(1))
    effects = outbox(Gl0Up())
    assert sent(effects) == [1, 2, 3, 4]
    assert effects[1] == OutboxSetTimer(1, 2_000)
    assert outbox(SendDone(1, False, "refused again")) == (OutboxSetTimer(1, 250),)


def test_a_gap_stops_the_node() -> None:
    outbox = Outbox(1)
    with pytest.raises(OutboxError, match="expected ordinal 2"):
        outbox(Enqueued(binary(3)))
    with pytest.raises(OutboxError, match="is a chain"):
        outbox(Enqueued(Binary(2, block(2), digest("another"))))


def test_before_anybody_leads_validators_take_turns_by_what_gl0_holds() -> None:
    """Of three validators the first sends at once, the second after two seconds, the third after four."""
    first, second, third = rank(block(0), "abc")
    assert Outbox(1, me=first, members="abc").effects[0] == SendBinary(1, 0)
    assert Outbox(1, me=second, members="abc").effects == (OutboxSetTimer(1, 2_000),)
    waiting = Outbox(1, me=third, members="abc")
    assert waiting.effects == (OutboxSetTimer(1, 4_000),)
    assert waiting(OutboxTimerFired(1)) == (SendBinary(1, 0), OutboxSetTimer(1, 2_000))


def test_all_under_way_has_one_sender() -> None:
    """Each validator's binaries stand on its own: those of several senders would only come in one at a time."""
    first, second, _ = rank(block(0), "abc")
    assert sent(Outbox(1, 2, 3, 4, me=first, members="abc").effects) == [1, 2, 3, 4]
    assert sent(Outbox(1, 2, 3, 4, me=second, members="abc").effects) == []


def test_whose_binary_gl0_took_goes_on_at_once_and_the_others_wait() -> None:
    first, second, third = rank(block(1), "abc")
    last = Outbox(1, me=third, members="abc")
    assert last(Included(block(1), leads=True))[0] == Remove((1,))
    assert last(Enqueued(binary(2))) == (SendBinary(2, 0), OutboxSetTimer(2, 2_000))
    for turn, other in ((1, first), (2, second)):
        outbox = Outbox(me=other, members="abc")
        outbox.state = initial(outbox.state.config)
        assert outbox(OutboxBoot((binary(2),), leads=False)) == (OutboxSetTimer(2, 2_000 * turn),)


def test_a_node_outside_the_members_is_last() -> None:
    assert Outbox(1, me="z", members="abc").effects == (OutboxSetTimer(1, 6_000),)


@pytest.mark.parametrize("seed", range(30))
def test_whatever_gl0_does_everything_is_included_in_order_and_nothing_is_let_go_before(seed: int) -> None:
    """A GL0 that refuses, forgets, and includes late: in the end its chain is ours, and the outbox is empty."""
    dice = Random(seed)
    outbox = Outbox(1, 2)
    included, pending, timers, total = 0, set(sent(outbox.effects)), {1, 2}, 2
    removed: list[int] = []

    def carry_out(effects: tuple[OutboxEffect, ...]) -> None:
        for effect in effects:
            match effect:
                case SendBinary(ordinal):
                    assert ordinal <= included + 4
                    pending.add(ordinal)
                case OutboxSetTimer(ordinal):
                    timers.add(ordinal)
                case OutboxCancelTimer(ordinal):
                    timers.discard(ordinal)
                case Remove(ordinals):
                    assert max(ordinals) <= included
                    removed.extend(ordinals)

    for _ in range(2_000):
        assert outbox.state.depth == 0 or timers, "the outbox is silent"
        choice = dice.random()
        if choice < 0.15 and total < 40:
            total += 1
            carry_out(outbox(Enqueued(binary(total))))
        elif choice < 0.3 and pending:
            pending.discard(dice.choice(sorted(pending)))
        elif choice < 0.5 and pending:
            carry_out(outbox(SendDone(dice.choice(sorted(pending)), dice.random() < 0.5)))
        elif choice < 0.7 and included + 1 in pending:
            included += 1
            carry_out(outbox(Included(block(included))))
        elif timers:
            fired = dice.choice(sorted(timers))
            timers.discard(fired)
            carry_out(outbox(OutboxTimerFired(fired)))
        if total == 40 and included == 40:
            break
    assert removed == list(range(1, 41))
    assert (outbox.state.depth, timers) == (0, set())
