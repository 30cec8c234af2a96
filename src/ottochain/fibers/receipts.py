"""What a fiber logs: event receipts of machines, invocations of scripts.

A log entry lives on its fiber's record until the next one replaces it, and in the on-chain state for one combine.
"""

from dataclasses import dataclass, field
from typing import Any, TypeAlias

from ottochain.codec.canonical import canonical_bytes
from ottochain.codec.exact_json import JsonValue
from ottochain.fibers.errors import DecodeError
from ottochain.fibers.values import as_reloaded

__all__ = ["EmittedEvent", "EventReceipt", "LogEntry", "ScriptInvocation", "log_entry_from_json", "log_entry_to_json"]


@dataclass(frozen=True, slots=True)
class EmittedEvent:
    """An event for the world outside, from an effect's ``_emit``."""

    name: str
    data: JsonValue
    destination: str | None

    def to_json(self) -> dict[str, Any]:
        """The wire form."""
        return {"name": self.name, "data": self.data, "destination": self.destination}


@dataclass(frozen=True, slots=True)
class EventReceipt:
    """What became of one event on one machine. `gas_used` is 0 for an event that came from a trigger."""

    fiber_id: str
    sequence_number: int
    event_name: str
    ordinal: int
    from_state: str
    to_state: str
    success: bool
    gas_used: int
    triggers_fired: int
    error_message: str | None = None
    source_fiber_id: str | None = None
    emitted_events: tuple[EmittedEvent, ...] = ()
    _canonical: bytes | None = field(default=None, init=False, repr=False, compare=False)

    def to_json(self) -> dict[str, Any]:
        """The wire form, all keys present."""
        return {
            "fiberId": self.fiber_id,
            "sequenceNumber": self.sequence_number,
            "eventName": self.event_name,
            "ordinal": self.ordinal,
            "fromState": self.from_state,
            "toState": self.to_state,
            "success": self.success,
            "gasUsed": self.gas_used,
            "triggersFired": self.triggers_fired,
            "errorMessage": self.error_message,
            "sourceFiberId": self.source_fiber_id,
            "emittedEvents": [event.to_json() for event in self.emitted_events],
        }

    @property
    def canonical(self) -> bytes:
        """The canonical JSON; ``CanonicalError`` if emitted data have none."""
        return _canonical_of(self)

    def reloaded(self) -> "EventReceipt":
        """This receipt with its data as after a JSON round trip; itself if that changes nothing."""
        if not self.emitted_events:
            return self
        events = tuple(
            event
            if (data := as_reloaded(event.data)) is event.data
            else EmittedEvent(event.name, data, event.destination)
            for event in self.emitted_events
        )
        if all(new is old for new, old in zip(events, self.emitted_events, strict=True)):
            return self
        return EventReceipt.from_json({**self.to_json(), "emittedEvents": [event.to_json() for event in events]})

    @classmethod
    def from_json(cls, value: dict[str, Any]) -> "EventReceipt":
        """Back from the wire form; ``DecodeError`` if a field is missing."""
        try:
            return cls(
                value["fiberId"],
                value["sequenceNumber"],
                value["eventName"],
                value["ordinal"],
                value["fromState"],
                value["toState"],
                value["success"],
                value["gasUsed"],
                value["triggersFired"],
                value.get("errorMessage"),
                value.get("sourceFiberId"),
                tuple(
                    EmittedEvent(event["name"], event["data"], event.get("destination"))
                    for event in value.get("emittedEvents", ())
                ),
            )
        except (KeyError, TypeError) as error:
            raise DecodeError(f"not an event receipt: {error!r}") from None


@dataclass(frozen=True, slots=True)
class ScriptInvocation:
    """One run of a script (the reference's ``OracleInvocation``)."""

    fiber_id: str
    method: str
    args: JsonValue
    result: JsonValue
    gas_used: int
    invoked_at: int
    invoked_by: str
    _canonical: bytes | None = field(default=None, init=False, repr=False, compare=False)

    def to_json(self) -> dict[str, Any]:
        """The wire form."""
        return {
            "fiberId": self.fiber_id,
            "method": self.method,
            "args": self.args,
            "result": self.result,
            "gasUsed": self.gas_used,
            "invokedAt": self.invoked_at,
            "invokedBy": self.invoked_by,
        }

    @property
    def canonical(self) -> bytes:
        """The canonical JSON; ``CanonicalError`` if arguments or result have none."""
        return _canonical_of(self)

    def reloaded(self) -> "ScriptInvocation":
        """This invocation with its data as after a JSON round trip; itself if that changes nothing."""
        args, result = as_reloaded(self.args), as_reloaded(self.result)
        if args is self.args and result is self.result:
            return self
        return ScriptInvocation.from_json({**self.to_json(), "args": args, "result": result})

    @classmethod
    def from_json(cls, value: dict[str, Any]) -> "ScriptInvocation":
        """Back from the wire form; ``DecodeError`` if a field is missing."""
        try:
            return cls(
                value["fiberId"],
                value["method"],
                value["args"],
                value["result"],
                value["gasUsed"],
                value["invokedAt"],
                value["invokedBy"],
            )
        except (KeyError, TypeError) as error:
            raise DecodeError(f"not a script invocation: {error!r}") from None


LogEntry: TypeAlias = EventReceipt | ScriptInvocation


def log_entry_to_json(entry: LogEntry) -> dict[str, Any]:
    """A log entry as it stands in the on-chain state: wrapped in its kind."""
    kind = "EventReceipt" if isinstance(entry, EventReceipt) else "OracleInvocation"
    return {kind: entry.to_json()}


def log_entry_from_json(value: dict[str, Any]) -> LogEntry:
    """Back from the wrapped form; ``DecodeError`` if it is neither kind."""
    if "EventReceipt" in value:
        return EventReceipt.from_json(value["EventReceipt"])
    if "OracleInvocation" in value:
        return ScriptInvocation.from_json(value["OracleInvocation"])
    raise DecodeError("a log entry is an EventReceipt or an OracleInvocation")


def log_entry_canonical(entry: LogEntry) -> bytes:
    """The canonical JSON of the wrapped form."""
    kind = b"EventReceipt" if isinstance(entry, EventReceipt) else b"OracleInvocation"
    return b'{"%b":%b}' % (kind, entry.canonical)


def _canonical_of(entry: LogEntry) -> bytes:
    canonical = entry._canonical
    if canonical is None:
        canonical = canonical_bytes(entry.to_json())
        object.__setattr__(entry, "_canonical", canonical)
    return canonical
