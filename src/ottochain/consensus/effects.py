"""What a validator's core is told, what it asks for, and what it must find again after a crash.

Events go in, effects come out, records are what ``Persist`` writes. All are plain values with a JSON form.
"""

from __future__ import annotations

from typing import Literal, TypeAlias

import msgspec
from msgspec import Struct

from ottochain.consensus.votes import (
    Ballot,
    BodyReference,
    Certificate,
    Hash,
    Height,
    Message,
    PeerId,
    Proposal,
    Trigger,
    View,
)

TimerName: TypeAlias = Literal["propose", "prevote", "precommit", "repair"]


class RecordError(ValueError):
    """Stored bytes that are not a record of this core."""


# -- records -----------------------------------------------------------------------------------------------------------


class Voted(Struct, frozen=True, rename="camel", tag="voted"):
    """A message this node signed. With a Proposal the shell stores the body that it names as well."""

    message: Ballot


class Valued(Struct, frozen=True, rename="camel", tag="valued"):
    """A value this node saw a polka for; `locked` when it precommits it. The shell stores the body as well."""

    polka: Certificate
    body: BodyReference
    trigger: Trigger
    locked: bool


class Equivocated(Struct, frozen=True, rename="camel", tag="equivocated"):
    """Proof that a validator signed two different things for one step. For the operator; the core needs it no more."""

    first: Ballot
    second: Ballot


Record: TypeAlias = Voted | Valued | Equivocated

_record_decoder: msgspec.json.Decoder[Record] = msgspec.json.Decoder(Record)


def encode_record(record: Record) -> bytes:
    """Return the JSON of a record, to be stored."""
    return msgspec.json.encode(record)


def decode_record(data: bytes | str) -> Record:
    """Read a stored record. Raises RecordError: the vote record is damaged, and this node must not vote."""
    try:
        return _record_decoder.decode(data)
    except (msgspec.MsgspecError, UnicodeError, RecursionError) as error:
        raise RecordError(f"not a vote record: {error}") from error


# -- events ------------------------------------------------------------------------------------------------------------


class Boot(Struct, frozen=True, rename="camel", tag="boot"):
    """The first event of a life: what the disk holds.

    `height`, `hash` and `certificate` are of the last committed block (certificate None for a genesis or a new
    incarnation), `previous` the validators who voted there (empty: the same as at height + 1): other proofs of it than
    these are known by them. `records` are the Voted and Valued of height + 1, in the order they were persisted.
    `may_vote` is False for a learner: a node whose vote record is lost.
    """

    height: Height
    hash: Hash
    certificate: Certificate | None
    validators: tuple[PeerId, ...]
    following: tuple[PeerId, ...] = ()
    records: tuple[Voted | Valued, ...] = ()
    may_vote: bool = True
    hot: Trigger | None = None
    previous: tuple[PeerId, ...] = ()


class Hot(Struct, frozen=True, rename="camel", tag="hot"):
    """There is something to propose: events wait, or the time trigger is due (which wins over events)."""

    trigger: Trigger


class Built(Struct, frozen=True, rename="camel", tag="built"):
    """Answer to Build: a value, checked by building it."""

    height: Height
    view: View
    hash: Hash
    body: BodyReference
    trigger: Trigger


class NotBuilt(Struct, frozen=True, rename="camel", tag="notBuilt"):
    """Answer to Build when there is nothing to propose after all."""

    height: Height
    view: View
    reason: str


class Validated(Struct, frozen=True, rename="camel", tag="validated"):
    """Answer to Validate."""

    height: Height
    view: View
    hash: Hash
    ok: bool
    reason: str = ""


class Committed(Struct, frozen=True, rename="camel", tag="committed"):
    """Answer to Commit, once the block is durable.

    `validators` vote at height + 1, `following` at height + 2 (empty: the same). `hot` when something is left to
    propose: saves a Hot.
    """

    height: Height
    hash: Hash
    validators: tuple[PeerId, ...]
    following: tuple[PeerId, ...] = ()
    hot: Trigger | None = None


class CommitFailed(Struct, frozen=True, rename="camel", tag="commitFailed"):
    """Answer to Commit when the body at hand does not give the certified hash: it was a wrong body.

    `lost` when the body, or what came with it, is not at hand any more: it is taken when it comes again.
    """

    height: Height
    hash: Hash
    reason: str
    lost: bool = False


class Received(Struct, frozen=True, rename="camel", tag="received"):
    """A message from a peer, decoded and not yet checked."""

    message: Message


class TimerFired(Struct, frozen=True, rename="camel", tag="timerFired"):
    """A timer ran out. Late or cancelled ones do no harm."""

    name: TimerName
    height: Height
    view: View


class PeerUp(Struct, frozen=True, rename="camel", tag="peerUp"):
    """A connection to a validator stands: time to exchange what either missed."""

    id: PeerId


class PeerDown(Struct, frozen=True, rename="camel", tag="peerDown"):
    """A validator can't be reached. Only a hint: views it leads are given up sooner."""

    id: PeerId


Event: TypeAlias = (
    Boot | Hot | Built | NotBuilt | Validated | Committed | CommitFailed | Received | TimerFired | PeerUp | PeerDown
)


# -- effects -----------------------------------------------------------------------------------------------------------


class Persist(Struct, frozen=True, rename="camel", tag="persist"):
    """Write all of these, in one transaction, and sync, before the next effect. At most one per step, always first."""

    records: tuple[Record, ...]


class Broadcast(Struct, frozen=True, rename="camel", tag="broadcast"):
    """Send to every other validator; a Proposal with its body."""

    message: Message


class Send(Struct, frozen=True, rename="camel", tag="send"):
    """Send to one peer; a Proposal or Decided with its body."""

    to: PeerId
    message: Message


class Serve(Struct, frozen=True, rename="camel", tag="serve"):
    """Send one peer a Decided, with its body, for each committed height from `first` to `last`, in order."""

    to: PeerId
    first: Height
    last: Height


class SetTimer(Struct, frozen=True, rename="camel", tag="setTimer"):
    """Start the timer of this name, replacing the one that runs."""

    name: TimerName
    height: Height
    view: View
    milliseconds: int


class CancelTimer(Struct, frozen=True, rename="camel", tag="cancelTimer"):
    """Stop the timer of this name."""

    name: TimerName


class Build(Struct, frozen=True, rename="camel", tag="build"):
    """Build a value on the committed parent; answer Built or NotBuilt. Taking 20 ms to batch is the shell's choice."""

    height: Height
    view: View
    trigger: Trigger
    parent: Hash
    parent_certificate: Certificate | None


class Validate(Struct, frozen=True, rename="camel", tag="validate"):
    """Execute a proposed value and compare; answer Validated with the proposal's height, view and hash."""

    proposal: Proposal


class Commit(Struct, frozen=True, rename="camel", tag="commit"):
    """Make a value final: store block, certificate and state in one transaction; answer Committed or CommitFailed."""

    height: Height
    view: View
    hash: Hash
    body: BodyReference
    certificate: Certificate


class Diverged(Struct, frozen=True, rename="camel", tag="diverged"):
    """Two certificates for one height, which a quorum of honest validators never makes. The core stops here."""

    height: Height
    ours: Hash
    theirs: Certificate


Effect: TypeAlias = Persist | Broadcast | Send | Serve | SetTimer | CancelTimer | Build | Validate | Commit | Diverged
