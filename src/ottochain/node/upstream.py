"""What a node knows of the layers above it, from their feeds.

Every entry carries a header with a certificate; what is not certified by the validators, starting with the parent that
the operator configured, is not believed. An entry that does not follow the last one means that the layer above is not
the one this node followed: the view says *diverged*, and stays so until an operator acts.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from ottochain.fibers.errors import DecodeError
from ottochain.fibers.receipts import log_entry_from_json
from ottochain.fibers.records import FiberCommit
from ottochain.fibers.state import OnChain
from ottochain.layers.certificates import certificate_fault
from ottochain.model.currency_snapshot import GlobalSyncView
from ottochain.model.errors import ModelError
from ottochain.model.header import Header
from ottochain.node.config import ParentPeer
from ottochain.node.l1_pool import Position
from ottochain.store.outcomes import Outcome

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class RefusedBlock:
    """A block that ML0 refused as a whole, because of these keys."""

    round_id: str
    guilty: tuple[str, ...]
    reason: str


@dataclass(frozen=True, slots=True)
class News:
    """What one line of ML0's feed brought."""

    outcomes: tuple[Outcome, ...] = ()
    refused: tuple[RefusedBlock, ...] = ()
    sequences: Mapping[str, int] = field(default_factory=dict)
    position: Position | None = None


class View:
    """What both layers' feeds have in common: where they are, and whether to believe it."""

    def __init__(self, parent: ParentPeer) -> None:
        self.parent = parent
        self._validators: tuple[str, ...] = ()
        self.chain_id: str | None = None
        self.ordinal: int | None = None
        self.hash: str | None = None
        self.diverged = False

    @property
    def position(self) -> tuple[int, str] | None:
        """The last snapshot that was applied."""
        return None if self.ordinal is None or self.hash is None else (self.ordinal, self.hash)

    def resume(self, ordinal: int, snapshot_hash: str) -> None:
        """Go on from what was applied in an earlier life."""
        self.ordinal, self.hash = ordinal, snapshot_hash

    def certified(self, value: Any) -> Header | None:
        """The header of an entry; None, with a word in the log, when it is not to be believed."""
        try:
            header = Header.from_json(value)
            check_certified(header)
        except ModelError as error:
            log.error("an entry of %s's feed is not certified: %s", self.parent.url, error)
            return None
        known = self._validators or (self.parent.id,)
        if not set(known) & set(header.validators) or (self.chain_id or header.chain_id) != header.chain_id:
            log.error("the feed of %s is of other validators or another chain than before", self.parent.url)
            self.diverged = True
            return None
        self._validators, self.chain_id = header.validators, header.chain_id
        return header

    def mark_diverged(self, line: Mapping[str, Any]) -> None:
        """The parent does not have the snapshot that this node followed."""
        if not self.diverged:
            log.error("diverged: %s does not have snapshot %s: %s", self.parent.url, self.position, line["diverged"])
        self.diverged = True


def check_certified(header: Header) -> None:
    """Raises ``ModelError`` unless a quorum of the header's validators made it final.

    The first two snapshots of a chain have no certificate: its founder made them.
    """
    if header.certificate is None and header.ordinal <= 1:
        return
    fault = certificate_fault(header, header.validators)
    if fault is not None:
        raise ModelError(fault)


class GlobalView(View):
    """GL0 as seen from ML0 and the L1 layers: its head, and how much of this metagraph it holds."""

    def __init__(self, parent: ParentPeer, metagraph_id: str | None) -> None:
        super().__init__(parent)
        self.metagraph_id = metagraph_id
        self.followed = False
        self.heard_first = asyncio.Event()
        """Set with the first certified line."""
        self.epoch_progress = 0
        self.confirmed_ordinal: int | None = None
        self.confirmed_hash: str | None = None

    async def apply(self, line: Mapping[str, Any]) -> None:
        """A line of GL0's feed."""
        self.apply_line(line)

    def apply_line(self, line: Mapping[str, Any]) -> tuple[str, ...]:
        """Takes a line in; returns the hashes of this metagraph's binaries that are confirmed by it, oldest first."""
        if "diverged" in line:
            self.mark_diverged(line)
        entry = line.get("state") or line.get("entry")
        if entry is None or (header := self.certified(entry["header"])) is None:
            return ()
        if self.ordinal is not None and header.ordinal < self.ordinal:
            return ()
        self.ordinal, self.hash = header.ordinal, header.snapshot_hash
        self.epoch_progress = entry["epochProgress"]
        included = entry["channels"].get(self.metagraph_id or "", ())
        if included:
            self.confirmed_ordinal, self.confirmed_hash = included[-1]["ordinal"], included[-1]["hash"]
        self.heard_first.set()
        return tuple(binary["hash"] for binary in included)

    def sync_view(self) -> GlobalSyncView | None:
        """GL0's head as a metagraph's snapshot refers to it."""
        if self.ordinal is None or self.hash is None:
            return None
        return GlobalSyncView(self.ordinal, self.hash, self.epoch_progress)


class MetagraphView(View):
    """ML0 as seen from the L1 layers: its head, the on-chain state, and what became of updates."""

    def __init__(self, parent: ParentPeer, metagraph_id: str) -> None:
        super().__init__(parent)
        self.chain_id = metagraph_id
        self.on_chain: OnChain | None = None
        self._commits: dict[str, FiberCommit] = {}

    def apply_line(self, line: Mapping[str, Any]) -> News:
        """Takes a line in and says what is new."""
        if "diverged" in line:
            self.mark_diverged(line)
        if "refused" in line:
            refused = line["refused"]
            return News(refused=(RefusedBlock(refused["roundId"], tuple(refused["guilty"]), refused["reason"]),))
        if "decided" in line:
            return News(outcomes=tuple(Outcome(**outcome) for outcome in line["decided"]))
        entry = line.get("state") or line.get("entry")
        if entry is None or (header := self.certified(entry["header"])) is None:
            return News()
        if self.ordinal is not None and header.ordinal < self.ordinal:
            return News()
        try:
            sequences = self._apply_on_chain(entry.get("onChain"), whole="state" in line)
        except (DecodeError, KeyError, TypeError, AttributeError) as error:
            log.error("the on-chain state of ML0's feed can't be read: %r", error)
            return News()
        self.ordinal, self.hash = header.ordinal, header.snapshot_hash
        decided = tuple(
            Outcome(outcome["key"], outcome["hash"], header.ordinal, outcome.get("reason"))
            for outcome in entry.get("decided", ())
        )
        return News(decided, (), sequences, Position(header.ordinal, header.snapshot_hash))

    def sequences_of(self, fibers: Iterable[str]) -> dict[str, int]:
        """The on-chain sequence numbers of those fibers that are known."""
        commits = self._commits
        return {fiber: commits[fiber].sequence_number for fiber in fibers if fiber in commits}

    def _apply_on_chain(self, value: Any, *, whole: bool) -> dict[str, int]:
        """Takes the whole state or a change of it; returns the sequence numbers in it. None: nothing known of it."""
        if value is None:
            return {}
        commits = {fiber: FiberCommit.from_json(commit) for fiber, commit in value["fiberCommits"].items()}
        logs = {fiber: tuple(map(log_entry_from_json, entries)) for fiber, entries in value["latestLogs"].items()}
        if whole:
            self._commits = commits
        else:
            self._commits.update(commits)
        self.on_chain = OnChain(self._commits, logs)
        return {fiber: commit.sequence_number for fiber, commit in commits.items()}
