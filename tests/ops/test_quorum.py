"""How many nodes of a layer may be away."""

from __future__ import annotations

from pathlib import Path

import pytest
from tests.ops.worlds import a_deployment, a_world, ready, running

from ottochain.ops.plan.quorum import quorum_without, quorums_without

ALL = ("gl0", "ml0", "cl1", "cl1-1", "cl1-2", "dl1", "dl1-1", "dl1-2")


@pytest.mark.parametrize(
    ("leaving", "left", "goes_on", "pauses", "margin"),
    [
        ((), 3, True, False, 1),
        (("dl1",), 2, True, False, 0),
        (("dl1", "dl1-2"), 1, False, True, -1),
        (("cl1", "cl1-1"), 3, True, False, 1),
    ],
)
def test_a_layer_of_three_can_spare_one(
    tmp_path: Path, leaving: tuple[str, ...], left: int, goes_on: bool, pauses: bool, margin: int
) -> None:
    found = quorum_without(a_deployment(tmp_path), a_world(others=ready(*ALL)), "dl1", leaving)
    assert (found.nodes, found.need, found.ready) == (3, 2, 3)
    assert (found.left, found.goes_on, found.pauses, found.margin) == (left, goes_on, pauses, margin)


def test_a_node_that_is_not_ready_is_not_counted_twice(tmp_path: Path) -> None:
    world = a_world(running("dl1-1", "Observing"), others=ready(*(name for name in ALL if name != "dl1-1")))
    assert quorum_without(a_deployment(tmp_path), world, "dl1", ["dl1-1"]).left == 2
    below = quorum_without(a_deployment(tmp_path), world, "dl1", ["dl1"])
    assert (below.left, below.pauses) == (1, True)


def test_a_layer_that_pauses_already_does_not_begin_to(tmp_path: Path) -> None:
    found = quorum_without(a_deployment(tmp_path), a_world(others=ready("dl1")), "dl1", ["dl1"])
    assert not found.goes_on
    assert not found.pauses
    assert "pauses already" in found.sentence


def test_only_layers_that_lose_a_node_are_named_parents_first(tmp_path: Path) -> None:
    found = quorums_without(a_deployment(tmp_path), a_world(others=ready(*ALL)), ["dl1-1", "gl0"])
    assert [(quorum.layer, quorum.leaving, quorum.pauses) for quorum in found] == [
        ("gl0", ("gl0",), True),
        ("dl1", ("dl1-1",), False),
    ]
    assert "gl0 pauses: 0 of 1 stay Ready, 1 needed; waiting meanwhile: confirmation" in found[0].sentence
    assert found[1].sentence == "dl1 goes on: 2 of 3 stay Ready, 2 needed"
