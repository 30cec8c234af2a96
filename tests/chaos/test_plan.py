"""A plan follows from its seed, and strikes everywhere."""

from __future__ import annotations

from collections import Counter

from tests.chaos.plan import KINDS, STORM_SECONDS, draw, names_of
from tests.chaos.run import FULL


def test_the_same_seed_gives_the_same_plan_and_another_seed_another() -> None:
    assert draw(7, 12, FULL) == draw(7, 12, FULL)
    assert draw(7, 12, FULL) != draw(8, 12, FULL)


def test_every_kind_strikes_every_layer_and_whole_layers_go() -> None:
    struck: Counter[tuple[str, str]] = Counter()
    whole: set[str] = set()
    for fault in (fault for faults in draw(1, 200, FULL).rounds for fault in faults):
        struck.update((fault.kind, name.split("-")[0]) for name in fault.nodes)
        whole |= {layer for layer in FULL if set(names_of(layer, FULL)) <= set(fault.nodes) and fault.kind == "kill"}
    assert set(struck) == {(kind, layer) for kind in KINDS if kind != "up" for layer in FULL}
    assert whole == set(FULL)


def test_faults_are_within_their_round_and_disks_are_filled_where_they_are_small() -> None:
    plan = draw(2, 100, FULL)
    assert sorted(name.split("-")[0] for name in plan.small) == sorted(FULL)
    for fault in (fault for faults in plan.rounds for fault in faults):
        assert 0 <= fault.at <= fault.at + fault.lasts <= STORM_SECONDS
        assert fault.kind != "fill" or set(fault.nodes) <= set(plan.small)
        assert (fault.kind in ("kill", "up")) == (fault.lasts == 0)


def test_what_a_machine_can_not_do_is_in_no_plan() -> None:
    plan = draw(3, 50, FULL, ("kill", "pause"))
    assert {fault.kind for faults in plan.rounds for fault in faults} == {"kill", "pause"}
