"""The simulator sees: each of these broken cores is caught by the checker of the promise that it breaks.

A case is a broken core, the number of the invariant, words of the sentence that must be said, and the seeds to look
at, of which the first that finds anything decides. The sound cores pass the same seed.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple

import pytest

from ottochain.sim.plan import plan_of
from ottochain.sim.run import Result, run
from ottochain.sim.world import Cores
from sim import broken


class Case(NamedTuple):
    """A broken core, and how it is caught."""

    broken: broken.Broken
    invariant: int
    saying: str
    seeds: range = range(40)


CASES = (
    # votes and quorums
    Case(broken.a_quorum_one_too_small, 5, "keeps a polka of height 1 that no quorum made"),
    Case(broken.precommits_counted_across_views, 2, "without a quorum"),
    Case(broken.signatures_not_checked, 2, "without a quorum"),
    Case(broken.certificates_not_verified, 2, "without a quorum"),
    Case(broken.the_lock_ignored, 6, "is locked on"),
    Case(broken.polkas_not_verified, 6, "is locked on", range(170, 200)),
    Case(broken.validators_that_change_a_height_early, 10, "for the validators of height"),
    Case(broken.as_many_views_as_a_peer_likes, 20, "remembers 5 views"),
    Case(broken.no_repair, 22, "has work left"),
    Case(broken.repair_that_never_rests, 26, "in a minute with nothing to decide"),
    # disks
    Case(broken.votes_not_persisted, 7, "that is not on its disk"),
    Case(broken.votes_persisted_after_they_are_sent, 7, "that is not on its disk"),
    Case(broken.locks_not_persisted, 5, "without its polka on its disk"),
    Case(broken.a_disk_that_does_not_sync, 15, "and it is gone"),
    Case(broken.snapshots_served_before_they_are_durable, 3, "went back from height"),
    Case(broken.a_restored_vote_record, 4, "signed twice"),
    Case(broken.a_record_that_is_not_read_again, 4, "signed twice"),
    Case(broken.a_validator_that_votes_though_its_record_is_lost, 4, "signed twice"),
    # items and binaries
    Case(broken.events_dropped_at_proposal, 14, "on its disk, and it is gone"),
    Case(broken.items_of_a_refused_block_dropped, 22, "in its pool"),
    Case(broken.items_co_signed_before_they_are_kept, 7, "which it does not keep"),
    Case(broken.items_acknowledged_before_they_are_kept, 15, "and it is gone"),
    Case(broken.blocks_submitted_with_a_signature_too_few, 17, "without enough signatures"),
    Case(broken.binaries_removed_on_http_200, 19, "GL0 holds"),
    Case(broken.binaries_never_sent_again, 22, "binaries that GL0 does not hold"),
    # found by the simulator
    Case(broken.ml0_is_not_asked_about_an_item_that_all_decline, 22, "items undecided"),
    Case(broken.a_proposal_that_cannot_be_sent_again_after_a_restart, 22, "has work left"),
)


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.broken.__name__)
def test_it_is_caught(case: Case) -> None:
    found = first_found(case)
    assert found is not None, f"nothing was found in seeds {case.seeds}"
    assert found.failure is not None
    assert case.saying in found.failure.what
    assert f"(invariant {case.invariant}:" in found.failure.what
    assert run(found.plan).failure is None


def first_found(case: Case) -> Result | None:
    with case.broken() as cores:
        return next((result for result in results(case.seeds, cores) if result.failure is not None), None)


def results(seeds: Iterable[int], cores: Cores) -> Iterable[Result]:
    return (run(plan_of(seed), cores) for seed in seeds)
