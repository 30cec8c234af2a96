"""Combine is a function of state, updates and snapshot, and of nothing else."""

import os
import random
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.fibers.lives import block, fingerprint, founding, life, step
from tests.fibers.worlds import (
    AT,
    MACHINE,
    OTHER,
    SCRIPT,
    after,
    archive,
    call,
    event,
    machine,
    script,
    transition,
    update,
)

from ottochain.codec.exact_json import dumps, loads
from ottochain.fibers import (
    CombineError,
    FiberState,
    SnapshotContext,
    combine,
    genesis,
    validate_update,
)

SEEDS = st.integers(min_value=0, max_value=10**9)


def reloaded(state: FiberState) -> FiberState:
    return FiberState.from_json(loads(dumps(state.to_json())))


def test_a_random_life_is_eventful() -> None:
    entries = [
        entry
        for seed in range(8)
        for state in life(seed)
        for entries in state.on_chain.latest_logs.values()
        for entry in entries
    ]
    succeeded = [entry for entry in entries if getattr(entry, "success", True)]
    assert len(succeeded) > 50
    assert len(entries) - len(succeeded) > 20
    assert any(len(state.calculated.state_machines) > 2 for seed in range(8) for state in life(seed))


@settings(max_examples=25, deadline=None)
@given(SEEDS)
def test_the_same_messages_give_the_same_bytes(seed: int) -> None:
    assert [fingerprint(state) for state in life(seed, 12)] == [fingerprint(state) for state in life(seed, 12)]


@settings(max_examples=25, deadline=None)
@given(SEEDS)
def test_combine_changes_none_of_its_arguments(seed: int) -> None:
    chance = random.Random(seed)
    state = step(genesis(), founding(), 1)
    for ordinal in range(2, 14):
        updates = block(chance, state)
        before = dumps(state.to_json()), [update.to_json() for update in updates], list(updates)
        after_block = step(state, updates, ordinal)
        assert (dumps(state.to_json()), [update.to_json() for update in updates], updates) == before
        state = after_block


@settings(max_examples=25, deadline=None)
@given(SEEDS)
def test_a_restart_between_blocks_changes_nothing(seed: int) -> None:
    chance, again = random.Random(seed), random.Random(seed)
    state = restarted = step(genesis(), founding(), 1)
    for ordinal in range(2, 14):
        state = step(state, block(chance, state), ordinal)
        restarted = step(reloaded(restarted), block(again, restarted), ordinal)
        assert fingerprint(restarted) == fingerprint(state)


@settings(max_examples=25, deadline=None)
@given(SEEDS)
def test_bytes_are_those_of_the_whole_state_encoded_anew(seed: int) -> None:
    for state in life(seed, 12)[::4]:
        assert fingerprint(reloaded(state)) == fingerprint(state)


def test_hash_seeds_of_python_do_not_matter() -> None:
    root = Path(__file__).parents[2]
    outputs = set()
    for hash_seed in ("0", "1", "4242"):
        environment = os.environ | {"PYTHONHASHSEED": hash_seed, "PYTHONPATH": f"{root / 'src'}{os.pathsep}{root}"}
        run = subprocess.run(
            [sys.executable, "-m", "tests.fibers.lives", "7"],
            cwd=root,
            env=environment,
            capture_output=True,
            check=True,
        )
        outputs.add(run.stdout)
    assert len(outputs) == 1


def test_a_batch_on_one_fiber_gives_what_single_blocks_give() -> None:
    founded = after(machine(transition("add", {"n": {"+": [{"var": "state.n"}, {"var": "event"}]}}), data={"n": 0}))
    events = [update(event("add", loads("0.5"), at=at)) for at in range(4)]
    batched = combine(founded, [events[2], events[0], events[3], events[1]], AT)
    single = after(*events, state=founded)
    assert dumps(batched.calculated.to_json()) == dumps(single.calculated.to_json())
    assert [entry.sequence_number for entry in batched.on_chain.latest_logs[MACHINE]] == [1, 2, 3, 4]  # type: ignore[union-attr]


def test_logs_are_those_of_the_latest_call() -> None:
    state = after(machine(transition("go", {})), event("go"))
    assert list(state.on_chain.latest_logs) == [MACHINE]
    assert combine(state, [], AT).on_chain.latest_logs == {}


@pytest.mark.parametrize(
    ("message", "text"),
    [
        (event("go", fiber_id=OTHER), f"Fiber {OTHER} not found"),
        (archive(fiber_id=OTHER), f"Fiber {OTHER} not found"),
        (event("go", fiber_id=SCRIPT), f"Fiber {SCRIPT} not found"),
        (call("m", fiber_id=MACHINE), f"Oracle {MACHINE} not found"),
        (event("go", at=3), "Sequence number mismatch: target=FiberOrdinal(3), actual=FiberOrdinal(1)"),
        (archive(at=2), "Sequence number mismatch: target=FiberOrdinal(2), actual=FiberOrdinal(1)"),
        (call("m", at=1), "Sequence number mismatch: target=FiberOrdinal(1), actual=FiberOrdinal(0)"),
    ],
)
def test_what_cannot_be_applied_refuses_the_whole_block(message: dict[str, Any], text: str) -> None:
    state = after(machine(transition("go", {})), script(1))
    before = dumps(state.to_json())
    with pytest.raises(CombineError) as caught:
        combine(state, [update(event("go")), update(message)], AT)
    assert str(caught.value) == text
    assert dumps(state.to_json()) == before


def test_a_call_without_proofs_is_refused() -> None:
    state = after(script(1))
    with pytest.raises(CombineError, match="No proof provided"):
        combine(state, [replace(update(call("m")), proofs=())], AT)


def test_archiving_keeps_everything_else() -> None:
    founded = after(machine(transition("go", {"x": 1})), event("go"))
    state = combine(founded, [update(archive(at=1))], SnapshotContext(50))
    old, new = founded.calculated.state_machines[MACHINE].to_json(), state.calculated.state_machines[MACHINE].to_json()
    assert {key for key in old if old[key] != new[key]} == {"latestUpdateOrdinal", "status"}
    assert new["previousUpdateOrdinal"] == old["latestUpdateOrdinal"]
    assert state.on_chain.latest_logs == {}


def test_a_cascade_mends_commitments_that_do_not_match() -> None:
    hit = transition("hit", {"x": 1})
    go = transition("go", {"_triggers": [{"targetMachineId": OTHER, "eventName": "hit", "payload": 1}]})
    sound = after(machine(hit, fiber_id=OTHER), script(1), machine(go))
    given_state = reloaded(sound).to_json()
    given_state["onChain"]["fiberCommits"][SCRIPT]["recordHash"] = "0" * 64
    broken = FiberState.from_json(given_state)
    mended, kept = (after(event("go"), state=state).on_chain.fiber_commits for state in (broken, sound))
    assert mended == kept


@settings(max_examples=40, deadline=None)
@given(SEEDS, st.integers(min_value=1, max_value=120))
def test_committed_transitions_stay_within_the_gas_limit(seed: int, max_gas: int) -> None:
    """Up to its own orchestration. Only an evaluation whose reads are not deducted, and the fixed prices of
    orchestration, can go beyond; the latter always abort."""
    from ottochain.fibers import ExecutionLimits, ExecutionRules

    chance = random.Random(seed)
    state = step(genesis(), founding(), 1)
    rules = ExecutionRules(ExecutionLimits(max_gas=max_gas))
    for ordinal in range(2, 10):
        try:
            state = combine(state, block(chance, state), SnapshotContext(ordinal), rules)
        except CombineError:
            continue
        for entries in state.on_chain.latest_logs.values():
            for entry in entries:
                if getattr(entry, "success", False):
                    assert entry.gas_used <= max_gas


def test_valid_updates_of_a_life_never_refuse_their_block() -> None:
    """Except for calls of scripts, which may fail, and numbers that outgrow the doubles."""
    texts: set[str] = set()
    for seed in range(10):
        chance = random.Random(seed)
        state = step(genesis(), founding(), 1)
        for ordinal in range(2, 20):
            for one in block(chance, state):
                target = getattr(one.message, "target_sequence_number", 0)
                record = state.calculated.fiber(one.fiber_id)
                if validate_update(state, one) or record is None or record.sequence_number != target:
                    continue
                try:
                    state = combine(state, [one], SnapshotContext(ordinal))
                except CombineError as refused:
                    texts.add(str(refused).partition(":")[0])
    assert texts <= {"Oracle invocation failed", "a number beyond the range of doubles has no canonical text"}
