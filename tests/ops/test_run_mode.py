"""The decision table of run modes: role, data present, live peers → what each node does."""

import pytest
from tests.ops.worlds import layer_of, ready, running, stopped, with_chain

from ottochain.ops.engine import EMBEDDED, RUN_GENESIS, RUN_INITIAL_VALIDATOR, RUN_ROLLBACK, RUN_VALIDATOR
from ottochain.ops.errors import Refused
from ottochain.ops.facts.observation import NO_DATA, NodeFacts
from ottochain.ops.plan.run_mode import decide

CL1 = ("cl1", "cl1-1", "cl1-2")

# name, facts, founding, expected (do, mode, argument) of each
TABLE: list[tuple[str, list[NodeFacts], bool, list[tuple[str, str | None, str | None]]]] = [
    (
        "GL0 that was never founded runs the genesis",
        [stopped("gl0")],
        True,
        [("start", RUN_GENESIS, None)],
    ),
    (
        "GL0 with a chain rolls back to its own tip, also while founding",
        [stopped("gl0", with_chain(5))],
        True,
        [("start", RUN_ROLLBACK, f"{5:064x}")],
    ),
    (
        "ML0 with a chain rolls back without naming a hash",
        [stopped("ml0", with_chain(5))],
        False,
        [("start", RUN_ROLLBACK, None)],
    ),
    ("a Ready GL0 is kept", list(ready("gl0").values()), False, [("keep", None, None)]),
    (
        "an L0 node that runs and is not Ready is stopped, so that its data can be read",
        [running("ml0", "SessionStarted")],
        False,
        [("stop", None, None)],
    ),
    (
        "an L0 node that does not answer is stopped, so that its data can be read",
        [running("gl0", None)],
        False,
        [("stop", None, None)],
    ),
    (
        "a stopped L1 layer has one founder, the others join it",
        [stopped(name) for name in CL1],
        False,
        [("start", RUN_INITIAL_VALIDATOR, None), ("start", RUN_VALIDATOR, None), ("start", RUN_VALIDATOR, None)],
    ),
    (
        "a dead founder with live followers joins them",
        [stopped("cl1"), *ready("cl1-1", "cl1-2").values()],
        False,
        [("start", RUN_VALIDATOR, None), ("keep", None, None), ("keep", None, None)],
    ),
    (
        "dead followers join the live founder",
        [*ready("cl1").values(), stopped("cl1-1"), stopped("cl1-2")],
        False,
        [("keep", None, None), ("start", RUN_VALIDATOR, None), ("start", RUN_VALIDATOR, None)],
    ),
    (
        "a node that waits to be joined is joined, not restarted",
        [*ready("cl1").values(), running("cl1-1", "ReadyToJoin"), stopped("cl1-2")],
        False,
        [("keep", None, None), ("join", None, None), ("start", RUN_VALIDATOR, None)],
    ),
    (
        "a node stuck in SessionStarted is restarted and joins",
        [*ready("cl1", "cl1-2").values(), running("cl1-1", "SessionStarted")],
        False,
        [("keep", None, None), ("restart", RUN_VALIDATOR, None), ("keep", None, None)],
    ),
    (
        "a node that has left is restarted and joins",
        [*ready("cl1", "cl1-2").values(), running("cl1-1", "Offline")],
        False,
        [("keep", None, None), ("restart", RUN_VALIDATOR, None), ("keep", None, None)],
    ),
    (
        "a node that does not answer is restarted and joins",
        [*ready("cl1", "cl1-2").values(), running("cl1-1", None)],
        False,
        [("keep", None, None), ("restart", RUN_VALIDATOR, None), ("keep", None, None)],
    ),
    (
        "a Ready node in a cluster of its own comes back to the larger one",
        [*ready("cl1", session="alone").values(), *ready("cl1-1", "cl1-2").values()],
        False,
        [("restart", RUN_VALIDATOR, None), ("keep", None, None), ("keep", None, None)],
    ),
    (
        "of two clusters as large the lower index stays",
        [*ready("cl1", session="a").values(), *ready("cl1-1", session="b").values(), stopped("cl1-2")],
        False,
        [("keep", None, None), ("restart", RUN_VALIDATOR, None), ("start", RUN_VALIDATOR, None)],
    ),
    (
        "when all wait to be joined, one is started anew as the founder",
        [running(name, "ReadyToJoin") for name in CL1],
        False,
        [("restart", RUN_INITIAL_VALIDATOR, None), ("join", None, None), ("join", None, None)],
    ),
    (
        "a stopped node founds rather than one that runs",
        [running("cl1", "ReadyToJoin"), stopped("cl1-1"), running("cl1-2", "ReadyToJoin")],
        False,
        [("join", None, None), ("start", RUN_INITIAL_VALIDATOR, None), ("join", None, None)],
    ),
]


@pytest.mark.parametrize(("facts", "founding", "expected"), [row[1:] for row in TABLE], ids=[row[0] for row in TABLE])
def test_run_mode(facts: list[NodeFacts], founding: bool, expected: list[tuple[str, str | None, str | None]]) -> None:
    in_order = sorted(facts, key=lambda one: one.name)
    decisions = decide(EMBEDDED.rules(layer_of(facts[0].name)), in_order, founding)  # type: ignore[arg-type]
    assert [(d.do, d.mode, d.argument) for d in decisions.values()] == expected


def test_the_founder_of_a_rollback_has_the_highest_chain() -> None:
    nodes = [stopped("cl1", with_chain(5)), stopped("cl1-1", with_chain(9)), stopped("cl1-2", NO_DATA)]
    decisions = decide(EMBEDDED.rules("gl0"), nodes, False)
    assert [d.mode for d in decisions.values()] == [RUN_VALIDATOR, RUN_ROLLBACK, RUN_VALIDATOR]
    assert decisions["cl1-1"].argument == f"{9:064x}"


def test_a_layer_without_its_chain_is_never_founded_by_accident() -> None:
    with pytest.raises(ValueError, match="may not be founded"):
        decide(EMBEDDED.rules("gl0"), [stopped("gl0")], False)


def test_there_are_never_two_founders() -> None:
    states = [None, "Ready", "ReadyToJoin", "SessionStarted", "Offline", "stopped"]
    for first in states:
        for second in states:
            for third in states:
                nodes = [
                    stopped(name) if state == "stopped" else running(name, state)
                    for name, state in zip(CL1, (first, second, third), strict=True)
                ]
                decisions = decide(EMBEDDED.rules("cl1"), nodes, False)
                founders = [name for name, decision in decisions.items() if decision.founds]
                assert len(founders) == (0 if "Ready" in (first, second, third) else 1)


def test_only_those_that_are_meant_are_decided_for_and_the_others_count() -> None:
    nodes = [stopped("cl1"), *ready("cl1-1").values(), stopped("cl1-2")]
    found = decide(EMBEDDED.rules("cl1"), nodes, False, ["cl1-2"])
    assert {name: (one.do, one.mode) for name, one in found.items()} == {"cl1-2": ("start", RUN_VALIDATOR)}
    alone = decide(EMBEDDED.rules("cl1"), [stopped(name) for name in CL1], False, ["cl1-2"])
    assert alone["cl1-2"].mode == RUN_INITIAL_VALIDATOR


@pytest.mark.parametrize(
    ("other", "said"),
    [
        (stopped("gl0-1", with_chain(9)), "gl0-1 has the highest chain"),
        (running("gl0-1", "ReadyToJoin"), "gl0-1 runs without being Ready"),
    ],
)
def test_a_node_that_would_have_to_come_first_and_is_not_meant_is_a_reason_to_refuse(
    other: NodeFacts, said: str
) -> None:
    with pytest.raises(Refused, match=said):
        decide(EMBEDDED.rules("gl0"), [stopped("gl0", with_chain(5)), other], False, ["gl0"])
    higher = decide(
        EMBEDDED.rules("gl0"), [stopped("gl0", with_chain(9)), stopped("gl0-1", with_chain(5))], False, ["gl0"]
    )
    assert higher["gl0"].mode == RUN_ROLLBACK
