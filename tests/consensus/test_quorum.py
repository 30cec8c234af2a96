"""Quorums meet in an honest member, everybody names the same leader, and sets change one member at a time."""

import hashlib

import pytest

from consensus.kit import digest, names
from ottochain.consensus.quorum import (
    MembershipError,
    check_change,
    faults,
    l1_threshold,
    leader_order,
    quorum,
    rank,
    validator_set,
)


@pytest.mark.parametrize(
    ("n", "lies", "needed", "may_crash"),
    [(1, 0, 1, 0), (2, 0, 2, 0), (3, 0, 2, 1), (4, 1, 3, 1), (5, 1, 4, 1), (6, 1, 4, 2), (7, 2, 5, 2)],
)
def test_the_quorum_table(n: int, lies: int, needed: int, may_crash: int) -> None:
    assert (faults(n), quorum(n), n - quorum(n)) == (lies, needed, may_crash)


@pytest.mark.parametrize(("n", "needed"), [(1, 1), (2, 2), (3, 2), (4, 3), (5, 3), (6, 4), (7, 4)])
def test_the_crash_model_needs_a_plain_majority(n: int, needed: int) -> None:
    assert quorum(n, "crash") == needed


@pytest.mark.parametrize("n", range(1, 40))
@pytest.mark.parametrize("model", ["byzantine", "crash"])
def test_two_quorums_share_more_members_than_may_lie(n: int, model: str) -> None:
    needed = quorum(n, model)  # type: ignore[arg-type]
    assert 2 * needed - n > faults(n, model)  # type: ignore[arg-type]
    assert needed <= n - faults(n, model)  # type: ignore[arg-type]


@pytest.mark.parametrize(("n", "needed"), [(1, 1), (2, 2), (3, 2), (4, 3), (5, 3), (6, 4), (7, 4)])
def test_an_l1_block_is_held_by_more_than_half(n: int, needed: int) -> None:
    assert l1_threshold(n) == needed


def test_nobody_is_no_quorum() -> None:
    for function in (quorum, l1_threshold):
        with pytest.raises(MembershipError, match="at least one"):
            function(0)


def test_leaders_are_the_members_sorted_by_the_hash_of_parent_and_id() -> None:
    parent = digest("some parent")
    expected = sorted(names(7), key=lambda member: hashlib.sha256((parent + member).encode()).hexdigest())
    assert list(leader_order(parent, names(7))) == expected


def test_every_member_leads_somewhere_first() -> None:
    first = {leader_order(digest(height), names(4))[0] for height in range(60)}
    assert first == set(names(4))


def test_the_order_does_not_depend_on_the_order_of_the_ids() -> None:
    assert rank("seed", "abcdefg") == rank("seed", "gfedcba")


def test_a_validator_set_is_sorted_not_empty_and_without_repeats() -> None:
    assert validator_set(["b", "a"]) == ("a", "b")
    with pytest.raises(MembershipError, match="at least one"):
        validator_set([])
    with pytest.raises(MembershipError, match="found a twice"):
        validator_set(["a", "b", "a"])


@pytest.mark.parametrize("after", ["abc", "abcd", "ab"])
def test_one_member_may_come_or_go(after: str) -> None:
    check_change("abc", after)


@pytest.mark.parametrize("after", ["abd", "abcde", "a", "xyz"])
def test_more_than_one_member_at_once_is_refused(after: str) -> None:
    with pytest.raises(MembershipError, match="one member may change"):
        check_change("abc", after)
