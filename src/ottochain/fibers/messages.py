"""The five messages of OttoChain, from their JSON and back.

A message is an object whose first key names it. Decoding follows the reference's derived circe decoders (``Updates``):
unknown fields are ignored, missing ones get their defaults. Encoding is the server's re-encoding, over which a
signature must verify: nulls and defaults present, UUIDs in lower case, expressions in normal form.
"""

import re
from dataclasses import dataclass
from typing import Any, Final, TypeAlias

from ottochain.codec.exact_json import JsonValue
from ottochain.codec.numbers import number_from_text
from ottochain.codec.values import nesting
from ottochain.fibers.definitions import StateMachineDefinition, decode_definition
from ottochain.fibers.errors import DecodeError
from ottochain.fibers.limits import NESTING_MAX
from ottochain.fibers.policies import AccessPolicy, decode_policy
from ottochain.fibers.programs import ScriptProgram, decode_program
from ottochain.fibers.uuids import decode_uuid

__all__ = [
    "ArchiveStateMachine",
    "CreateScript",
    "CreateStateMachine",
    "InvokeScript",
    "Message",
    "TransitionStateMachine",
    "decode_message",
    "encode_message",
    "target_sequence_number_of",
    "update_type",
]

_ORDINAL_MAX: Final = (1 << 63) - 1
_JSON_NUMBER: Final = re.compile(r"-?(?:0|[1-9][0-9]*)(?:\.[0-9]+)?(?:[eE][+-]?[0-9]+)?").fullmatch
_NO_MESSAGE: Final = "Cannot decode as OttochainMessage"


@dataclass(frozen=True, slots=True)
class CreateStateMachine:
    """Found a machine; the signers become its owners."""

    fiber_id: str
    definition: StateMachineDefinition
    initial_data: JsonValue
    parent_fiber_id: str | None = None


@dataclass(frozen=True, slots=True)
class TransitionStateMachine:
    """Send an event to a machine that has reached `target_sequence_number`."""

    fiber_id: str
    event_name: str
    payload: JsonValue
    target_sequence_number: int


@dataclass(frozen=True, slots=True)
class ArchiveStateMachine:
    """Close a machine to further events."""

    fiber_id: str
    target_sequence_number: int


@dataclass(frozen=True, slots=True)
class CreateScript:
    """Found a script. An explicit null `initial_state` is the same as none."""

    fiber_id: str
    script_program: ScriptProgram
    initial_state: JsonValue
    access_control: AccessPolicy


@dataclass(frozen=True, slots=True)
class InvokeScript:
    """Run a script that has reached `target_sequence_number`."""

    fiber_id: str
    method: str
    args: JsonValue
    target_sequence_number: int


Message: TypeAlias = CreateStateMachine | TransitionStateMachine | ArchiveStateMachine | CreateScript | InvokeScript


def decode_message(value: JsonValue) -> Message:
    """The message of a JSON value with exact numbers.

    Raises ``DecodeError`` if it is not a message or is nested deeper than ``NESTING_MAX``.
    """
    if not isinstance(value, dict) or not value:
        raise DecodeError(f"{_NO_MESSAGE}: JSON is empty", "a message is an object with its name as the first key")
    name = next(iter(value))
    payload = value[name]
    decode = _DECODERS.get(name)
    if decode is None:
        raise DecodeError(_NO_MESSAGE, f"{name!r} is not the name of a message")
    if not isinstance(payload, dict):
        raise DecodeError(_NO_MESSAGE, f"{name} is not an object")
    if nesting(value) > NESTING_MAX:
        raise DecodeError(_NO_MESSAGE, f"nested deeper than {NESTING_MAX} levels")
    try:
        return decode(payload)
    except DecodeError as error:
        raise DecodeError(_NO_MESSAGE, error.detail) from None


def encode_message(message: Message) -> dict[str, Any]:
    """The re-encoding of a message, fields in the reference's order."""
    return {type(message).__name__: _ENCODERS[type(message)](message)}


def update_type(message: Message) -> str:
    """The name under which a message travels, such as ``TransitionStateMachine``."""
    return type(message).__name__


def target_sequence_number_of(message: Message) -> int | None:
    """The sequence number that a message expects; none for the two that create."""
    if isinstance(message, CreateStateMachine | CreateScript):
        return None
    return message.target_sequence_number


def _create_state_machine(payload: dict[str, Any]) -> Message:
    parent = payload.get("parentFiberId")
    return CreateStateMachine(
        _uuid(payload, "fiberId"),
        decode_definition(_present(payload, "definition")),
        _present(payload, "initialData"),
        None if parent is None else _uuid(payload, "parentFiberId"),
    )


def _transition_state_machine(payload: dict[str, Any]) -> Message:
    return TransitionStateMachine(
        _uuid(payload, "fiberId"),
        _text(payload, "eventName"),
        _present(payload, "payload"),
        _ordinal(payload, "targetSequenceNumber"),
    )


def _archive_state_machine(payload: dict[str, Any]) -> Message:
    return ArchiveStateMachine(_uuid(payload, "fiberId"), _ordinal(payload, "targetSequenceNumber"))


def _create_script(payload: dict[str, Any]) -> Message:
    return CreateScript(
        _uuid(payload, "fiberId"),
        decode_program(_present(payload, "scriptProgram")),
        payload.get("initialState"),
        decode_policy(_present(payload, "accessControl")),
    )


def _invoke_script(payload: dict[str, Any]) -> Message:
    return InvokeScript(
        _uuid(payload, "fiberId"),
        _text(payload, "method"),
        _present(payload, "args"),
        _ordinal(payload, "targetSequenceNumber"),
    )


_DECODERS: Final = {
    "CreateStateMachine": _create_state_machine,
    "TransitionStateMachine": _transition_state_machine,
    "ArchiveStateMachine": _archive_state_machine,
    "CreateScript": _create_script,
    "InvokeScript": _invoke_script,
}

_ENCODERS: Final[dict[type, Any]] = {
    CreateStateMachine: lambda message: {
        "fiberId": message.fiber_id,
        "definition": message.definition.to_json(),
        "initialData": message.initial_data,
        "parentFiberId": message.parent_fiber_id,
    },
    TransitionStateMachine: lambda message: {
        "fiberId": message.fiber_id,
        "eventName": message.event_name,
        "payload": message.payload,
        "targetSequenceNumber": message.target_sequence_number,
    },
    ArchiveStateMachine: lambda message: {
        "fiberId": message.fiber_id,
        "targetSequenceNumber": message.target_sequence_number,
    },
    CreateScript: lambda message: {
        "fiberId": message.fiber_id,
        "scriptProgram": message.script_program.to_json(),
        "initialState": message.initial_state,
        "accessControl": message.access_control.to_json(),
    },
    InvokeScript: lambda message: {
        "fiberId": message.fiber_id,
        "method": message.method,
        "args": message.args,
        "targetSequenceNumber": message.target_sequence_number,
    },
}


def _present(payload: dict[str, Any], field: str) -> Any:
    if field not in payload:
        raise DecodeError(f"missing {field}")
    return payload[field]


def _text(payload: dict[str, Any], field: str) -> str:
    value = _present(payload, field)
    if not isinstance(value, str):
        raise DecodeError(f"{field} is not a string")
    return value


def _uuid(payload: dict[str, Any], field: str) -> str:
    uuid = decode_uuid(_present(payload, field))
    if uuid is None:
        raise DecodeError(f"{field} is not a UUID")
    return uuid


def _ordinal(payload: dict[str, Any], field: str) -> int:
    value = _present(payload, field)
    if isinstance(value, str) and _JSON_NUMBER(value):  # circe reads a Long from a string, too
        value = number_from_text(value)
    if type(value) is not int or not 0 <= value <= _ORDINAL_MAX:
        raise DecodeError(f"{field} is not a whole number from 0 to {_ORDINAL_MAX}")
    return value
