"""The state that a metagraph's data layer keeps: commitments on chain, records beside it.

``OnChain`` goes into every snapshot; of ``CalculatedState`` only the hash does. Mappings are never changed in place.

The JSON of a state keeps the order of keys, because expressions can see it (`keys` of a small map); whoever stores or
sends a state must keep it, too.
"""

import hashlib
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from ottochain.fibers.errors import DecodeError
from ottochain.fibers.receipts import LogEntry, log_entry_canonical, log_entry_from_json, log_entry_to_json
from ottochain.fibers.records import FiberCommit, FiberRecord, ScriptRecord, StateMachineRecord

__all__ = [
    "CalculatedState",
    "FiberState",
    "OnChain",
    "calculated_bytes",
    "calculated_proof",
    "changed_fibers",
    "genesis",
    "on_chain_bytes",
    "state_of_records",
]


@dataclass(frozen=True, slots=True)
class OnChain:
    """Commitments of all fibers, and the log entries of the latest combine call."""

    fiber_commits: Mapping[str, FiberCommit]
    latest_logs: Mapping[str, tuple[LogEntry, ...]]

    def to_json(self) -> dict[str, Any]:
        """The wire form."""
        return {
            "fiberCommits": {fiber_id: commit.to_json() for fiber_id, commit in self.fiber_commits.items()},
            "latestLogs": {
                fiber_id: [log_entry_to_json(entry) for entry in entries]
                for fiber_id, entries in self.latest_logs.items()
            },
        }

    @classmethod
    def from_json(cls, value: dict[str, Any]) -> "OnChain":
        """Back from the wire form; ``DecodeError`` if a part is missing."""
        try:
            commits = value["fiberCommits"].items()
            logs = value["latestLogs"].items()
        except (KeyError, AttributeError, TypeError) as error:
            raise DecodeError(f"not an on-chain state: {error!r}") from None
        return cls(
            {fiber_id: FiberCommit.from_json(commit) for fiber_id, commit in commits},
            {fiber_id: tuple(log_entry_from_json(entry) for entry in entries) for fiber_id, entries in logs},
        )


@dataclass(frozen=True, slots=True)
class CalculatedState:
    """The records of all fibers by id."""

    state_machines: Mapping[str, StateMachineRecord]
    scripts: Mapping[str, ScriptRecord]

    def fiber(self, fiber_id: str) -> FiberRecord | None:
        """The fiber of that id, whether machine or script."""
        return self.state_machines.get(fiber_id) or self.scripts.get(fiber_id)

    def to_json(self) -> dict[str, Any]:
        """The wire form."""
        return {
            "stateMachines": {fiber_id: record.to_json() for fiber_id, record in self.state_machines.items()},
            "scripts": {fiber_id: record.to_json() for fiber_id, record in self.scripts.items()},
        }

    @classmethod
    def from_json(cls, value: dict[str, Any]) -> "CalculatedState":
        """Back from the wire form; ``DecodeError`` if a part is missing."""
        try:
            machines = value["stateMachines"].items()
            scripts = value["scripts"].items()
        except (KeyError, AttributeError, TypeError) as error:
            raise DecodeError(f"not a calculated state: {error!r}") from None
        return cls(
            {fiber_id: StateMachineRecord.from_json(record) for fiber_id, record in machines},
            {fiber_id: ScriptRecord.from_json(record) for fiber_id, record in scripts},
        )


@dataclass(frozen=True, slots=True)
class FiberState:
    """The whole state: what is on chain and what is calculated beside it.

    `commits_match` says that every commitment is known to be that of its record, as after any combine from genesis.
    """

    on_chain: OnChain
    calculated: CalculatedState
    commits_match: bool = field(default=False, repr=False, compare=False)

    def to_json(self) -> dict[str, Any]:
        """The form in which a state is stored and handed to a joining node."""
        return {"onChain": self.on_chain.to_json(), "calculated": self.calculated.to_json()}

    @classmethod
    def from_json(cls, value: dict[str, Any]) -> "FiberState":
        """Back from the stored form; ``DecodeError`` if a part is missing."""
        try:
            return cls(OnChain.from_json(value["onChain"]), CalculatedState.from_json(value["calculated"]))
        except (KeyError, TypeError) as error:
            raise DecodeError(f"not a fiber state: {error!r}") from None


def state_of_records(
    records: Iterable[FiberRecord], latest_logs: Mapping[str, tuple[LogEntry, ...]] | None = None
) -> FiberState:
    """The state that consists of `records`: for a store that keeps one row a fiber. Commitments follow from records."""
    machines: dict[str, StateMachineRecord] = {}
    scripts: dict[str, ScriptRecord] = {}
    for record in records:
        if isinstance(record, StateMachineRecord):
            machines[record.fiber_id] = record
        else:
            scripts[record.fiber_id] = record
    commits = {fiber_id: machine.commit for fiber_id, machine in machines.items()}
    commits |= {fiber_id: script.commit for fiber_id, script in scripts.items()}
    return FiberState(OnChain(commits, latest_logs or {}), CalculatedState(machines, scripts), commits_match=True)


def genesis() -> FiberState:
    """The state before the first update: no fibers."""
    return FiberState(OnChain({}, {}), CalculatedState({}, {}), commits_match=True)


def on_chain_bytes(state: FiberState) -> bytes:
    """The on-chain state as it goes into a snapshot: its canonical JSON."""
    commits, logs = state.on_chain.fiber_commits, state.on_chain.latest_logs
    pieces = [b'{"fiberCommits":']
    pieces += _object(commits, lambda fiber_id: commits[fiber_id].canonical)
    pieces.append(b',"latestLogs":')
    pieces += _object(logs, lambda fiber_id: b"[%b]" % b",".join(map(log_entry_canonical, logs[fiber_id])))
    pieces.append(b"}")
    return b"".join(pieces)


def calculated_bytes(state: FiberState) -> bytes:
    """The canonical JSON of the calculated state, joined from the records' own."""
    return b"".join(_calculated_pieces(state.calculated))


def calculated_proof(state: FiberState) -> str:
    """The hash of the calculated state that a snapshot carries."""
    # Piece by piece: joining the records of ten thousand fibers first would take longer than hashing them.
    digest = hashlib.sha256()
    for piece in _calculated_pieces(state.calculated):
        digest.update(piece)
    return digest.hexdigest()


def changed_fibers(old: FiberState, new: FiberState) -> list[str]:
    """The ids, in their order, of the fibers whose record is not the same in `new` as in `old`."""
    before, after = old.calculated, new.calculated
    changed = {
        fiber_id
        for ours, theirs in ((before.state_machines, after.state_machines), (before.scripts, after.scripts))
        for fiber_id, record in theirs.items()
        if ours.get(fiber_id) is not record
    }
    return sorted(changed)


def _calculated_pieces(calculated: CalculatedState) -> Iterator[bytes]:
    yield b'{"scripts":'
    yield from _object(calculated.scripts, lambda fiber_id: calculated.scripts[fiber_id].canonical)
    yield b',"stateMachines":'
    yield from _object(calculated.state_machines, lambda fiber_id: calculated.state_machines[fiber_id].canonical)
    yield b"}"


def _object(fiber_ids: Iterable[str], canonical_of: Callable[[str], bytes]) -> Iterator[bytes]:
    """The pieces of a canonical object over fibers. Their ids are ASCII and need no escaping."""
    yield b"{"
    separator = ""
    for fiber_id in sorted(fiber_ids):
        yield f'{separator}"{fiber_id}":'.encode()
        yield canonical_of(fiber_id)
        separator = ","
    yield b"}"
