"""One validator: a height is three steps, no message and no timer; and a crash changes nothing that was persisted."""

import pytest

from consensus.kit import CHAIN, GENESIS, One, certificate, digest, kinds, names, only, verify
from ottochain.consensus.core import ConsensusError
from ottochain.consensus.effects import (
    Boot,
    Build,
    Built,
    Commit,
    CommitFailed,
    Committed,
    Hot,
    NotBuilt,
    Persist,
    Validated,
    Valued,
    Voted,
)
from ottochain.consensus.quorum import MembershipError
from ottochain.consensus.votes import Certificate

X, Y = digest("X"), digest("Y")


def built(block: str = X, height: int = 1) -> Built:
    return Built(height, 0, block, f"body of {block}", "event")


def committed(block: str = X, height: int = 1, **more: str) -> Committed:
    return Committed(height, block, names(1), hot=more.get("hot"))  # type: ignore[arg-type]


def test_a_cold_node_does_nothing() -> None:
    assert One("a", 1).effects == ()


def test_a_height_is_hot_then_built_then_committed() -> None:
    """Hot asks for a value; the value is proposed, voted twice, written once, and committed, all in one step."""
    one = One("a", 1)
    assert one(Hot("event")) == (Build(1, 0, "event", GENESIS, None),)
    effects = one(built())
    assert kinds(effects) == ["Persist", "Commit"]
    written = [
        record.message.kind if isinstance(record, Voted) else "lock" for record in only(effects, Persist).records
    ]
    assert written == ["propose", "prevote", "lock", "precommit"]
    assert one(committed()) == ()
    assert one.state.height == 2


def test_the_certificate_of_one_holds() -> None:
    one = One("a", 1)
    one(Hot("event"))
    commit = only(one(built()), Commit)
    assert commit.certificate.holds(CHAIN, names(1), 1, verify)
    assert (commit.height, commit.view, commit.hash, commit.body) == (1, 0, X, f"body of {X}")


def test_the_next_height_carries_the_certificate_of_its_parent() -> None:
    one = One("a", 1)
    one(Hot("event"))
    proof = only(one(built()), Commit).certificate
    assert one(committed(hot="time")) == (Build(2, 0, "time", X, proof),)


def test_time_wins_over_events() -> None:
    one = One("a", 1, boot=Boot(0, GENESIS, None, names(1), may_vote=False))
    one(Hot("event"))
    one(Hot("time"))
    one(Hot("event"))
    assert one.state.trigger == "time"


def test_nothing_to_build_cools_the_height() -> None:
    one = One("a", 1)
    one(Hot("event"))
    assert one(NotBuilt(1, 0, "the pool is empty")) == ()
    assert one.state.phase == "cold"
    assert only(one(Hot("event")), Build).height == 1


def test_an_event_that_comes_while_building_is_not_forgotten() -> None:
    """The builder looked into an empty pool, then an event came, then the builder's answer: build again."""
    one = One("a", 1)
    one(Hot("event"))
    assert one(Hot("event")) == ()
    assert kinds(one(NotBuilt(1, 0, "the pool was empty"))) == ["Build"]


def test_what_becomes_hot_while_committing_heats_the_next_height() -> None:
    one = One("a", 1)
    one(Hot("event"))
    one(built())
    assert one(Hot("event")) == ()
    assert only(one(committed()), Build).height == 2


def test_a_late_answer_changes_nothing() -> None:
    one = One("a", 1)
    assert one(built()) == ()
    assert one(NotBuilt(1, 0, "")) == ()
    assert one(Validated(7, 0, X, True)) == ()


@pytest.mark.parametrize("count", range(5))
def test_a_crash_after_any_record_never_changes_a_vote(count: int) -> None:
    """Even if a torn write left only the first records: the node goes on to commit the value it voted for."""
    one = One("a", 1)
    one(Hot("event"))
    one(built())
    one.records = one.records[:count]
    again = one.again(1)
    if count == 0:
        assert again.effects == ()
    else:
        assert only(again.effects, Commit).hash == X


def test_a_commit_that_was_not_confirmed_is_asked_for_again_after_boot() -> None:
    one = One("a", 1)
    one(Hot("event"))
    first = only(one(built()), Commit)
    assert kinds(one.again(1).effects) == ["Commit"]
    assert only(one.again(1).effects, Commit) == first


def test_boot_after_the_commit_goes_on_at_the_next_height() -> None:
    one = One("a", 1, boot=Boot(5, X, certificate("a", X, height=5), names(1), hot="event"))
    assert only(one.effects, Build) == Build(6, 0, "event", X, certificate("a", X, height=5))


def test_a_learner_of_its_own_layer_does_not_vote() -> None:
    one = One("a", 1, boot=Boot(0, GENESIS, None, names(1), may_vote=False, hot="event"))
    assert one.effects == ()
    assert one(Hot("time")) == ()


# -- what a shell may not do -------------------------------------------------------------------------------------------


def test_committed_must_answer_a_commit() -> None:
    one = One("a", 1)
    with pytest.raises(ConsensusError, match="must answer a Commit"):
        one(committed())
    one(Hot("event"))
    one(built())
    with pytest.raises(ConsensusError, match="must answer a Commit"):
        one(committed(Y))
    with pytest.raises(ConsensusError, match="must answer a Commit"):
        One("a", 1)(CommitFailed(1, X, ""))


def test_a_wrong_body_stops_a_node_that_is_alone() -> None:
    """Nobody can send it another body, so its own store is damaged: stopping says so, waiting would not."""
    one = One("a", 1)
    one(Hot("event"))
    one(built())
    with pytest.raises(ConsensusError, match="nobody else can have another body for height 1: torn"):
        one(CommitFailed(1, X, "torn"))


def test_a_life_has_one_boot() -> None:
    one = One("a", 1)
    with pytest.raises(ConsensusError, match="first event of a life"):
        one(Boot(0, GENESIS, None, names(1)))


def test_two_members_may_not_change_at_once() -> None:
    one = One("a", 1)
    one(Hot("event"))
    one(built())
    with pytest.raises(MembershipError):
        one(Committed(1, X, names(3)))


def test_a_vote_record_of_another_height_or_out_of_order_stops_the_node() -> None:
    one = One("a", 1)
    one(Hot("event"))
    one(built())
    records = tuple(one.records)
    with pytest.raises(ConsensusError, match="found a at height 1"):
        One("a", 1, boot=Boot(1, X, None, names(1), records=records))
    with pytest.raises(ConsensusError, match="must rise"):
        One("a", 1, boot=Boot(0, GENESIS, None, names(1), records=records[::-1]))


def test_the_records_of_a_height_are_the_votes_and_the_lock() -> None:
    one = One("a", 1)
    one(Hot("event"))
    one(built())
    lock = next(record for record in one.records if isinstance(record, Valued))
    assert lock.locked
    assert isinstance(lock.polka, Certificate)
    assert lock.polka.holds(CHAIN, names(1), 1, verify)
