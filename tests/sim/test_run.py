"""The simulator: the cores hold under every fault, runs are reproducible, and a broken core is seen."""

from __future__ import annotations

from typing import Any

import pytest

from ottochain.consensus import core
from ottochain.consensus.effects import Persist
from ottochain.sim.campaign import Campaign
from ottochain.sim.faults import KINDS, Allowed
from ottochain.sim.plan import plan_of
from ottochain.sim.run import run
from ottochain.sim.world import Cores

SEEDS = 100


def test_nothing_is_found_under_any_fault() -> None:
    campaign = Campaign(Allowed())
    list(campaign.run(range(SEEDS)))
    assert not [(result.plan.command(), result.failure) for result in campaign.failed]


def test_these_seeds_commit_and_apply_enough_to_say_something() -> None:
    campaign = Campaign(Allowed())
    list(campaign.run(range(SEEDS)))
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


def test_a_validator_that_keeps_no_votes_is_found() -> None:
    def forgetful(state: core.State, event: Any) -> tuple[core.State, tuple[Any, ...]]:
        after, effects = core.step(state, event)
        return after, tuple(Persist(()) if isinstance(effect, Persist) else effect for effect in effects)

    assert "that is not on its disk" in found(Cores(validator=forgetful))


def test_a_verifier_that_takes_every_signature_is_found() -> None:
    assert "without a quorum" in found(Cores(verify=lambda *_: True))


def found(cores: Cores) -> str:
    """What the first of the seeds that shows anything says is wrong."""
    failures = (result.failure for result in Campaign(Allowed()).run(range(SEEDS), cores))
    return next((failure.what for failure in failures if failure is not None), "")
