"""What a validator knows about the height it decides: plain facts, and the questions the rules ask of them."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Literal, TypeAlias

from msgspec import Struct
from msgspec.structs import replace

from ottochain.consensus.effects import Effect, TimerName
from ottochain.consensus.quorum import FaultModel, faults, leader_order, quorum
from ottochain.consensus.votes import (
    Ballot,
    Certificate,
    Chain,
    Decided,
    Precommit,
    Prevote,
    Proposal,
    SignFunction,
    Trigger,
    VerifyFunction,
    Vote,
    VoteKind,
    certify,
)

VIEWS_KEPT_MAX = 4
"""Of each peer, at the height being decided and at the next: a peer can make us remember no more."""
CATCH_UP_HEIGHTS_MAX = 16
"""How many decided heights one repair brings, and how many are held while the first is committed."""
STEPS = ("propose", "prevote", "precommit")

Phase: TypeAlias = Literal["cold", "propose", "prevote", "precommit", "committing", "halted"]
Move: TypeAlias = tuple["State", tuple[Effect, ...]]


class ConsensusError(Exception):
    """The shell broke the contract of ``step``, or an invariant does not hold. The node must stop."""


class Config(Struct, frozen=True):
    """What stays the same for the life of a process."""

    me: str
    chain: Chain
    sign: SignFunction
    verify: VerifyFunction
    fault_model: FaultModel = "byzantine"
    timeout_ms: int = 300
    timeout_max_ms: int = 30_000
    leader_down_ms: int = 20
    behind_ms: int = 50
    repair_max_ms: int = 10_000

    def timeout(self, view: int) -> int:
        """Return how long a phase of `view` waits: timeout_ms · 1.5^view, at most timeout_max_ms."""
        if view > 40:
            return self.timeout_max_ms
        grown: int = self.timeout_ms * 3**view // 2**view
        return min(self.timeout_max_ms, grown)

    def repair_delay(self, asked: int) -> int:
        """Return how long to wait before asking for what is missing, the next time."""
        return min(self.repair_max_ms, self.timeout(asked))


class Slot(Struct, frozen=True):
    """What one validator signed in one view."""

    proposal: Proposal | None = None
    prevote: Prevote | None = None
    precommit: Precommit | None = None

    def get(self, kind: str) -> Ballot | None:
        return self.proposal if kind == "propose" else self.prevote if kind == "prevote" else self.precommit

    def put(self, ballot: Ballot) -> Slot:
        if isinstance(ballot, Proposal):
            return replace(self, proposal=ballot)
        if isinstance(ballot, Prevote):
            return replace(self, prevote=ballot)
        return replace(self, precommit=ballot)

    def ballots(self) -> Iterator[Ballot]:
        """Yield what is there, in the order of the steps."""
        for ballot in (self.proposal, self.prevote, self.precommit):
            if ballot is not None:
                yield ballot


EMPTY_SLOT = Slot()
Inbox: TypeAlias = dict[str, dict[int, Slot]]
"""Validator -> view -> what it signed. Never changed in place."""


Judged: TypeAlias = tuple[str, str]
"""A hash with the reference of the body it was judged by: a right hash may come with a wrong body."""


class Value(Struct, frozen=True):
    """A value with its polka: the lock, or the valid value."""

    polka: Certificate
    body: str
    trigger: Trigger


class State(Struct, frozen=True):
    """A validator between two events. Made by ``initial``; changed only by ``step``."""

    config: Config
    # -- committed facts
    height: int = 0
    parent: str = ""
    parent_certificate: Certificate | None = None
    validators: tuple[str, ...] = ()
    following: tuple[str, ...] = ()
    previous: tuple[str, ...] = ()
    # -- what follows from them, computed once per height
    leaders: tuple[str, ...] = ()
    needed: int = 0
    lies: int = 0
    # -- where this node stands
    may_vote: bool = False
    phase: Phase = "cold"
    view: int = 0
    trigger: Trigger | None = None
    building: Literal["no", "asked", "asked again", "empty"] = "no"
    judging: int = -1
    judged: dict[Judged, bool] = {}
    lock: Value | None = None
    valid: Value | None = None
    signed: tuple[int, int] = (-1, -1)
    # -- what it heard
    inbox: Inbox = {}
    later: Inbox = {}
    ahead: dict[int, Decided] = {}
    views: dict[str, int] = {}
    heights: dict[str, int] = {}
    certificate: Certificate | None = None
    decided: Decided | None = None
    wrong_bodies: frozenset[tuple[str, str]] = frozenset()
    lost_bodies: frozenset[str] = frozenset()
    accused: frozenset[str] = frozenset()
    down: frozenset[str] = frozenset()
    # -- timers
    armed: frozenset[TimerName] = frozenset()
    asked: int = 0
    urged: bool = False

    # -- who --------------------------------------------------------------------------------------------------------

    @property
    def voting(self) -> bool:
        """Whether this node votes at this height: it is a validator, and it remembers what it signed."""
        return self.may_vote and self.config.me in self.validators

    @property
    def alone(self) -> bool:
        """Whether this node is the whole validator set: nothing to send, nobody to wait for."""
        return self.validators == (self.config.me,)

    def leader(self, view: int) -> str:
        return self.leaders[view % len(self.leaders)]

    # -- what was said ----------------------------------------------------------------------------------------------

    def slot(self, sender: str, view: int) -> Slot:
        views = self.inbox.get(sender)
        return EMPTY_SLOT if views is None else views.get(view, EMPTY_SLOT)

    def proposal(self) -> Proposal | None:
        """Return the proposal of this view's leader, if it came."""
        return self.slot(self.leader(self.view), self.view).proposal

    def votes(self, kind: VoteKind, view: int) -> list[Vote]:
        """Return the votes of one kind in one view, in the order of the validators."""
        found = []
        for sender in self.validators:
            views = self.inbox.get(sender)
            if views is not None and (slot := views.get(view)) is not None:
                vote = slot.prevote if kind == "prevote" else slot.precommit
                if vote is not None:
                    found.append(vote)
        return found

    def majority(self, kind: VoteKind, view: int) -> list[Vote]:
        """Return the votes of the one hash (or nil) that a quorum voted for, or an empty list."""
        if len(self.inbox) < self.needed:
            return []
        votes = self.votes(kind, view)
        if len(votes) < self.needed:
            return []
        choices: dict[str | None, list[Vote]] = {}
        for vote in votes:
            choices.setdefault(vote.hash, []).append(vote)
        return next((same for same in choices.values() if len(same) >= self.needed), [])

    def polka(self) -> Certificate | None:
        """Return the polka of this view, if there is one."""
        votes = self.majority("prevote", self.view)
        return certify(votes) if votes and votes[0].hash is not None else None

    def body_of(self, block: str) -> str | None:
        """Return the reference of a body at hand for `block`: from a decision, the valid value, or a proposal."""
        candidates = []
        if self.decided is not None and self.decided.certificate.hash == block:
            candidates.append(self.decided.body)
        if self.valid is not None and self.valid.polka.hash == block:
            candidates.append(self.valid.body)
        for views in self.inbox.values():
            for slot in views.values():
                if slot.proposal is not None and slot.proposal.hash == block:
                    candidates.append(slot.proposal.body)
        gone = self.lost_bodies
        return next((body for body in candidates if body not in gone and (block, body) not in self.wrong_bodies), None)

    def waiting_for(self) -> tuple[str, ...]:
        """Return whom this height waits for, for an operator's eyes: the leader, or those who have not voted yet."""
        if self.phase == "propose":
            return (self.leader(self.view),)
        if self.phase not in ("prevote", "precommit"):
            return ()
        slots = {member: self.slot(member, self.view) for member in self.validators}
        return tuple(member for member, slot in slots.items() if slot.get(self.phase) is None)

    def far_view(self) -> int:
        """Return the highest view that f + 1 peers have reached, so at least one honest: -1 when there is none."""
        if len(self.views) <= self.lies:
            return -1
        return sorted(self.views.values(), reverse=True)[self.lies]


def initial(config: Config) -> State:
    """Return the state before Boot."""
    return State(config)


def at_height(
    state: State,
    height: int,
    parent: str,
    certificate: Certificate | None,
    validators: tuple[str, ...],
    following: tuple[str, ...],
) -> State:
    """Return `state` moved to a fresh height: every fact of the old one is forgotten."""
    model = state.config.fault_model
    return State(
        config=state.config,
        height=height,
        parent=parent,
        parent_certificate=certificate,
        validators=validators,
        following=following,
        previous=state.validators or validators,
        leaders=leader_order(parent, validators),
        needed=quorum(len(validators), model),
        lies=faults(len(validators), model),
        may_vote=state.may_vote,
        heights={peer: claimed for peer, claimed in state.heights.items() if claimed > height},
        ahead=state.ahead,
        down=state.down,
    )
