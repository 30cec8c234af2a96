"""Applying signed updates to the state (the reference's ``Combiner``).

One call is one data block. It is applied as a whole, or raises and leaves everything as it was.
"""

from collections.abc import Iterable, Sequence
from dataclasses import replace

from ottochain.codec.canonical import CanonicalError
from ottochain.codec.hashing import canonical_hash
from ottochain.fibers.engine import Aborted, Committed, EventInput, MethodInput, process
from ottochain.fibers.errors import CombineError
from ottochain.fibers.execution import DEFAULT_RULES, ExecutionRules, SnapshotContext
from ottochain.fibers.messages import (
    ArchiveStateMachine,
    CreateScript,
    CreateStateMachine,
    InvokeScript,
    TransitionStateMachine,
)
from ottochain.fibers.receipts import EventReceipt, LogEntry
from ottochain.fibers.records import ARCHIVED, FiberCommit, ScriptRecord, StateMachineRecord
from ottochain.fibers.scala_order import address_set
from ottochain.fibers.state import CalculatedState, FiberState, OnChain
from ottochain.fibers.updates import SignedUpdate, in_combining_order
from ottochain.fibers.values import as_reloaded

__all__ = ["combine"]


def combine(
    state: FiberState, updates: Iterable[SignedUpdate], at: SnapshotContext, rules: ExecutionRules = DEFAULT_RULES
) -> FiberState:
    """The state after `updates`, which are applied in their combining order. `state` itself stays as it is.

    The log of the new state holds the entries of this call only. Raises ``CombineError`` if one of the updates can't
    be applied at all; a transition that merely fails leaves a receipt.
    """
    block = _Block(state, at, rules)
    try:
        for update in in_combining_order(updates):
            block.apply(update)
    except CanonicalError as error:
        raise CombineError(str(error)) from None
    return block.result()


class _Block:
    """The state while a block is applied: copies of the maps, never of what is in them."""

    def __init__(self, state: FiberState, at: SnapshotContext, rules: ExecutionRules) -> None:
        self._at = at
        self._rules = rules
        self._machines = dict(state.calculated.state_machines)
        self._scripts = dict(state.calculated.scripts)
        self._commits: dict[str, FiberCommit] = dict(state.on_chain.fiber_commits)
        self._logs: dict[str, tuple[LogEntry, ...]] = {}
        self._commits_match = state.commits_match

    def result(self) -> FiberState:
        return FiberState(
            OnChain(self._commits, self._logs),
            CalculatedState(self._machines, self._scripts),
            self._commits_match,
        )

    def apply(self, update: SignedUpdate) -> None:
        match update.message:
            case TransitionStateMachine() as message:
                self._transition(message, update)
            case InvokeScript() as message:
                self._invoke(message, update)
            case CreateStateMachine() as message:
                self._create_machine(message, update)
            case CreateScript() as message:
                self._create_script(message, update)
            case ArchiveStateMachine() as message:
                self._archive(message)

    def _create_machine(self, message: CreateStateMachine, update: SignedUpdate) -> None:
        ordinal = self._at.ordinal
        if message.fiber_id in self._scripts:
            self._commits_match = False
        self._put_machine(
            StateMachineRecord(
                fiber_id=message.fiber_id,
                creation_ordinal=ordinal,
                previous_update_ordinal=ordinal,
                latest_update_ordinal=ordinal,
                definition=message.definition,
                current_state=message.definition.initial_state,
                state_data=message.initial_data,
                state_data_hash=canonical_hash(message.initial_data),
                sequence_number=0,
                owners=address_set(update.addresses),
                parent_fiber_id=message.parent_fiber_id,
            )
        )

    def _create_script(self, message: CreateScript, update: SignedUpdate) -> None:
        if message.fiber_id in self._machines:
            self._commits_match = False
        self._put_script(
            ScriptRecord(
                fiber_id=message.fiber_id,
                creation_ordinal=self._at.ordinal,
                latest_update_ordinal=self._at.ordinal,
                script_program=message.script_program,
                state_data=message.initial_state,
                state_data_hash=None if message.initial_state is None else canonical_hash(message.initial_state),
                access_control=message.access_control,
                sequence_number=0,
                owners=address_set(update.addresses),
            )
        )

    def _transition(self, message: TransitionStateMachine, update: SignedUpdate) -> None:
        record = self._machine_at(message)
        given = EventInput(message.event_name, message.payload)
        outcome = process(self._machines, self._scripts, message.fiber_id, given, update.proofs, self._at, self._rules)
        if isinstance(outcome, Aborted):
            self._note_failure(record, message.event_name, outcome)
        else:
            self._write(outcome)

    def _archive(self, message: ArchiveStateMachine) -> None:
        record = self._machine_at(message)
        self._put_machine(
            replace(
                record,
                previous_update_ordinal=record.latest_update_ordinal,
                latest_update_ordinal=self._at.ordinal,
                status=ARCHIVED,
            )
        )

    def _invoke(self, message: InvokeScript, update: SignedUpdate) -> None:
        record = self._scripts.get(message.fiber_id)
        if record is None:
            raise CombineError(f"Oracle {message.fiber_id} not found")
        _require_sequence(message.target_sequence_number, record.sequence_number)
        if not update.addresses:
            raise CombineError("No proof provided")
        given = MethodInput(message.method, message.args, update.addresses[0])
        outcome = process(self._machines, self._scripts, message.fiber_id, given, update.proofs, self._at, self._rules)
        if isinstance(outcome, Aborted):
            raise CombineError(f"Oracle invocation failed: {outcome.failure.message}")
        if message.fiber_id not in outcome.scripts:
            raise CombineError(f"Oracle {message.fiber_id} not found in orchestrator result")
        self._put_script(outcome.scripts[message.fiber_id])
        self._append(outcome.log)

    def _machine_at(self, message: TransitionStateMachine | ArchiveStateMachine) -> StateMachineRecord:
        """The machine that a message addresses, at exactly the sequence number that it aims at."""
        record = self._machines.get(message.fiber_id)
        if record is None:
            raise CombineError(f"Fiber {message.fiber_id} not found")
        _require_sequence(message.target_sequence_number, record.sequence_number)
        return record

    def _note_failure(self, record: StateMachineRecord, event_name: str, outcome: Aborted) -> None:
        receipt = EventReceipt(
            fiber_id=record.fiber_id,
            sequence_number=record.sequence_number,
            event_name=event_name,
            ordinal=self._at.ordinal,
            from_state=record.current_state,
            to_state=record.current_state,
            success=False,
            gas_used=outcome.gas_used,
            triggers_fired=0,
            error_message=outcome.failure.message,
        )
        self._put_machine(
            replace(
                record,
                previous_update_ordinal=record.latest_update_ordinal,
                latest_update_ordinal=self._at.ordinal,
                last_receipt=receipt,
            )
        )
        self._append([receipt])

    def _write(self, outcome: Committed) -> None:
        for machine in outcome.machines.values():
            self._put_machine(machine)
        for script in outcome.scripts.values():
            self._put_script(script)
        if outcome.cascaded and not self._commits_match:
            self._commit_everything()
        self._append(outcome.log)

    def _put_machine(self, record: StateMachineRecord) -> None:
        commit = record.commit  # before reloading: what has no canonical text raises here
        data = as_reloaded(record.state_data)
        receipt = record.last_receipt and record.last_receipt.reloaded()
        if data is not record.state_data or receipt is not record.last_receipt:
            record = replace(record, state_data=data, last_receipt=receipt)
        self._machines[record.fiber_id] = record
        self._commits[record.fiber_id] = commit

    def _put_script(self, record: ScriptRecord) -> None:
        commit = record.commit
        data = as_reloaded(record.state_data)
        invocation = record.last_invocation and record.last_invocation.reloaded()
        if data is not record.state_data or invocation is not record.last_invocation:
            record = replace(record, state_data=data, last_invocation=invocation)
        self._scripts[record.fiber_id] = record
        self._commits[record.fiber_id] = commit

    def _commit_everything(self) -> None:
        """After a cascade the reference writes the commitments of all fibers, which only shows where they differed."""
        self._commits.update((fiber_id, record.commit) for fiber_id, record in self._machines.items())
        self._commits.update((fiber_id, record.commit) for fiber_id, record in self._scripts.items())
        self._commits_match = True

    def _append(self, entries: Sequence[LogEntry]) -> None:
        for entry in entries:
            self._logs[entry.fiber_id] = (*self._logs.get(entry.fiber_id, ()), entry)


def _require_sequence(target: int, actual: int) -> None:
    if target != actual:
        raise CombineError(f"Sequence number mismatch: target=FiberOrdinal({target}), actual=FiberOrdinal({actual})")
