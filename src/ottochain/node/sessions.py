"""The two tokens of a node: its own session and the one of the cluster it belongs to.

Both are wall-clock milliseconds of their creation. The own session changes with every start, so peers notice a restart;
the cluster session is made by whoever founds the cluster and adopted by those who join, so two clusters founded apart
refuse each other. Source: Tessellation, ``Session.scala`` and ``ClusterStorage.scala``.
"""

from __future__ import annotations

from collections.abc import Callable


class SessionError(Exception):
    """A session could not be made or is missing."""


class SessionExists(SessionError):  # noqa: N818  named as the reference's answer
    """The node has a session already."""

    def __init__(self) -> None:
        super().__init__("Session already exists.")


class NoSession(SessionError):  # noqa: N818  named as the reference's answer
    """The node has no session, or belongs to no cluster, yet."""


class Sessions:
    """Both tokens; None until they exist."""

    def __init__(self, now_ms: Callable[[], int]) -> None:
        self._now_ms = now_ms
        self._own: int | None = None
        self._cluster: int | None = None

    @property
    def own(self) -> int | None:
        return self._own

    @property
    def cluster(self) -> int | None:
        return self._cluster

    def start_own(self) -> int:
        """Makes the own session. Raises ``SessionExists``."""
        if self._own is not None:
            raise SessionExists
        self._own = max(1, self._now_ms())
        return self._own

    def found_cluster(self) -> int:
        """Makes the cluster's session, as its founder."""
        self._cluster = max(1, self._now_ms())
        return self._cluster

    def adopt_cluster(self, token: int) -> None:
        """Takes over the session of the cluster that this node joins."""
        self._cluster = token

    def both(self) -> tuple[int, int]:
        """Own and cluster session. Raises ``NoSession`` when one of them is missing."""
        if self._own is None:
            raise NoSession("the node has no session")
        if self._cluster is None:
            raise NoSession("the node belongs to no cluster")
        return self._own, self._cluster
