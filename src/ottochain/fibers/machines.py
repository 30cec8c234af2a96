"""One machine, one event: guards in order, then the effect of the first that says yes.

Shared by events of messages and events of triggers (the reference's ``FiberEvaluator``).
"""

from dataclasses import dataclass
from typing import Any

from ottochain.codec.canonical import canonical_bytes
from ottochain.codec.exact_json import JsonValue
from ottochain.fibers.context import transition_context
from ottochain.fibers.definitions import Transition
from ottochain.fibers.effects import Trigger, emitted_events_of, merged, triggers_of
from ottochain.fibers.execution import Abort, Transaction
from ottochain.fibers.failures import (
    EFFECT,
    GUARD,
    evaluation_error,
    gas_exhausted,
    no_guard_matched,
    no_transition_found,
    state_size_too_large,
)
from ottochain.fibers.receipts import EmittedEvent
from ottochain.fibers.records import StateMachineRecord
from ottochain.fibers.spawn_directives import SpawnDirective, spawn_directives
from ottochain.fibers.values import class_name

__all__ = ["TransitionOutcome", "run_transition"]


@dataclass(frozen=True, slots=True)
class TransitionOutcome:
    """What a transition does to its machine, and what it asks for beyond."""

    transition: Transition
    state_data: dict[str, Any]
    triggers: tuple[Trigger, ...]
    spawns: tuple[SpawnDirective, ...]
    emitted_events: tuple[EmittedEvent, ...]


def run_transition(
    transaction: Transaction,
    record: StateMachineRecord,
    event_name: str,
    payload: JsonValue,
    proofs: list[dict[str, Any]],
) -> TransitionOutcome:
    """Find and run the transition for an event, and charge for it. Raises ``Abort`` if there is none or it fails."""
    candidates = record.definition.transitions_on(record.current_state, event_name)
    if not candidates:
        raise Abort(no_transition_found(record.current_state, event_name))
    for transition in candidates:
        context = transition_context(transaction, record, event_name, payload, proofs, transition.dependencies)
        if _guard_admits(transaction, transition, context):
            return _apply(transaction, record, transition, context)
    raise Abort(no_guard_matched(record.current_state, event_name, len(candidates)))


def _guard_admits(transaction: Transaction, transition: Transition, context: dict[str, Any]) -> bool:
    outcome = transaction.evaluate(transition.guard_program, context, GUARD)
    if not isinstance(outcome.value, bool):  # there is no truthiness here, and no charge either
        text = f"Guard returned non-boolean: {class_name(outcome.value)}"
        raise Abort(evaluation_error(GUARD, text))
    transaction.gas_used += outcome.gas
    return outcome.value


def _apply(
    transaction: Transaction, record: StateMachineRecord, transition: Transition, context: dict[str, Any]
) -> TransitionOutcome:
    if not isinstance(record.state_data, dict):
        raise Abort(evaluation_error(EFFECT, "State data must be MapValue"))
    outcome = transaction.evaluate(transition.effect_program, context, EFFECT)
    transaction.gas_used += outcome.gas
    result = outcome.value
    limits = transaction.rules.limits
    size = len(canonical_bytes(result))
    if size > limits.max_state_size_bytes:
        raise Abort(state_size_too_large(size, limits.max_state_size_bytes))
    triggers = tuple(triggers_of(transaction, result, context, record.fiber_id))
    spawns = spawn_directives(transition.effect)
    prices = transaction.rules.fiber_gas
    transaction.gas_used += (
        prices.context_build + len(triggers) * prices.trigger_event + len(spawns) * prices.spawn_directive
    )
    if transaction.gas_used > limits.max_gas:
        raise Abort(gas_exhausted(EFFECT, transaction.gas_used, limits.max_gas))
    return TransitionOutcome(transition, merged(record.state_data, result), triggers, spawns, emitted_events_of(result))
