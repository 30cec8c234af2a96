"""Why validation refuses a message: a code, a text, and the reference's rendering for the answer of ``POST /data``.

Codes are the reference's error class names, texts its messages, renderings the ``toString`` of its case classes.
"""

from dataclasses import dataclass
from typing import Any

from ottochain.fibers.policies import AccessPolicy

__all__ = ["Rejection", "refused_reason"]


@dataclass(frozen=True, slots=True)
class Rejection:
    """One reason."""

    code: str
    message: str
    rendered: str

    def to_json(self) -> dict[str, Any]:
        """The form in which webhooks tell it."""
        return {"code": self.code, "message": self.message}


def refused_reason(rejections: list[Rejection]) -> str:
    """What ``POST /data`` answers about a refused message."""
    return f"Invalid data update, reason: Chain({', '.join(rejection.rendered for rejection in rejections)})"


def _of(code: str, message: str, *fields: object) -> Rejection:
    return Rejection(code, message, f"{code}({','.join(map(str, fields))})" if fields else code)


# Ids and sequence numbers


def cid_already_exists(fiber_id: str) -> Rejection:
    """Something has this id."""
    return _of("CidAlreadyExists", f"Resource with ID {fiber_id} already exists", fiber_id)


def cid_not_found(fiber_id: str) -> Rejection:
    """Nothing has this id on chain."""
    return _of("CidNotFound", f"Resource with ID {fiber_id} not found", fiber_id)


def sequence_number_mismatch(fiber_id: str, target: int, current: int) -> Rejection:
    """The message aims at a number that the fiber has left behind."""
    return _of(
        "SequenceNumberMismatch",
        f"Sequence number mismatch for fiber {fiber_id}: update targets {target} but fiber is at {current}",
        fiber_id,
        f"FiberOrdinal({target})",
        f"FiberOrdinal({current})",
    )


# Definitions


def no_states() -> Rejection:
    """A definition without states."""
    return _of("NoStatesInDefinition", "State machine definition has no states")


def initial_state_not_found(state: str) -> Rejection:
    """The initial state is none of the states."""
    return _of("InitialStateNotFound", f"Initial state {state} not found in states", f"StateId({state})")


def transition_from_invalid_state(state: str) -> Rejection:
    """A transition leaves a state that there is not."""
    return _of("TransitionFromInvalidState", f"Transition references invalid from state: {state}", f"StateId({state})")


def transition_to_invalid_state(state: str) -> Rejection:
    """A transition enters a state that there is not."""
    return _of("TransitionToInvalidState", f"Transition references invalid to state: {state}", f"StateId({state})")


def duplicate_transitions() -> Rejection:
    """The same transition twice."""
    return _of(
        "DuplicateTransitions",
        "Exact duplicate transitions detected (same from, to, event, guard, effect, and dependencies)",
    )


def ambiguous_transitions() -> Rejection:
    """Several transitions for one event in one state, one of them with the guard ``true``."""
    return _of(
        "AmbiguousTransitions",
        "Ambiguous transitions detected: multiple transitions from same state+event "
        "with at least one unconditional guard",
    )


def too_many_states(count: int, maximum: int) -> Rejection:
    """More states than allowed."""
    return _of("TooManyStates", f"Too many states: {count} (max: {maximum})", count, maximum)


def too_many_transitions(count: int, maximum: int) -> Rejection:
    """More transitions than allowed."""
    return _of("TooManyTransitions", f"Too many transitions: {count} (max: {maximum})", count, maximum)


def too_many_transitions_per_state(count: int, maximum: int) -> Rejection:
    """More transitions out of one state than allowed."""
    return _of(
        "TooManyTransitionsPerState", f"Too many transitions per state: {count} (max: {maximum})", count, maximum
    )


def expression_too_deep(where: str, depth: int, maximum: int) -> Rejection:
    """An expression is nested too deep."""
    message = f"{where} expression depth ({depth}) exceeds maximum ({maximum})"
    return _of("ExpressionTooDeep", message, where, depth, maximum)


def reserved_operator_as_field_name(where: str, name: str) -> Rejection:
    """A map literal has a key that would be an operator if it stood alone."""
    return _of(
        "ReservedOperatorAsFieldName",
        f"Field name '{name}' in {where} conflicts with reserved JSON Logic operator. "
        "Using operator names as field keys can cause signature validation failures.",
        where,
        name,
    )


# Values


def not_map_value(field: str) -> Rejection:
    """An object was wanted."""
    return _of("NotMapValue", f"{field} must be a MapValue", field)


def not_map_value_or_null(field: str) -> Rejection:
    """An object or null was wanted."""
    return _of("NotMapValueOrNull", f"{field} must be a MapValue or null", field)


def value_is_null(field: str) -> Rejection:
    """Anything but null was wanted."""
    return _of("ValueIsNull", f"{field} cannot be null", field)


def value_too_large(field: str, actual_bytes: int, max_bytes: int) -> Rejection:
    """A value's estimated size is too large."""
    message = f"{field} size ({actual_bytes} bytes) exceeds maximum ({max_bytes} bytes)"
    return _of("ValueTooLarge", message, field, actual_bytes, max_bytes)


def string_too_long(path: str, length: int, maximum: int) -> Rejection:
    """A text inside a payload is too long."""
    return _of(
        "StringTooLong", f"String at {path} (length {length}) exceeds maximum ({maximum})", path, length, maximum
    )


def string_contains_control_chars(path: str) -> Rejection:
    """A text inside a payload has control characters, line ends and tabs included."""
    return _of("StringContainsControlChars", f"String at {path} contains control characters", path)


def array_too_large(path: str, size: int, maximum: int) -> Rejection:
    """An array inside a payload has too many elements."""
    return _of("ArrayTooLarge", f"Array at {path} (size {size}) exceeds maximum ({maximum})", path, size, maximum)


def map_too_large(path: str, size: int, maximum: int) -> Rejection:
    """An object inside a payload has too many members."""
    return _of("MapTooLarge", f"Map at {path} (size {size}) exceeds maximum ({maximum})", path, size, maximum)


# Fibers, their owners and parents


def no_proofs() -> Rejection:
    """Nobody signed."""
    return _of("NoProofsProvided", "No signature proofs provided")


def parent_fiber_not_found(parent_id: str) -> Rejection:
    """The parent named is no fiber."""
    return _of("ParentFiberNotFound", f"Parent fiber {parent_id} not found", parent_id)


def parent_fiber_not_active(parent_id: str) -> Rejection:
    """The parent named is archived."""
    return _of("ParentFiberNotActive", f"Parent fiber {parent_id} is not active", parent_id)


def fiber_not_found(fiber_id: str) -> Rejection:
    """There is no machine of this id."""
    return _of("FiberNotFound", f"Fiber {fiber_id} not found", fiber_id)


def fiber_not_active(fiber_id: str) -> Rejection:
    """The machine is archived."""
    return _of("FiberNotActive", f"Fiber {fiber_id} is not active", fiber_id)


def not_signed_by_owner() -> Rejection:
    """None of the signers owns the machine."""
    return _of("NotSignedByOwner", "Update not signed by any fiber owner")


def no_transition_for_event(state: str, event_name: str) -> Rejection:
    """The definition has nothing for this event in the current state."""
    message = f"No transition from state {state} for event {event_name}"
    return _of("NoTransitionForEvent", message, f"StateId({state})", event_name)


def oracle_not_found(fiber_id: str) -> Rejection:
    """There is no script of this id."""
    return _of("OracleNotFound", f"Oracle {fiber_id} not found", fiber_id)


def oracle_access_denied(fiber_id: str, policy: AccessPolicy) -> Rejection:
    """The script's policy admits none of the signers."""
    message = f"Access denied to oracle {fiber_id} (policy: {policy.rendered})"
    return _of("OracleAccessDenied", message, fiber_id, policy.rendered)
