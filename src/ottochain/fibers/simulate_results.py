"""How simulated steps tell what happened: the shapes in which case files state expectations."""

from collections.abc import Mapping
from typing import Any

from ottochain.fibers.engine import Aborted, Committed
from ottochain.fibers.messages import target_sequence_number_of
from ottochain.fibers.receipts import log_entry_to_json
from ottochain.fibers.records import FiberRecord
from ottochain.fibers.rejections import Rejection
from ottochain.fibers.state import CalculatedState, FiberState
from ottochain.fibers.updates import SignedUpdate
from ottochain.jlvm.values import strictly_equal

__all__ = ["changes", "engine_outcome", "validation"]


def validation(rejections: list[Rejection]) -> dict[str, Any]:
    """What validation says."""
    if not rejections:
        return {"valid": True}
    return {"valid": False, "errors": [rejection.to_json() for rejection in rejections]}


def changes(before: FiberState, after: FiberState, update: SignedUpdate) -> dict[str, Any]:
    """New and changed fibers, their record hashes, and the log where it says more than their records."""
    founded = update.fiber_id if target_sequence_number_of(update.message) is None else None
    machines = _changed_records(before.calculated.state_machines, after.calculated.state_machines, founded)
    scripts = _changed_records(before.calculated.scripts, after.calculated.scripts, founded)
    commits = after.on_chain.fiber_commits
    logs = {} if _log_is_in_records(after) else {"logs": after.on_chain.to_json()["latestLogs"]}
    return {
        **({"stateMachines": machines} if machines else {}),
        **({"scripts": scripts} if scripts else {}),
        **logs,
        "recordHashes": {fiber_id: commits[fiber_id].record_hash for fiber_id in sorted({*machines, *scripts})},
    }


def engine_outcome(before: CalculatedState, outcome: Committed | Aborted) -> dict[str, Any]:
    """What one call of the engine did."""
    if isinstance(outcome, Aborted):
        return {
            "aborted": {
                "reason": outcome.failure.reason,
                "message": outcome.failure.message,
                "gasUsed": outcome.gas_used,
                "depth": outcome.depth,
            }
        }
    machines = _changed_records(before.state_machines, outcome.machines, None)
    scripts = _changed_records(before.scripts, outcome.scripts, None)
    return {
        "committed": {
            **({"stateMachines": machines} if machines else {}),
            **({"scripts": scripts} if scripts else {}),
            "logs": [log_entry_to_json(entry) for entry in outcome.log],
            "totalGasUsed": outcome.gas_used,
            "maxDepth": outcome.depth,
        }
    }


def _changed_records(
    before: Mapping[str, FiberRecord], after: Mapping[str, FiberRecord], founded: str | None
) -> dict[str, Any]:
    """What differs: all of a new fiber (without what its message says already), else the changed fields."""
    changed: dict[str, Any] = {}
    for fiber_id, record in after.items():
        old = before.get(fiber_id)
        if old is record:
            continue
        fields = record.to_json()
        if old is None:
            told = {"fiberId", "definition", "scriptProgram"} if fiber_id == founded else {"fiberId"}
            changed[fiber_id] = {key: value for key, value in fields.items() if key not in told}
        elif differing := _differing(old.to_json(), fields):
            changed[fiber_id] = differing
    return changed


def _differing(was: dict[str, Any], now: dict[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in now.items() if not strictly_equal(value, was[key])}


def _log_is_in_records(state: FiberState) -> bool:
    """Whether the log of every fiber is just the entry that its record holds."""
    for fiber_id, entries in state.on_chain.latest_logs.items():
        machine = state.calculated.state_machines.get(fiber_id)
        script = state.calculated.scripts.get(fiber_id)
        held = (machine and machine.last_receipt, script and script.last_invocation)
        if len(entries) != 1 or not any(entry and entry.canonical == entries[0].canonical for entry in held):
            return False
    return True
