"""Four validators of which one is in our hands: who proposes, who votes, who locks what.

In every plot the validators are a, b, c, d; `L` leads view 0, `M` view 1, `N` view 2, `O` view 3. Ours is named in
the plot. A quorum is three.
"""

import pytest

from consensus.kit import (
    GENESIS,
    One,
    by,
    certificate,
    digest,
    kinds,
    leaders,
    names,
    only,
    polka,
    precommit,
    prevote,
    proposal,
    said,
)
from ottochain.consensus.effects import (
    Broadcast,
    Build,
    Built,
    CancelTimer,
    Commit,
    Committed,
    Equivocated,
    Hot,
    NotBuilt,
    PeerDown,
    PeerUp,
    Persist,
    Received,
    SetTimer,
    TimerFired,
    Validate,
    Validated,
    Valued,
    Voted,
)
from ottochain.consensus.quorum import leader_order
from ottochain.consensus.votes import Prevote, Proposal

X, Y = digest("X"), digest("Y")
L, M, N, O = leaders(4)  # noqa: E741


def locked_on_x(me: str = O) -> One:
    """View 0: ours prevotes X, sees the polka, locks and precommits X. The others precommit nil: view 1."""
    one = One(me, 4)
    one.hears(proposal(L, X))
    one.judges(X)
    one.hears(*(prevote(member, X) for member in names(4) if member != me))
    assert one.state.lock is not None
    one.hears(*(precommit(member, None) for member in names(4) if member != me))
    assert one.state.view == 1
    return one


# -- the good path -----------------------------------------------------------------------------------------------------


def test_the_leader_builds_proposes_and_prevotes_with_one_write() -> None:
    """Ours is L. Hot: build. Built: one write of proposal and prevote, then both are sent."""
    one = One(L, 4)
    assert kinds(one(Hot("event"))) == ["SetTimer", "Build", "SetTimer"]
    effects = one(Built(1, 0, X, "body", "event"))
    assert kinds(effects) == ["Persist", "Broadcast", "Broadcast"]
    assert said(effects) == [("propose", X), ("prevote", X)]
    assert len(only(effects, Persist).records) == 2


def test_a_follower_validates_prevotes_precommits_commits() -> None:
    """Ours is O. The proposal wakes it; each vote is written, then sent; the third precommit commits."""
    one = One(O, 4)
    effects = one.hears(proposal(L, X))
    assert only(effects, Validate).proposal.hash == X
    assert {effect.name for effect in effects if isinstance(effect, SetTimer)} == {"propose", "repair"}
    effects = one.judges(X)
    assert kinds(effects) == ["Persist", "Broadcast"]
    assert said(effects) == [("prevote", X)]
    assert one.hears(prevote(L, X)) == ()
    effects = one.hears(prevote(M, X))
    assert kinds(effects) == ["Persist", "Broadcast"]
    assert said(effects) == [("precommit", X)]
    assert one.hears(precommit(L, X)) == ()
    effects = one.hears(precommit(M, X))
    assert kinds(effects) == ["CancelTimer", "CancelTimer", "Commit"]
    assert only(effects, Commit).certificate == certificate(L + M + O, X)


def test_the_lock_is_written_with_the_precommit_and_holds_the_polka() -> None:
    one = One(O, 4)
    one.hears(proposal(L, X))
    one.judges(X)
    effects = one.hears(prevote(L, X), prevote(M, X))
    lock, vote = only(effects, Persist).records
    assert lock == Valued(polka(L + M + O, X), f"body of {X}", "event", locked=True)
    assert isinstance(vote, Voted)


def test_votes_may_come_before_the_proposal_and_before_the_node_is_hot() -> None:
    one = One(O, 4)
    one.hears(*(precommit(member, X) for member in (L, M, N)), *(prevote(member, X) for member in (L, M, N)))
    assert one.state.certificate is not None
    effects = one.hears(proposal(L, X))
    assert only(effects, Commit).hash == X


def test_two_validators_need_each_other() -> None:
    """Two validators: nothing commits with one; with both it does."""
    first, second = leaders(2)
    one = One(second, 2)
    one.hears(proposal(first, X))
    one.judges(X)
    assert one.state.phase == "prevote"
    one.hears(prevote(first, X))
    assert one.state.phase == "precommit"
    assert only(one.hears(precommit(first, X)), Commit).hash == X


def test_the_next_height_begins_with_what_was_heard_of_it_before() -> None:
    """Ours commits height 1 late; the proposal and prevotes of height 2 came already, and were not lost."""
    one = One(O, 4)
    one.hears(proposal(L, X))
    proof = certificate(L + M + N, X)
    leader = leader_order(X, names(4))[0]
    ahead = proposal(leader, Y, height=2, parent=X, parent_certificate=proof)
    effects = one.hears(ahead, *(prevote(member, Y, height=2) for member in names(4) if member != O))
    assert only(effects, Commit).certificate == proof
    effects = one(Committed(1, X, names(4)))
    assert only(effects, Validate).proposal == ahead
    assert said(one.judges(Y)) == [("prevote", Y), ("precommit", Y)]


def test_it_says_whom_it_waits_for() -> None:
    one = One(O, 4)
    assert one.state.waiting_for() == ()
    one(Hot("event"))
    assert one.state.waiting_for() == (L,)
    one.hears(proposal(L, X), prevote(L, X))
    one.judges(X)
    assert one.state.waiting_for() == tuple(sorted((M, N)))
    one.hears(prevote(M, X), precommit(L, X))
    assert one.state.waiting_for() == tuple(sorted((M, N)))


# -- nil, and the change of views --------------------------------------------------------------------------------------


def test_no_proposal_in_time_means_prevote_nil() -> None:
    one = One(O, 4)
    one(Hot("event"))
    assert said(one.times_out("propose")) == [("prevote", None)]


def test_a_bad_proposal_means_prevote_nil() -> None:
    one = One(O, 4)
    one.hears(proposal(L, X))
    assert said(one.judges(X, ok=False)) == [("prevote", None)]


def test_a_quorum_of_nil_prevotes_means_precommit_nil_at_once() -> None:
    one = One(O, 4)
    one(Hot("event"))
    one.times_out("propose")
    assert said(one.hears(prevote(L, None), prevote(M, None))) == [("precommit", None)]


def test_a_quorum_of_nil_precommits_ends_the_view_at_once() -> None:
    """Ours is M, leader of view 1: it builds without waiting for a timer."""
    one = One(M, 4)
    one(Hot("event"))
    effects = one.hears(*(precommit(member, None) for member in (L, N, O)))
    assert only(effects, Build).view == 1


def test_a_split_prevote_waits_a_little_then_precommits_nil() -> None:
    one = One(O, 4)
    one.hears(proposal(L, X))
    one.judges(X)
    effects = one.hears(prevote(L, X), prevote(M, None))
    assert only(effects, SetTimer) == SetTimer("prevote", 1, 0, 300)
    assert said(one.times_out("prevote")) == [("precommit", None)]


def test_a_split_precommit_waits_a_little_then_begins_the_next_view() -> None:
    one = One(O, 4)
    one.hears(proposal(L, X))
    one.judges(X)
    one.hears(*(prevote(member, X) for member in (L, M)))
    effects = one.hears(precommit(L, X), precommit(M, None))
    assert only(effects, SetTimer) == SetTimer("precommit", 1, 0, 300)
    one.times_out("precommit")
    assert (one.state.view, one.state.phase) == (1, "propose")


def test_a_polka_that_completes_within_the_wait_still_locks() -> None:
    one = One(O, 4)
    one.hears(proposal(L, X))
    one.judges(X)
    one.hears(prevote(L, X), prevote(M, None))
    assert said(one.hears(prevote(N, X))) == [("precommit", X)]


def test_timeouts_grow_by_half_and_stop_at_thirty_seconds() -> None:
    config = One("a", 1).state.config
    assert [config.timeout(view) for view in range(5)] == [300, 450, 675, 1012, 1518]
    assert config.timeout(11) == 25_949
    assert {config.timeout(view) for view in (12, 41, 2**31)} == {30_000}


def test_one_voice_from_a_later_view_is_not_enough_to_follow() -> None:
    one = One(O, 4)
    one(Hot("event"))
    one.hears(prevote(L, None, view=5))
    assert one.state.view == 0


def test_f_plus_one_voices_from_later_views_pull_to_the_view_that_both_reached() -> None:
    one = One(O, 4)
    one(Hot("event"))
    one.hears(prevote(L, None, view=5), prevote(M, None, view=3))
    assert (one.state.view, one.state.phase) == (3, "propose")


def test_the_same_voice_twice_is_one_voice() -> None:
    one = One(O, 4)
    one(Hot("event"))
    one.hears(prevote(L, None, view=5), precommit(L, None, view=5), prevote(L, None, view=6))
    assert one.state.view == 0


def test_a_node_that_wakes_into_a_later_view_goes_there_at_once() -> None:
    one = One(O, 4)
    one.hears(prevote(L, None, view=2), prevote(M, None, view=2))
    assert one.state.view == 2


def test_a_late_timer_of_an_earlier_view_does_nothing() -> None:
    one = One(O, 4)
    one(Hot("event"))
    one.hears(*(precommit(member, None) for member in (L, M, N)))
    assert one.state.view == 1
    assert one(TimerFired("propose", 1, 0)) == ()
    assert one(TimerFired("precommit", 1, 1)) == ()
    assert one(TimerFired("propose", 7, 1)) == ()


def test_views_of_a_leader_known_to_be_down_are_given_up_quickly() -> None:
    one = One(O, 4)
    one(PeerDown(L))
    effects = one(Hot("event"))
    assert SetTimer("propose", 1, 0, 20) in effects


def test_a_leader_that_goes_down_before_proposing_is_given_up_quickly() -> None:
    one = One(O, 4)
    one(Hot("event"))
    assert one(PeerDown(L)) == (SetTimer("propose", 1, 0, 20),)
    assert one(PeerDown(L)) == ()


def test_a_leader_that_goes_down_after_proposing_changes_nothing() -> None:
    one = One(O, 4)
    one.hears(proposal(L, X))
    assert one(PeerDown(L)) == ()


def test_a_leader_with_nothing_to_build_in_a_hot_view_lets_it_pass() -> None:
    """Ours is L and was woken by a vote; it has no events. It stays hot, and goes on with the others."""
    one = One(L, 4)
    one.hears(prevote(M, None))
    assert one(NotBuilt(1, 0, "no events")) == ()
    assert one.state.phase == "propose"
    assert kinds(one(Hot("event"))) == ["Build"]


def test_a_leader_with_nothing_to_build_in_a_silent_height_cools_down() -> None:
    one = One(L, 4)
    one(Hot("event"))
    effects = one(NotBuilt(1, 0, "no events"))
    assert effects == (CancelTimer("propose"), CancelTimer("repair"))
    assert one.state.phase == "cold"


# -- locks and valid values --------------------------------------------------------------------------------------------


def test_a_locked_node_prevotes_nil_against_another_value() -> None:
    """Locked on X in view 0; M proposes Y in view 1 without a polka: nil."""
    one = locked_on_x()
    one.hears(proposal(M, Y, view=1))
    assert said(one.judges(Y)) == [("prevote", None)]


def test_a_locked_node_prevotes_its_own_value_again_without_asking_twice() -> None:
    """Locked on X in view 0; M proposes X in view 1: prevoted at once, for it was judged before."""
    one = locked_on_x()
    assert said(one.hears(proposal(M, X, view=1))) == [("prevote", X)]


def test_a_newer_polka_frees_a_locked_node() -> None:
    """Locked on X in view 0; Y got a polka in view 1 that ours did not see; N proposes Y in view 2 with it."""
    one = locked_on_x()
    one.hears(*(precommit(member, None, view=1) for member in (L, M, N)))
    assert one.state.view == 2
    one.hears(proposal(N, Y, view=2, polka=polka(L + M + N, Y, view=1)))
    assert said(one.judges(Y)) == [("prevote", Y)]


def test_a_polka_of_the_view_of_the_lock_or_older_frees_nobody() -> None:
    """Locked on X since view 1. N proposes Y in view 2 with a polka of view 0: nil."""
    one = One(O, 4)
    one.hears(*(precommit(member, None) for member in (L, M, N)))
    one.hears(proposal(M, X, view=1))
    one.judges(X)
    one.hears(*(prevote(member, X, view=1) for member in (L, M, N)))
    one.hears(*(precommit(member, None, view=1) for member in (L, M, N)))
    one.hears(proposal(N, Y, view=2, polka=polka(L + M + N, Y, view=0)))
    assert said(one.judges(Y)) == [("prevote", None)]


def test_a_lock_moves_to_a_newer_polka() -> None:
    """Freed as above, ours sees the polka of Y in view 2 and locks Y: X is no longer prevoted."""
    one = locked_on_x()
    one.hears(*(precommit(member, None, view=1) for member in (L, M, N)))
    one.hears(proposal(N, Y, view=2, polka=polka(L + M + N, Y, view=1)))
    one.judges(Y)
    assert said(one.hears(prevote(L, Y, 2), prevote(M, Y, 2))) == [("precommit", Y)]
    one.hears(*(precommit(member, None, view=2) for member in (L, M, N)))
    assert one.state.lock is not None
    assert one.state.lock.polka.hash == Y


def test_a_leader_proposes_its_valid_value_again_with_its_polka() -> None:
    """Ours is M, locked on X in view 0: in view 1 it proposes X with the polka, and builds nothing."""
    one = locked_on_x(M)
    sent = [effect.message for effect in one.effects if isinstance(effect, Broadcast)]
    again = next(message for message in sent if isinstance(message, Proposal))
    assert (again.hash, again.view, again.body) == (X, 1, f"body of {X}")
    assert again.polka is not None
    assert again.polka.view == 0
    assert "Build" not in kinds(one.effects)


def test_a_polka_seen_too_late_to_precommit_is_the_valid_value_but_no_lock() -> None:
    """Ours precommitted nil in view 0 after a wait, then the polka completes: it remembers X, and is not locked."""
    one = One(M, 4)
    one.hears(proposal(L, X))
    one.judges(X)
    one.hears(prevote(L, X), prevote(O, None))
    one.times_out("prevote")
    effects = one.hears(prevote(N, X))
    assert only(effects, Persist).records[0] == Valued(polka(L + M + N, X), f"body of {X}", "event", locked=False)
    assert one.state.lock is None
    effects = one.hears(*(precommit(member, None) for member in (L, N, O)))
    assert said(effects) == [("propose", X), ("prevote", X)]


def test_a_polka_for_a_value_judged_bad_here_is_not_precommitted() -> None:
    """Ours finds X bad while all others prevote it: it waits, precommits nil, and would commit only a certificate."""
    one = One(O, 4)
    one.hears(proposal(L, X))
    one.judges(X, ok=False)
    effects = one.hears(*(prevote(member, X) for member in (L, M, N)))
    assert said(effects) == []
    assert said(one.times_out("prevote")) == [("precommit", None)]
    assert only(one.hears(*(precommit(member, X) for member in (L, M, N))), Commit).hash == X


def test_a_proposal_that_comes_after_the_timeout_can_still_be_precommitted() -> None:
    """Ours prevoted nil by timeout; then the proposal comes, is judged good, and the others' polka locks it."""
    one = One(O, 4)
    one(Hot("event"))
    one.times_out("propose")
    assert only(one.hears(proposal(L, X)), Validate).proposal.hash == X
    one.hears(*(prevote(member, X) for member in (L, M, N)))
    assert said(one.judges(X)) == [("precommit", X)]


def test_a_value_refused_because_its_time_had_not_come_is_judged_again_in_the_next_view() -> None:
    one = One(O, 4)
    one.hears(proposal(L, X, trigger="time"))
    one.judges(X, ok=False)
    one.hears(*(precommit(member, None) for member in (L, M, N)))
    assert kinds(one.hears(proposal(M, X, view=1, trigger="time"))) == ["Validate"]


def test_a_value_judged_good_is_judged_again_when_it_comes_with_another_body() -> None:
    one = locked_on_x()
    assert kinds(one.hears(proposal(M, X, view=1, body="another"))) == ["Validate"]
    assert said(one.judges(X, ok=False)) == [("prevote", None)]


def test_a_verdict_on_an_earlier_view_still_counts_when_it_is_good() -> None:
    """Validation took longer than the view: when X is proposed again it is prevoted at once."""
    one = One(O, 4)
    one.hears(proposal(L, X))
    one.times_out("propose")
    one.hears(*(precommit(member, None) for member in (L, M, N)))
    assert one(Validated(1, 0, X, True)) == ()
    assert said(one.hears(proposal(M, X, view=1))) == [("prevote", X)]


def test_a_bad_verdict_on_an_earlier_view_does_not_count() -> None:
    one = One(O, 4)
    one.hears(proposal(L, X))
    one.times_out("propose")
    one.hears(*(precommit(member, None) for member in (L, M, N)))
    assert one(Validated(1, 0, X, False)) == ()
    assert kinds(one.hears(proposal(M, X, view=1))) == ["Validate"]


# -- what is not believed ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "message",
    [
        proposal(M, X),
        proposal(L, X, view=1),
        proposal(L, X, parent=Y),
        proposal(L, X, polka=polka(L + M + N, X)),
        proposal(M, X, view=1, polka=polka(L + M + N, Y)),
        proposal(M, X, view=1, polka=polka(L + M, X)),
        proposal(M, X, view=1, polka=certificate(L + M + N, X)),
        proposal(L, X, parent_certificate=certificate(L + M, GENESIS, height=0)),
        by("e", Prevote(1, 0, "e", X)),
        by("b", Prevote(1, 0, "a", X)),
    ],
    ids=[
        "not the leader",
        "leader of another view",
        "another parent",
        "polka of the same view",
        "polka of another value",
        "polka of too few",
        "precommits for a polka",
        "parent certificate of too few",
        "a stranger",
        "in another's name",
    ],
)
def test_what_should_not_be_believed_changes_nothing(message: object) -> None:
    one = One(O, 4)
    before = one.state
    assert one(Received(message)) == ()  # type: ignore[arg-type]
    assert one.state == before


def test_equivocation_is_recorded_once_and_the_second_vote_dropped() -> None:
    one = One(O, 4)
    one.hears(prevote(L, X))
    effects = one.hears(prevote(L, Y))
    assert only(effects, Persist).records == (Equivocated(prevote(L, X), prevote(L, Y)),)
    assert one.hears(prevote(L, None), precommit(L, X)) == ()
    assert one.state.slot(L, 0).prevote == prevote(L, X)


def test_two_proposals_of_one_leader_are_equivocation() -> None:
    one = One(O, 4)
    one.hears(proposal(L, X))
    effects = one.hears(proposal(L, Y))
    assert isinstance(only(effects, Persist).records[0], Equivocated)


def test_a_repeated_message_costs_nothing_and_changes_nothing() -> None:
    one = One(O, 4)
    one.hears(proposal(L, X), prevote(L, X))
    before = one.state
    assert one.hears(proposal(L, X), prevote(L, X)) == ()
    assert one.state == before


def test_a_peer_can_fill_four_views_and_no_more() -> None:
    one = One(O, 4)
    one.hears(*(prevote(L, None, view=view) for view in range(50)))
    assert sorted(one.state.inbox[L]) == [0, 47, 48, 49]
    one.hears(*(prevote(L, None, view=view, height=2) for view in range(50)))
    assert len(one.state.later[L]) == 4


def test_messages_of_heights_far_ahead_are_not_kept() -> None:
    one = One(O, 4)
    one.hears(*(prevote(L, None, height=height) for height in range(3, 100)))
    assert one.state.later == {}
    assert one.state.heights == {L: 99}


def test_peers_that_come_and_go_are_told_what_they_lack() -> None:
    one = One(O, 4)
    one(PeerDown(L))
    assert kinds(one(PeerUp(L))) == ["Send"]
    assert one.state.down == frozenset()
