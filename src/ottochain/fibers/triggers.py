"""The cascade: triggers run depth first, all or nothing (the reference's ``TriggerDispatcher``).

The bound counts triggers processed and is looked at before the queue is: with a depth of 10, nine triggers is the
most that can commit.
"""

from collections import deque
from dataclasses import replace

from ottochain.codec.canonical import canonical_bytes
from ottochain.codec.hashing import sha256_hex
from ottochain.fibers.effects import Trigger
from ottochain.fibers.execution import Abort, Transaction
from ottochain.fibers.failures import (
    TRIGGER,
    caller_resolution_failed,
    cycle_detected,
    depth_exceeded,
    gas_exhausted,
    script_failed,
    trigger_target_not_found,
)
from ottochain.fibers.machines import run_transition
from ottochain.fibers.receipts import EventReceipt, ScriptInvocation
from ottochain.fibers.records import ScriptRecord, StateMachineRecord
from ottochain.fibers.scripts import refusal, run_script

__all__ = ["run_triggers"]


def run_triggers(transaction: Transaction, triggers: tuple[Trigger, ...]) -> None:
    """Run `triggers` and whatever they cause; the fibers and the log of `transaction` hold the outcome.

    Raises ``Abort`` at the first that fails.
    """
    limits = transaction.rules.limits
    pending = deque(triggers)
    while True:
        if transaction.depth >= limits.max_depth:
            raise Abort(depth_exceeded(transaction.depth, limits.max_depth))
        if transaction.gas_used >= limits.max_gas:
            raise Abort(gas_exhausted(TRIGGER, transaction.gas_used, limits.max_gas))
        if not pending:
            return
        pending.extendleft(reversed(_run(transaction, pending.popleft())))
        transaction.depth += 1


def _run(transaction: Transaction, trigger: Trigger) -> tuple[Trigger, ...]:
    """Process one trigger; the answer is what it triggers in turn."""
    mark = (trigger.target, trigger.key)
    if mark in transaction.processed:
        raise Abort(cycle_detected(*mark))
    fiber = transaction.fiber(trigger.target)
    if fiber is None:
        raise Abort(trigger_target_not_found(trigger.target, trigger.source))
    transaction.processed.add(mark)
    if isinstance(fiber, ScriptRecord):
        _run_on_script(transaction, trigger, fiber)
        return ()
    return _run_on_machine(transaction, trigger, fiber)


def _run_on_machine(transaction: Transaction, trigger: Trigger, record: StateMachineRecord) -> tuple[Trigger, ...]:
    """Neither status nor owners are asked; spawns are paid for but not made."""
    outcome = run_transition(transaction, record, trigger.key, trigger.content, [])
    ordinal = transaction.at.ordinal
    receipt = EventReceipt(
        fiber_id=record.fiber_id,
        sequence_number=record.sequence_number + 1,
        event_name=trigger.key,
        ordinal=ordinal,
        from_state=record.current_state,
        to_state=outcome.transition.target,
        success=True,
        gas_used=0,  # the cost is the primary transition's
        triggers_fired=len(outcome.triggers),
        source_fiber_id=trigger.source,
        emitted_events=outcome.emitted_events,
    )
    transaction.log.append(receipt)
    # As in the reference, previous_update_ordinal and state_data_hash keep their old values here.
    transaction.machines[record.fiber_id] = replace(
        record,
        latest_update_ordinal=ordinal,
        current_state=outcome.transition.target,
        state_data=outcome.state_data,
        sequence_number=record.sequence_number + 1,
        last_receipt=receipt,
        state_canonical=None,
    )
    return outcome.triggers


def _run_on_script(transaction: Transaction, trigger: Trigger, record: ScriptRecord) -> None:
    """The caller is the first owner of the fiber that triggers. A script that returns no state loses the one it had."""
    source = transaction.fiber(trigger.source)
    if source is None or not source.owners:
        raise Abort(caller_resolution_failed(record.fiber_id, trigger.source))
    caller = source.owners[0]
    outcome = run_script(transaction, record, trigger.key, trigger.content, caller)
    no = refusal(outcome.result)
    if no is not None:
        raise Abort(script_failed(record.fiber_id, trigger.key, no))
    canonical = canonical_bytes(outcome.state)
    invocation = ScriptInvocation(
        fiber_id=record.fiber_id,
        method=trigger.key,
        args=trigger.content,
        result=outcome.result,
        gas_used=outcome.gas,
        invoked_at=transaction.at.ordinal,
        invoked_by=caller,
    )
    transaction.log.append(invocation)
    transaction.scripts[record.fiber_id] = replace(
        record,
        latest_update_ordinal=transaction.at.ordinal,
        state_data=outcome.state,
        state_data_hash=sha256_hex(canonical) if outcome.has_state else None,
        sequence_number=record.sequence_number + 1,
        last_invocation=invocation,
        state_canonical=canonical,
    )
