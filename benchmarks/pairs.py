"""A B A B: contenders measured in turn, and the ratios of their pairs."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final, Literal, TypeVar

from benchmarks.samples import median

T = TypeVar("T")

PAIRS_MIN: Final = 5
"""Below this a result is a look, not a measurement; the report says so."""

Better = Literal["less", "more"]


@dataclass(frozen=True, slots=True)
class Ratio:
    """How many times as good ours is: the median over the pairs, and the least and greatest of them."""

    median: float
    least: float
    greatest: float


def alternate(contenders: Mapping[str, Callable[[], T]], pairs: int) -> dict[str, list[T]]:
    """Measure each contender once, in the order given, ``pairs`` times over."""
    found: dict[str, list[T]] = {name: [] for name in contenders}
    for _ in range(pairs):
        for name, measure in contenders.items():
            found[name].append(measure())
    return found


def ratio(ours: Sequence[float], peers: Sequence[float], better: Better) -> Ratio:
    """The ratio of each pair, turned so that above 1 ours is better.

    Raises ``ValueError`` when the two were not measured equally often, or never.
    """
    if len(ours) != len(peers) or not ours:
        raise ValueError(f"expected as many of ours as of the peer's, found {len(ours)} and {len(peers)}")
    ratios = [_divide(b, a) if better == "less" else _divide(a, b) for a, b in zip(ours, peers, strict=True)]
    return Ratio(median(ratios), min(ratios), max(ratios))


def _divide(one: float, other: float) -> float:
    """Nothing beside something is infinitely better; nothing beside nothing is as good."""
    if other == 0:
        return 1.0 if one == 0 else float("inf")
    return one / other
