"""The age of a head: only of one that was seen to come."""

from __future__ import annotations

from ottochain.node.head_age import HeadAge


def test_a_head_that_nobody_saw_come_has_no_age() -> None:
    assert HeadAge(lambda: 5.0).seconds is None


def test_the_age_counts_from_the_last_move() -> None:
    now = [10.0]
    age = HeadAge(lambda: now[0])
    age.moved()
    now[0] = 12.5
    assert age.seconds == 2.5
    age.moved()
    assert age.seconds == 0.0
