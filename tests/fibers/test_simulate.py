"""Cases are played under the snapshot, limits and signers that they name."""

from typing import Any

import pytest
from tests.fibers.worlds import (
    ALICE,
    BOB,
    MACHINE,
    OTHER,
    SCRIPT,
    after,
    event,
    machine,
    script,
    transition,
    trigger,
)

from ottochain.codec.exact_json import dumps, loads
from ottochain.crypto.proofs import verify
from ottochain.fibers import FiberState
from ottochain.fibers.participants import SignerError, resolve_signer
from ottochain.fibers.participants import test_key as key_of
from ottochain.fibers.simulate import (
    CaseError,
    ContextOverrides,
    cases_of,
    guard_verdicts,
    is_collection,
    play,
    play_steps,
)

NOW = transition("now", {"o": {"var": "$ordinal"}, "h": {"var": "$lastSnapshotHash"}, "e": {"var": "$epochProgress"}})
NOBODY = ContextOverrides()


def a_case(*messages: dict[str, Any], **more: Any) -> dict[str, Any]:
    return {"id": "c", "steps": [{"message": message, "signers": ["alice"]} for message in messages], **more}


def data_after(case: dict[str, Any], collection: dict[str, Any], overrides: ContextOverrides = NOBODY) -> Any:
    return play_steps(case, collection, overrides)[-1].after.calculated.state_machines[MACHINE].state_data


def test_the_snapshot_is_the_callers_then_the_cases_then_the_files() -> None:
    case = a_case(machine(NOW), event("now"))
    assert data_after(case, {})["o"] == 42
    collection = {"context": {"ordinal": 7, "epochProgress": 1}}
    assert data_after(case, collection)["o"] == 7
    stated = {**case, "context": {"ordinal": 8}, "lastSnapshotHash": "x"}
    assert data_after(stated, collection) == {"o": 8, "h": "x", "e": 1}
    assert data_after(stated, collection, ContextOverrides(9, "y", 3)) == {"o": 9, "h": "y", "e": 3}


def test_steps_go_on_from_what_was_applied_only() -> None:
    case = a_case(machine(transition("go", {"x": 1})), event("nope"), event("go"))
    assert [step.expect["applied"] for step in play_steps(case, {}, NOBODY)] == [True, False, True]
    steps = play_steps({**case, "mode": "combiner"}, {}, NOBODY)
    assert [step.expect["applied"] for step in steps] == [True, True, True]
    assert steps[1].after.calculated.state_machines[MACHINE].last_receipt.success is False  # type: ignore[union-attr]


def test_a_refused_block_is_told_with_its_text() -> None:
    step = play_steps(a_case(event("go")), {}, NOBODY)[0]
    assert step.expect["combine"] == {"accepted": False, "error": f"Fiber {MACHINE} not found"}
    assert step.expect["applied"] is False


def test_what_cannot_be_decoded_changes_nothing() -> None:
    steps = play_steps(a_case(machine(), {"Nope": {}}, event("go", 10**400)), {}, NOBODY)
    assert steps[1].expect == {"decodeError": "Cannot decode as OttochainMessage"}
    assert steps[2].expect == {"decodeError": "Cannot decode as OttochainMessage"}
    assert steps[2].after is steps[0].after
    assert guard_verdicts(steps[1]) == []


def test_results_repeat_what_was_played_and_its_encoding_where_that_differs() -> None:
    short = machine()
    terse = {"CreateStateMachine": {**short["CreateStateMachine"], "unknown": 1}}
    told = play(a_case(short, terse, {"Nope": {}}), {}, NOBODY)["steps"]
    assert [list(step) for step in told] == [
        ["message", "signers", "updateHash", "expect"],
        ["message", "messageEncoded", "signers", "updateHash", "expect"],
        ["message", "signers", "expect"],
    ]
    assert told[1]["messageEncoded"] == told[0]["message"] == short
    assert told[0]["signers"] == ["alice"]


def test_given_states_and_limits_are_used() -> None:
    state = after(machine(transition("go", {"x": 1})))
    case = a_case(event("go"), given=loads(dumps(state.to_json())), limits={"maxGas": 17})
    text = play_steps(case, {}, NOBODY)[0].expect["combine"]["stateMachines"][MACHINE]["lastReceipt"]["errorMessage"]
    assert text == "Gas exhausted during EFFECT: 18 of 17 units consumed"
    assert FiberState.from_json(case["given"]).to_json() == state.to_json()


def test_guards_are_told_up_to_the_first_yes() -> None:
    no, yes = transition("go", {}, guard={"==": [1, 2]}), transition("go", {}, target="b")
    odd, bad = transition("odd", {}, guard=1), transition("bad", {}, guard={"/": [1, 0]})
    steps = play_steps(a_case(machine(odd, no, yes, bad), event("go")), {}, NOBODY)
    assert [(verdict.index, verdict.target, verdict.verdict) for verdict in guard_verdicts(steps[1])] == [
        (1, "a", "false"),
        (2, "b", "true"),
    ]
    for name, verdict in (("odd", "not a boolean"), ("bad", "GUARD evaluation error: Division by zero")):
        step = play_steps(a_case(machine(odd, bad), event(name)), {}, NOBODY)[1]
        assert [one.verdict for one in guard_verdicts(step)] == [verdict]


def test_only_what_changed_is_told() -> None:
    ring = transition("ring", {"_oracleCall": {"fiberId": SCRIPT, "method": "m", "args": 1}})
    played = play(a_case(script({"_state": {"n": 1}}, state={"n": 1}), machine(ring), event("ring")), {}, NOBODY)
    made, _, rung = (step["expect"]["combine"] for step in played["steps"])
    assert "scriptProgram" not in made["scripts"][SCRIPT]
    assert list(rung["scripts"][SCRIPT]) == ["sequenceNumber", "lastInvocation"]
    assert set(rung["recordHashes"]) == {MACHINE, SCRIPT}
    assert "logs" not in rung


def test_the_log_is_told_where_records_do_not_hold_it_all() -> None:
    self_trigger = transition("go", {"_triggers": [trigger(MACHINE, "more")]})
    played = play(a_case(machine(self_trigger, transition("more", {})), event("go")), {}, NOBODY)
    logs = played["steps"][1]["expect"]["combine"]["logs"]
    assert [next(iter(entry)) for entry in logs[MACHINE]] == ["EventReceipt", "EventReceipt"]


def test_calls_of_the_engine() -> None:
    calculated = after(script({"var": "args"}), machine(transition("go", {}))).calculated.to_json()
    base = {"id": "e", "given": calculated, "fiberId": SCRIPT, "signers": ["bob"]}
    committed = play({**base, "input": {"methodCall": {"method": "m", "args": 5}}}, {}, NOBODY)["expect"]["committed"]
    assert committed["scripts"][SCRIPT]["lastInvocation"]["invokedBy"] == BOB.address
    assert committed["totalGasUsed"] == 3
    named = {**base, "input": {"methodCall": {"method": "m", "args": 5, "caller": "alice"}}}
    committed = play(named, {}, NOBODY)["expect"]["committed"]
    assert committed["logs"][0]["OracleInvocation"]["invokedBy"] == ALICE.address
    missing = {**base, "fiberId": OTHER, "input": {"transition": {"eventName": "go", "payload": {}}}}
    assert play(missing, {}, NOBODY)["expect"] == {
        "aborted": {"reason": "FiberNotFound", "message": f"Fiber {OTHER} not found", "gasUsed": 0, "depth": 0}
    }


@pytest.mark.parametrize(
    "broken",
    [
        7,
        {"id": "x"},
        {"steps": 7},
        {"steps": [7]},
        {"steps": [{}]},
        {"steps": [], "given": {}},
        {"steps": [], "gasConfig": "none"},
        {"steps": [{"message": {}, "signers": [7]}]},
        {"steps": [{"message": {}, "signers": [{"address": "DAG0"}]}]},
        {"input": {}, "given": {"stateMachines": {}, "scripts": {}}, "fiberId": MACHINE},
        {
            "input": {"methodCall": {"method": "m", "args": 1}},
            "given": {"stateMachines": {}, "scripts": {}},
            "fiberId": MACHINE,
        },
        {"messages": [{}]},
    ],
)
def test_broken_cases_are_told(broken: Any) -> None:
    with pytest.raises(CaseError):
        play(broken, {}, NOBODY)


def test_collections_are_searched_by_id() -> None:
    collection = {"cases": [{"id": "a", "steps": []}, {"id": "b", "steps": []}], "engineCases": [{"id": "c"}]}
    assert is_collection(collection)
    assert not is_collection({"steps": []})
    assert list(cases_of(collection)) == ["cases", "engineCases"]
    assert cases_of(collection, "b") == {"cases": [{"id": "b", "steps": []}]}
    with pytest.raises(CaseError, match="no case has the id d"):
        cases_of(collection, "d")
    with pytest.raises(CaseError, match="empty"):
        cases_of({"cases": []})


# Signers


def test_a_signer_is_a_name_a_key_an_id_or_an_address() -> None:
    participants = {"carol": {"privateKey": BOB.hex}, "dora": {"id": ALICE.peer_id, "address": "DAG1other"}}
    assert resolve_signer("alice", {}).peer_id == ALICE.peer_id
    assert resolve_signer("carol", participants).peer_id == BOB.peer_id
    assert resolve_signer({"privateKey": BOB.hex}, {}).address == BOB.address
    assert resolve_signer({"id": ALICE.peer_id}, {}).proof("0" * 64).signature == ""
    assert resolve_signer({"address": BOB.address}, {}).peer_id == BOB.peer_id
    assert resolve_signer({"address": "DAG1other"}, participants).peer_id == ALICE.peer_id
    assert resolve_signer("somebody new", {}).peer_id == key_of("somebody new").peer_id != ALICE.peer_id


@pytest.mark.parametrize("given", [7, None, {}, {"privateKey": "x"}, {"address": "DAG0"}])
def test_other_signers_are_told(given: Any) -> None:
    with pytest.raises(SignerError):
        resolve_signer(given, {})


def test_signatures_are_real_and_repeatable() -> None:
    signer = resolve_signer("alice", {})
    hash_hex = "12fe981d54effb397afab85c2dafbf8e4303d3523a32238b4134681b41e29c24"
    assert signer.proof(hash_hex) == signer.proof(hash_hex)
    assert verify(hash_hex, signer.proof(hash_hex))
