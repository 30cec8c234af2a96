"""The simulator: the cores hold under every fault, and the same seed gives the same run."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

from ottochain.sim import faults
from ottochain.sim.campaign import Campaign
from ottochain.sim.faults import KINDS, Allowed
from ottochain.sim.plan import plan_of
from ottochain.sim.run import run

SEEDS = 100


@pytest.fixture(scope="module")
def campaign() -> Campaign:
    run_through = Campaign(Allowed())
    list(run_through.run(range(SEEDS)))
    return run_through


def test_nothing_is_found_under_any_fault(campaign: Campaign) -> None:
    assert not [(result.plan.command(), result.failure) for result in campaign.failed]


def test_these_seeds_commit_and_apply_enough_to_say_something(campaign: Campaign) -> None:
    assert sum(bool(campaign.coverage.faults[kind]) for kind in KINDS) >= len(KINDS) - 2
    assert not [lack for lack in campaign.shortcomings() if "hardly" in lack]


@pytest.mark.parametrize("seed", [3, 17, 42])
def test_the_same_seed_gives_the_same_steps(seed: int) -> None:
    first: list[str] = []
    second: list[str] = []
    run(plan_of(seed), trace=first.append)
    run(plan_of(seed), trace=second.append)
    assert first
    assert first == second


def test_the_same_seed_gives_the_same_steps_in_another_process() -> None:
    def steps(hash_seed: str) -> str:
        command = [sys.executable, "-m", "ottochain.sim", "--seed", "17", "--steps", "100000"]
        environment = {**os.environ, "PYTHONHASHSEED": hash_seed}
        return subprocess.run(command, env=environment, capture_output=True, check=True, text=True).stdout

    assert "nothing was found" in steps("1")
    assert steps("1") == steps("2")


def test_nobody_is_lost_between_a_change_of_validators_and_its_effect() -> None:
    """Of two validators one lost its record, when the third was committed and did not vote yet: that has no end."""
    struck = faults.parse("wipe:3729766,change:3557204+10394234")
    assert run(plan_of(209928, struck, items=1, storm_ms=4361)).failure is None
