"""The states of a node and the one table of the changes between them.

A change is a compare-and-set: it names the states it may start from, and fails when the node is elsewhere. Source:
Tessellation, ``schema/node.scala`` and ``NodeStorage.scala``.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from enum import StrEnum
from typing import Final


class NodeState(StrEnum):
    """A node's state; the value is its JSON text."""

    INITIAL = "Initial"
    READY_TO_JOIN = "ReadyToJoin"
    LOADING_GENESIS = "LoadingGenesis"
    GENESIS_READY = "GenesisReady"
    ROLLBACK_IN_PROGRESS = "RollbackInProgress"
    ROLLBACK_DONE = "RollbackDone"
    STARTING_SESSION = "StartingSession"
    SESSION_STARTED = "SessionStarted"
    WAITING_FOR_DOWNLOAD = "WaitingForDownload"
    DOWNLOAD_IN_PROGRESS = "DownloadInProgress"
    WAITING_FOR_OBSERVING = "WaitingForObserving"
    OBSERVING = "Observing"
    WAITING_FOR_READY = "WaitingForReady"
    READY = "Ready"
    LEAVING = "Leaving"
    OFFLINE = "Offline"


_S = NodeState

IN_CLUSTER: Final = frozenset(
    {
        _S.WAITING_FOR_OBSERVING,
        _S.OBSERVING,
        _S.WAITING_FOR_READY,
        _S.READY,
        _S.WAITING_FOR_DOWNLOAD,
        _S.DOWNLOAD_IN_PROGRESS,
    }
)
"""A node in one of these answers a peer's request to join."""

BROADCAST: Final = frozenset(
    {
        _S.WAITING_FOR_DOWNLOAD,
        _S.DOWNLOAD_IN_PROGRESS,
        _S.WAITING_FOR_OBSERVING,
        _S.OBSERVING,
        _S.READY,
        _S.LEAVING,
        _S.OFFLINE,
    }
)
"""Entering one of these is told to the peers. ``WaitingForReady`` is not among them, as in the reference."""

LEAVING: Final = frozenset({_S.LEAVING})
ABSENT: Final = frozenset({_S.OFFLINE})

TRANSITIONS: Final[dict[NodeState, frozenset[NodeState]]] = {
    _S.INITIAL: frozenset({_S.READY_TO_JOIN, _S.LOADING_GENESIS, _S.ROLLBACK_IN_PROGRESS}),
    _S.LOADING_GENESIS: frozenset({_S.GENESIS_READY}),
    _S.ROLLBACK_IN_PROGRESS: frozenset({_S.ROLLBACK_DONE}),
    _S.GENESIS_READY: frozenset({_S.STARTING_SESSION}),
    _S.ROLLBACK_DONE: frozenset({_S.STARTING_SESSION}),
    _S.READY_TO_JOIN: frozenset({_S.STARTING_SESSION}),
    _S.STARTING_SESSION: frozenset({_S.SESSION_STARTED}),
    _S.SESSION_STARTED: frozenset({_S.READY, _S.WAITING_FOR_DOWNLOAD}),
    _S.WAITING_FOR_DOWNLOAD: frozenset({_S.DOWNLOAD_IN_PROGRESS}),
    _S.DOWNLOAD_IN_PROGRESS: frozenset({_S.WAITING_FOR_OBSERVING}),
    _S.WAITING_FOR_OBSERVING: frozenset({_S.OBSERVING}),
    _S.OBSERVING: frozenset({_S.WAITING_FOR_READY}),
    _S.WAITING_FOR_READY: frozenset({_S.READY}),
    _S.READY: frozenset(),
    _S.LEAVING: frozenset({_S.OFFLINE}),
    _S.OFFLINE: frozenset({_S.INITIAL}),
}
"""From a state to those that may follow it. Besides, ``Leaving`` follows every state, and a step whose work failed
falls back to the state it started from."""


class InvalidTransition(ValueError):  # noqa: N818  the reference's name for it
    """The node is not in a state from which the asked change may start."""


@dataclass(frozen=True, slots=True)
class Passage:
    """A change with work in its middle: from one of ``start``, through ``during``, to ``done``."""

    start: frozenset[NodeState]
    during: NodeState
    done: NodeState


LOAD_GENESIS: Final = Passage(frozenset({_S.INITIAL}), _S.LOADING_GENESIS, _S.GENESIS_READY)
ROLL_BACK: Final = Passage(frozenset({_S.INITIAL}), _S.ROLLBACK_IN_PROGRESS, _S.ROLLBACK_DONE)
START_SESSION: Final = Passage(
    frozenset({_S.GENESIS_READY, _S.ROLLBACK_DONE, _S.READY_TO_JOIN}), _S.STARTING_SESSION, _S.SESSION_STARTED
)
DOWNLOAD: Final = Passage(frozenset({_S.WAITING_FOR_DOWNLOAD}), _S.DOWNLOAD_IN_PROGRESS, _S.WAITING_FOR_OBSERVING)


def may_follow(current: NodeState, following: NodeState) -> bool:
    """Does the table allow ``following`` after ``current``?"""
    return following is NodeState.LEAVING or following in TRANSITIONS[current]


def compare_and_set(current: NodeState, expected: Collection[NodeState], following: NodeState) -> NodeState:
    """The state after the change.

    Raises ``InvalidTransition`` when ``current`` is none of ``expected`` or the table does not know the change.
    """
    if current in expected and may_follow(current, following):
        return following
    origin = f"Set({', '.join(state for state in NodeState if state in expected)})"
    raise InvalidTransition(f"Invalid node state transition from {origin} to {following} but current is {current}")
