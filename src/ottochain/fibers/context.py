"""The data that expressions see (the reference's ``ContextProvider``).

Values inside are shared with the records; expressions never change them.
"""

from collections.abc import Iterable, Sequence
from typing import Any

from ottochain.crypto.addresses import address_of_peer
from ottochain.crypto.errors import KeyFormatError
from ottochain.crypto.proofs import Proof
from ottochain.fibers.execution import Transaction
from ottochain.fibers.receipts import ScriptInvocation
from ottochain.fibers.records import ScriptRecord, StateMachineRecord

__all__ = ["proofs_context", "script_context", "spawn_context", "transition_context"]


def transition_context(
    transaction: Transaction,
    record: StateMachineRecord,
    event_name: str,
    payload: Any,
    proofs: list[dict[str, Any]],
    dependencies: Sequence[str],
) -> dict[str, Any]:
    """The root of guards and effects. `proofs` are those of ``proofs_context``; triggered events have none."""
    context = spawn_context(transaction, record, event_name, payload)
    context["proofs"] = proofs
    context["machines"] = _machines(transaction, dependencies) if dependencies else {}
    context["scripts"] = _scripts(transaction, dependencies) if dependencies else {}
    return context


def spawn_context(
    transaction: Transaction, record: StateMachineRecord, event_name: str, payload: Any
) -> dict[str, Any]:
    """The root of a spawn's expressions; `record` is the parent after its own transition."""
    at = transaction.at
    return {
        "state": record.state_data,
        "event": payload,
        "eventName": event_name,
        "machineId": record.fiber_id,
        "currentStateId": record.current_state,
        "sequenceNumber": record.sequence_number,
        "parent": _parent(transaction, record),
        "children": _machines(transaction, record.child_fiber_ids) if record.child_fiber_ids else {},
        "$ordinal": at.ordinal,
        "$lastSnapshotHash": at.last_snapshot_hash,
        "$epochProgress": at.epoch_progress,
    }


def script_context(record: ScriptRecord, method: str, args: Any) -> dict[str, Any]:
    """The root of a script's program. It is not told who calls, nor when."""
    return {"method": method, "args": args, "state": record.state_data}


def proofs_context(proofs: Iterable[Proof]) -> list[dict[str, Any]]:
    """The signers of an update as expressions see them, in the order of the proofs."""
    return [
        {"address": address, "id": proof.id, "signature": proof.signature}
        for proof in proofs
        if (address := _address(proof)) is not None
    ]


def _address(proof: Proof) -> str | None:
    try:
        return address_of_peer(proof.id)
    except KeyFormatError:
        return None


def _machines(transaction: Transaction, fiber_ids: Iterable[str]) -> dict[str, Any]:
    """Summaries by id; ids without a machine are just absent."""
    return {
        fiber_id: _machine_summary(machine)
        for fiber_id in fiber_ids
        if (machine := transaction.machine(fiber_id)) is not None
    }


def _scripts(transaction: Transaction, fiber_ids: Iterable[str]) -> dict[str, Any]:
    return {
        fiber_id: _script_summary(script)
        for fiber_id in fiber_ids
        if (script := transaction.script(fiber_id)) is not None
    }


def _parent(transaction: Transaction, record: StateMachineRecord) -> dict[str, Any] | None:
    if record.parent_fiber_id is None:
        return None
    parent = transaction.machine(record.parent_fiber_id)
    return None if parent is None else {**_machine_summary(parent), "machineId": parent.fiber_id}


def _machine_summary(record: StateMachineRecord) -> dict[str, Any]:
    return {
        "state": record.state_data,
        "currentStateId": record.current_state,
        "sequenceNumber": record.sequence_number,
    }


def _script_summary(record: ScriptRecord) -> dict[str, Any]:
    invocation = record.last_invocation
    return {
        "state": record.state_data,
        "status": record.status.capitalize(),  # the reference shows its object name: "Active"
        "sequenceNumber": record.sequence_number,
        "lastInvocation": None if invocation is None else _invocation_summary(invocation),
    }


def _invocation_summary(invocation: ScriptInvocation) -> dict[str, Any]:
    return {
        "method": invocation.method,
        "args": invocation.args,
        "result": invocation.result,
        "gasUsed": invocation.gas_used,
        "invokedAt": invocation.invoked_at,
        "invokedBy": invocation.invoked_by,
    }
