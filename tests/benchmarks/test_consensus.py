"""The silence around a death is taken from the last sign of life before it."""

from __future__ import annotations

from benchmarks.consensus import longest_gap


def test_the_gap_reaches_from_the_last_commit_before_the_death() -> None:
    assert longest_gap([0.0, 1.0, 1.5, 3.5, 4.0], since=2.0) == 2.0


def test_what_was_slow_before_the_death_does_not_count() -> None:
    assert longest_gap([0.0, 5.0, 5.25, 5.5], since=5.1) == 0.25


def test_a_death_before_the_first_commit_counts_from_there() -> None:
    assert longest_gap([1.0, 1.5], since=0.5) == 0.5
