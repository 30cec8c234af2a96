"""A smaller run with the same failure: fewer updates, a shorter storm, fewer faults.

A fault that is left out changes what comes after it, so this is a search and no proof: what is found is small, and
fails; something smaller may fail too.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace

from ottochain.sim.faults import Allowed
from ottochain.sim.plan import Plan
from ottochain.sim.run import Result, run
from ottochain.sim.world import Cores


class Shrinker:
    """Tries plans until the budget of runs is spent; `best` is the smallest that failed in the same way."""

    def __init__(self, found: Result, cores: Cores | None = None, runs_max: int = 300) -> None:
        assert found.failure is not None
        self.best = found
        self._way = way_of(found)
        self._cores = cores
        self._runs_left = runs_max

    def shrink(self) -> Result:
        fired = {kind: frozenset(numbers) for kind, numbers in self.best.fired.items() if numbers}
        self.attempt(replace(self.best.plan, allowed=Allowed(fired)))
        before = None
        while before != self.best.plan and self._runs_left > 0:
            before = self.best.plan
            self.shorten()
            self.drop_kinds()
            for kind in list(self.best.plan.allowed.kinds):
                self.drop_numbers(kind)
        return self.best

    def attempt(self, plan: Plan) -> bool:
        """Whether a plan fails in the same way; then it is the best."""
        if self._runs_left <= 0 or plan == self.best.plan:
            return False
        self._runs_left -= 1
        found = run(plan, self._cores)
        if found.failure is None or way_of(found) != self._way:
            return False
        self.best = found
        return True

    def shorten(self) -> None:
        """Fewer updates, and no storm after the failure."""
        plan = self.best.plan
        first(self.attempt, (replace(plan, items=items) for items in smaller(plan.items)))
        plan, failure = self.best.plan, self.best.failure
        assert failure is not None
        ends = [failure.at_ms, *smaller(plan.storm_ms)]
        first(self.attempt, (replace(plan, storm_ms=end) for end in sorted(ends) if 0 < end < plan.storm_ms))

    def drop_kinds(self) -> None:
        for kind in list(self.best.plan.allowed.kinds):
            self.allow({other: these for other, these in self.best.plan.allowed.kinds.items() if other != kind})

    def drop_numbers(self, kind: str) -> None:
        """Leaves out halves, quarters, and so on, of the faults of one kind."""
        size = len(self.numbers(kind))
        while size > 0:
            numbers = self.numbers(kind)
            for chunk in chunks(numbers, size):
                left = frozenset(self.numbers(kind)) - frozenset(chunk)
                self.allow({**self.best.plan.allowed.kinds, kind: left})
            size //= 2

    def numbers(self, kind: str) -> list[int]:
        return sorted(self.best.plan.allowed.kinds.get(kind) or ())

    def allow(self, kinds: dict[str, frozenset[int] | None]) -> bool:
        some = {kind: these for kind, these in kinds.items() if these}
        return self.attempt(replace(self.best.plan, allowed=Allowed(some)))


def way_of(result: Result) -> str:
    """How a run failed, without names and numbers."""
    assert result.failure is not None
    words = result.failure.what.split()
    plain = [word for word in words if word.isalpha() and word.islower()]
    return " ".join(plain[:4])


def smaller(number: int) -> list[int]:
    """Some numbers below `number`, from 0 on."""
    return sorted({number * part // 8 for part in range(8)} | {max(0, number - 1)})


def chunks(numbers: Sequence[int], size: int) -> Iterable[Sequence[int]]:
    return [numbers[start : start + size] for start in range(0, len(numbers), size)]


def first(attempt: Callable[[Plan], bool], plans: Iterable[Plan]) -> None:
    """Attempts plans in turn, up to the first that fails in the same way."""
    any(attempt(plan) for plan in plans)
