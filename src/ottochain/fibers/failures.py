"""Why a transaction was aborted: a reason's name and the text that goes into a receipt.

The names and texts are those of the reference's ``FailureReason``. Its ValidationFailed, MissingProof,
ChildIdEvaluationFailed and OwnersEvaluationFailed are never produced.
"""

from dataclasses import dataclass
from typing import Final

__all__ = ["EFFECT", "GUARD", "SCRIPT", "SPAWN", "TRIGGER", "Failure"]

# Phases: where gas ran out or an evaluation failed.
GUARD: Final = "GUARD"
EFFECT: Final = "EFFECT"
SCRIPT: Final = "ORACLE"
TRIGGER: Final = "TRIGGER"
SPAWN: Final = "SPAWN"


@dataclass(frozen=True, slots=True)
class Failure:
    """A reason with its text."""

    reason: str
    message: str


def no_transition_found(state: str, event_name: str) -> Failure:
    """The definition has nothing for this event in this state."""
    return Failure("NoTransitionFound", f"No transition found from {state} for event {event_name}")


def no_guard_matched(state: str, event_name: str, attempted: int) -> Failure:
    """All `attempted` guards said no."""
    return Failure("NoGuardMatched", f"No guard matched from {state} on {event_name} ({attempted} guards tried)")


def evaluation_error(phase: str, text: str) -> Failure:
    """An expression had no value, or one of a kind that is not allowed there."""
    return Failure("EvaluationError", f"{phase} evaluation error: {text}")


def gas_exhausted(phase: str, used: int, limit: int) -> Failure:
    """The transaction's gas did not suffice; `used` is what had been charged before."""
    return Failure("GasExhaustedFailure", f"Gas exhausted during {phase}: {used} of {limit} units consumed")


def cycle_detected(fiber_id: str, event_name: str) -> Failure:
    """A fiber was to process the same event or method twice in one transaction."""
    return Failure("CycleDetected", f"Cycle detected: fiber {fiber_id}, event {event_name}")


def depth_exceeded(depth: int, max_depth: int) -> Failure:
    """Too many triggers in one transaction."""
    return Failure("DepthExceeded", f"Trigger cascade depth exceeded: {depth} (max: {max_depth})")


def trigger_target_not_found(target: str, source: str) -> Failure:
    """A trigger addressed a fiber that does not exist."""
    return Failure("TriggerTargetNotFound", f"Trigger target fiber {target} not found (source: {source})")


def access_denied(caller: str, fiber_id: str, policy: str, details: str) -> Failure:
    """A script's policy does not admit the caller."""
    return Failure(
        "AccessDenied",
        f"Access denied: caller {caller} not authorized for resource {fiber_id} (policy: {policy}) - {details}",
    )


def fiber_input_mismatch(fiber_id: str, fiber_kind: str, input_kind: str) -> Failure:
    """An event was sent to a script directly, or a method call to a machine."""
    return Failure("FiberInputMismatch", f"Cannot use {input_kind} input with {fiber_kind} fiber {fiber_id}")


def fiber_not_found(fiber_id: str) -> Failure:
    """There is no such fiber."""
    return Failure("FiberNotFound", f"Fiber {fiber_id} not found")


def fiber_not_active(fiber_id: str, status: str) -> Failure:
    """The fiber is archived; the text has the status as the reference's object name."""
    return Failure("FiberNotActive", f"Fiber {fiber_id} is not active (status: {status.capitalize()})")


def script_failed(fiber_id: str, method: str, text: str) -> Failure:
    """A script that a trigger called said no."""
    return Failure("OracleInvocationFailed", f"Oracle {fiber_id} method '{method}' failed: {text}")


def caller_resolution_failed(fiber_id: str, source: str) -> Failure:
    """The fiber whose trigger called a script has no owner to call for."""
    return Failure(
        "CallerResolutionFailed", f"Unable to determine caller for oracle {fiber_id} (source fiber: {source})"
    )


def state_size_too_large(actual_bytes: int, max_bytes: int) -> Failure:
    """An effect's result is too long in canonical JSON."""
    return Failure("StateSizeTooLarge", f"Resulting state size {actual_bytes} bytes exceeds maximum {max_bytes} bytes")


def invalid_child_id(expression: str, text: str) -> Failure:
    """A child's id is no UUID."""
    return Failure("InvalidChildIdFormat", f"Child ID expression '{expression}' did not return valid UUID: {text}")


def duplicate_child_id(child_id: str, count: int) -> Failure:
    """Several children of one transition share an id."""
    return Failure("DuplicateChildId", f"Duplicate child ID {child_id} appears {count} times in spawn batch")


def child_id_collision(child_id: str) -> Failure:
    """A child's id is already a fiber's."""
    return Failure("ChildIdCollision", f"Child ID {child_id} already exists as a fiber")


def invalid_owners(text: str) -> Failure:
    """The owners of a child are no array."""
    return Failure("InvalidOwnersExpression", f"Owners expression invalid: {text}")


def invalid_owner_address(address: str, text: str) -> Failure:
    """One of the owners of a child is no address."""
    return Failure("InvalidOwnerAddress", f"Invalid owner address '{address}': {text}")
