"""What failed is made smaller, and the command that is printed runs it again, step by step."""

from __future__ import annotations

import shlex

import pytest

from ottochain.sim import faults
from ottochain.sim.__main__ import parser
from ottochain.sim.faults import Allowed, FaultError
from ottochain.sim.plan import Plan, plan_of
from ottochain.sim.run import Result, run
from ottochain.sim.shrink import Shrinker
from ottochain.sim.world import Cores
from sim import broken


def test_a_failure_shrinks_to_a_few_faults_and_its_command_runs_it_again() -> None:
    with broken.a_restored_vote_record() as cores:
        found = first_failure(cores)
        best = Shrinker(found, cores, runs_max=60).shrink()
        again = run(read(best.plan.command()), cores)
    assert found.failure is not None
    assert best.failure is not None
    assert "signed twice" in found.failure.what
    assert "signed twice" in best.failure.what
    assert count(best) < count(found) / 2
    assert again == best


def test_leaving_out_what_never_struck_changes_no_step() -> None:
    usual: list[str] = []
    named: list[str] = []
    found = run(plan_of(2), trace=usual.append)
    struck = Allowed({kind: frozenset(numbers) for kind, numbers in found.fired.items() if numbers})
    run(plan_of(2, struck), trace=named.append)
    assert usual == named


@pytest.mark.parametrize("text", ["drop,kill:17+305", "none", "tear:0"])
def test_a_list_of_faults_is_read_as_it_is_written(text: str) -> None:
    assert faults.parse(text).text() == text


@pytest.mark.parametrize("text", ["rain", "kill:x", "kill:3-5"])
def test_a_list_of_faults_that_cannot_be_read_is_refused(text: str) -> None:
    with pytest.raises(FaultError, match="expected"):
        faults.parse(text)


def first_failure(cores: Cores) -> Result:
    return next(result for result in (run(plan_of(seed), cores) for seed in range(100)) if result.failure is not None)


def count(result: Result) -> int:
    return sum(map(len, result.fired.values()))


def read(command: str) -> Plan:
    """The plan that a printed command runs."""
    given = parser().parse_args(shlex.split(command)[2:])
    allowed = Allowed() if given.faults is None else faults.parse(given.faults)
    return plan_of(given.seed, allowed, items=given.items, storm_ms=given.storm_ms)
