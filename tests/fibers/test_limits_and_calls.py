"""Depth, gas and size at their limits; calls of scripts; what is charged."""

import pytest
from tests.fibers.worlds import (
    ALICE,
    AT,
    BOB,
    MACHINE,
    OTHER,
    SCRIPT,
    after,
    call,
    error,
    event,
    machine,
    receipt,
    script,
    transition,
    trigger,
    under,
    update,
)

from ottochain.fibers import CombineError, FiberState, MethodInput, process
from ottochain.fibers.engine import Aborted


def test_nine_triggers_are_the_most_that_commit() -> None:
    def chain(length: int) -> FiberState:
        effect = {"_triggers": [trigger(OTHER, f"e{number}") for number in range(length)]}
        sink = machine(*(transition(f"e{number}", {"n": number}) for number in range(length)), fiber_id=OTHER)
        return after(sink, machine(transition("go", effect)), event("go"))

    assert receipt(chain(9)).triggers_fired == 9
    assert error(chain(10)) == "Trigger cascade depth exceeded: 10 (max: 10)"


def test_orchestration_may_report_more_gas_than_the_limit() -> None:
    founded = after(machine(transition("go", {"x": 1})))
    failed = after(event("go"), state=founded, rules=under(max_gas=17))
    assert error(failed) == "Gas exhausted during EFFECT: 18 of 17 units consumed"
    assert receipt(after(event("go"), state=founded, rules=under(max_gas=18))).gas_used == 18


def test_effects_are_measured_with_their_private_keys() -> None:
    founded = after(machine(transition("go", {"x": 1, "_y": "123"})))
    size = len('{"_y":"123","x":1}')
    assert receipt(after(event("go"), state=founded, rules=under(max_state_size_bytes=size))).success
    failed = after(event("go"), state=founded, rules=under(max_state_size_bytes=size - 1))
    assert error(failed) == f"Resulting state size {size} bytes exceeds maximum {size - 1} bytes"


def test_a_failing_call_refuses_the_block() -> None:
    founded = after(script({"/": [1, 0]}))
    with pytest.raises(CombineError, match=r"^Oracle invocation failed: ORACLE evaluation error: Division by zero$"):
        after(call("m"), state=founded)


def test_the_caller_is_the_signer_with_the_lowest_id() -> None:
    state = after(update(script(1)), update(call("m"), "alice", "bob"))
    lowest = min((ALICE, BOB), key=lambda key: key.peer_id)
    assert state.calculated.scripts[SCRIPT].last_invocation.invoked_by == lowest.address  # type: ignore[union-attr]


def test_machines_take_no_calls_and_scripts_no_events() -> None:
    state = after(machine(transition("go", {}))).calculated
    outcome = process(state.state_machines, state.scripts, MACHINE, MethodInput("m", None, "DAG"), [], AT)
    assert isinstance(outcome, Aborted)
    assert outcome.failure.message == f"Cannot use METHODCALL input with STATEMACHINE fiber {MACHINE}"


def test_guards_that_fail_are_charged_and_odd_ones_are_not() -> None:
    no = transition("go", {}, guard={"==": [1, 2]})
    odd = transition("go", {}, guard={"+": [1, 2]})
    state = after(machine(no, odd), event("go"))
    assert error(state) == "GUARD evaluation error: Guard returned non-boolean: IntValue"
    assert receipt(state).gas_used == 8
