"""What a node knows of the layers above it, from their feeds.

Every entry carries a header with a certificate; what is not certified by the validators, starting with the parent that
the operator configured, is not believed, whichever of them tells it. An entry is told as a change of the one before it,
so it is taken only when it follows; else the connection is given up, and the next one begins with what is missing. A
parent that has another snapshot than the one this node followed is not the one it was: the view says *diverged* and
takes nothing more from it, until it has that snapshot again. One of several validators may just be behind: the view
turns to the others. A single validator can't be, for nobody else could have made what this node has seen of it.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import time
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from ottochain.consensus.quorum import faults
from ottochain.fibers.receipts import log_entry_from_json
from ottochain.fibers.records import FiberCommit
from ottochain.fibers.state import OnChain
from ottochain.layers.certificates import certificate_fault, read_certificate
from ottochain.model.currency_snapshot import GlobalSyncView
from ottochain.model.errors import ModelError
from ottochain.model.header import Header
from ottochain.node.config import ParentPeer
from ottochain.node.currency_view import CurrencyNews, CurrencyView
from ottochain.node.feed import FeedError, Line
from ottochain.node.head_age import HeadAge
from ottochain.node.l1_pool import Position
from ottochain.node.parents import Parents
from ottochain.store.outcomes import Outcome

log = logging.getLogger(__name__)


class NoValidator(FeedError):  # noqa: N818  what happened
    """The first word is of validators among whom the configured parent is not: not yet, or it is another node."""


@dataclass(frozen=True, slots=True)
class RefusedBlock:
    """A block that ML0 refused as a whole, because of these keys; or ``again``, because what it stood on is gone."""

    round_id: str
    guilty: tuple[str, ...]
    reason: str
    again: bool = False


@dataclass(frozen=True, slots=True)
class News:
    """What one line of ML0's feed brought. ``position`` is None when it brought no new snapshot, ``tokens`` when it
    tells nothing of them."""

    outcomes: tuple[Outcome, ...] = ()
    refused: tuple[RefusedBlock, ...] = ()
    sequences: Mapping[str, int] = field(default_factory=dict)
    position: Position | None = None
    tokens: CurrencyNews | None = None


@dataclass(frozen=True, slots=True)
class Told:
    """One snapshot as a feed tells it: an ``entry``, or the ``state`` that a connection begins with."""

    header: Header
    facts: Mapping[str, Any]
    whole: bool


class View:
    """What both layers' feeds have in common: where they are, and whether to believe it."""

    def __init__(self, parent: ParentPeer) -> None:
        self.parent = parent
        self.parents = Parents(parent)
        self.chain_id: str | None = None
        self.ordinal: int | None = None
        self.hash: str | None = None
        self._vouchers: tuple[str, ...] = ()
        """The validators of the last snapshot that was applied; () after a restart that does not know them."""
        self.age = HeadAge(time.monotonic)
        self.diverged = False
        self.heard_first = asyncio.Event()

    @property
    def position(self) -> tuple[int, str] | None:
        """The last snapshot that was applied."""
        return None if self.ordinal is None or self.hash is None else (self.ordinal, self.hash)

    def resume(self, ordinal: int, snapshot_hash: str, validators: tuple[str, ...] = ()) -> None:
        """Go on from what was applied in an earlier life. ``validators``: those of that snapshot. The set that is kept
        with the parents' addresses is that of the newest snapshot, whose predecessors are told once more."""
        self.ordinal, self.hash, self._vouchers = ordinal, snapshot_hash, validators

    async def first_word(self) -> None:
        """Waits until the parent was heard. Raises ``FeedError`` when it is not the one it should be."""
        await self.heard_first.wait()
        if self.ordinal is None:
            raise FeedError(
                f"{self.parent.url} is of other validators or another chain than this node is told to follow"
            )

    def told(self, line: Line) -> Told | None:
        """The snapshot that a line tells of; None when it tells of something else.

        Raises ``FeedError`` for one that is not to be believed, or leaves out what came before it.
        """
        if "members" in line:
            self.parents.learn(line["members"])
        if "behind" in line:
            self._is_behind(line["behind"])
        if "diverged" in line:
            self._diverge(f"it does not have snapshot {self.position}, which this node followed: {line['diverged']}")
        whole = "state" in line
        facts = line.get("state" if whole else "entry")
        if facts is None:
            return None
        header = self._certified(facts["header"])
        if not whole and header.ordinal > (self.ordinal or 0) + 1:
            raise FeedError(f"snapshot {header.ordinal} does not follow the last one known here, {self.ordinal}")
        if self.ordinal is not None and whole and header.ordinal < self.ordinal:
            raise FeedError(f"its state is of snapshot {header.ordinal}, {self.ordinal} is known here")
        if header.ordinal == self.ordinal and header.snapshot_hash != self.hash:
            self._diverge(f"snapshot {self.ordinal} is {header.snapshot_hash} there, this node followed {self.hash}")
        return Told(header, facts, whole)

    def is_news(self, told: Told) -> bool:
        """Is it a snapshot that this node has not applied?"""
        return self.ordinal is None or told.header.ordinal > self.ordinal

    def applied(self, told: Told) -> None:
        """This is the newest snapshot known here."""
        if self.ordinal is not None and self.is_news(told):
            self.age.moved()
        self.ordinal, self.hash = told.header.ordinal, told.header.snapshot_hash
        self.chain_id, self._vouchers = told.header.chain_id, told.header.validators
        self.parents.believe(told.header.validators)
        self.diverged = False
        self.heard_first.set()

    def _certified(self, value: Any) -> Header:
        header = Header.from_json(value)
        check_certified(header)
        if (self.chain_id or header.chain_id) != header.chain_id:
            self._diverge("it is of another chain than before")
        if not self.parents.validators and self.parent.id not in header.validators:
            raise NoValidator(f"{self.parent.id[:16]}…, the configured parent, is not among its validators")
        if not self._vouched_for(header):
            self._diverge("it is of other validators than before")
        return header

    def _vouched_for(self, header: Header) -> bool:
        """Did enough of the validators known here sign it that one of them is honest?

        At first the operator's word counts: that the parent is one.
        """
        known = self._vouchers or self.parents.validators
        if not known:
            return True
        if header.certificate is None:
            return set(known) == set(header.validators)
        signers = {proof.id for proof in read_certificate(header.certificate).signatures}
        return len(signers & set(known)) > faults(len(known))

    def _is_behind(self, head: Any) -> None:
        text = f"its head is {head}, this node followed it, or its fellows, to {self.position}"
        if self.parents.validators in ((), (self.parent.id,)):
            self._diverge(text)
        raise FeedError(f"behind: {text}")

    def is_another(self) -> None:
        """The configured parent is not the node at its address. Raises ``FeedError``."""
        self._diverge(f"the node at its address is not {self.parent.id[:16]}…")

    def _diverge(self, reason: str) -> None:
        self.diverged = True
        self.heard_first.set()
        raise FeedError(f"diverged: {reason}")


def check_certified(header: Header) -> None:
    """Raises ``ModelError`` unless a quorum of the header's validators made it final.

    The first two snapshots of a chain have no certificate: its founder made them.
    """
    if header.certificate is None and header.ordinal <= 1:
        return
    fault = certificate_fault(header, header.validators)
    if fault is not None:
        raise ModelError(fault)


@contextlib.contextmanager
def readable() -> Iterator[None]:
    """What a parent says in another shape than expected is its fault, and no reason for this node to end."""
    try:
        yield
    except (KeyError, TypeError, AttributeError, ValueError) as error:
        raise FeedError(f"a line is not what it should be: {error!r}") from error


class GlobalView(View):
    """GL0 as seen from ML0 and the L1 layers: its head, and how much of this metagraph it holds."""

    def __init__(self, parent: ParentPeer, metagraph_id: str | None) -> None:
        super().__init__(parent)
        self.metagraph_id = metagraph_id
        self.followed = False
        self.epoch_progress = 0
        self.confirmed_ordinal: int | None = None
        self.confirmed_hash: str | None = None
        self.confirmed_snapshot: str | None = None
        """The hash of the snapshot inside that binary."""

    async def apply(self, line: Line) -> None:
        """A line of GL0's feed."""
        self.apply_line(line)

    def apply_line(self, line: Line) -> tuple[tuple[int, str], ...]:
        """Takes a line in; returns ordinals and hashes of this metagraph's binaries that it confirms, oldest first.

        Raises ``FeedError``.
        """
        with readable():
            told = self.told(line)
            if told is None or not (told.whole or self.is_news(told)):
                return ()
            channel = told.facts["channels"].get(self.metagraph_id or "", ())
            included = tuple((binary["ordinal"], binary["hash"]) for binary in channel)
            epoch_progress = told.facts["epochProgress"]
        self.applied(told)
        self.epoch_progress = epoch_progress
        if included:
            self.confirmed_ordinal, self.confirmed_hash = included[-1]
            self.confirmed_snapshot = channel[-1].get("snapshot")
        return included

    def sync_view(self) -> GlobalSyncView | None:
        """GL0's head as a metagraph's snapshot refers to it."""
        if self.ordinal is None or self.hash is None:
            return None
        return GlobalSyncView(self.ordinal, self.hash, self.epoch_progress)


class MetagraphView(View):
    """ML0 as seen from the L1 layers: its head, what became of updates and other items, the tokens, and where it is
    asked for, the on-chain state. ``currency`` is None until it was heard.

    CL1 follows without the on-chain state: of ten thousand fibers it would be most of the node.
    """

    def __init__(self, parent: ParentPeer, metagraph_id: str, *, with_state: bool = True) -> None:
        super().__init__(parent)
        self.chain_id = metagraph_id
        self.on_chain: OnChain | None = None
        self.currency: CurrencyView | None = None
        self._with_state = with_state
        self._state_ordinal: int | None = None

    def apply_line(self, line: Line) -> News:
        """Takes a line in and says what is new. Raises ``FeedError``."""
        with readable():
            if (refused := line.get("refused")) is not None:
                again = refused.get("again", False) is True
                block = RefusedBlock(refused["roundId"], tuple(refused["guilty"]), refused["reason"], again)
                return News(refused=(block,))
            if (decided := line.get("decided")) is not None:
                return News(outcomes=tuple(map(_outcome, decided)))
            told = self.told(line)
            if told is None:
                return News()
            outcomes = tuple(map(_outcome, told.facts.get("decided", ())))
            if not (told.whole or self.is_news(told)):
                return News(outcomes)
            sequences = self._apply_on_chain(told) if self._with_state else {}
            tokens = self._apply_currency(told)
        self.applied(told)
        header = told.header
        position = Position(header.ordinal, header.snapshot_hash, header.validators)
        return News(outcomes, (), sequences, position, tokens)

    def sequences_of(self, fibers: Iterable[str]) -> dict[str, int]:
        """The on-chain sequence numbers of those fibers that are known."""
        commits: Mapping[str, FiberCommit] = {} if self.on_chain is None else self.on_chain.fiber_commits
        return {fiber: commits[fiber].sequence_number for fiber in fibers if fiber in commits}

    def _apply_on_chain(self, told: Told) -> dict[str, int]:
        """Takes the whole state or a change of it; returns the sequence numbers in it.

        Entries that were missed come without it: the state behind them has it all.
        """
        value = told.facts.get("onChain")
        if value is None:
            return {}
        before = self.on_chain
        if not told.whole and (before is None or self._state_ordinal != told.header.ordinal - 1):
            raise FeedError(
                f"snapshot {told.header.ordinal} changes a state of which {self._state_ordinal} is known here"
            )
        commits = {fiber: FiberCommit.from_json(commit) for fiber, commit in value["fiberCommits"].items()}
        logs = {fiber: tuple(map(log_entry_from_json, entries)) for fiber, entries in value["latestLogs"].items()}
        known = {} if told.whole or before is None else before.fiber_commits
        self.on_chain = OnChain({**known, **commits}, logs)
        self._state_ordinal = told.header.ordinal
        return {fiber: commit.sequence_number for fiber, commit in commits.items()}

    def _apply_currency(self, told: Told) -> CurrencyNews | None:
        """The same for the tokens. A live entry that says nothing of them left them as they were."""
        change = told.facts.get("currency")
        if change is None and (told.whole or self.currency is None or "onChain" not in told.facts):
            return None
        view = self.currency or CurrencyView()
        news = view.apply(told.header.ordinal, change or {}, whole=told.whole)
        self.currency = view
        return news


def _outcome(value: Mapping[str, Any]) -> Outcome:
    return Outcome(value["key"], value["hash"], value["ordinal"], value["reason"])
