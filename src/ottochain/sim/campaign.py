"""Many seeds: which failed, and whether enough was tested to say anything."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import Final

from ottochain.sim.coverage import BOUNDARIES, RARE, Coverage
from ottochain.sim.faults import KINDS, Allowed
from ottochain.sim.plan import plan_of
from ottochain.sim.run import Result, run
from ottochain.sim.world import Cores

HEIGHTS_PER_RUN_MIN: Final = 5
ITEMS_PER_RUN_MIN: Final = 3


@dataclass(slots=True)
class Campaign:
    """What came of the seeds so far."""

    allowed: Allowed
    coverage: Coverage = field(default_factory=Coverage)
    failed: list[Result] = field(default_factory=list)

    def run(self, seeds: Iterable[int], cores: Cores | None = None) -> Iterator[Result]:
        """Runs seed after seed; yields each result."""
        for seed in seeds:
            result = run(plan_of(seed, self.allowed), cores)
            self.coverage.add(result.coverage)
            if result.failure is not None:
                self.failed.append(result)
            yield result

    def shortcomings(self) -> list[str]:
        """Why these runs prove little, if they do."""
        found = [f"fault '{kind}' never struck: {KINDS[kind].what}" for kind in KINDS if self._missed(kind)]
        if self.allowed.everything:
            found += [f"it never happened that {mark}" for mark in RARE if not self.coverage.marks[mark]]
            found += [f"no node ever died {place}" for place in BOUNDARIES if not self.coverage.deaths[place]]
        runs = self.coverage.runs
        for layer in ("gl0", "ml0"):
            if self.coverage.heights[layer] < HEIGHTS_PER_RUN_MIN * runs:
                found.append(
                    f"{layer} committed hardly anything: {self.coverage.heights[layer]} heights in {runs} runs"
                )
        if self.coverage.items < ITEMS_PER_RUN_MIN * runs:
            found.append(f"hardly anything was applied: {self.coverage.items} items in {runs} runs")
        return found

    def _missed(self, kind: str) -> bool:
        return kind in self.allowed.kinds and not self.coverage.faults[kind]

    def table(self) -> list[str]:
        """The faults, how often each struck and in how many runs; and the rare things that happened."""
        seen, runs = self.coverage, max(1, self.coverage.runs)
        lines = [f"{'fault':<12} {'struck':>9} {'in runs':>8}  what it is"]
        for name, kind in KINDS.items():
            lines.append(f"{name:<12} {seen.faults[name]:>9,} {seen.runs_with[name] / runs:>8.1%}  {kind.what}")
        deaths = sorted(((seen.deaths[place], place) for place in BOUNDARIES), reverse=True)
        lines += ["", f"{'times':>9}  what must happen too"]
        lines += [f"{seen.marks[mark]:>9,}  {mark}" for mark in RARE]
        lines += ["", f"{'times':>9}  a node died"]
        lines += [f"{count:>9,}  {where}" for count, where in deaths]
        return lines
