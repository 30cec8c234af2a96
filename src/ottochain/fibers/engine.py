"""One input to one fiber, with everything that follows from it: committed as a whole or not at all.

The reference's ``FiberEngine``: evaluate, log, spawn, then run the triggers.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TypeAlias

from ottochain.codec.canonical import canonical_bytes
from ottochain.codec.exact_json import JsonValue
from ottochain.codec.hashing import sha256_hex
from ottochain.crypto.proofs import Proof
from ottochain.fibers.context import proofs_context, spawn_context
from ottochain.fibers.execution import DEFAULT_RULES, Abort, ExecutionRules, SnapshotContext, Transaction
from ottochain.fibers.failures import Failure, fiber_input_mismatch, fiber_not_active, fiber_not_found
from ottochain.fibers.machines import TransitionOutcome, run_transition
from ottochain.fibers.receipts import EventReceipt, LogEntry, ScriptInvocation
from ottochain.fibers.records import ACTIVE, ScriptRecord, StateMachineRecord
from ottochain.fibers.scala_order import uuid_set
from ottochain.fibers.scripts import run_script
from ottochain.fibers.spawns import spawn_children
from ottochain.fibers.triggers import run_triggers

__all__ = ["Aborted", "Committed", "EventInput", "FiberInput", "MethodInput", "process"]


@dataclass(frozen=True, slots=True)
class EventInput:
    """An event for a machine."""

    event_name: str
    payload: JsonValue


@dataclass(frozen=True, slots=True)
class MethodInput:
    """A method call on a script."""

    method: str
    args: JsonValue
    caller: str


FiberInput: TypeAlias = EventInput | MethodInput


@dataclass(frozen=True, slots=True)
class Committed:
    """The new records of the fibers that changed, the log entries in order, gas and triggers of the whole.

    `cascaded` says that triggers ran: the reference then writes the commitments of *all* fibers.
    """

    machines: dict[str, StateMachineRecord]
    scripts: dict[str, ScriptRecord]
    log: list[LogEntry]
    gas_used: int
    depth: int
    cascaded: bool


@dataclass(frozen=True, slots=True)
class Aborted:
    """Nothing changed, and why; the gas used until then, and the triggers processed."""

    failure: Failure
    gas_used: int
    depth: int


def process(
    machines: Mapping[str, StateMachineRecord],
    scripts: Mapping[str, ScriptRecord],
    fiber_id: str,
    given: FiberInput,
    proofs: Sequence[Proof],
    at: SnapshotContext,
    rules: ExecutionRules = DEFAULT_RULES,
) -> Committed | Aborted:
    """Process an input. `machines` and `scripts` are only read.

    Raises ``CombineError`` or ``CanonicalError`` where the reference raises instead of aborting: initial data of a
    child without a value, numbers beyond the doubles in a result.
    """
    transaction = Transaction(machines, scripts, at, rules)
    try:
        cascaded = _process(transaction, fiber_id, given, proofs)
    except Abort as abort:
        return Aborted(abort.failure, transaction.gas_used, transaction.depth)
    return Committed(
        transaction.machines,
        transaction.scripts,
        transaction.log,
        transaction.gas_used,
        transaction.depth,
        cascaded,
    )


def _process(transaction: Transaction, fiber_id: str, given: FiberInput, proofs: Sequence[Proof]) -> bool:
    fiber = transaction.fiber(fiber_id)
    if fiber is None:
        raise Abort(fiber_not_found(fiber_id))
    if fiber.status != ACTIVE:
        raise Abort(fiber_not_active(fiber_id, fiber.status))
    if isinstance(fiber, StateMachineRecord):
        if not isinstance(given, EventInput):
            raise Abort(fiber_input_mismatch(fiber_id, "STATEMACHINE", "METHODCALL"))
        return _process_event(transaction, fiber, given, proofs)
    if not isinstance(given, MethodInput):
        raise Abort(fiber_input_mismatch(fiber_id, "SCRIPT", "TRANSITION"))
    _process_call(transaction, fiber, given)
    return False


def _process_event(
    transaction: Transaction, record: StateMachineRecord, given: EventInput, proofs: Sequence[Proof]
) -> bool:
    outcome = run_transition(transaction, record, given.event_name, given.payload, proofs_context(proofs))
    moved = _moved(transaction, record, given.event_name, outcome)
    if outcome.spawns:
        context = spawn_context(transaction, moved, given.event_name, given.payload)
        children = spawn_children(transaction, outcome.spawns, moved, context)
        child_ids = uuid_set([*moved.child_fiber_ids, *(child.fiber_id for child in children)])
        moved = replace(moved, child_fiber_ids=child_ids)
        transaction.machines[moved.fiber_id] = moved
        transaction.machines.update((child.fiber_id, child) for child in children)
    else:
        transaction.machines[moved.fiber_id] = moved
    if outcome.triggers:
        run_triggers(transaction, outcome.triggers)
    return bool(outcome.triggers)


def _moved(
    transaction: Transaction, record: StateMachineRecord, event_name: str, outcome: TransitionOutcome
) -> StateMachineRecord:
    """The machine after its own transition, with its receipt, which goes first into the log."""
    canonical = canonical_bytes(outcome.state_data)
    ordinal = transaction.at.ordinal
    receipt = EventReceipt(
        fiber_id=record.fiber_id,
        sequence_number=record.sequence_number + 1,
        event_name=event_name,
        ordinal=ordinal,
        from_state=record.current_state,
        to_state=outcome.transition.target,
        success=True,
        gas_used=transaction.gas_used,
        triggers_fired=len(outcome.triggers),
        emitted_events=outcome.emitted_events,
    )
    transaction.log.append(receipt)
    return replace(
        record,
        previous_update_ordinal=record.latest_update_ordinal,
        latest_update_ordinal=ordinal,
        current_state=outcome.transition.target,
        state_data=outcome.state_data,
        state_data_hash=sha256_hex(canonical),
        sequence_number=record.sequence_number + 1,
        last_receipt=receipt,
        state_canonical=canonical,
    )


def _process_call(transaction: Transaction, record: ScriptRecord, given: MethodInput) -> None:
    """A direct call keeps the old state where the script returns none."""
    outcome = run_script(transaction, record, given.method, given.args, given.caller)
    state = outcome.state if outcome.has_state else record.state_data
    canonical = canonical_bytes(state)
    ordinal = transaction.at.ordinal
    invocation = ScriptInvocation(
        fiber_id=record.fiber_id,
        method=given.method,
        args=given.args,
        result=outcome.result,
        gas_used=transaction.gas_used,
        invoked_at=ordinal,
        invoked_by=given.caller,
    )
    transaction.log.append(invocation)
    transaction.scripts[record.fiber_id] = replace(
        record,
        latest_update_ordinal=ordinal,
        state_data=state,
        state_data_hash=sha256_hex(canonical),
        sequence_number=record.sequence_number + 1,
        last_invocation=invocation,
        state_canonical=canonical,
    )
