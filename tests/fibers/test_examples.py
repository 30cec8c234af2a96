"""The examples in ``examples/`` do what the reference does with them."""

from typing import Any

import pytest
from tests.fibers.cases import cases, example, settings

from ottochain.fibers import (
    FiberState,
    SignedUpdate,
    SnapshotContext,
    combine,
    decode_message,
    genesis,
    validate_update,
)
from ottochain.fibers.participants import resolve_signer
from ottochain.fibers.simulate import ContextOverrides, play
from ottochain.jlvm.values import strictly_equal

FLOWS = cases("examples.jsonl")
AT = SnapshotContext(42, settings()["context"]["lastSnapshotHash"], 7)


def message_of(step: dict[str, Any]) -> dict[str, Any]:
    fields = {key: step[key] for key in ("fiberId", "eventName", "payload", "method", "args") if key in step}
    match step["action"]:
        case "createStateMachine":
            founded = {"definition": example(step["definition"]), "initialData": example(step["initialData"])}
            return {"CreateStateMachine": {**fields, **founded, "parentFiberId": None}}
        case "createScript":
            return {"CreateScript": {**fields, **example(step["definition"])}}
        case "transition":
            return {"TransitionStateMachine": {**fields, "targetSequenceNumber": step["targetSequenceNumber"]}}
        case "invoke":
            return {"InvokeScript": {**fields, "targetSequenceNumber": step["targetSequenceNumber"]}}
    raise AssertionError(step["action"])


def signed(message_json: dict[str, Any], names: list[str]) -> SignedUpdate:
    message = decode_message(message_json)
    bare = SignedUpdate.of(message, [])
    return SignedUpdate.of(message, [resolve_signer(name, {}).proof(bare.hash) for name in names])


@pytest.mark.parametrize("flow_id", FLOWS)
def test_flow_over_an_example(flow_id: str) -> None:
    flow = FLOWS[flow_id]
    state = genesis()
    for step in flow["steps"]:
        update = signed(message_of(step), flow["signers"])
        assert update.hash == step["updateHash"]
        assert validate_update(state, update) == []
        state = combine(state, [update], AT)
        check(state, step)


def check(state: FiberState, step: dict[str, Any]) -> None:
    expect = step["expect"]
    machine = state.calculated.state_machines.get(step["fiberId"])
    if machine is not None:
        shown = machine.to_json()
        receipt = shown["lastReceipt"]
        for key in ("currentState", "sequenceNumber", "status", "stateData"):
            assert strictly_equal(shown[key], expect[key])
        assert all(strictly_equal(receipt[key], value) for key, value in expect.get("receipt", {}).items())
    for fiber_id, fields in expect.get("scripts", {}).items():
        script = state.calculated.scripts[fiber_id].to_json()
        invocation = script["lastInvocation"]
        assert strictly_equal(script["stateData"], fields["stateData"])
        assert script["sequenceNumber"] == fields["sequenceNumber"]
        assert all(strictly_equal(invocation[key], value) for key, value in fields.get("invocation", {}).items())
    for fiber_id, record_hash in expect["recordHashes"].items():
        assert state.on_chain.fiber_commits[fiber_id].record_hash == record_hash


def test_simulation_of_the_readme() -> None:
    case = example("approval-workflow/simulate.json")
    played = play(case, {}, ContextOverrides())
    assert [step["expect"]["applied"] for step in played["steps"]] == [True, True, True, False]
    errors = played["steps"][3]["expect"]["validation"]["errors"]
    assert [error["code"] for error in errors] == ["NotSignedByOwner", "NoTransitionForEvent"]
    created = case["steps"][0]["message"]["CreateStateMachine"]
    assert created["definition"] == example("approval-workflow/definition.json")
    assert created["initialData"] == example("approval-workflow/initial-data.json")
