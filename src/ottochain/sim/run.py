"""One run of one seed: a storm in which nothing may go wrong, then calm in which everything must come right."""

from __future__ import annotations

import traceback
from dataclasses import dataclass
from itertools import pairwise
from typing import Final

from ottochain.consensus.core import ConsensusError
from ottochain.consensus.l1_block import L1Error
from ottochain.consensus.outbox import OutboxError
from ottochain.sim.checkers import Violated
from ottochain.sim.coverage import Coverage
from ottochain.sim.plan import Plan
from ottochain.sim.settled import check_settled, check_silent, unsettled
from ottochain.sim.world import Cores, Trace, World

CALM_MS_MAX: Final = 600_000
CALM_MS_MIN: Final = 3_000
"""By then all that was late in the storm has come."""
LOOK_MS: Final = 200


@dataclass(frozen=True, slots=True)
class Failure:
    """What went wrong: `what` is a sentence, `at_ms` the virtual time, `where` the code when it was an exception."""

    what: str
    at_ms: int
    where: str = ""


@dataclass(frozen=True, slots=True)
class Result:
    """What one run came to. `fired` are the numbers of the faults that struck."""

    plan: Plan
    failure: Failure | None
    coverage: Coverage
    fired: dict[str, list[int]]


def run(plan: Plan, cores: Cores | None = None, trace: Trace | None = None) -> Result:
    """Run a plan to its end, or to the first thing that is wrong."""
    world = World(plan, cores, trace)
    failure = None
    try:
        play(world)
    except (Violated, ConsensusError, L1Error, OutboxError) as error:
        failure = Failure(str(error), world.agenda.now)
    except Exception as error:  # whatever a core raises is a finding
        where = traceback.format_exc(limit=-4)
        failure = Failure(f"{type(error).__name__}: {error}", world.agenda.now, where)
    return Result(plan, failure, counted(world), world.dice.fired)


def play(world: World) -> None:
    world.begin()
    world.agenda.run_until(world.plan.storm_ms)
    world.calm()
    limit = world.agenda.now + CALM_MS_MAX
    world.agenda.run_until(world.agenda.now + CALM_MS_MIN)
    while unsettled(world) and world.agenda.now < limit:
        world.agenda.run_until(world.agenda.now + LOOK_MS)
    check_settled(world)
    world.quiet = True
    check_silent(world)
    if world.journals is not None:
        world.journals.check(world)


def counted(world: World) -> Coverage:
    """What the run saw, with what is counted elsewhere."""
    coverage, known = world.coverage, world.checks.agreement.known
    for layer, chain in known.items():
        coverage.heights[layer] += len(chain) - 1
        members = [set(facts.validators) for facts in chain]
        for before, after in pairwise(members):
            coverage.marks["a learner became a validator"] += bool(after - before)
            coverage.marks["a validator was removed"] += bool(before - after)
    coverage.items += len(world.checks.items.applied)
    coverage.marks["an item that never follows was rejected"] += len(world.checks.items.rejected)
    coverage.marks["a newer polka freed somebody from a lock"] += world.checks.locks.reached
    for kind, numbers in world.dice.fired.items():
        coverage.faults[kind] += len(numbers)
        coverage.runs_with[kind] += bool(numbers)
    return coverage
