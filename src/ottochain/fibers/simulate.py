"""Playing cases through validation, combine and engine, without a network.

A *case* is a JSON object: ``given`` (a state; else genesis), ``steps`` (each a ``message`` and its ``signers``), and
optionally ``mode`` (``"combiner"``: validation is told but doesn't decide), ``limits``, ``signers`` for steps without
their own, ``participants`` and ``context``. A *collection* holds ``cases``, and may hold ``context``,
``participants``, ``engineCases`` (one call of the engine each) and ``orderingCases``.
"""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, Final

from ottochain.fibers.combine import combine
from ottochain.fibers.context import proofs_context, transition_context
from ottochain.fibers.engine import EventInput, FiberInput, MethodInput, process
from ottochain.fibers.errors import CombineError, DecodeError, FiberError
from ottochain.fibers.execution import Abort, ExecutionRules, SnapshotContext, Transaction
from ottochain.fibers.failures import GUARD
from ottochain.fibers.messages import TransitionStateMachine, decode_message, encode_message
from ottochain.fibers.participants import Signer, resolve_signer
from ottochain.fibers.simulate_results import changes, engine_outcome, validation
from ottochain.fibers.simulate_settings import (
    CASE_CONTEXT,
    ENGINE_CONTEXT,
    CaseError,
    ContextOverrides,
    context_of,
    rules_of,
)
from ottochain.fibers.state import CalculatedState, FiberState, genesis
from ottochain.fibers.updates import SignedUpdate, combining_key
from ottochain.fibers.validation import validate_update
from ottochain.jlvm.values import strictly_equal

__all__ = [
    "CaseError",
    "ContextOverrides",
    "GuardVerdict",
    "Step",
    "cases_of",
    "guard_verdicts",
    "is_collection",
    "play",
    "play_steps",
]

_KINDS: Final = ("cases", "engineCases", "orderingCases")
_NO_HASH: Final = "0" * 64


@dataclass(frozen=True, slots=True)
class Step:
    """What one step did. `update` is none if the message could not be decoded; `after` is the state that goes on."""

    given: Mapping[str, Any]
    expect: dict[str, Any]
    update: SignedUpdate | None
    before: FiberState
    after: FiberState
    at: SnapshotContext
    rules: ExecutionRules


@dataclass(frozen=True, slots=True)
class GuardVerdict:
    """What one guard said: its transition's place in the definition and target, and ``true``, ``false`` or why not."""

    index: int
    target: str
    verdict: str


def is_collection(content: Mapping[str, Any]) -> bool:
    """Whether a file holds several cases."""
    return any(kind in content for kind in _KINDS)


def cases_of(content: Mapping[str, Any], case_id: str | None = None) -> dict[str, list[Mapping[str, Any]]]:
    """The cases of a collection by kind, or those with that id. Raises ``CaseError`` if there are none."""
    chosen = {
        kind: [case for case in content.get(kind, []) if case_id is None or case.get("id") == case_id]
        for kind in _KINDS
    }
    if not any(chosen.values()):
        raise CaseError("the collection is empty" if case_id is None else f"no case has the id {case_id}")
    return {kind: cases for kind, cases in chosen.items() if cases}


def play(case: Any, collection: Mapping[str, Any], overrides: ContextOverrides) -> dict[str, Any]:
    """Play a case of any kind; what it gives has the shape in which such a case states what it expects.

    ``{"id", "steps": [{"message", "messageEncoded"?, "signers", "updateHash", "expect"}]}``, ``{"id", "expect"}`` for a
    call of the engine, ``{"order"}`` for an ordering. ``messageEncoded`` is the message as the server re-encodes it,
    where its content differs. Raises ``CaseError``.
    """
    with _case_errors(case):
        identity = {"id": case["id"]} if "id" in case else {}
        if "steps" in case:
            steps = [_told(step) for step in play_steps(case, collection, overrides)]
            return {**identity, "steps": steps}
        if "input" in case:
            return {**identity, "expect": _play_engine(case, collection, overrides)}
        if "messages" in case:
            return {**identity, "order": _combining_order(case["messages"])}
    raise CaseError("a case has steps, an engine input or messages to be ordered")


def play_steps(case: Mapping[str, Any], collection: Mapping[str, Any], overrides: ContextOverrides) -> list[Step]:
    """The steps of a case, played one after the other. Raises ``CaseError``."""
    with _case_errors(case):
        at = context_of(CASE_CONTEXT, [collection, case], overrides)
        rules = rules_of(case, collection)
        state = genesis() if case.get("given") is None else FiberState.from_json(case["given"])
        shared = {"signers": case["signers"]} if "signers" in case else {}
        steps: list[Step] = []
        for told in case["steps"]:
            given = {**shared, **told}
            signers = _signers(given, case, collection)
            step = _play_step(state, given, signers, at, rules, decides=case.get("mode") != "combiner")
            steps.append(step)
            state = step.after
        return steps


@contextmanager
def _case_errors(case: Any) -> Iterator[None]:
    """A case comes from a file: whatever is wrong with it is told as ``CaseError``, with its id."""
    if not isinstance(case, Mapping):
        raise CaseError(f"a case is an object, found {case!r:.60}")
    try:
        yield
    except CaseError:
        raise
    except (KeyError, TypeError, AttributeError) as error:
        raise CaseError(f"case {case.get('id')}: a part is missing or of the wrong kind ({error!r})") from None
    except (FiberError, ValueError) as error:
        raise CaseError(f"case {case.get('id')}: {error}") from None


def guard_verdicts(step: Step) -> list[GuardVerdict]:
    """What the guards of a step's event said, up to the first that did not say no. Empty if none was asked."""
    message = step.update.message if step.update else None
    machines = step.before.calculated.state_machines
    if step.update is None or not isinstance(message, TransitionStateMachine) or message.fiber_id not in machines:
        return []
    record = machines[message.fiber_id]
    transaction = Transaction(machines, step.before.calculated.scripts, step.at, step.rules)
    proofs = proofs_context(step.update.proofs)
    verdicts: list[GuardVerdict] = []
    for transition in record.definition.transitions_on(record.current_state, message.event_name):
        context = transition_context(
            transaction, record, message.event_name, message.payload, proofs, transition.dependencies
        )
        try:
            value = transaction.evaluate(transition.guard_program, context, GUARD).value
            verdict = str(value).lower() if isinstance(value, bool) else "not a boolean"
        except Abort as abort:
            verdict = abort.failure.message
        index = record.definition.transitions.index(transition)
        verdicts.append(GuardVerdict(index, transition.target, verdict))
        if verdict != "false":
            break
    return verdicts


def _play_step(
    state: FiberState,
    given: Mapping[str, Any],
    signers: list[Signer],
    at: SnapshotContext,
    rules: ExecutionRules,
    *,
    decides: bool,
) -> Step:
    try:
        message = decode_message(given["message"])
        unsigned = SignedUpdate.of(message, [])
    except DecodeError as error:
        return Step(given, {"decodeError": str(error)}, None, state, state, at, rules)
    update = SignedUpdate.of(message, [signer.proof(unsigned.hash) for signer in signers])
    rejections = validate_update(state, update)
    expect: dict[str, Any] = {"validation": validation(rejections)}
    try:
        after = combine(state, [update], at, rules)
    except CombineError as error:
        expect |= {"combine": {"accepted": False, "error": str(error)}, "applied": False}
        return Step(given, expect, update, state, state, at, rules)
    applied = not (rejections and decides)
    expect |= {"combine": {"accepted": True, **changes(state, after, update)}, "applied": applied}
    return Step(given, expect, update, state, after if applied else state, at, rules)


def _told(step: Step) -> dict[str, Any]:
    told = {"message": step.given["message"]}
    encoded = None if step.update is None else encode_message(step.update.message)
    if encoded is not None and not strictly_equal(encoded, told["message"]):
        told["messageEncoded"] = encoded
    if "signers" in step.given:
        told["signers"] = step.given["signers"]
    if step.update is not None:
        told["updateHash"] = step.update.hash
    return {**told, "expect": step.expect}


def _play_engine(case: Mapping[str, Any], collection: Mapping[str, Any], overrides: ContextOverrides) -> dict[str, Any]:
    calculated = CalculatedState.from_json(case["given"])
    signers = _signers(case, case, collection)
    outcome = process(
        calculated.state_machines,
        calculated.scripts,
        case["fiberId"],
        _engine_input(case["input"], signers, {**collection.get("participants", {}), **case.get("participants", {})}),
        sorted(signer.proof(_NO_HASH) for signer in signers),
        context_of(ENGINE_CONTEXT, [case], overrides),
        rules_of(case, collection),
    )
    return engine_outcome(calculated, outcome)


def _engine_input(given: Mapping[str, Any], signers: list[Signer], participants: Mapping[str, Any]) -> FiberInput:
    """``{"transition": {eventName, payload}}`` or ``{"methodCall": {method, args, caller?}}``."""
    if "transition" in given:
        return EventInput(given["transition"]["eventName"], given["transition"]["payload"])
    call = given["methodCall"]
    caller = call.get("caller", signers[0].address if signers else None)
    if not isinstance(caller, str):
        raise CaseError("a method call needs a caller or a signer")
    address = caller if caller.startswith("DAG") else resolve_signer(caller, participants).address
    return MethodInput(call["method"], call["args"], address)


def _signers(source: Mapping[str, Any], case: Mapping[str, Any], collection: Mapping[str, Any]) -> list[Signer]:
    participants = {**collection.get("participants", {}), **case.get("participants", {})}
    return [resolve_signer(signer, participants) for signer in source.get("signers", [])]


def _combining_order(messages: list[Any]) -> list[int]:
    """The indexes of messages in the order in which a batch of them is combined."""
    decoded = [decode_message(message) for message in messages]
    return sorted(range(len(decoded)), key=lambda index: combining_key(decoded[index]))
