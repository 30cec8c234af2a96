"""The simulator sees: each of these broken cores is caught by the checker of the promise that it breaks.

A case is a broken core, the number of the invariant, words of the sentence that must be said, and how many seeds to
look at, from 0 on: the first that finds anything decides. Where it takes a rare meeting of faults, the case makes them
likely, with plans of its own. The sound cores pass the same plan.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from types import MappingProxyType
from typing import Any, Final, NamedTuple

import pytest

from ottochain.sim.plan import Plan, plan_of
from ottochain.sim.run import Result, run
from sim import broken

PEACE: Final[dict[str, Any]] = {"gl0": 1, "ml0": 4, "dl1": 3, "spares": 0, "liars": (), "fault_model": "byzantine"}


class Case(NamedTuple):
    """A broken core, and how it is caught. `plan` says what differs from the seed's own plan."""

    broken: broken.Broken
    invariant: int
    saying: str
    seeds: int = 40
    plan: Mapping[str, Any] = MappingProxyType({})


CASES = (
    # votes and quorums
    Case(broken.a_quorum_one_too_small, 5, "keeps a polka of height 1 that no quorum made"),
    Case(broken.precommits_counted_across_views, 2, "without a quorum"),
    Case(broken.signatures_not_checked, 2, "without a quorum"),
    Case(broken.certificates_not_verified, 2, "without a quorum"),
    Case(broken.the_lock_ignored, 6, "is locked on"),
    Case(
        broken.polkas_not_verified,
        6,
        "is locked on",
        plan={**PEACE, "liars": ("m2",), "storm_ms": 5_000, "items": 40, "rates": {"forge": 0.9, "drop": 0.3}},
    ),
    Case(broken.validators_that_change_a_height_early, 10, "for the validators of height"),
    Case(broken.as_many_views_as_a_peer_likes, 20, "remembers 5 views"),
    Case(broken.no_repair, 22, "has work left"),
    Case(broken.repair_that_never_rests, 26, "in a minute with nothing to decide"),
    # disks
    Case(broken.votes_not_persisted, 7, "that is not on its disk"),
    Case(broken.votes_persisted_after_they_are_sent, 7, "that is not on its disk"),
    Case(broken.locks_not_persisted, 5, "without its polka on its disk"),
    Case(broken.a_disk_that_does_not_sync, 3, "went back from height"),
    Case(broken.snapshots_served_before_they_are_durable, 3, "went back from height"),
    Case(broken.a_restored_vote_record, 4, "signed twice"),
    Case(broken.a_record_that_is_not_read_again, 4, "signed twice"),
    Case(
        broken.a_validator_that_votes_though_its_record_is_lost,
        4,
        "signed twice",
        60,
        {**PEACE, "rates": {"wipe": 0.05, "selective": 0.05, "drop": 0.2}},
    ),
    # items and binaries
    Case(broken.events_dropped_at_proposal, 14, "on its disk, and it is gone"),
    Case(broken.items_of_a_refused_block_dropped, 22, "in its pool"),
    Case(broken.items_co_signed_before_they_are_kept, 7, "which it does not keep"),
    Case(broken.items_acknowledged_before_they_are_kept, 15, "and it is gone"),
    Case(broken.blocks_submitted_with_a_signature_too_few, 17, "without enough signatures"),
    Case(broken.binaries_included_without_their_certificate, 16, "that ML0 never made final"),
    Case(broken.a_height_that_followers_are_not_told_of, 18, "is told of height"),
    Case(broken.binaries_removed_on_http_200, 19, "GL0 holds"),
    Case(broken.binaries_never_sent_again, 22, "binaries that GL0 does not hold"),
    # found by the simulator
    Case(broken.ml0_is_not_asked_about_an_item_that_all_decline, 22, "items undecided"),
    Case(
        broken.a_peer_in_an_earlier_view_gets_nothing_of_it,
        22,
        "has work left",
        plan={**PEACE, "rates": {"death": 0.05, "drop": 0.3, "selective": 0.1}},
    ),
    Case(
        broken.a_proposal_that_cannot_be_sent_again_after_a_restart,
        22,
        "has work left",
        plan={**PEACE, "rates": {"blackout": 0.08, "selective": 0.1}},
    ),
    Case(
        broken.a_parent_proven_by_those_who_vote_now,
        22,
        "no end",
        100,
        {
            **PEACE,
            "gl0": 3,
            "ml0": 3,
            "spares": 1,
            "rates": {"blackout": 0.1, "change": 0.2, "drop": 0.05, "selective": 0.05},
        },
    ),
    Case(
        broken.a_body_that_was_let_go_of_counts_as_wrong,
        22,
        "is at height",
        plan={**PEACE, "ml0": 1, "spares": 1, "items": 80, "rates": {"drop": 0.3, "delay": 0.3}},
    ),
)


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.broken.__name__)
def test_it_is_caught(case: Case) -> None:
    found = first_found(case)
    assert found is not None, f"nothing was found in {case.seeds} seeds"
    assert found.failure is not None
    assert case.saying in found.failure.what
    assert f"(invariant {case.invariant}:" in found.failure.what
    assert run(found.plan).failure is None


def first_found(case: Case) -> Result | None:
    with case.broken() as cores:
        results = (run(planned(case, seed), cores) for seed in range(case.seeds))
        return next((result for result in results if result.failure is not None), None)


def planned(case: Case, seed: int) -> Plan:
    return replace(plan_of(seed), **case.plan)
