"""What an effect may change, and what becomes of the values."""

from decimal import Decimal
from typing import Any

import pytest
from tests.fibers.worlds import (
    MACHINE,
    OTHER,
    after,
    data,
    error,
    event,
    machine,
    receipt,
    transition,
    trigger,
)

from ottochain.fibers import CombineError
from ottochain.fibers.limits import NESTING_MAX


def test_pairs_are_applied_in_order_and_private_keys_are_skipped() -> None:
    state = after(machine(transition("go", [["x", 1], ["_y", 2], ["x", {"var": "event.n"}]])), event("go", {"n": 3}))
    assert data(state) == {"x": 3}


@pytest.mark.parametrize("pair", [["x"], [1, 2], {"x": 1}, "x", None])
def test_what_is_no_pair_fails_the_transition(pair: Any) -> None:
    state = after(machine(transition("go", [["x", 1], pair])), event("go"))
    assert error(state).startswith(
        "EFFECT evaluation error: Invalid effect update format, expected [key, value] array:"
    )
    assert data(state) == {}


def test_null_is_stored_and_nothing_is_deleted() -> None:
    state = after(machine(transition("go", {"x": None}), data={"x": 1, "y": 2}), event("go"))
    assert data(state) == {"x": None, "y": 2}


def test_a_failed_transition_only_leaves_a_receipt() -> None:
    before = after(machine(transition("go", {"x": {"/": [1, 0]}}), data={"y": 1}))
    state = after(event("go"), state=before)
    old, new = before.calculated.state_machines[MACHINE], state.calculated.state_machines[MACHINE]
    assert (new.sequence_number, new.state_data, new.current_state) == (0, old.state_data, "a")
    assert (receipt(state).success, receipt(state).triggers_fired, receipt(state).sequence_number) == (False, 0, 0)
    assert state.on_chain.latest_logs == {MACHINE: (receipt(state),)}


def test_floats_are_floats_within_a_transaction_and_integers_after_it() -> None:
    ask = transition("ask", {"kind": {"typeof": [{"var": f"machines.{MACHINE}.state.x"}]}}, dependencies=[MACHINE])
    go = transition("go", {"x": {"+": [{"var": "event.n"}, {"var": "event.n"}]}, "_triggers": [trigger(OTHER, "ask")]})
    state = after(machine(ask, fiber_id=OTHER), machine(go), event("go", {"n": Decimal("1.5")}))
    assert data(state, OTHER) == {"kind": "float"}
    assert type(data(state)["x"]) is int
    asked = after(event("ask", fiber_id=OTHER, at=1), state=state)
    assert data(asked, OTHER) == {"kind": "int"}


def test_emitted_data_are_kept_as_after_a_reload() -> None:
    effect = {
        "_emit": [{"name": "n", "data": {"*": [{"var": "event.n"}, 2]}}, {"name": 1, "data": 1}, {"name": "x"}, 3]
    }
    state = after(machine(transition("go", effect)), event("go", {"n": Decimal("0.5")}))
    (emitted,) = receipt(state).emitted_events
    assert (type(emitted.data), emitted.data, emitted.destination) == (int, 1, None)


def test_results_beyond_the_doubles_refuse_the_block() -> None:
    founded = after(machine(transition("go", {"_emit": [{"name": "n", "data": {"pow": [10, 400]}}]})))
    with pytest.raises(CombineError, match="beyond the range of doubles"):
        after(event("go"), state=founded)


def test_results_nested_too_deep_fail_the_transition() -> None:
    wrap = transition("wrap", {"x": [{"var": "state.x"}]})
    state = after(machine(wrap, data={"x": 1}))
    wrapped = 0
    while error(state := after(event("wrap", at=wrapped), state=state)) is None:
        wrapped += 1
    assert wrapped == NESTING_MAX - 1
    assert error(state) == f"EFFECT evaluation error: the result is nested deeper than {NESTING_MAX} levels"
