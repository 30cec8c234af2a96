"""Quorum arithmetic and the order of leaders.

Two quorums of q = floor((n + f) / 2) + 1 among n meet in at least f + 1 members, so at least one of them is honest
and remembers its vote. With n < 4 no Byzantine member is tolerated (f = 0): such a set survives crashes only.

    n            1  2  3  4  5  6  7
    f            0  0  0  1  1  1  2
    q            1  2  2  3  4  4  5
    may crash    0  0  1  1  1  2  2
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Sequence
from itertools import pairwise
from typing import Literal

FaultModel = Literal["byzantine", "crash"]
"""What validators may do wrong. Chosen in the genesis and never changed while a chain runs."""


class MembershipError(ValueError):
    """A validator set that is empty, repeats an id, or differs from its predecessor by more than one member."""


def faults(n: int, model: FaultModel = "byzantine") -> int:
    """Return f, how many of `n` validators may lie without harm."""
    return (n - 1) // 3 if model == "byzantine" else 0


def quorum(n: int, model: FaultModel = "byzantine") -> int:
    """Return q, how many equal votes of `n` validators decide. Raises MembershipError for n < 1."""
    if n < 1:
        raise MembershipError(f"a quorum needs at least one validator, found {n}")
    return (n + faults(n, model)) // 2 + 1


def l1_threshold(n: int) -> int:
    """Return how many of `n` L1 nodes, the proposer among them, must hold a block: floor(n / 2) + 1."""
    if n < 1:
        raise MembershipError(f"an L1 layer needs at least one node, found {n}")
    return n // 2 + 1


def rank(seed: str, ids: Iterable[str]) -> tuple[str, ...]:
    """Return `ids` in the order that `seed` shuffles them into: by SHA-256 of seed and id."""
    return tuple(sorted(ids, key=lambda member: hashlib.sha256((seed + member).encode()).digest()))


def leader_order(parent_hash: str, validators: Sequence[str]) -> tuple[str, ...]:
    """Return the leaders of a height; the one of view v stands at index v mod n."""
    return rank(parent_hash, validators) if len(validators) > 1 else tuple(validators)


def validator_set(ids: Iterable[str]) -> tuple[str, ...]:
    """Return `ids` sorted, as every node must list them. Raises MembershipError when empty or repeated."""
    members = tuple(sorted(ids))
    if not members:
        raise MembershipError("a validator set must have at least one member, found none")
    for left, right in pairwise(members):
        if left == right:
            raise MembershipError(f"a validator set must name each member once, found {left} twice")
    return members


def check_change(before: Sequence[str], after: Sequence[str]) -> None:
    """Raise MembershipError unless `after` is `before` with at most one member added or removed.

    One at a time: a quorum of either set then meets a quorum of the other.
    """
    changed = sorted(set(before) ^ set(after))
    if len(changed) > 1:
        raise MembershipError(f"one member may change per height, expected at most 1, found {len(changed)}: {changed}")
