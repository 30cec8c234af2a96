"""Playing cases through validation, combine and engine, without a network.

A *case* is a JSON object: ``given`` (a state; else genesis), ``steps`` (each a ``message`` and its ``signers``), and
optionally ``mode`` (``"combiner"``: validation is told but doesn't decide), ``limits``, ``signers`` for steps without
their own, and ``context``. A *collection* holds ``cases``, and may hold ``context``, ``participants``,
``engineCases`` and ``orderingCases``. Results have the shape in which such files state expectations.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any, Final

from ottochain.fibers.combine import combine
from ottochain.fibers.engine import Aborted, Committed, EventInput, FiberInput, MethodInput, process
from ottochain.fibers.errors import CombineError, DecodeError, FiberError
from ottochain.fibers.execution import ExecutionRules, SnapshotContext
from ottochain.fibers.limits import ExecutionLimits, FiberGasConfig
from ottochain.fibers.messages import decode_message, target_sequence_number_of
from ottochain.fibers.participants import Signer, resolve_signer
from ottochain.fibers.receipts import log_entry_to_json
from ottochain.fibers.records import FiberRecord
from ottochain.fibers.rejections import Rejection
from ottochain.fibers.state import CalculatedState, FiberState, genesis
from ottochain.fibers.updates import SignedUpdate, combining_key
from ottochain.fibers.validation import validate_update
from ottochain.jlvm import GasConfig
from ottochain.jlvm.values import strictly_equal

__all__ = ["CaseError", "ContextOverrides", "Step", "play_case", "play_engine_case", "play_file", "play_steps"]

_DEFAULT_CONTEXT: Final = SnapshotContext(
    42, "e3b639c5b924e7273e3169e6f5d4cda8096527775ec451a34e0fa3d39a9d6f2a", epoch_progress=7
)
_ENGINE_CONTEXT: Final = SnapshotContext(42)
_GAS_CONFIGS: Final = {"default": GasConfig.DEFAULT, "dev": GasConfig.DEV, "mainnet": GasConfig.MAINNET}


class CaseError(FiberError, ValueError):
    """A case that can't be played: a part is missing or of the wrong kind."""


@dataclass(frozen=True, slots=True)
class ContextOverrides:
    """What the caller says of the snapshot, over what file and case say."""

    ordinal: int | None = None
    last_snapshot_hash: str | None = None
    epoch_progress: int | None = None


@dataclass(frozen=True, slots=True)
class Step:
    """What one step did. `update` is none if the message could not be decoded, `after` is the state that goes on."""

    expect: dict[str, Any]
    update: SignedUpdate | None
    before: FiberState
    after: FiberState


def play_file(content: Any, overrides: ContextOverrides, case_id: str | None = None) -> dict[str, Any]:
    """Play one case, or all (or one) of a collection. Raises ``CaseError``."""
    if not isinstance(content, dict):
        raise CaseError("a file holds a case or a collection of cases: an object")
    if not any(key in content for key in ("cases", "engineCases", "orderingCases")):
        return _play_any(content, content, overrides)
    result: dict[str, Any] = {}
    for kind in ("cases", "engineCases", "orderingCases"):
        chosen = [case for case in content.get(kind, []) if case_id is None or case.get("id") == case_id]
        if chosen:
            result[kind] = [_play_any(case, content, overrides) for case in chosen]
    if not result:
        raise CaseError(f"no case with id {case_id}")
    return result if case_id is None else next(iter(result.values()))[0]


def play_case(case: Mapping[str, Any], collection: Mapping[str, Any], overrides: ContextOverrides) -> dict[str, Any]:
    """The results of a case with steps: ``{"id", "steps": [{"updateHash", "expect"}]}``."""
    steps = []
    for step in play_steps(case, collection, overrides):
        hashed = {} if step.update is None else {"updateHash": step.update.hash}
        steps.append({**hashed, "expect": step.expect})
    return {"id": case.get("id"), "steps": steps}


def play_steps(case: Mapping[str, Any], collection: Mapping[str, Any], overrides: ContextOverrides) -> list[Step]:
    """The steps of a case, played one after the other."""
    at = _context(_DEFAULT_CONTEXT, case, collection, overrides)
    rules = _rules(case, collection)
    participants = {**collection.get("participants", {}), **case.get("participants", {})}
    state = _given_state(case)
    steps: list[Step] = []
    for number, step in enumerate(case.get("steps", []), start=1):
        if not isinstance(step, Mapping) or "message" not in step:
            raise CaseError(f"step {number} has no message")
        signers = [resolve_signer(signer, participants) for signer in step.get("signers", case.get("signers", []))]
        played = _play_step(state, step["message"], signers, at, rules, decides=case.get("mode") != "combiner")
        steps.append(played)
        state = played.after
    return steps


def play_engine_case(
    case: Mapping[str, Any], collection: Mapping[str, Any], overrides: ContextOverrides
) -> dict[str, Any]:
    """One call of the engine, without validation: ``{"id", "expect": {"committed"} or {"aborted"}}``."""
    at = _context(_ENGINE_CONTEXT, case, {}, overrides)
    calculated = CalculatedState.from_json(case["given"])
    participants = {**collection.get("participants", {}), **case.get("participants", {})}
    signers = [resolve_signer(signer, participants) for signer in case.get("signers", [])]
    proofs = sorted(signer.proof("0" * 64) for signer in signers)
    outcome = process(
        calculated.state_machines,
        calculated.scripts,
        case["fiberId"],
        _engine_input(case["input"]),
        proofs,
        at,
        _rules(case, collection),
    )
    return {"id": case.get("id"), "expect": _engine_outcome(calculated, outcome)}


def _play_any(case: Any, collection: Mapping[str, Any], overrides: ContextOverrides) -> dict[str, Any]:
    if not isinstance(case, Mapping):
        raise CaseError(f"a case is an object, found {case!r}")
    if "steps" in case:
        return play_case(case, collection, overrides)
    try:
        if "input" in case:
            return play_engine_case(case, collection, overrides)
        if "messages" in case:
            return {**({"id": case["id"]} if "id" in case else {}), "order": _combining_order(case["messages"])}
    except KeyError as error:
        raise CaseError(f"case {case.get('id')}: missing {error}") from None
    raise CaseError("a case has steps, an engine input or messages to be ordered")


def _play_step(
    state: FiberState,
    message_json: Any,
    signers: list[Signer],
    at: SnapshotContext,
    rules: ExecutionRules,
    *,
    decides: bool,
) -> Step:
    try:
        message = decode_message(message_json)
        unsigned = SignedUpdate.of(message, [])
    except DecodeError as error:
        return Step({"decodeError": str(error)}, None, state, state)
    update = SignedUpdate.of(message, [signer.proof(unsigned.hash) for signer in signers])
    rejections = validate_update(state, update)
    expect: dict[str, Any] = {"validation": _validation(rejections)}
    try:
        after = combine(state, [update], at, rules)
    except CombineError as error:
        expect |= {"combine": {"accepted": False, "error": str(error)}, "applied": False}
        return Step(expect, update, state, state)
    applied = not (rejections and decides)
    expect |= {"combine": {"accepted": True, **_changes(state, after, update)}, "applied": applied}
    return Step(expect, update, state, after if applied else state)


def _validation(rejections: list[Rejection]) -> dict[str, Any]:
    if not rejections:
        return {"valid": True}
    return {"valid": False, "errors": [rejection.to_json() for rejection in rejections]}


def _changes(before: FiberState, after: FiberState, update: SignedUpdate) -> dict[str, Any]:
    """New and changed fibers, their record hashes, and the log where it says more than their records."""
    founded = update.fiber_id if target_sequence_number_of(update.message) is None else None
    machines = _changed_records(before.calculated.state_machines, after.calculated.state_machines, founded)
    scripts = _changed_records(before.calculated.scripts, after.calculated.scripts, founded)
    commits = after.on_chain.fiber_commits
    changes: dict[str, Any] = {}
    if machines:
        changes["stateMachines"] = machines
    if scripts:
        changes["scripts"] = scripts
    if not _log_is_in_records(after):
        changes["logs"] = {
            fiber_id: [log_entry_to_json(entry) for entry in entries]
            for fiber_id, entries in after.on_chain.latest_logs.items()
        }
    changes["recordHashes"] = {fiber_id: commits[fiber_id].record_hash for fiber_id in sorted({*machines, *scripts})}
    return changes


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
        else:
            was = old.to_json()
            differing = {key: value for key, value in fields.items() if not strictly_equal(value, was[key])}
            if differing:
                changed[fiber_id] = differing
    return changed


def _log_is_in_records(state: FiberState) -> bool:
    for fiber_id, entries in state.on_chain.latest_logs.items():
        machine = state.calculated.state_machines.get(fiber_id)
        script = state.calculated.scripts.get(fiber_id)
        latest = [machine.last_receipt if machine else None, script.last_invocation if script else None]
        if len(entries) != 1 or not any(
            entry is not None and strictly_equal(entry.to_json(), entries[0].reloaded().to_json()) for entry in latest
        ):
            return False
    return True


def _engine_outcome(before: CalculatedState, outcome: Committed | Aborted) -> dict[str, Any]:
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
    committed: dict[str, Any] = {}
    if machines:
        committed["stateMachines"] = machines
    if scripts:
        committed["scripts"] = scripts
    committed["logs"] = [log_entry_to_json(entry) for entry in outcome.log]
    committed["totalGasUsed"] = outcome.gas_used
    committed["maxDepth"] = outcome.depth
    return {"committed": committed}


def _engine_input(given: Any) -> FiberInput:
    if "transition" in given:
        return EventInput(given["transition"]["eventName"], given["transition"]["payload"])
    call = given["methodCall"]
    return MethodInput(call["method"], call["args"], call["caller"])


def _combining_order(messages: list[Any]) -> list[int]:
    """The indexes of messages in the order in which a batch of them is combined."""
    decoded = [decode_message(message) for message in messages]
    return sorted(range(len(decoded)), key=lambda index: combining_key(decoded[index]))


def _given_state(case: Mapping[str, Any]) -> FiberState:
    given = case.get("given")
    if given is None:
        return genesis()
    try:
        return FiberState.from_json(given)
    except DecodeError as error:
        raise CaseError(f"given: {error}") from None


def _context(
    default: SnapshotContext,
    case: Mapping[str, Any],
    collection: Mapping[str, Any],
    overrides: ContextOverrides,
) -> SnapshotContext:
    stated: dict[str, Any] = {**collection.get("context", {}), **case.get("context", {})}
    for key in ("ordinal", "lastSnapshotHash", "epochProgress"):
        if key in case:
            stated[key] = case[key]
    at = SnapshotContext(
        stated.get("ordinal", default.ordinal),
        stated.get("lastSnapshotHash", default.last_snapshot_hash),
        stated.get("epochProgress", default.epoch_progress),
    )
    if overrides.ordinal is not None:
        at = replace(at, ordinal=overrides.ordinal)
    if overrides.last_snapshot_hash is not None:
        at = replace(at, last_snapshot_hash=overrides.last_snapshot_hash)
    if overrides.epoch_progress is not None:
        at = replace(at, epoch_progress=overrides.epoch_progress)
    return at


def _rules(case: Mapping[str, Any], collection: Mapping[str, Any]) -> ExecutionRules:
    limits = case.get("limits") or collection.get("limits") or {}
    fiber_gas = case.get("fiberGasConfig") or collection.get("fiberGasConfig") or {}
    gas_config = case.get("gasConfig") or collection.get("gasConfig") or "default"
    if gas_config not in _GAS_CONFIGS:
        raise CaseError(f"gasConfig is one of {', '.join(_GAS_CONFIGS)}, found {gas_config!r}")
    standard, prices = ExecutionLimits(), FiberGasConfig()
    return ExecutionRules(
        ExecutionLimits(
            limits.get("maxDepth", standard.max_depth),
            limits.get("maxGas", standard.max_gas),
            limits.get("maxStateSizeBytes", standard.max_state_size_bytes),
        ),
        _GAS_CONFIGS[gas_config],
        FiberGasConfig(
            fiber_gas.get("triggerEvent", prices.trigger_event),
            fiber_gas.get("spawnDirective", prices.spawn_directive),
            fiber_gas.get("contextBuild", prices.context_build),
        ),
    )
