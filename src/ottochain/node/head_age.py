"""How long ago this node last saw its chain go on."""

from __future__ import annotations

from collections.abc import Callable


class HeadAge:
    """Seconds since the head last moved. A head that was only loaded or resumed has no age: nobody saw it come."""

    def __init__(self, clock: Callable[[], float]) -> None:
        """``clock`` gives seconds and only ever grows."""
        self._clock = clock
        self._moved_at: float | None = None

    def moved(self) -> None:
        """The head is another one since now."""
        self._moved_at = self._clock()

    @property
    def seconds(self) -> float | None:
        """None while this process has not seen it move."""
        return None if self._moved_at is None else round(self._clock() - self._moved_at, 3)
