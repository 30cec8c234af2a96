"""Nothing is lost for good: who is behind asks, who is ahead answers, and a certificate is proof enough."""

import pytest

from consensus.kit import (
    CHAIN,
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
    verify,
)
from ottochain.consensus.effects import (
    Boot,
    Broadcast,
    Commit,
    CommitFailed,
    Committed,
    Diverged,
    Hot,
    PeerUp,
    Received,
    Send,
    Serve,
    SetTimer,
    TimerFired,
)
from ottochain.consensus.quorum import leader_order
from ottochain.consensus.votes import Ask, Decided, authentic

X, Y = digest("X"), digest("Y")
L, M, N, O = leaders(4)  # noqa: E741


def question(member: str, height: int = 1, view: int = 0, **has: object) -> Ask:
    facts = {"has_proposal": False, "prevotes": (), "precommits": (), **has}
    return by(member, Ask(height=height, view=view, sender=member, **facts))  # type: ignore[arg-type]


def answers(one: One, ask: Ask) -> list[object]:
    return [effect.message for effect in one.hears(ask) if isinstance(effect, Send)]


# -- who asks ----------------------------------------------------------------------------------------------------------


def test_a_hot_height_that_does_not_move_asks_for_what_it_lacks() -> None:
    one = One(O, 4)
    one.hears(proposal(L, X), prevote(M, X))
    one.judges(X)
    effects = one.times_out("repair")
    ask = only(effects, Broadcast).message
    assert isinstance(ask, Ask)
    assert (ask.has_proposal, ask.prevotes, ask.precommits) == (True, tuple(sorted(M + O)), ())
    assert authentic(ask, CHAIN, verify)


def test_it_asks_less_and_less_often() -> None:
    one = One(O, 4)
    one(Hot("event"))
    waits = [only(one.times_out("repair"), SetTimer).milliseconds for _ in range(12)]
    assert waits == sorted(waits)
    assert (waits[0], waits[-1]) == (450, 10_000)


def test_a_cold_height_asks_nothing() -> None:
    one = One(O, 4)
    assert one(TimerFired("repair", 1, 0)) == ()


def test_a_connection_that_stands_is_asked_at_once() -> None:
    one = One(O, 4)
    effects = one(PeerUp(L))
    assert only(effects, Send).to == L
    assert isinstance(only(effects, Send).message, Ask)


def test_a_voice_from_the_next_height_hurries_the_question() -> None:
    """Others vote at height 2. Ours, still at 1, asks after 50 ms, and again and again until it is there."""
    one = One(O, 4)
    effects = one.hears(prevote(L, Y, height=2))
    assert only(effects, SetTimer) == SetTimer("repair", 1, 0, 50)
    assert one.hears(prevote(M, Y, height=2)) == ()
    effects = one.times_out("repair")
    assert isinstance(only(effects, Broadcast).message, Ask)
    assert only(effects, SetTimer).name == "repair"


def test_a_voice_from_far_ahead_hurries_the_question_too() -> None:
    one = One(O, 4)
    assert only(one.hears(precommit(L, Y, height=40)), SetTimer).name == "repair"


def test_a_strangers_voice_from_far_ahead_does_not() -> None:
    one = One(O, 4)
    assert one.hears(precommit("z", Y, height=40)) == ()


# -- who answers -------------------------------------------------------------------------------------------------------


def test_a_peer_at_the_same_view_gets_what_it_lacks_and_no_more() -> None:
    one = One(O, 4)
    one.hears(proposal(L, X), prevote(L, X), prevote(M, X))
    assert answers(one, question(N, has_proposal=True, prevotes=(L,))) == [prevote(M, X)]
    assert answers(one, question(N)) == [m for s in names(4) for m in _said_by(one, s)]


def _said_by(one: One, sender: str) -> list[object]:
    return list(one.state.slot(sender, 0).ballots())


def test_a_peer_is_not_told_its_own_words() -> None:
    one = One(O, 4)
    one.hears(proposal(L, X), prevote(L, X))
    assert answers(one, question(L)) == []


def test_a_peer_in_an_earlier_view_gets_what_it_lacks_of_that_one_and_everything_of_this_one() -> None:
    one = One(O, 4)
    one(Hot("event"))
    one.hears(prevote(L, None), prevote(M, None), *(precommit(member, None) for member in (L, M, N)))
    one.hears(prevote(L, None, view=1), prevote(M, None, view=1))
    assert answers(one, question(N, has_proposal=True, prevotes=(L,), precommits=(L,))) == [
        prevote(M, None),
        precommit(M, None),
        *(message for s in names(4) for message in one.state.slot(s, 1).ballots()),
    ]


def test_a_vote_lost_on_its_way_holds_up_nobody_when_just_a_quorum_is_alive() -> None:
    """L is dead. Ours, M and N precommit nil; ours hears of all three and moves on, its own is lost on the way to them.

    They can't leave the view without it, and ours can't decide without them: they ask, and get it.
    """
    one = One(O, 4)
    one(Hot("event"))
    one.times_out("propose")
    one.hears(prevote(M, None), prevote(N, None))
    assert said(one.hears(precommit(M, None), precommit(N, None))) == []
    assert one.state.view == 1
    asked = question(M, prevotes=(M, N, O), precommits=(M, N))
    assert answers(one, asked) == [precommit(O, None)]


def test_a_peer_in_a_later_view_counts_as_a_voice_from_there() -> None:
    one = One(O, 4)
    one(Hot("event"))
    assert answers(one, question(L, view=2)) == []
    one.hears(question(M, view=2))
    assert one.state.view == 2


def test_a_peer_that_is_behind_is_served_the_decided_heights() -> None:
    one = One(O, 4, boot=Boot(100, X, certificate(L + M + N, X, height=100), names(4)))
    assert one.hears(question(L, height=98)) == (Serve(L, 98, 100),)
    assert one.hears(question(L, height=3)) == (Serve(L, 3, 18),)


def test_a_learner_may_ask_and_changes_nothing() -> None:
    one = One(O, 4, boot=Boot(100, X, certificate(L + M + N, X, height=100), names(4)))
    before = one.state
    assert one.hears(question("z", height=98)) == (Serve("z", 98, 100),)
    assert one.hears(question("z", height=101)) == ()
    assert one.hears(question("z", height=200)) == ()
    assert one.state == before


def test_a_question_in_anothers_name_gets_no_answer() -> None:
    one = One(O, 4, boot=Boot(100, X, certificate(L + M + N, X, height=100), names(4)))
    assert one.hears(by("z", Ask(98, 0, L, False, (), ()))) == ()


def test_late_votes_of_the_committed_view_are_no_cry_for_help() -> None:
    one = One(O, 4, boot=Boot(5, X, certificate(L + M + O, X, height=5, view=1), names(4)))
    assert one.hears(precommit(N, X, view=1, height=5), prevote(N, X, view=0, height=5)) == ()


def test_votes_of_a_later_view_of_a_committed_height_are() -> None:
    one = One(O, 4, boot=Boot(5, X, certificate(L + M + O, X, height=5, view=1), names(4)))
    assert one.hears(prevote(N, X, view=2, height=5)) == (Serve(N, 5, 5),)
    assert one.hears(prevote(N, X, view=0, height=4)) == (Serve(N, 4, 5),)


def test_a_peer_that_asks_while_ours_commits_gets_the_decision() -> None:
    one = One(O, 4)
    one.hears(proposal(L, X), *(precommit(member, X) for member in (L, M, N)))
    assert one.state.phase == "committing"
    assert answers(one, question(N)) == [Decided(certificate(L + M + N, X), f"body of {X}")]


# -- catching up by certificates ---------------------------------------------------------------------------------------


def test_a_decision_commits_whatever_the_view_and_phase() -> None:
    one = One(O, 4)
    effects = one.hears(Decided(certificate(L + M + N, X, view=7), "body"))
    assert only(effects, Commit).view == 7


def test_a_decision_without_a_quorum_is_nothing() -> None:
    one = One(O, 4)
    for wrong in (certificate(L + M, X), polka(L + M + N, X), certificate(L + M + "z", X)):
        assert one.hears(Decided(wrong, "body")) == ()


def test_the_parent_certificate_in_a_proposal_of_the_next_height_commits_this_one() -> None:
    one = One(O, 4)
    one.hears(proposal(L, X))
    one.judges(X)
    leader = leader_order(X, names(4))[0]
    ahead = proposal(leader, Y, height=2, parent=X, parent_certificate=certificate(L + M + N, X))
    assert only(one.hears(ahead), Commit).hash == X


def test_without_the_body_the_certificate_waits_for_it() -> None:
    one = One(O, 4)
    leader = leader_order(X, names(4))[0]
    ahead = proposal(leader, Y, height=2, parent=X, parent_certificate=certificate(L + M + N, X))
    assert "Commit" not in kinds(one.hears(ahead))
    assert "repair" in one.state.armed
    assert only(one.hears(Decided(certificate(L + M + N, X), "body")), Commit).body == "body"


def test_decisions_of_many_heights_are_committed_one_after_the_other() -> None:
    """Ours is at height 1, and is served 1 to 5 in any order: five commits, no question in between."""
    blocks = [digest("block", height) for height in range(6)]
    one = One(O, 4)
    served = [Decided(certificate(L + M + N, blocks[height], height=height), "body") for height in range(1, 6)]
    effects = one.hears(served[3], served[1], served[4], served[2], served[0])
    for height in range(1, 6):
        assert only(effects, Commit).height == height
        effects = one(Committed(height, blocks[height], names(4)))
    assert effects == ()
    assert one.state.ahead == {}


def test_decisions_too_far_ahead_are_not_kept() -> None:
    one = One(O, 4)
    one.hears(*(Decided(certificate(L + M + N, X, height=height), "body") for height in range(2, 200)))
    assert sorted(one.state.ahead) == list(range(2, 17))


def test_after_a_commit_a_validator_that_is_past_the_next_height_is_asked() -> None:
    one = One(O, 4)
    one.hears(prevote(M, Y, height=40))
    one.hears(Decided(certificate(L + M + N, X), "body"))
    effects = one(Committed(1, X, names(4)))
    sent = only(effects, Send)
    assert (sent.to, isinstance(sent.message, Ask)) == (M, True)


def test_a_wrong_body_is_thrown_away_and_the_right_one_asked_for() -> None:
    """A certificate is right, the body that came with it is not: the height stays open until the right one comes."""
    one = One(O, 4)
    one.hears(Decided(certificate(L + M + N, X), "wrong"))
    effects = one(CommitFailed(1, X, "does not give the hash"))
    assert isinstance(only(effects, Broadcast).message, Ask)
    assert one.hears(Decided(certificate(L + M + N, X), "wrong")) == ()
    assert only(one.hears(Decided(certificate(L + M + N, X), "right")), Commit).body == "right"


def test_a_learner_with_a_wrong_body_waits_too() -> None:
    one = One(O, 4, boot=Boot(0, GENESIS, None, names(4), may_vote=False))
    one.hears(Decided(certificate(L + M + N, X), "wrong"))
    one(CommitFailed(1, X, ""))
    assert one.state.phase == "cold"
    assert only(one.hears(Decided(certificate(L + M + N, X), "right")), Commit).body == "right"


def test_a_body_that_was_let_go_of_is_taken_when_it_comes_again() -> None:
    """A learner far behind is sent more than its shell keeps, and the next height's body is among what is gone."""
    one = One(O, 4, boot=Boot(0, GENESIS, None, names(4), may_vote=False))
    decided = Decided(certificate(L + M + N, X), "body")
    one.hears(decided)
    effects = one(CommitFailed(1, X, "its body is not at hand", lost=True))
    assert isinstance(only(effects, Broadcast).message, Ask)
    assert not [effect for effect in effects if isinstance(effect, Commit)]
    assert only(one.hears(decided), Commit).body == "body"


def test_a_validator_commits_a_value_whose_body_was_let_go_of_when_its_leader_says_it_again() -> None:
    one = One(O, 4)
    leader = leader_order(GENESIS, names(4))[0]
    proposed = proposal(leader, X, body="body")
    one.hears(proposed)
    for member in [name for name in names(4) if name != O]:
        one.hears(precommit(member, X))
    one(CommitFailed(1, X, "its body is not at hand", lost=True))
    assert only(one.hears(proposed), Commit).body == "body"


# -- divergence --------------------------------------------------------------------------------------------------------


def test_two_certificates_at_one_height_stop_the_node() -> None:
    one = One(O, 4)
    leader = leader_order(X, names(4))[0]
    one.hears(proposal(leader, Y, height=2, parent=X, parent_certificate=certificate(L + M + N, X)))
    effects = one.hears(Decided(certificate(L + M + N, Y), "body"))
    assert only(effects, Diverged) == Diverged(1, X, certificate(L + M + N, Y))
    assert one(Hot("event")) == ()


def test_a_certified_parent_that_is_not_ours_stops_the_node() -> None:
    """Ours committed X at height 5. A proposal for 6 stands on Y, with Y's certificate."""
    one = One(O, 4, boot=Boot(5, X, certificate(L + M + O, X, height=5), names(4)))
    theirs = certificate(L + M + N, Y, height=5)
    leader = leader_order(X, names(4))[0]
    effects = one.hears(proposal(leader, GENESIS, height=6, parent=Y, parent_certificate=theirs))
    assert only(effects, Diverged) == Diverged(5, X, theirs)


@pytest.mark.parametrize("theirs", [None, certificate(L + M, Y, height=5), certificate(L + M + N, GENESIS, height=5)])
def test_an_uncertified_other_parent_stops_nobody(theirs: object) -> None:
    one = One(O, 4, boot=Boot(5, X, certificate(L + M + O, X, height=5), names(4)))
    leader = leader_order(X, names(4))[0]
    other = proposal(leader, GENESIS, height=6, parent=Y, parent_certificate=theirs)
    assert one(Received(other)) == ()


def test_another_set_of_proofs_for_the_same_parent_is_welcome() -> None:
    one = One(O, 4, boot=Boot(5, X, certificate(L + M + O, X, height=5), names(4)))
    leader = leader_order(X, names(4))[0]
    one.hears(proposal(leader, Y, height=6, parent=X, parent_certificate=certificate(L + M + N, X, height=5)))
    assert said(one.judges(Y)) == [("prevote", Y)]


@pytest.mark.parametrize(
    ("before", "now", "signers"),
    [
        pytest.param(names(4), names(3), "abd", id="d, whose signature it holds, was removed"),
        pytest.param(names(4), names(5), "abd", id="e was added, and more signatures are needed from now on"),
    ],
)
def test_other_proofs_of_the_parent_are_known_after_a_restart_by_those_who_voted_then(
    before: tuple[str, ...], now: tuple[str, ...], signers: str
) -> None:
    """The validators changed behind height 5. All lost power; each has its own set of proofs of 5 on its disk."""
    boot = Boot(5, X, certificate("abc", X, height=5), now, previous=before)
    leader = leader_order(X, now)[0]
    one = One(next(member for member in now if member != leader), len(now), boot=boot)
    one.hears(proposal(leader, Y, height=6, parent=X, parent_certificate=certificate(signers, X, height=5)))
    assert said(one.judges(Y)) == [("prevote", Y)]


def test_a_proposal_without_the_certificate_of_its_parent_is_not_believed() -> None:
    one = One(O, 4, boot=Boot(5, X, certificate(L + M + O, X, height=5), names(4)))
    leader = leader_order(X, names(4))[0]
    assert one.hears(proposal(leader, Y, height=6, parent=X)) == ()
