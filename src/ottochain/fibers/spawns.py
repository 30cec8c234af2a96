"""Making the children that a transition declares (the reference's ``SpawnValidator`` and ``SpawnProcessor``)."""

from collections import Counter
from dataclasses import dataclass
from typing import Any

from ottochain.codec.canonical import canonical_bytes
from ottochain.codec.exact_json import JsonValue
from ottochain.codec.hashing import sha256_hex
from ottochain.crypto.addresses import is_valid_address
from ottochain.fibers.errors import CombineError
from ottochain.fibers.execution import Abort, Transaction
from ottochain.fibers.failures import (
    SPAWN,
    Failure,
    child_id_collision,
    duplicate_child_id,
    invalid_child_id,
    invalid_owner_address,
    invalid_owners,
)
from ottochain.fibers.limits import NESTING_MAX
from ottochain.fibers.records import StateMachineRecord
from ottochain.fibers.scala_order import address_set, trie_order, uuid_hash
from ottochain.fibers.spawn_directives import SpawnDirective
from ottochain.fibers.uuids import parse_uuid
from ottochain.fibers.values import is_too_deep
from ottochain.jlvm import JlvmError
from ottochain.jlvm.rendering import render

__all__ = ["spawn_children"]

_SHOWN_ID_MAX = 50
_SHOWN_OWNER_MAX = 30


@dataclass(frozen=True, slots=True)
class _Plan:
    directive: SpawnDirective
    child_id: str
    owners: tuple[str, ...]


def spawn_children(
    transaction: Transaction,
    directives: tuple[SpawnDirective, ...],
    parent: StateMachineRecord,
    context: dict[str, Any],
) -> list[StateMachineRecord]:
    """The records of the children, in order.

    All directives are looked at (and paid for) before the first of their failures aborts. Raises ``Abort`` then, and
    ``CombineError`` if a child's initial data have no value, which the reference doesn't catch.
    """
    plans: list[_Plan] = []
    failures: list[Failure] = []
    for directive in directives:
        child_id = _attempt(_child_id, failures, transaction, directive, context)
        owners = _attempt(_owners, failures, transaction, directive, context) if directive.owners else parent.owners
        if child_id is not None and owners is not None:
            plans.append(_Plan(directive, child_id, owners))
    failures = failures or _batch_failures(transaction, [plan.child_id for plan in plans])
    if failures:
        raise Abort(failures[0])
    return [_child(transaction, plan, parent, context) for plan in plans]


def _attempt(step: Any, failures: list[Failure], *arguments: Any) -> Any:
    try:
        return step(*arguments)
    except Abort as abort:
        failures.append(abort.failure)
        return None


def _child_id(transaction: Transaction, directive: SpawnDirective, context: dict[str, Any]) -> str:
    value = _charged(transaction, directive, "child_id", context)
    if not isinstance(value, str):
        raise Abort(invalid_child_id(render(value)[:_SHOWN_ID_MAX], "Expected string value"))
    child_id = parse_uuid(value)
    if child_id is None:
        raise Abort(invalid_child_id(value, "Not a valid UUID format"))
    return child_id


def _owners(transaction: Transaction, directive: SpawnDirective, context: dict[str, Any]) -> tuple[str, ...]:
    value = _charged(transaction, directive, "owners", context)
    if not isinstance(value, list):
        raise Abort(invalid_owners("Expected array of addresses, got non-array value"))
    for owner in value:
        if not isinstance(owner, str):
            raise Abort(invalid_owner_address(render(owner)[:_SHOWN_OWNER_MAX], "Expected string address"))
        if not is_valid_address(owner):
            raise Abort(invalid_owner_address(owner, f"Predicate failed: Invalid DAG address: {owner}."))
    return address_set(value)


def _charged(transaction: Transaction, directive: SpawnDirective, name: str, context: dict[str, Any]) -> JsonValue:
    outcome = transaction.evaluate(directive.program(name), context, SPAWN)
    transaction.gas_used += outcome.gas
    return outcome.value


def _batch_failures(transaction: Transaction, child_ids: list[str]) -> list[Failure]:
    # The reference groups by id in a hash map, so that the first of several duplicates is the first in hash order.
    distinct = trie_order(tuple(dict.fromkeys(child_ids)), uuid_hash)
    counts = Counter(child_ids)
    duplicates = [duplicate_child_id(child_id, counts[child_id]) for child_id in distinct if counts[child_id] > 1]
    collisions = [
        child_id_collision(child_id)
        for child_id in dict.fromkeys(child_ids)
        if transaction.base_machines.get(child_id) or transaction.base_scripts.get(child_id)
    ]
    return duplicates + collisions


def _child(
    transaction: Transaction, plan: _Plan, parent: StateMachineRecord, context: dict[str, Any]
) -> StateMachineRecord:
    try:
        outcome = plan.directive.program("initial_data").run(
            context, gas_limit=transaction.remaining_gas, config=transaction.rules.gas_config
        )
    except JlvmError as error:
        raise CombineError(str(error)) from None
    if is_too_deep(outcome.value):
        raise CombineError(f"Initial data of {plan.child_id} are nested deeper than {NESTING_MAX} levels")
    transaction.gas_used += outcome.gas
    canonical = canonical_bytes(outcome.value)
    ordinal = transaction.at.ordinal
    return StateMachineRecord(
        fiber_id=plan.child_id,
        creation_ordinal=ordinal,
        previous_update_ordinal=ordinal,
        latest_update_ordinal=ordinal,
        definition=plan.directive.definition,
        current_state=plan.directive.definition.initial_state,
        state_data=outcome.value,
        state_data_hash=sha256_hex(canonical),
        sequence_number=0,
        owners=plan.owners,
        parent_fiber_id=parent.fiber_id,
        state_canonical=canonical,
    )
