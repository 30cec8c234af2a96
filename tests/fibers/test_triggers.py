"""Triggers and the scripts that they call."""

from typing import Any

import pytest
from tests.fibers.worlds import (
    AT,
    CHILD,
    MACHINE,
    OTHER,
    SCRIPT,
    after,
    archive,
    child,
    data,
    definition,
    error,
    event,
    machine,
    receipt,
    script,
    transition,
    trigger,
    update,
)

from ottochain.fibers import combine


def test_malformed_triggers_are_dropped_without_a_word() -> None:
    items: list[Any] = [
        trigger("x", "e"),
        {"targetMachineId": MACHINE, "eventName": "e"},
        {"targetMachineId": MACHINE, "payload": 1},
        trigger(MACHINE, 7),
        "x",
    ]
    state = after(machine(transition("go", {"_triggers": items})), event("go"))
    assert (receipt(state).success, receipt(state).triggers_fired) == (True, 0)


def test_short_uuids_are_ids_of_triggers() -> None:
    target = "00000001-0001-0001-0001-000000000001"
    go = transition("go", {"_triggers": [trigger("1-1-1-1-1", "hit")]})
    state = after(machine(transition("hit", {"x": 1}), fiber_id=target), machine(go), event("go"))
    assert data(state, target) == {"x": 1}


@pytest.mark.parametrize(
    ("payload", "seen"),
    [
        ({"var": "state.secret"}, 7),
        ({"var": ["state.none", 5]}, 5),
        ({"var": ["state.secret"]}, 7),
        ([{"x": {"var": "state.secret"}}], [{"x": 7}]),
        ({"var": {"var": "state.name"}}, 7),
        ({"==": [1, 1]}, {"==": [1, 1]}),
        ({"var": "state.secret", "y": 1}, {"var": "state.secret", "y": 1}),
    ],
)
def test_payloads_are_evaluated_a_second_time(payload: Any, seen: Any) -> None:
    go = transition("go", {"_triggers": [trigger(OTHER, "hit", {"var": "event.p"})]})
    state = after(
        machine(transition("hit", {"seen": {"var": "event"}}), fiber_id=OTHER),
        machine(go, data={"secret": 7, "name": "state.secret"}),
        event("go", {"p": payload}),
    )
    assert data(state, OTHER) == {"seen": seen}


def test_a_payload_that_fails_the_second_time_drops_its_trigger() -> None:
    go = transition("go", {"x": 1, "_triggers": [trigger(OTHER, "hit", {"var": "event.p"})]})
    state = after(machine(go), event("go", {"p": {"var": []}}))
    assert (data(state), receipt(state).triggers_fired) == ({"x": 1}, 0)


def test_triggers_run_depth_first() -> None:
    first = transition("first", {"x": 1, "_triggers": [trigger(OTHER, "inner")]})
    go = transition("go", {"_triggers": [trigger(OTHER, "first"), trigger(OTHER, "second")]})
    inner, second = transition("inner", {"order": "inner"}), transition("second", {"order": "second"})
    state = after(machine(first, inner, second, fiber_id=OTHER), machine(go), event("go"))
    assert [entry.event_name for entry in state.on_chain.latest_logs[OTHER]] == ["first", "inner", "second"]


def test_triggered_machines_keep_the_hash_and_the_ordinal_of_before() -> None:
    founded = after(
        machine(transition("hit", {"x": 1}), fiber_id=OTHER),
        machine(transition("go", {"_triggers": [trigger(OTHER, "hit")]})),
    )
    state = combine(founded, [update(event("go"))], AT.__class__(50))
    old, new = founded.calculated.state_machines[OTHER], state.calculated.state_machines[OTHER]
    assert new.state_data_hash == old.state_data_hash
    assert (new.previous_update_ordinal, new.latest_update_ordinal) == (42, 50)


def test_archived_machines_can_be_triggered() -> None:
    go = transition("go", {"_triggers": [trigger(OTHER, "hit")]})
    state = after(
        machine(transition("hit", {"x": 1}), fiber_id=OTHER), archive(fiber_id=OTHER), machine(go), event("go")
    )
    assert data(state, OTHER) == {"x": 1}
    assert state.calculated.state_machines[OTHER].status == "ARCHIVED"


def test_a_script_call_needs_an_owner_to_call_for() -> None:
    effect = {"_spawn": [child(owners=[])], "_triggers": [trigger(CHILD, "ring")]}
    ring = transition("ring", {"_oracleCall": {"fiberId": SCRIPT, "method": "m", "args": None}})
    effect["_spawn"][0]["definition"] = definition(ring)  # type: ignore[index]
    state = after(script(1), machine(transition("go", effect)), event("go"))
    assert error(state) == f"Unable to determine caller for oracle {SCRIPT} (source fiber: {CHILD})"


@pytest.mark.parametrize(
    ("result", "text"),
    [
        (False, "returned false"),
        ({"_state": 1, "_result": False}, "returned false"),
        ({"valid": False}, "validation failed: Unknown error"),
        ({"valid": False, "error": 7}, "validation failed: Unknown error"),
        ({"valid": False, "error": "no"}, "validation failed: no"),
    ],
)
def test_a_script_that_says_no_fails_the_transaction(result: Any, text: str) -> None:
    go = transition("go", {"x": 1, "_oracleCall": {"fiberId": SCRIPT, "method": "m", "args": None}})
    state = after(script(result), machine(go), event("go"))
    assert error(state) == f"Oracle {SCRIPT} method 'm' failed: {text}"
    assert (data(state), state.calculated.scripts[SCRIPT].sequence_number) == ({}, 0)


def test_a_script_state_of_null_is_not_the_same_as_none() -> None:
    go = transition("go", {"_oracleCall": {"fiberId": SCRIPT, "method": {"var": "event.m"}, "args": None}})
    program = {"if": [{"==": [{"var": "method"}, "null"]}, {"_state": None, "_result": 1}, {"_result": 1}]}
    for method, hashed in (("null", True), ("none", False)):
        state = after(script(program, state={"n": 1}), machine(go), event("go", {"m": method}))
        record = state.calculated.scripts[SCRIPT]
        assert (record.state_data, record.state_data_hash is not None) == (None, hashed)
