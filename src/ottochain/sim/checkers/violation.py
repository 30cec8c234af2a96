"""What a checker says, and which promise it speaks of."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

INVARIANTS: Final[Mapping[int, str]] = {
    1: "one hash per height, on all nodes and in all their lives",
    2: "every committed height has a quorum of valid signatures of those who may vote there",
    3: "a chain has no gap, and its head never goes back",
    4: "nobody signs two values for one step",
    5: "a precommit stands on a polka that is on the same disk",
    6: "who is locked prevotes another value only for a polka that is at least as new",
    7: "what is sent was made durable before",
    8: "after a crash the state is what the chain, executed from genesis, gives",
    9: "the same events give the same bytes",
    10: "who may vote follows from committed state alone",
    12: "an item is applied once, in its fiber's order",
    13: "an epoch passes by the time trigger alone",
    14: "what a pool took stays until it is committed, or refused with a reason",
    15: "what was acknowledged is decided, or on a disk",
    16: "GL0 holds a prefix of ML0's chain, without a gap",
    17: "GL0 includes nothing that no quorum of ML0 made final; ML0 takes no block that too few hold",
    18: "L1 follows final snapshots, in their order",
    19: "the outbox lets go only of what a certified GL0 snapshot holds",
    20: "strangers and old words change nothing, and memory per peer is bounded",
    21: "nobody is told of what is not durable and final",
    22: "after the storm everything comes right by itself",
    26: "with nothing to decide nobody says or writes anything",
}
"""The promises that checkers keep watch over, by their numbers in ``docs/reliability.md``."""


class Violated(AssertionError):  # noqa: N818  it reads as the sentence it is
    """The invariant of this number does not hold."""

    def __init__(self, invariant: int, what: str) -> None:
        super().__init__(f"{what} (invariant {invariant}: {INVARIANTS[invariant]})")
