"""The holder of a node's state: changes it by the table of ``model.node_state`` and tells whoever subscribed."""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import Callable, Collection, Iterator

from ottochain.model.node_state import NodeState, Passage, compare_and_set

log = logging.getLogger(__name__)

Subscriber = Callable[[NodeState, NodeState], None]


class Lifecycle:
    """One node's state. ``move`` is checked; ``force`` is for the two changes the reference forces (Ready, Leaving)."""

    def __init__(self, clock: Callable[[], float]) -> None:
        """``clock`` gives seconds and only ever grows."""
        self._clock = clock
        self._state = NodeState.INITIAL
        self._since = clock()
        self._subscribers: list[Subscriber] = []

    @property
    def state(self) -> NodeState:
        return self._state

    @property
    def seconds_in_state(self) -> float:
        return self._clock() - self._since

    def subscribe(self, subscriber: Subscriber) -> Callable[[], None]:
        """Calls ``subscriber(before, after)`` at each change, in order of subscription; returns how to end it."""
        self._subscribers.append(subscriber)
        return lambda: self._subscribers.remove(subscriber)

    def move(self, expected: NodeState | Collection[NodeState], following: NodeState) -> None:
        """Compare-and-set. Raises ``InvalidTransition``."""
        states = {expected} if isinstance(expected, NodeState) else expected
        self._enter(compare_and_set(self._state, states, following))

    def force(self, following: NodeState) -> None:
        """Enters a state from wherever the node is."""
        self._enter(following)

    @contextlib.contextmanager
    def passing(self, passage: Passage) -> Iterator[None]:
        """Through ``during`` to ``done``; when the body raises, back to the state before.

        Raises ``InvalidTransition`` before the body runs when the node is not in a state to start from.
        """
        before = self._state
        self.move(passage.start, passage.during)
        try:
            yield
        except BaseException:
            if self._state is passage.during:
                self._enter(before)
            raise
        self.move(passage.during, passage.done)

    async def reached(self, *states: NodeState) -> NodeState:
        """Waits until the node is in one of ``states`` and returns it."""
        if self._state in states:
            return self._state
        arrival: asyncio.Future[NodeState] = asyncio.get_running_loop().create_future()

        def notice(_before: NodeState, after: NodeState) -> None:
            if after in states and not arrival.done():
                arrival.set_result(after)

        unsubscribe = self.subscribe(notice)
        try:
            return await arrival
        finally:
            unsubscribe()

    def _enter(self, following: NodeState) -> None:
        before, self._state, self._since = self._state, following, self._clock()
        log.info("state %s -> %s", before, following)
        for subscriber in tuple(self._subscribers):
            subscriber(before, following)
