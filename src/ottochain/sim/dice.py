"""The only chance there is: everything that a run decides by lot, decided by its seed."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from random import Random

from ottochain.sim.faults import KINDS, Allowed


class Dice:
    """One stream of chance per purpose, so that a fault that is left out disturbs the others as little as it can."""

    def __init__(self, seed: int, rates: Mapping[str, float], allowed: Allowed) -> None:
        self.calm = False
        """Faults are over."""
        self.fired: dict[str, list[int]] = {name: [] for name in KINDS}
        """The numbers of the faults that struck, by kind."""
        self.work = stream(seed, "work")
        self.clients = stream(seed, "clients")
        self.network = stream(seed, "network")
        self._faults = {name: stream(seed, name) for name in KINDS}
        self._rates = dict(rates)
        self._allowed = allowed
        self._chosen: Counter[str] = Counter()

    def strikes(self, kind: str) -> bool:
        """Whether a fault of this kind happens here and now."""
        rate = self._rates.get(kind, 0.0)
        if not rate or self.calm or self._faults[kind].random() >= rate:
            return False
        return self.happens(kind)

    def happens(self, kind: str) -> bool:
        """The lot fell on it: whether this run allows it."""
        number = self._chosen[kind]
        self._chosen[kind] += 1
        if not self._allowed.has(kind, number):
            return False
        self.fired[kind].append(number)
        return True

    def of(self, kind: str) -> Random:
        """Chance about how a fault of this kind looks."""
        return self._faults[kind]


def stream(seed: int, purpose: str) -> Random:
    """A generator of its own for each purpose; the same in every process, whatever its hash seed."""
    return Random(f"{seed} {purpose}")  # noqa: S311  not for secrets: to be repeated
