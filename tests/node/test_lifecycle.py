from __future__ import annotations

import asyncio
import contextlib

import pytest

from ottochain.model.node_state import START_SESSION, InvalidTransition, NodeState
from ottochain.node.lifecycle import Lifecycle
from ottochain.node.sessions import NoSession, SessionExists, Sessions

S = NodeState


def test_a_step_that_fails_falls_back() -> None:
    lifecycle = Lifecycle(lambda: 0.0)
    lifecycle.move(S.INITIAL, S.READY_TO_JOIN)
    seen = []
    with contextlib.suppress(RuntimeError), lifecycle.passing(START_SESSION):
        seen.append(lifecycle.state)
        raise RuntimeError
    assert seen == [S.STARTING_SESSION]
    assert lifecycle.state is S.READY_TO_JOIN
    with lifecycle.passing(START_SESSION):
        pass
    assert lifecycle.state is S.SESSION_STARTED


def test_subscribers_hear_every_change_in_order() -> None:
    lifecycle = Lifecycle(lambda: 0.0)
    heard: list[tuple[NodeState, NodeState]] = []
    unsubscribe = lifecycle.subscribe(lambda before, after: heard.append((before, after)))
    lifecycle.move(S.INITIAL, S.READY_TO_JOIN)
    lifecycle.force(S.LEAVING)
    unsubscribe()
    lifecycle.move(S.LEAVING, S.OFFLINE)
    assert heard == [(S.INITIAL, S.READY_TO_JOIN), (S.READY_TO_JOIN, S.LEAVING)]


def test_a_refused_change_leaves_the_state() -> None:
    lifecycle = Lifecycle(lambda: 0.0)
    with pytest.raises(InvalidTransition):
        lifecycle.move({S.READY, S.OBSERVING}, S.LEAVING)
    assert lifecycle.state is S.INITIAL


def test_time_in_a_state_is_counted() -> None:
    now = [0.0]
    lifecycle = Lifecycle(lambda: now[0])
    now[0] = 3.5
    assert lifecycle.seconds_in_state == 3.5
    lifecycle.move(S.INITIAL, S.READY_TO_JOIN)
    assert lifecycle.seconds_in_state == 0


async def test_waiting_for_a_state() -> None:
    lifecycle = Lifecycle(lambda: 0.0)
    assert await lifecycle.reached(S.INITIAL) is S.INITIAL
    waiting = asyncio.create_task(lifecycle.reached(S.OFFLINE, S.LEAVING))
    await asyncio.sleep(0)
    lifecycle.move(S.INITIAL, S.READY_TO_JOIN)
    assert not waiting.done()
    lifecycle.force(S.LEAVING)
    assert await waiting is S.LEAVING


def test_a_session_is_made_once_and_of_milliseconds() -> None:
    sessions = Sessions(lambda: 1_732_428_789_123)
    with pytest.raises(NoSession):
        sessions.both()
    assert sessions.start_own() == 1_732_428_789_123
    with pytest.raises(NoSession):
        sessions.both()
    sessions.adopt_cluster(5)
    assert sessions.both() == (1_732_428_789_123, 5)
    with pytest.raises(SessionExists, match=r"^Session already exists\.$"):
        sessions.start_own()
