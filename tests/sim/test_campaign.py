"""A campaign says what it did not test."""

from __future__ import annotations

from ottochain.sim import faults
from ottochain.sim.campaign import Campaign
from ottochain.sim.coverage import BOUNDARIES, RARE
from ottochain.sim.faults import KINDS, Allowed


def test_before_the_first_seed_everything_is_lacking() -> None:
    lacking = Campaign(Allowed()).shortcomings()
    for kind in KINDS:
        assert any(f"'{kind}' never struck" in line for line in lacking)
    for mark in RARE:
        assert f"it never happened that {mark}" in lacking
    for place in BOUNDARIES:
        assert f"no node ever died {place}" in lacking


def test_a_node_may_die_before_every_effect_of_every_core() -> None:
    assert {"before Persist", "before Broadcast", "before KeepItems", "before SendBinary"} < set(BOUNDARIES)
    assert len(BOUNDARIES) == len(set(BOUNDARIES)) == 23


def test_kinds_that_were_left_out_by_wish_are_not_lacking() -> None:
    campaign = Campaign(faults.parse("none"))
    list(campaign.run(range(3)))
    assert not campaign.failed
    assert not campaign.shortcomings()


def test_runs_that_hardly_commit_prove_little() -> None:
    campaign = Campaign(faults.parse("none"))
    campaign.coverage.runs = 10
    lacking = campaign.shortcomings()
    assert "gl0 committed hardly anything: 0 heights in 10 runs" in lacking
    assert "hardly anything was applied: 0 items in 10 runs" in lacking
