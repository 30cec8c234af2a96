"""Plans of ``stop``, ``start`` and ``restart``: which steps, in which order, and never what the laws forbid."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from functools import cache
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.ops.worlds import FOUNDED, FOUNDING, a_deployment, a_world, ready, running, stopped, with_chain

from ottochain.ops.engine import LAYERS
from ottochain.ops.facts.observation import NodeFacts, Observation
from ottochain.ops.inventory.deployment import Deployment
from ottochain.ops.operations.restart import request_for
from ottochain.ops.plan.pauses import pauses_of
from ottochain.ops.plan.procedures import plan_procedure
from ottochain.ops.plan.refusals import refusals
from ottochain.ops.plan.request import How, Request, Verb
from ottochain.ops.plan.steps import BringUp, Plan, Stop, Verify

ALL = ("gl0", "ml0", "cl1", "cl1-1", "cl1-2", "dl1", "dl1-1", "dl1-2")
SEVERAL = "[layers]\ngl0 = 4\nml0 = 3\n"


def planned(folder: Path, world: Observation, verb: Verb, target: str, how: How = "", **more: bool) -> Plan:
    deployment = a_deployment(folder)
    return plan_procedure(deployment, world, request_for(deployment, verb, target, how=how, **more))


def ids(plan: Plan) -> list[str]:
    return [step.id for step in plan.steps]


def test_a_rolling_restart_takes_one_after_the_other_from_the_highest_index(tmp_path: Path) -> None:
    plan = planned(tmp_path, a_world(others=ready(*ALL)), "restart", "dl1")
    assert ids(plan) == [
        "stop dl1-2", "bring up dl1-2", "stop dl1-1", "bring up dl1-1", "stop dl1", "bring up dl1", "verify",
    ]  # fmt: skip
    assert [step.after for step in plan.steps] == [(), *((one,) for one in ids(plan)[:-1])]
    stops = [step.action for step in plan.steps if isinstance(step.action, Stop)]
    assert not any(action.may_pause for action in stops)
    assert pauses_of(a_deployment(tmp_path), a_world(others=ready(*ALL)), plan) == ()


def test_a_node_that_is_not_ready_comes_first_in_a_rolling_restart(tmp_path: Path) -> None:
    world = a_world(stopped("cl1-1"), others=ready(*(name for name in ALL if name != "cl1-1")))
    assert ids(planned(tmp_path, world, "restart", "cl1"))[:3] == ["bring up cl1-1", "stop cl1-2", "bring up cl1-2"]


def test_a_full_restart_of_the_stack_stops_children_first_and_brings_all_up(tmp_path: Path) -> None:
    plan = planned(tmp_path, a_world(others=ready(*ALL)), "restart", "stack")
    after = {step.id: set(step.after) for step in plan.steps}
    assert after["stop dl1-1"] == after["stop cl1"] == set()
    assert after["stop ml0"] == {f"stop {name}" for name in ALL[2:]}
    assert after["stop gl0"] == {"stop ml0"}
    (up,) = [step for step in plan.steps if isinstance(step.action, BringUp)]
    assert up.action == BringUp(ALL)
    assert after[up.id] == {f"stop {name}" for name in ALL}


def test_stopping_passes_over_what_is_stopped_and_keeps_the_order(tmp_path: Path) -> None:
    names = [name for name in ALL if name != "ml0"]
    plan = planned(tmp_path, a_world(stopped("ml0"), others=ready(*names)), "stop", "stack")
    assert "stop ml0" not in ids(plan)
    (gl0,) = [step for step in plan.steps if step.id == "stop gl0"]
    assert set(gl0.after) == {f"stop {name}" for name in ALL[2:]}
    assert not planned(tmp_path, a_world(), "stop", "stack")


def test_what_is_up_needs_no_start(tmp_path: Path) -> None:
    assert not planned(tmp_path, a_world(others=ready(*ALL)), "start", "dl1")
    assert ids(planned(tmp_path, a_world(stopped("dl1-1"), others=ready("dl1")), "start", "dl1-1")) == [
        "bring up dl1-1"
    ]


def test_a_layer_is_meant_where_a_node_has_its_name_unless_it_is_said(tmp_path: Path) -> None:
    deployment = a_deployment(tmp_path)
    assert request_for(deployment, "restart", "cl1").nodes == ("cl1", "cl1-1", "cl1-2")
    assert request_for(deployment, "restart", "cl1", only_node=True).nodes == ("cl1",)
    assert request_for(deployment, "restart", "stack").how == "full"


def test_what_lives_on_is_promised_and_what_was_known_is_compared(tmp_path: Path) -> None:
    world = a_world(others=ready(*ALL))
    rolling = planned(tmp_path, world, "restart", "cl1").steps[-1].action
    full = planned(tmp_path, world, "restart", "cl1", "full").steps[-1].action
    assert isinstance(rolling, Verify)
    assert isinstance(full, Verify)
    assert ("cl1", "s1") in rolling.sessions
    assert "cl1" not in dict(full.sessions)
    assert ("dl1", "s1") in full.sessions


@pytest.mark.parametrize(
    ("target", "how", "layers"),
    [
        ("gl0", "", ["gl0"]),
        ("cl1", "full", ["cl1"]),
        ("stack", "", list(LAYERS)),
        ("cl1", "", []),
        ("dl1-1", "", []),
    ],
)
def test_the_plan_says_which_layers_pause(tmp_path: Path, target: str, how: How, layers: list[str]) -> None:
    world = a_world(others=ready(*ALL))
    plan = planned(tmp_path, world, "restart", target, how)
    found = pauses_of(a_deployment(tmp_path), world, plan)
    assert [pause.layer for pause in found] == layers
    assert all(pause.seconds and pause.until for pause in found)


def test_a_stop_pauses_until_it_is_started_again(tmp_path: Path) -> None:
    world = a_world(others=ready(*ALL))
    (pause,) = pauses_of(a_deployment(tmp_path), world, planned(tmp_path, world, "stop", "ml0"))
    assert pause.until is None
    assert "until nodes of it are started again" in pause.sentence


def refused(folder: Path, world: Observation, verb: Verb, target: str, **more: bool) -> list[str]:
    deployment = a_deployment(folder)
    return refusals(deployment, world, request_for(deployment, verb, target, **more), FOUNDED)


def test_a_step_below_the_floor_wants_to_be_accepted(tmp_path: Path) -> None:
    world = a_world(stopped("cl1"), others=ready(*(name for name in ALL if name != "cl1")))
    (said,) = refused(tmp_path, world, "restart", "cl1-1")
    assert "to stop cl1-1: cl1 pauses: 1 of 3 stay Ready, 2 needed" in said
    assert "--accept-pause" in said
    assert not refused(tmp_path, world, "restart", "cl1-1", accept_pause=True)
    assert not refused(tmp_path, world, "restart", "cl1")  # the one that is stopped comes back first
    assert not refused(tmp_path, world, "stop", "cl1-1")  # a stop implies its pause


def test_everything_that_is_wrong_is_said_at_once(tmp_path: Path) -> None:
    deployment = a_deployment(tmp_path)
    stranger = replace(running("dl1", "Ready"), info=replace(running("dl1", "Ready").info, id="f" * 128))  # type: ignore[type-var]
    world = a_world(stranger, replace(stopped("dl1-1"), process="unknown"), others=ready("dl1-2", "gl0", "ml0"))
    found = refusals(deployment, world, request_for(deployment, "restart", "dl1"), FOUNDING)
    assert len(found) == 3
    assert "answered by another node" in found[0]
    assert "can't be seen" in found[1]
    assert "not founded" in found[2]


def test_the_last_ready_node_of_a_chain_is_not_restarted_beside_one_whose_chain_is_unknown(tmp_path: Path) -> None:
    deployment = a_deployment(tmp_path, SEVERAL)
    world = several(deployment, {"gl0-1", "gl0-2", "gl0-3"})
    (said,) = refusals(
        deployment, world, request_for(deployment, "restart", "gl0", only_node=True, accept_pause=True), FOUNDED
    )
    assert "gl0-1, gl0-2, gl0-3 of gl0 is not Ready" in said
    assert not refusals(deployment, world, request_for(deployment, "restart", "gl0", how="full"), FOUNDED)


def several(deployment: Deployment, away: set[str]) -> Observation:
    """A deployment of other counts than the guide's; those ``away`` are stopped, the others Ready."""
    nodes = {}
    for node in deployment.nodes:
        base = running("gl0", "Ready", ordinal=7)
        facts = NodeFacts(name=node.name, layer=node.layer, peer_id=node.name, process="stopped", tip=with_chain(7))
        if node.name not in away:
            assert base.info
            info = replace(base.info, id=node.name)
            facts = replace(facts, process="running", pid=1, life="1@0", info=info, ordinal=7, tip=None)
        nodes[node.name] = facts
    return Observation(nodes)


# For any observation.

STATES = ("Ready", "Ready", "Ready", "ReadyToJoin", "SessionStarted", "Observing", None)


@st.composite
def worlds(draw: st.DrawFn) -> tuple[str, dict[str, tuple[str, str | None]]]:
    """Counts of nodes of each layer as a file's text, and for each node its process and state."""
    counts = {layer: draw(st.integers(1, 4 if layer in ("gl0", "ml0") else 5)) for layer in LAYERS}
    text = "[layers]\n" + "".join(f"{layer} = {count}\n" for layer, count in counts.items())
    states = {}
    for layer, count in counts.items():
        for index in range(count):
            name = layer if index == 0 else f"{layer}-{index}"
            process = draw(st.sampled_from(("running", "running", "running", "stopped")))
            states[name] = (process, draw(st.sampled_from(STATES)) if process == "running" else None)
    return text, states


def observed(deployment: Deployment, states: dict[str, tuple[str, str | None]]) -> Observation:
    base = running("gl0", "Ready").info
    assert base
    nodes = {}
    for node in deployment.nodes:
        process, state = states[node.name]
        facts = NodeFacts(name=node.name, layer=node.layer, peer_id=node.name, process=process, tip=with_chain(7))  # type: ignore[arg-type]
        if process == "running":
            info = replace(base, id=node.name, state=state) if state else None
            facts = replace(facts, pid=1, life="1@0", info=info, tip=None)
        nodes[node.name] = facts
    return Observation(nodes)


REQUESTS = st.tuples(
    st.sampled_from(("start", "stop", "restart", "down")),
    st.sampled_from(("stack", *LAYERS)),
    st.booleans(),
    st.sampled_from(("", "rolling", "full")),
    st.booleans(),
)


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], Deployment]:
    """Each deployment once, by its text."""
    return cache(lambda text: a_deployment(tmp_path_factory.mktemp("any"), text))


@given(world=worlds(), asked=REQUESTS)
def test_no_plan_ever_breaks_the_laws(
    world: tuple[str, dict[str, tuple[str, str | None]]],
    asked: tuple[Verb, str, bool, How, bool],
    made: Callable[[str], Deployment],
) -> None:
    """Never a parent before its children, never two founders, never below the floor unasked, nothing for others."""
    text, states = world
    verb, target, only_node, how, accept_pause = asked
    deployment = made(text)
    seen = observed(deployment, states)
    if verb == "down":
        request = Request("down", tuple(deployment.by_name))
    else:
        request = request_for(
            deployment,
            verb,
            target,
            only_node=only_node and target != "stack",
            how=how if verb == "restart" else "",
            accept_pause=accept_pause,
        )
    if refusals(deployment, seen, request, FOUNDED):
        return
    plan = plan_procedure(deployment, seen, request)
    for order in orders(plan):
        never_a_parent_before_its_children(deployment, request, order)
        never_two_founders(deployment, seen, request, order)
        never_below_the_floor_unasked(deployment, seen, request, order)
    for step in plan.steps:
        if isinstance(step.action, Stop):
            assert step.action.node in request.nodes
            assert seen[step.action.node].process == "running"
        if isinstance(step.action, BringUp):
            assert set(step.action.nodes) <= set(request.nodes)
            assert not step.action.may_found


def orders(plan: Plan) -> Iterator[list[object]]:
    """The actions in the plan's order, and in the order that starts whatever may start as late as it can."""
    yield [step.action for step in plan.steps]
    left, order = list(plan.steps), []
    while left:
        waited_for = {before for step in left for before in step.after}
        last = next(step for step in left if step.id not in waited_for)
        left.remove(last)
        order.append(last.action)
    yield order[::-1]


def never_a_parent_before_its_children(deployment: Deployment, request: Request, order: list[object]) -> None:
    """Among those that are all stopped before any is started again."""
    if request.how == "rolling":
        return
    stopped_layers = [deployment.by_name[action.node].layer for action in order if isinstance(action, Stop)]
    for position, layer in enumerate(stopped_layers):
        parent = deployment.engine.rules(layer).parent
        while parent:
            assert parent not in stopped_layers[:position]
            parent = deployment.engine.rules(parent).parent


def never_two_founders(deployment: Deployment, seen: Observation, request: Request, order: list[object]) -> None:
    """Where a restart leaves no Ready node in a layer that keeps a chain, all its nodes are brought up by one step,
    which so finds the highest chain among all of them. (What only starts nodes is refused when its turn comes.)"""
    up = {name for name, facts in seen.nodes.items() if facts.is_ready}
    for action in order:
        if isinstance(action, Stop):
            up.discard(action.node)
        elif isinstance(action, BringUp):
            for layer in LAYERS:
                nodes = {node.name for node in deployment.layer(layer)}
                mine = nodes & set(action.nodes)
                if mine and not up & nodes and request.verb == "restart" and deployment.engine.rules(layer).keeps_chain:
                    assert mine == nodes
            up |= set(action.nodes)


def never_below_the_floor_unasked(
    deployment: Deployment, seen: Observation, request: Request, order: list[object]
) -> None:
    if request.accept_pause or request.how != "rolling":
        return
    up = {name for name, facts in seen.nodes.items() if facts.is_ready}
    for action in order:
        if isinstance(action, Stop):
            layer = deployment.by_name[action.node].layer
            nodes = {node.name for node in deployment.layer(layer)}
            was_ready = action.node in up
            up.discard(action.node)
            if was_ready and len(nodes) > 1:
                assert len(up & nodes) >= deployment.need(layer)
        elif isinstance(action, BringUp):
            up |= set(action.nodes)
