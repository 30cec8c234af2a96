"""The plan of ``up``: which steps, in which order."""

from dataclasses import replace
from pathlib import Path

from tests.ops.worlds import FOUNDED, FOUNDING, NOW, TOKEN, a_deployment, a_world, ready, running, stopped, with_chain

from ottochain.ops.facts.observation import Observation
from ottochain.ops.plan.bring_up import plan_up
from ottochain.ops.plan.chain import judge
from ottochain.ops.plan.steps import Plan, Start

ALL = ("gl0", "ml0", "cl1", "cl1-1", "cl1-2", "dl1", "dl1-1", "dl1-2")


def planned(folder: Path, record: object, world: Observation) -> Plan:
    deployment = a_deployment(folder)
    return plan_up(deployment, world, judge(deployment, record, world, NOW))  # type: ignore[arg-type]


def modes(plan: Plan) -> dict[str, str]:
    return {step.action.node: step.action.mode for step in plan.steps if isinstance(step.action, Start)}


def before(plan: Plan, step_id: str) -> set[str]:
    """All steps that are done before this one begins."""
    steps = {step.id: step for step in plan.steps}
    found = set(steps[step_id].after)
    for one in list(found):
        found |= before(plan, one)
    return found


def test_a_whole_deployment_needs_nothing(tmp_path: Path) -> None:
    assert not planned(tmp_path, FOUNDED, a_world(others=ready(*ALL)))


def test_founding_records_first_and_starts_parents_before_children(tmp_path: Path) -> None:
    plan = planned(tmp_path, None, a_world())
    assert [step.id for step in plan.steps] == [
        "record", "start gl0", "ready gl0", "genesis ml0", "start ml0", "ready ml0",
        "start cl1", "ready cl1", "start cl1-1", "join cl1-1", "start cl1-2", "join cl1-2", "whole cl1",
        "start dl1", "ready dl1", "start dl1-1", "join dl1-1", "start dl1-2", "join dl1-2", "whole dl1", "confirmed",
    ]  # fmt: skip
    assert before(plan, "start gl0") == {"record"}
    assert before(plan, "genesis ml0") == {"record", "start gl0"}
    assert before(plan, "start ml0") == {"record", "start gl0", "genesis ml0"}
    assert "genesis ml0" in before(plan, "start dl1-1")
    assert {"ready dl1", "start dl1-2"} <= before(plan, "join dl1-2")
    assert {"ready gl0", "ready ml0"} <= before(plan, "confirmed")
    assert modes(plan) == {
        "gl0": "run-genesis", "ml0": "run-genesis",
        "cl1": "run-initial-validator", "cl1-1": "run-validator", "cl1-2": "run-validator",
        "dl1": "run-initial-validator", "dl1-1": "run-validator", "dl1-2": "run-validator",
    }  # fmt: skip


def test_nodes_that_need_their_parents_wait_for_them(tmp_path: Path) -> None:
    deployment = a_deployment(tmp_path)
    engine = replace(deployment.engine, waits_for_parents=True)
    world = a_world(stopped("gl0", with_chain(9)), stopped("ml0", with_chain(8, TOKEN)))
    for waits in (True, False):
        one = replace(deployment, engine=engine if waits else deployment.engine)
        plan = plan_up(one, world, judge(one, FOUNDED, world, NOW))
        assert ("ready gl0" in before(plan, "start ml0")) is waits
        assert ({"ready gl0", "ready ml0"} <= before(plan, "start cl1-1")) is waits
        assert "start gl0" in before(plan, "start ml0")


def test_siblings_do_not_wait_for_one_another(tmp_path: Path) -> None:
    plan = planned(tmp_path, None, a_world())
    assert not any("cl1" in step for step in before(plan, "whole dl1"))


def test_after_a_kill_of_everything_the_chain_comes_back_from_its_tips(tmp_path: Path) -> None:
    world = a_world(stopped("gl0", with_chain(9)), stopped("ml0", with_chain(8, TOKEN)))
    plan = planned(tmp_path, FOUNDED, world)
    assert "record" not in [step.id for step in plan.steps]
    assert modes(plan)["gl0"] == modes(plan)["ml0"] == "run-rollback"
    assert next(step.action.argument for step in plan.steps if step.id == "start gl0") == f"{9:064x}"  # type: ignore[union-attr]


def test_a_founding_interrupted_after_gl0_goes_on_with_ml0(tmp_path: Path) -> None:
    plan = planned(tmp_path, FOUNDING, a_world(others=ready("gl0")))
    assert [step.id for step in plan.steps][:2] == ["genesis ml0", "start ml0"]
    assert modes(plan)["ml0"] == "run-genesis"


def test_a_founding_interrupted_after_ml0s_first_snapshot_rolls_it_back(tmp_path: Path) -> None:
    world = a_world(stopped("gl0", with_chain(2)), stopped("ml0", with_chain(0, TOKEN)))
    plan = planned(tmp_path, FOUNDING.with_token(TOKEN), world)
    assert (modes(plan)["gl0"], modes(plan)["ml0"]) == ("run-rollback", "run-rollback")
    assert plan.steps[-1].id == "confirmed"


def test_a_founding_interrupted_at_its_very_end_is_only_confirmed(tmp_path: Path) -> None:
    plan = planned(tmp_path, FOUNDING.with_token(TOKEN), a_world(others=ready(*ALL)))
    assert [step.id for step in plan.steps] == ["confirmed"]


def test_one_dead_l1_node_touches_no_other(tmp_path: Path) -> None:
    alive = ready(*(name for name in ALL if name != "dl1"))
    plan = planned(tmp_path, FOUNDED, a_world(stopped("dl1"), others=alive))
    assert [step.id for step in plan.steps] == ["start dl1", "join dl1", "whole dl1", "confirmed"]
    assert modes(plan) == {"dl1": "run-validator"}


def test_a_dead_gl0_is_brought_back_beneath_its_children(tmp_path: Path) -> None:
    alive = ready(*ALL[1:])
    plan = planned(tmp_path, FOUNDED, a_world(stopped("gl0", with_chain(9)), others=alive))
    assert [step.id for step in plan.steps] == ["start gl0", "ready gl0", "confirmed"]


def test_an_l0_node_that_hangs_is_stopped_before_anything_else_is_planned(tmp_path: Path) -> None:
    plan = planned(tmp_path, FOUNDED, a_world(running("gl0", None), others=ready(*ALL[1:])))
    assert [step.id for step in plan.steps] == ["stop gl0"]


def test_a_member_that_a_peer_does_not_see_is_waited_for(tmp_path: Path) -> None:
    nodes = ready(*ALL)
    nodes["cl1"] = replace(nodes["cl1"], members=nodes["cl1"].members[:2])  # type: ignore[index]
    plan = planned(tmp_path, FOUNDED, a_world(others=nodes))
    assert [step.id for step in plan.steps] == ["whole cl1", "confirmed"]


def test_a_member_that_a_peer_sees_in_an_earlier_life_is_waited_for(tmp_path: Path) -> None:
    nodes = ready(*ALL)
    members = nodes["cl1"].members
    assert members
    nodes["cl1"] = replace(nodes["cl1"], members=(*members[:2], replace(members[2], session="0")))
    assert [step.id for step in planned(tmp_path, FOUNDED, a_world(others=nodes)).steps] == ["whole cl1", "confirmed"]


def test_ml0_that_gl0_does_not_know_yet_is_waited_for(tmp_path: Path) -> None:
    nodes = ready(*ALL)
    nodes["gl0"] = replace(nodes["gl0"], confirmed={})
    assert [step.id for step in planned(tmp_path, FOUNDED, a_world(others=nodes)).steps] == ["confirmed"]


def test_a_lost_record_is_written_again_first(tmp_path: Path) -> None:
    world = a_world(stopped("gl0", with_chain(9)), stopped("ml0", with_chain(8, TOKEN)))
    plan = planned(tmp_path, None, world)
    assert plan.steps[0].id == "record"
    assert plan.steps[0].sentence == "Record that the chain is founded"
    assert "genesis ml0" not in [step.id for step in plan.steps]


def test_validators_of_an_l0_layer_join_together_and_are_enrolled_one_by_one(tmp_path: Path) -> None:
    deployment = a_deployment(tmp_path, "[layers]\ngl0 = 3\n")
    others = [replace(stopped("gl0"), name=f"gl0-{index}", peer_id=str(index) * 128) for index in (1, 2)]
    world = a_world(*others)
    plan = plan_up(deployment, world, judge(deployment, None, world, NOW))
    of_gl0 = [step.id for step in plan.steps if "gl0" in step.id]
    assert of_gl0 == [
        "start gl0", "ready gl0", "start gl0-1", "join gl0-1", "enrol gl0-1",
        "start gl0-2", "join gl0-2", "enrol gl0-2", "whole gl0",
    ]  # fmt: skip
    assert "enrol gl0-1" not in before(plan, "join gl0-2")
    assert {"enrol gl0-1", "join gl0-2"} <= before(plan, "enrol gl0-2")
    assert "enrol gl0-2" in before(plan, "whole gl0")
