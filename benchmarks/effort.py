"""How long and how often a row measures."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final


@dataclass(frozen=True, slots=True, kw_only=True)
class Effort:
    """Sizes of a measurement; each row reads those that concern it."""

    pairs: int
    commands: int
    """Starts of each command line."""
    idle_seconds: float
    settle_seconds: float
    """Between Ready and the first look at an idle stack."""
    updates: int
    """Updates of each pair whose latency is taken."""
    fibers: int
    """Ready-made fibers that the load is spread over."""
    other_fibers: tuple[int, ...]
    """Numbers of fibers for which the load is reported too, once."""
    warm_seconds: float
    load_seconds: float
    """How long the load must be sustained."""
    peer_load_seconds: float
    in_flight: int
    """Updates under way at once, over all fibers."""
    commits: int
    """Commits of each pair whose latency is taken, one after the other."""
    agreeing_seconds: float
    """How long snapshots are counted."""
    death_seconds: float
    """How long one looks after the death of a leader."""


FULL: Final = Effort(
    pairs=5,
    commands=11,
    idle_seconds=20.0,
    settle_seconds=5.0,
    updates=200,
    fibers=1000,
    other_fibers=(1, 10_000),
    warm_seconds=3.0,
    load_seconds=60.0,
    peer_load_seconds=10.0,
    in_flight=1000,
    commits=300,
    agreeing_seconds=5.0,
    death_seconds=4.0,
)

LOOK: Final = Effort(
    pairs=2,
    commands=3,
    idle_seconds=5.0,
    settle_seconds=2.0,
    updates=60,
    fibers=1000,
    other_fibers=(),
    warm_seconds=2.0,
    load_seconds=10.0,
    peer_load_seconds=5.0,
    in_flight=1000,
    commits=100,
    agreeing_seconds=3.0,
    death_seconds=3.0,
)
"""Enough to see whether something is far off."""
