"""Crash and boot with several validators: a vote given is a vote kept, and nothing is signed twice."""

import pytest

from consensus.kit import GENESIS, One, digest, kinds, leaders, names, only, precommit, prevote, proposal, said
from ottochain.consensus.effects import Boot, Broadcast, Build, Built, Commit, Committed, Hot, SetTimer, Voted
from ottochain.consensus.votes import Ask

X, Y = digest("X"), digest("Y")
L, M, N, O = leaders(4)  # noqa: E741


def asked(one: One) -> Ask:
    """Return the question a node asks everybody when it boots."""
    asks = [
        effect.message for effect in one.effects if isinstance(effect, Broadcast) and isinstance(effect.message, Ask)
    ]
    assert len(asks) == 1
    return asks[0]


def test_a_node_that_boots_asks_whether_it_is_behind() -> None:
    one = One(O, 4)
    assert kinds(one.effects) == ["Broadcast"]
    assert (asked(one).height, asked(one).view) == (1, 0)


def test_a_leader_that_proposed_before_the_crash_sends_the_same_proposal_again() -> None:
    one = One(L, 4)
    one(Hot("event"))
    one(Built(1, 0, X, "body", "event"))
    again = one.again(4)
    assert said(again.effects) == [("propose", X), ("prevote", X)]
    assert "Build" not in kinds(again.effects)
    assert [record.message for record in one.records if isinstance(record, Voted)] == [
        effect.message
        for effect in again.effects
        if isinstance(effect, Broadcast) and not isinstance(effect.message, Ask)
    ]


def test_a_torn_write_after_the_proposal_prevotes_that_proposal() -> None:
    """Only the Proposal reached the disk. Ours votes for it, without building or validating again."""
    one = One(L, 4)
    one(Hot("event"))
    one(Built(1, 0, X, "body", "event"))
    one.records = one.records[:1]
    again = one.again(4)
    assert said(again.effects) == [("propose", X), ("prevote", X)]
    assert SetTimer("propose", 1, 0, 300) in again.effects


def test_a_node_that_prevoted_does_not_prevote_the_other_proposal_after_a_crash() -> None:
    """Ours prevoted X and crashed. The leader equivocates: ours hears Y now, and stays with X."""
    one = One(O, 4)
    one.hears(proposal(L, X))
    one.judges(X)
    again = one.again(4)
    assert said(again.effects) == [("prevote", X)]
    again.hears(proposal(L, Y))
    assert said(again.judges(Y)) == []


def test_a_node_that_prevoted_nil_stays_with_nil() -> None:
    one = One(O, 4)
    one(Hot("event"))
    one.times_out("propose")
    again = one.again(4)
    again.hears(proposal(L, X))
    assert said(again.judges(X)) == []
    assert again.state.phase == "prevote"


def test_a_node_that_crashed_before_its_precommit_can_still_give_it() -> None:
    one = One(O, 4)
    one.hears(proposal(L, X))
    one.judges(X)
    again = one.again(4)
    again.hears(proposal(L, X))
    again.judges(X)
    assert said(again.hears(prevote(L, X), prevote(M, X))) == [("precommit", X)]


def test_the_lock_survives_a_crash() -> None:
    """Locked on X in view 0, crashed, back: Y in view 1 gets nil, X is proposed again when ours leads."""
    one = One(O, 4)
    one.hears(proposal(L, X))
    one.judges(X)
    one.hears(prevote(L, X), prevote(M, X))
    again = one.again(4)
    assert again.state.lock is not None
    again.hears(*(precommit(member, None) for member in (L, M, N)))
    again.hears(proposal(M, Y, view=1))
    assert said(again.judges(Y)) == [("prevote", None)]


def test_a_precommit_that_completed_a_quorum_before_the_crash_commits_after_it() -> None:
    one = One(O, 4)
    one.hears(proposal(L, X))
    one.judges(X)
    one.hears(prevote(L, X), prevote(M, X))
    again = one.again(4)
    assert only(again.hears(precommit(L, X), precommit(M, X)), Commit).body == f"body of {X}"


def test_the_view_survives_a_crash() -> None:
    """Ours voted in view 2; after the crash it is in view 2, and never votes in an earlier one."""
    one = One(O, 4)
    one(Hot("event"))
    one.hears(*(precommit(member, None) for member in (L, M, N)))
    one.hears(*(precommit(member, None, view=1) for member in (L, M, N)))
    one.times_out("propose")
    again = one.again(4)
    assert (again.state.view, again.state.phase) == (2, "prevote")
    again.hears(proposal(L, X))
    assert said(again.judges(X)) == []


def test_a_node_that_lost_its_record_only_follows() -> None:
    one = One(O, 4, boot=Boot(0, GENESIS, None, names(4), may_vote=False, hot="event"))
    one.hears(proposal(L, X), *(prevote(member, X) for member in (L, M, N)))
    assert one.records == []
    effects = one.hears(*(precommit(member, X) for member in (L, M, N)))
    assert kinds(effects) == ["CancelTimer", "Commit"]
    one(Committed(1, X, names(4), hot="event"))
    assert not one.state.voting


def test_a_learner_votes_from_the_height_that_makes_it_a_validator() -> None:
    """d follows a, b, c; their block at height 1 adds it. At height 2 it has a vote."""
    one = One("d", 3, boot=Boot(0, GENESIS, None, names(3), hot="event"))
    leader = leaders(3)[0]
    one.hears(proposal(leader, X), *(prevote(member, X) for member in names(3)))
    assert one.records == []
    only(one.hears(*(precommit(member, X) for member in names(2))), Commit)
    effects = one(Committed(1, X, names(4), names(4), hot="event"))
    assert one.state.voting
    assert "Build" in kinds(effects) or "SetTimer" in kinds(effects)


def test_a_validator_that_is_removed_stops_voting() -> None:
    one = One("d", 4)
    one.hears(proposal(L, X))
    proof = tuple(precommit(member, X) for member in names(3))
    only(one.hears(*proof), Commit)
    effects = one(Committed(1, X, names(3), names(3), hot="event"))
    assert not one.state.voting
    assert not [effect for effect in effects if isinstance(effect, Build | SetTimer)]


@pytest.mark.parametrize("count", range(6))
def test_boot_with_any_prefix_of_the_record_never_signs_otherwise(count: int) -> None:
    """The whole plot of a height, cut after any record: what is signed later never differs for the same step."""
    one = One(L, 4)
    one(Hot("event"))
    one(Built(1, 0, X, f"body of {X}", "event"))
    one.hears(prevote(M, X), prevote(N, X))
    given = {(r.message.view, r.message.kind): r.message for r in one.records if isinstance(r, Voted)}
    one.records = one.records[:count]
    again = one.again(4)
    if count == 0:
        assert said(again.effects) == []
        return
    again.hears(prevote(M, X), prevote(N, X))
    later = {(r.message.view, r.message.kind): r.message for r in again.records if isinstance(r, Voted)}
    assert later == {step: ballot for step, ballot in given.items() if step in later}
    assert only(again.hears(precommit(M, X), precommit(N, X)), Commit).hash == X
