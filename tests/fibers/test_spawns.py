"""Children: who they are, what they own, and which are dropped."""

from typing import Any

import pytest
from tests.fibers.worlds import (
    ALICE,
    BOB,
    CHILD,
    MACHINE,
    after,
    child,
    data,
    definition,
    error,
    event,
    machine,
    receipt,
    transition,
)

from ottochain.fibers import CombineError, FiberState


def spawning(*items: Any, **more: Any) -> FiberState:
    return after(machine(transition("go", {"x": 1, "_spawn": list(items)}), **more), event("go", {"z": 0}))


def test_children_belong_to_the_owners_given() -> None:
    state = spawning(child(owners=[BOB.address, ALICE.address, BOB.address]))
    assert state.calculated.state_machines[CHILD].owners == (BOB.address, ALICE.address)
    assert state.calculated.state_machines[MACHINE].child_fiber_ids == (CHILD,)


def test_a_child_id_that_is_taken_fails_the_transition() -> None:
    founded = after(machine(fiber_id=CHILD), machine(transition("go", {"_spawn": [child()]})))
    assert error(after(event("go"), state=founded)) == f"Child ID {CHILD} already exists as a fiber"
    assert error(spawning(child(childId=MACHINE))) == f"Child ID {MACHINE} already exists as a fiber"


def test_the_first_failure_counts_and_all_are_paid_for() -> None:
    dear = {"cat": ["no", "t"]}
    state = spawning(child(childId=dear), child(childId=7, owners=dear))
    assert error(state) == "Child ID expression 'not' did not return valid UUID: Not a valid UUID format"
    # guard 8, context 10, two spawns of 50; then cat twice, at 5 + 5 + its length of 3
    assert receipt(state).gas_used == 8 + 10 + 100 + 26


def test_long_values_are_cut_in_texts() -> None:
    assert error(spawning(child(childId=["x" * 60]))) == (
        f"Child ID expression 'ArrayValue(List(StrValue({'x' * 25}' did not return valid UUID: Expected string value"
    )
    assert error(spawning(child(owners=[["y" * 60]]))) == (
        f"Invalid owner address 'ArrayValue(List(StrValue({'y' * 5}': Expected string address"
    )


def test_a_child_id_without_a_value_fails_in_the_spawn_phase() -> None:
    # Evaluated with the new state: within the effect the old one still gives a value.
    item = child(childId={"cat": [CHILD[:-1], {"/": [1, {"var": "state.d"}]}]})
    state = after(machine(transition("go", {"d": 0, "_spawn": [item]}), data={"d": 1}), event("go"))
    assert error(state) == "SPAWN evaluation error: Division by zero"


def test_initial_data_without_a_value_refuse_the_block() -> None:
    founded = after(
        machine(
            transition("go", {"d": 0, "_spawn": [child(initialData={"q": {"/": [1, {"var": "state.d"}]}})]}),
            data={"d": 1},
        )
    )
    with pytest.raises(CombineError, match=r"^Division by zero$"):
        after(event("go"), state=founded)


@pytest.mark.parametrize(
    "broken",
    [
        {"childId": CHILD},
        child(definition={"states": {"a": {}}, "initialState": "a", "transitions": []}),
        child(definition={"states": {}, "initialState": "a", "transitions": []}),
        child(definition={**definition(), "transitions": {"a": 1, "b": 2}}),
        child(definition={**definition(), "initialState": 7}),
        child(definition={**definition(), "transitions": [{"from": "a", "to": "a", "eventName": "e", "guard": 1}]}),
        {"+": [1, 2]},
        7,
    ],
)
def test_children_that_cannot_be_read_are_dropped_without_a_word(broken: Any) -> None:
    state = spawning(broken, child())
    assert set(state.calculated.state_machines) == {MACHINE, CHILD}


def test_names_in_a_childs_plan_may_be_wrapped_as_of_old() -> None:
    wrapped = {
        "states": {"a": {"isFinal": False}},
        "initialState": {"value": "a"},
        "transitions": [
            {
                "from": {"value": "a"},
                "to": {"value": "a"},
                "eventName": {"value": "kick"},
                "guard": True,
                "effect": {"k": 1},
                "dependencies": [MACHINE, "nonsense", 7],
            }
        ],
    }
    state = after(event("kick", fiber_id=CHILD), state=spawning(child(definition=wrapped)))
    assert data(state, CHILD) == {"k": 1}
    plan = state.calculated.state_machines[CHILD].definition.to_json()
    assert plan["transitions"][0]["dependencies"] == [MACHINE]


def test_many_children_come_in_the_order_of_a_set() -> None:
    ids = [f"00000000-0000-4000-8000-{number:012x}" for number in range(1, 8)]
    state = spawning(*(child(childId=fiber_id) for fiber_id in ids))
    listed = state.calculated.state_machines[MACHINE].child_fiber_ids
    assert set(listed) == set(ids)
    assert (
        listed
        == spawning(*(child(childId=fiber_id) for fiber_id in ids[::-1]))
        .calculated.state_machines[MACHINE]
        .child_fiber_ids
    )
