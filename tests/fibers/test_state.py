"""States: bytes spliced from cached parts, JSON there and back, what changed."""

import pytest
from tests.fibers.lives import life
from tests.fibers.worlds import MACHINE, OTHER, SCRIPT, after, event, machine, script, transition

from ottochain.codec.canonical import canonical_bytes
from ottochain.codec.exact_json import dumps, loads
from ottochain.codec.hashing import sha256_hex
from ottochain.fibers import (
    CalculatedState,
    DecodeError,
    FiberCommit,
    FiberState,
    OnChain,
    ScriptRecord,
    StateMachineRecord,
    calculated_bytes,
    calculated_proof,
    changed_fibers,
    genesis,
    on_chain_bytes,
    record_from_json,
    state_of_records,
)


def test_genesis_is_empty() -> None:
    assert on_chain_bytes(genesis()) == b'{"fiberCommits":{},"latestLogs":{}}'
    assert calculated_bytes(genesis()) == b'{"scripts":{},"stateMachines":{}}'
    assert genesis().to_json() == {
        "onChain": {"fiberCommits": {}, "latestLogs": {}},
        "calculated": {"stateMachines": {}, "scripts": {}},
    }


@pytest.mark.parametrize("seed", range(6))
def test_spliced_bytes_are_the_canonical_ones(seed: int) -> None:
    for state in life(seed, 12):
        assert on_chain_bytes(state) == canonical_bytes(state.on_chain.to_json())
        assert calculated_bytes(state) == canonical_bytes(state.calculated.to_json())
        assert calculated_proof(state) == sha256_hex(calculated_bytes(state))
        for record in (*state.calculated.state_machines.values(), *state.calculated.scripts.values()):
            assert record.canonical == canonical_bytes(record.to_json())
            assert record.record_hash == sha256_hex(record.canonical)
            assert state.on_chain.fiber_commits[record.fiber_id] == record.commit


def test_names_that_need_escaping_are_escaped() -> None:
    odd = 'a"\n\u00e9\U0001f600'
    move = transition("go", {"x": 1}, source=odd, target=odd)
    plan = {"states": {odd: {"id": odd}}, "initialState": odd, "transitions": [move]}
    state = after(machine(definition=plan), event("go"))
    record = state.calculated.state_machines[MACHINE]
    assert record.current_state == odd
    assert record.canonical == canonical_bytes(record.to_json())


def test_numbers_beyond_two_to_53_are_rounded_in_hashes_only() -> None:
    record = after(machine()).calculated.state_machines[MACHINE].to_json()
    large = StateMachineRecord.from_json({**record, "sequenceNumber": 2**53 + 1})
    assert large.sequence_number == 2**53 + 1
    assert large.canonical == canonical_bytes(large.to_json())


def test_states_and_records_survive_json_with_the_order_of_their_keys() -> None:
    for state in life(3, 12):
        text = dumps(state.to_json())
        assert dumps(FiberState.from_json(loads(text)).to_json()) == text
    state = after(machine(data={"b": 1, "a": 2}))
    assert list(FiberState.from_json(loads(dumps(state.to_json()))).calculated.state_machines[MACHINE].state_data) == [  # type: ignore[arg-type]
        "b",
        "a",
    ]


def test_a_state_can_be_kept_one_row_a_fiber() -> None:
    rows: dict[str, bytes] = {}
    old = genesis()
    for state in life(5, 12):
        for fiber_id in changed_fibers(old, state):
            record = state.calculated.fiber(fiber_id)
            assert record is not None
            rows[fiber_id] = dumps(record.to_json())
        old = state
    restored = state_of_records((record_from_json(loads(row)) for row in rows.values()), old.on_chain.latest_logs)
    assert on_chain_bytes(restored) == on_chain_bytes(old)
    assert calculated_proof(restored) == calculated_proof(old)


def test_fibers_of_one_kind_share_their_definition() -> None:
    move = transition("go", {"x": 1})
    state = after(machine(move), machine(move, fiber_id=OTHER), script(1))
    machines = state.calculated.state_machines
    assert machines[MACHINE].definition is machines[OTHER].definition
    loaded = FiberState.from_json(loads(dumps(state.to_json()))).calculated
    assert loaded.state_machines[MACHINE].definition is machines[OTHER].definition
    assert loaded.scripts[SCRIPT].script_program is state.calculated.scripts[SCRIPT].script_program


def test_changed_fibers_are_listed_in_order() -> None:
    old = after(machine(transition("go", {})), machine(fiber_id=OTHER))
    new = after(event("go"), script(1), state=old)
    assert changed_fibers(old, new) == [SCRIPT, MACHINE]
    assert changed_fibers(new, new) == []
    assert changed_fibers(genesis(), old) == [MACHINE, OTHER]


def test_broken_records_are_told() -> None:
    state = after(machine(transition("go", {})), script(1), event("go"))
    machines, scripts = state.calculated.state_machines, state.calculated.scripts
    for kind, value in (
        (StateMachineRecord, machines[MACHINE].to_json()),
        (ScriptRecord, scripts[SCRIPT].to_json()),
        (FiberCommit, machines[MACHINE].commit.to_json()),
        (OnChain, state.on_chain.to_json()),
        (CalculatedState, state.calculated.to_json()),
        (FiberState, state.to_json()),
    ):
        kind.from_json(value)
        for missing in value:
            if missing not in ("lastReceipt", "parentFiberId", "childFiberIds", "lastInvocation"):
                with pytest.raises(DecodeError):
                    kind.from_json({key: member for key, member in value.items() if key != missing})
    with pytest.raises(DecodeError):
        OnChain.from_json({"fiberCommits": {}, "latestLogs": {MACHINE: [{"Other": {}}]}})
    with pytest.raises(DecodeError):
        OnChain.from_json({"fiberCommits": {}, "latestLogs": {MACHINE: [{"OracleInvocation": {}}]}})
