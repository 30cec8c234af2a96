"""A small world of fibers for the tests: makers of messages, signers and states."""

from collections.abc import Iterable, Sequence
from typing import Any

from ottochain.codec.exact_json import dumps, loads
from ottochain.crypto.proofs import Proof
from ottochain.fibers import (
    ExecutionLimits,
    ExecutionRules,
    FiberState,
    SignedUpdate,
    SnapshotContext,
    combine,
    decode_message,
    genesis,
)
from ottochain.fibers.participants import test_key as key_of

AT = SnapshotContext(42, "e3" * 32, 7)
ALICE, BOB = key_of("alice"), key_of("bob")
YES = {"==": [1, 1]}

MACHINE = "000000a1-0000-4000-8000-0000000000a1"
OTHER = "000000b1-0000-4000-8000-0000000000b1"
SCRIPT = "00000051-0000-4000-8000-000000000051"
CHILD = "00000071-0000-4000-8000-000000000071"


def update(message: dict[str, Any], *names: str) -> SignedUpdate:
    """A signed update; the signatures are not real, as nothing here verifies them."""
    proofs = [Proof(key_of(name).peer_id, "30") for name in names or ("alice",)]
    return SignedUpdate.of(decode_message(loads(dumps(message))), proofs)


def transition(event: str, effect: Any, *, source: str = "a", target: str = "a", **more: Any) -> dict[str, Any]:
    return {"from": source, "to": target, "eventName": event, "guard": YES, "effect": effect, "dependencies": []} | more


def definition(*transitions: dict[str, Any], states: Iterable[str] = ("a", "b")) -> dict[str, Any]:
    return {
        "states": {name: {"id": name, "isFinal": False, "metadata": None} for name in states},
        "initialState": "a",
        "transitions": list(transitions),
        "metadata": None,
    }


def machine(*transitions: dict[str, Any], fiber_id: str = MACHINE, data: Any = None, **more: Any) -> dict[str, Any]:
    fields = {"fiberId": fiber_id, "definition": definition(*transitions), "initialData": {} if data is None else data}
    return {"CreateStateMachine": fields | {"parentFiberId": None} | more}


def script(program: Any, *, fiber_id: str = SCRIPT, state: Any = None, access: Any = None) -> dict[str, Any]:
    policy = {"Public": {}} if access is None else access
    fields = {"fiberId": fiber_id, "scriptProgram": program, "initialState": state, "accessControl": policy}
    return {"CreateScript": fields}


def event(name: str, payload: Any = None, *, at: int = 0, fiber_id: str = MACHINE) -> dict[str, Any]:
    fields = {"fiberId": fiber_id, "eventName": name, "payload": {} if payload is None else payload}
    return {"TransitionStateMachine": fields | {"targetSequenceNumber": at}}


def call(method: str, args: Any = None, *, at: int = 0, fiber_id: str = SCRIPT) -> dict[str, Any]:
    return {"InvokeScript": {"fiberId": fiber_id, "method": method, "args": args, "targetSequenceNumber": at}}


def archive(*, at: int = 0, fiber_id: str = MACHINE) -> dict[str, Any]:
    return {"ArchiveStateMachine": {"fiberId": fiber_id, "targetSequenceNumber": at}}


def after(*messages: dict[str, Any] | SignedUpdate, state: FiberState | None = None, **more: Any) -> FiberState:
    """The state after messages of alice's, each in a block of its own."""
    state = genesis() if state is None else state
    for message in messages:
        state = combine(state, [message if isinstance(message, SignedUpdate) else update(message)], AT, **more)
    return state


def receipt(state: FiberState, fiber_id: str = MACHINE) -> Any:
    return state.calculated.state_machines[fiber_id].last_receipt


def data(state: FiberState, fiber_id: str = MACHINE) -> Any:
    return state.calculated.state_machines[fiber_id].state_data


def error(state: FiberState, fiber_id: str = MACHINE) -> Any:
    return receipt(state, fiber_id).error_message


def under(**limits: int) -> ExecutionRules:
    return ExecutionRules(ExecutionLimits(**limits))


def trigger(target: Any, name: Any, payload: Any = 1) -> dict[str, Any]:
    return {"targetMachineId": target, "eventName": name, "payload": payload}


def child(**changes: Any) -> dict[str, Any]:
    """One item of `_spawn`."""
    return {"childId": CHILD, "definition": definition(transition("kick", {"k": 1})), "initialData": {}} | changes


def codes(rejections: Sequence[Any]) -> list[str]:
    return [rejection.code for rejection in rejections]
