"""The records of fibers and their commitments.

A record is frozen. Its canonical JSON is spliced from cached parts (the definition's, the state's, the receipt's), so
that a transition costs the encoding of what it changed.
"""

from dataclasses import dataclass, field
from typing import Any, Final, TypeAlias

from ottochain.codec.canonical import canonical_bytes
from ottochain.codec.exact_json import JsonValue
from ottochain.codec.hashing import sha256_hex
from ottochain.fibers.definitions import StateMachineDefinition, decode_definition
from ottochain.fibers.errors import DecodeError
from ottochain.fibers.policies import AccessPolicy, decode_policy
from ottochain.fibers.programs import ScriptProgram, decode_program
from ottochain.fibers.receipts import EventReceipt, ScriptInvocation

__all__ = [
    "ACTIVE",
    "ARCHIVED",
    "FiberCommit",
    "FiberRecord",
    "ScriptRecord",
    "StateMachineRecord",
    "record_from_json",
    "state_bytes",
]

ACTIVE: Final = "ACTIVE"
ARCHIVED: Final = "ARCHIVED"
# The reference's third status, FAILED, is never assigned.

_NULL: Final = b"null"


@dataclass(frozen=True, slots=True)
class FiberCommit:
    """What the on-chain state holds of a fiber."""

    record_hash: str
    state_data_hash: str | None
    sequence_number: int
    _canonical: bytes | None = field(default=None, init=False, repr=False, compare=False)

    def to_json(self) -> dict[str, Any]:
        """The wire form."""
        return {
            "recordHash": self.record_hash,
            "stateDataHash": self.state_data_hash,
            "sequenceNumber": self.sequence_number,
        }

    @property
    def canonical(self) -> bytes:
        """The canonical JSON."""
        canonical = self._canonical
        if canonical is None:
            canonical = b'{"recordHash":%b,"sequenceNumber":%b,"stateDataHash":%b}' % (
                _quoted(self.record_hash),
                _whole(self.sequence_number),
                _quoted(self.state_data_hash),
            )
            object.__setattr__(self, "_canonical", canonical)
        return canonical

    @classmethod
    def from_json(cls, value: dict[str, Any]) -> "FiberCommit":
        """Back from the wire form; ``DecodeError`` if a field is missing."""
        try:
            return cls(value["recordHash"], value["stateDataHash"], value["sequenceNumber"])
        except (KeyError, TypeError) as error:
            raise DecodeError(f"not a fiber commit: {error!r}") from None


@dataclass(frozen=True, slots=True, eq=False)
class StateMachineRecord:
    """A machine as it stands after an update.

    `state_data_hash` is stale after a transition that a trigger caused: the reference leaves the old one.
    """

    fiber_id: str
    creation_ordinal: int
    previous_update_ordinal: int
    latest_update_ordinal: int
    definition: StateMachineDefinition
    current_state: str
    state_data: JsonValue
    state_data_hash: str
    sequence_number: int
    owners: tuple[str, ...]
    status: str = ACTIVE
    last_receipt: EventReceipt | None = None
    parent_fiber_id: str | None = None
    child_fiber_ids: tuple[str, ...] = ()
    state_canonical: bytes | None = field(default=None, repr=False)
    _canonical: bytes | None = field(default=None, init=False, repr=False)
    _commit: FiberCommit | None = field(default=None, init=False, repr=False)

    def to_json(self) -> dict[str, Any]:
        """The wire form, all keys present."""
        return {
            "fiberId": self.fiber_id,
            "creationOrdinal": self.creation_ordinal,
            "previousUpdateOrdinal": self.previous_update_ordinal,
            "latestUpdateOrdinal": self.latest_update_ordinal,
            "definition": self.definition.to_json(),
            "currentState": self.current_state,
            "stateData": self.state_data,
            "stateDataHash": self.state_data_hash,
            "sequenceNumber": self.sequence_number,
            "owners": list(self.owners),
            "status": self.status,
            "lastReceipt": None if self.last_receipt is None else self.last_receipt.to_json(),
            "parentFiberId": self.parent_fiber_id,
            "childFiberIds": list(self.child_fiber_ids),
        }

    @property
    def canonical(self) -> bytes:
        """The canonical JSON; ``CanonicalError`` if a number or a string in the record has none."""
        canonical = self._canonical
        if canonical is None:
            canonical = self._splice()
            object.__setattr__(self, "_canonical", canonical)
        return canonical

    @property
    def record_hash(self) -> str:
        """SHA-256 of the canonical JSON."""
        return self.commit.record_hash

    @property
    def commit(self) -> FiberCommit:
        """What the on-chain state holds of this record."""
        commit = self._commit
        if commit is None:
            commit = FiberCommit(sha256_hex(self.canonical), self.state_data_hash, self.sequence_number)
            object.__setattr__(self, "_commit", commit)
        return commit

    def _splice(self) -> bytes:
        receipt = self.last_receipt
        return b"".join(
            (
                b'{"childFiberIds":',
                _array(self.child_fiber_ids),
                b',"creationOrdinal":',
                _whole(self.creation_ordinal),
                b',"currentState":',
                _quoted(self.current_state),
                b',"definition":',
                self.definition.canonical,
                b',"fiberId":',
                _quoted(self.fiber_id),
                b',"lastReceipt":',
                _NULL if receipt is None else receipt.canonical,
                b',"latestUpdateOrdinal":',
                _whole(self.latest_update_ordinal),
                b',"owners":',
                _array(self.owners),
                b',"parentFiberId":',
                _quoted(self.parent_fiber_id),
                b',"previousUpdateOrdinal":',
                _whole(self.previous_update_ordinal),
                b',"sequenceNumber":',
                _whole(self.sequence_number),
                b',"stateData":',
                state_bytes(self),
                b',"stateDataHash":',
                _quoted(self.state_data_hash),
                b',"status":',
                _quoted(self.status),
                b"}",
            )
        )

    @classmethod
    def from_json(cls, value: dict[str, Any]) -> "StateMachineRecord":
        """Back from the wire form; ``DecodeError`` if a field is missing or the definition is none."""
        receipt = value.get("lastReceipt")
        try:
            return cls(
                value["fiberId"],
                value["creationOrdinal"],
                value["previousUpdateOrdinal"],
                value["latestUpdateOrdinal"],
                decode_definition(value["definition"]),
                value["currentState"],
                value["stateData"],
                value["stateDataHash"],
                value["sequenceNumber"],
                tuple(value["owners"]),
                value["status"],
                None if receipt is None else EventReceipt.from_json(receipt),
                value.get("parentFiberId"),
                tuple(value.get("childFiberIds", ())),
            )
        except (KeyError, TypeError) as error:
            raise DecodeError(f"not a state machine record: {error!r}") from None


@dataclass(frozen=True, slots=True, eq=False)
class ScriptRecord:
    """A script as it stands after an update. A null state is the same as none."""

    fiber_id: str
    creation_ordinal: int
    latest_update_ordinal: int
    script_program: ScriptProgram
    state_data: JsonValue
    state_data_hash: str | None
    access_control: AccessPolicy
    sequence_number: int
    owners: tuple[str, ...]
    status: str = ACTIVE
    last_invocation: ScriptInvocation | None = None
    state_canonical: bytes | None = field(default=None, repr=False)
    _canonical: bytes | None = field(default=None, init=False, repr=False)
    _commit: FiberCommit | None = field(default=None, init=False, repr=False)

    def to_json(self) -> dict[str, Any]:
        """The wire form, all keys present."""
        return {
            "fiberId": self.fiber_id,
            "creationOrdinal": self.creation_ordinal,
            "latestUpdateOrdinal": self.latest_update_ordinal,
            "scriptProgram": self.script_program.to_json(),
            "stateData": self.state_data,
            "stateDataHash": self.state_data_hash,
            "accessControl": self.access_control.to_json(),
            "sequenceNumber": self.sequence_number,
            "owners": list(self.owners),
            "status": self.status,
            "lastInvocation": None if self.last_invocation is None else self.last_invocation.to_json(),
        }

    @property
    def canonical(self) -> bytes:
        """The canonical JSON; ``CanonicalError`` if a number or a string in the record has none."""
        canonical = self._canonical
        if canonical is None:
            canonical = self._splice()
            object.__setattr__(self, "_canonical", canonical)
        return canonical

    @property
    def record_hash(self) -> str:
        """SHA-256 of the canonical JSON."""
        return self.commit.record_hash

    @property
    def commit(self) -> FiberCommit:
        """What the on-chain state holds of this record."""
        commit = self._commit
        if commit is None:
            commit = FiberCommit(sha256_hex(self.canonical), self.state_data_hash, self.sequence_number)
            object.__setattr__(self, "_commit", commit)
        return commit

    def _splice(self) -> bytes:
        invocation = self.last_invocation
        return b"".join(
            (
                b'{"accessControl":',
                canonical_bytes(self.access_control.to_json()),
                b',"creationOrdinal":',
                _whole(self.creation_ordinal),
                b',"fiberId":',
                _quoted(self.fiber_id),
                b',"lastInvocation":',
                _NULL if invocation is None else invocation.canonical,
                b',"latestUpdateOrdinal":',
                _whole(self.latest_update_ordinal),
                b',"owners":',
                _array(self.owners),
                b',"scriptProgram":',
                self.script_program.canonical,
                b',"sequenceNumber":',
                _whole(self.sequence_number),
                b',"stateData":',
                state_bytes(self),
                b',"stateDataHash":',
                _quoted(self.state_data_hash),
                b',"status":',
                _quoted(self.status),
                b"}",
            )
        )

    @classmethod
    def from_json(cls, value: dict[str, Any]) -> "ScriptRecord":
        """Back from the wire form; ``DecodeError`` if a field is missing or the policy is none."""
        invocation = value.get("lastInvocation")
        try:
            return cls(
                value["fiberId"],
                value["creationOrdinal"],
                value["latestUpdateOrdinal"],
                decode_program(value["scriptProgram"]),
                value["stateData"],
                value["stateDataHash"],
                decode_policy(value["accessControl"]),
                value["sequenceNumber"],
                tuple(value["owners"]),
                value["status"],
                None if invocation is None else ScriptInvocation.from_json(invocation),
            )
        except (KeyError, TypeError) as error:
            raise DecodeError(f"not a script record: {error!r}") from None


FiberRecord: TypeAlias = StateMachineRecord | ScriptRecord


def record_from_json(value: dict[str, Any]) -> FiberRecord:
    """The record, of whichever kind, in a stored form; ``DecodeError`` if it is none."""
    return StateMachineRecord.from_json(value) if "definition" in value else ScriptRecord.from_json(value)


def state_bytes(record: FiberRecord) -> bytes:
    """The canonical JSON of a record's state, remembered with the record."""
    canonical = record.state_canonical
    if canonical is None:
        canonical = canonical_bytes(record.state_data)
        object.__setattr__(record, "state_canonical", canonical)
    return canonical


def _quoted(text: str | None) -> bytes:
    if text is None:
        return _NULL
    # Ids, hashes and most names need no escaping, and finding that out costs less than encoding.
    return b'"%b"' % text.encode() if text.isascii() and text.replace("-", "").isalnum() else canonical_bytes(text)


def _array(texts: tuple[str, ...]) -> bytes:
    return b"[%b]" % b",".join([_quoted(text) for text in texts])


def _whole(number: int) -> bytes:
    # Canonical text rounds beyond 2^53, which only a stored record could bring here.
    return b"%d" % number if -(1 << 53) <= number <= 1 << 53 else canonical_bytes(number)
