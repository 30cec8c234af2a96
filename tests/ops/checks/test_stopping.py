"""May these stop together, and what waits then."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from tests.ops.checks.looks import healthy, telling, with_node, with_nodes
from tests.ops.worlds import a_deployment, id_of, running, stopped

from ottochain.client.readings import Outbox
from ottochain.ops.checks.stopping import ok_to_stop
from ottochain.ops.facts.observation import Observation
from ottochain.ops.inventory.deployment import Deployment


@pytest.fixture
def deployment(tmp_path: Path) -> Deployment:
    return a_deployment(tmp_path)


CASES: list[tuple[str, Observation, tuple[str, ...], bool]] = [
    ("one of three", healthy(), ("cl1-1",), True),
    ("one of each three", healthy(), ("cl1-1", "dl1-2"), True),
    ("two of three", healthy(), ("cl1", "cl1-1"), False),
    ("the only one", healthy(), ("ml0",), False),
    ("one while another is away", with_nodes(healthy(), stopped("cl1")), ("cl1-1",), False),
    ("the one that is away already", with_nodes(healthy(), stopped("cl1")), ("cl1",), True),
    ("one that can't be seen", with_nodes(healthy(), running("cl1", None)), ("cl1",), False),
    ("another than the one that can't be seen", with_nodes(healthy(), running("cl1", None)), ("cl1-1",), False),
]


@pytest.mark.parametrize(("seen", "leaving", "is_ok"), [case[1:] for case in CASES], ids=[case[0] for case in CASES])
def test_the_answer(deployment: Deployment, seen: Observation, leaving: tuple[str, ...], is_ok: bool) -> None:
    answer = ok_to_stop(deployment, seen, leaving)
    assert answer.is_ok is is_ok, answer
    assert answer.to_json()["ok"] is is_ok
    assert answer.to_json()["lost"] == []


def test_learners_do_not_stand_in_for_validators(tmp_path: Path) -> None:
    deployment = a_deployment(tmp_path, "[layers]\ngl0 = 1\n")
    only = {"validators": [id_of("gl0"), "e" * 128, "d" * 128], "quorum": 2}
    seen = telling(healthy(), "gl0", all=only)
    twin = replace(seen["gl0"], name="gl0-1", peer_id="e" * 128)
    answer = ok_to_stop(deployment, Observation({**seen.nodes, "gl0-1": twin}), ("gl0-1",))
    assert answer.layers == (), "a node that the deployment does not name is no target"
    answer = ok_to_stop(deployment, Observation({**seen.nodes, "gl0-1": twin}), ("gl0",))
    assert not answer.is_ok


def test_what_waits_is_told(deployment: Deployment) -> None:
    seen = telling(healthy(), "ml0", outbox=Outbox(3, 1.0, None))
    seen = telling(seen, "dl1-1", pool_items=5)
    waits = ok_to_stop(deployment, seen, ("ml0", "dl1-1")).waits
    assert waits == (
        "3 snapshots in the outbox of ml0, on its disk",
        "5 acknowledged updates in the pool of dl1-1, on its disk",
        "cl1, cl1-1, cl1-2, dl1 and dl1-2, which read from ml0",
    )


def test_the_pause_is_named(deployment: Deployment) -> None:
    (objection,) = ok_to_stop(deployment, healthy(), ("gl0",)).objections
    assert objection.startswith("gl0 pauses: 0 of 1 stay Ready, 1 needed")


def test_a_stranger_is_not_counted(deployment: Deployment) -> None:
    seen = with_node(healthy(), "cl1", info=replace(running("cl1", "Ready").info, id="ff"))  # type: ignore[type-var]
    assert not ok_to_stop(deployment, seen, ("cl1-1",)).is_ok
