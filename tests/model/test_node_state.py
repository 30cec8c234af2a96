from __future__ import annotations

from itertools import pairwise

import pytest

from ottochain.model.node_state import (
    BROADCAST,
    DOWNLOAD,
    IN_CLUSTER,
    LOAD_GENESIS,
    ROLL_BACK,
    START_SESSION,
    TRANSITIONS,
    InvalidTransition,
    NodeState,
    compare_and_set,
    may_follow,
)

S = NodeState


def test_every_state_has_its_row_in_the_table() -> None:
    assert set(TRANSITIONS) == set(NodeState)


@pytest.mark.parametrize(
    "path",
    [
        "Initial LoadingGenesis GenesisReady StartingSession SessionStarted Ready",
        "Initial RollbackInProgress RollbackDone StartingSession SessionStarted Ready",
        "Initial ReadyToJoin StartingSession SessionStarted Ready Leaving Offline Initial",
        "Initial ReadyToJoin StartingSession SessionStarted WaitingForDownload DownloadInProgress WaitingForObserving"
        " Observing WaitingForReady Ready Leaving Offline Initial",
    ],
)
def test_the_walks_of_the_reference_are_allowed(path: str) -> None:
    states = [NodeState(word) for word in path.split()]
    for before, after in pairwise(states):
        assert compare_and_set(before, {before}, after) is after


def test_leaving_follows_every_state() -> None:
    assert all(may_follow(state, S.LEAVING) for state in NodeState)


def test_a_change_from_elsewhere_is_refused_with_the_reference_s_words() -> None:
    with pytest.raises(InvalidTransition) as refused:
        compare_and_set(S.SESSION_STARTED, {S.READY_TO_JOIN, S.GENESIS_READY}, S.STARTING_SESSION)
    assert str(refused.value) == (
        "Invalid node state transition from Set(ReadyToJoin, GenesisReady) to StartingSession"
        " but current is SessionStarted"
    )


def test_a_change_that_the_table_does_not_know_is_refused() -> None:
    with pytest.raises(InvalidTransition):
        compare_and_set(S.READY, {S.READY}, S.OBSERVING)


@pytest.mark.parametrize("passage", [LOAD_GENESIS, ROLL_BACK, START_SESSION, DOWNLOAD])
def test_passages_follow_the_table(passage) -> None:  # type: ignore[no-untyped-def]
    assert all(may_follow(start, passage.during) for start in passage.start)
    assert may_follow(passage.during, passage.done)


def test_groups() -> None:
    assert S.WAITING_FOR_READY in IN_CLUSTER
    assert S.WAITING_FOR_READY not in BROADCAST
    assert S.SESSION_STARTED not in IN_CLUSTER
    assert S.OFFLINE in BROADCAST
