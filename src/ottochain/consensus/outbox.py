"""The state channel of ML0: ``step(state, event) -> (state, effects)`` carries binaries into GL0 snapshots.

Binaries are a contiguous chain. The oldest `window` of them are under way: each is sent, and sent again with a
growing delay of at most `retry_max_ms`, until its hash is seen *in a GL0 snapshot*. An HTTP 200 only says that GL0
has it in memory. So the outbox is never silent while a binary is not included, and never lets one go that is not.

Of the ML0 validators each has the whole outbox, and each its own binaries: they carry the proofs that it knows. GL0
takes those of one, and the others build theirs anew on top. So one of them leads: the one whose binary GL0 held last
sends at once, and its next ones stand on that; the others each wait for their turn, two seconds apart, and lead when
they had to step in. Before anybody has led, the turns are drawn from what the oldest binary stands on, which all know.

The manual for the shell
------------------------
* Feed ``OutboxBoot`` first, with the binaries above the last one that GL0 holds, from the node's own chain. After GL0
  went back below that, boot a new state the same way.
* ``SendBinary`` is done aside: start the POST, go on, and feed ``SendDone`` when it is answered or failed.
* ``Included`` for every hash of this metagraph in every GL0 snapshot, in order. Unknown hashes are ignored.
* ``Gl0Up`` when GL0 can be reached again.
* ``Remove`` deletes the rows; they are in a certified GL0 snapshot.
"""

from __future__ import annotations

from typing import TypeAlias

from msgspec import Struct
from msgspec.structs import replace

from ottochain.consensus.quorum import rank
from ottochain.consensus.votes import Hash, Height

OutboxMove: TypeAlias = tuple["OutboxState", tuple["OutboxEffect", ...]]


class OutboxError(Exception):
    """The shell handed over a chain with a gap. The node must stop."""


class Binary(Struct, frozen=True, rename="camel"):
    """One binary of the chain: its snapshot's ordinal, its hash, and the hash it stands on."""

    ordinal: Height
    hash: Hash
    previous: str


class OutboxBoot(Struct, frozen=True, rename="camel", tag="boot"):
    """The first event of a life: all binaries that GL0 does not hold, oldest first."""

    binaries: tuple[Binary, ...] = ()
    leads: bool | None = None
    """Whether this node's binary was the last that GL0 took: False is that of another, None that nobody knows."""


class Enqueued(Struct, frozen=True, rename="camel", tag="enqueued"):
    """A snapshot was committed; its binary is durable."""

    binary: Binary


class SendDone(Struct, frozen=True, rename="camel", tag="sendDone"):
    """Answer to SendBinary: whether GL0 took it (which is not inclusion)."""

    ordinal: Height
    ok: bool
    reason: str = ""


class Included(Struct, frozen=True, rename="camel", tag="included"):
    """A GL0 snapshot holds the binary of this hash, and so all that it stands on. `leads` as in OutboxBoot; None leaves
    it as it is."""

    hash: Hash
    leads: bool | None = None


class Gl0Up(Struct, frozen=True, rename="camel", tag="gl0Up"):
    """GL0 can be reached again: what is under way need not wait for its timers."""


class OutboxTimerFired(Struct, frozen=True, rename="camel", tag="timerFired"):
    """The timer of a binary ran out. Late or cancelled ones do no harm."""

    ordinal: Height


OutboxEvent: TypeAlias = OutboxBoot | Enqueued | SendDone | Included | Gl0Up | OutboxTimerFired


class SendBinary(Struct, frozen=True, rename="camel", tag="send"):
    """POST the binary to a GL0 node, another one each `attempt`."""

    ordinal: Height
    attempt: int


class OutboxSetTimer(Struct, frozen=True, rename="camel", tag="setTimer"):
    """Start the timer of this ordinal, replacing the one that runs."""

    ordinal: Height
    milliseconds: int


class OutboxCancelTimer(Struct, frozen=True, rename="camel", tag="cancelTimer"):
    """Stop it."""

    ordinal: Height


class Remove(Struct, frozen=True, rename="camel", tag="remove"):
    """Delete these rows."""

    ordinals: tuple[Height, ...]


OutboxEffect: TypeAlias = SendBinary | OutboxSetTimer | OutboxCancelTimer | Remove


class OutboxConfig(Struct, frozen=True):
    """What stays the same for the life of a process; `members` are the ML0 validators that share the sending."""

    me: str
    members: tuple[str, ...]
    window: int = 4
    retry_ms: int = 2_000
    failed_ms: int = 250
    retry_max_ms: int = 10_000
    turn_ms: int = 2_000

    def delay(self, attempt: int) -> int:
        """Return how long to wait for inclusion after attempt number `attempt`, counted from 0."""
        return grown(self.retry_ms, attempt, self.retry_max_ms)

    def delay_after_failure(self, attempt: int) -> int:
        """Return how long to wait after an attempt that GL0 did not take."""
        return grown(self.failed_ms, attempt, self.retry_max_ms)

    def turn(self, seed: str) -> int:
        """Return this node's turn to send: 0 first."""
        return rank(seed, self.members).index(self.me) if self.me in self.members else len(self.members)


def grown(first: int, doublings: int, most: int) -> int:
    return most if doublings > 16 else min(most, first << doublings)


class OutboxState(Struct, frozen=True):
    """The outbox between two events: the chain that is not included, and the attempts of those under way."""

    config: OutboxConfig
    chain: tuple[Binary, ...] = ()
    attempts: dict[int, int] = {}
    failures: dict[int, int] = {}
    leads: bool | None = None

    @property
    def turn(self) -> int:
        """This node's turn to send what is under way: 0 at once."""
        if self.leads:
            return 0
        drawn = self.config.turn(self.chain[0].previous)
        return drawn if self.leads is None else 1 + drawn

    @property
    def depth(self) -> int:
        """How many binaries GL0 does not hold. Above a limit ML0 should slow down to time triggers."""
        return len(self.chain)


def initial(config: OutboxConfig) -> OutboxState:
    """Return the state before OutboxBoot."""
    return OutboxState(config)


def step(state: OutboxState, event: OutboxEvent) -> tuple[OutboxState, tuple[OutboxEffect, ...]]:
    """Take one event, return the new state and what is to be done, in order."""
    match event:
        case Enqueued():
            return fill(appended(state, event.binary))
        case Included():
            return on_included(state, event)
        case OutboxTimerFired():
            return send(state, event.ordinal) if event.ordinal in state.attempts else (state, ())
        case SendDone():
            return on_done(state, event)
        case Gl0Up():
            return again(state)
        case OutboxBoot():
            state = replace(state, leads=event.leads)
            for binary in event.binaries:
                state = appended(state, binary)
            return fill(state)


def appended(state: OutboxState, binary: Binary) -> OutboxState:
    """Return `state` with one more binary. Raises OutboxError when it does not stand on the last one."""
    if state.chain:
        last = state.chain[-1]
        if (binary.ordinal, binary.previous) != (last.ordinal + 1, last.hash):
            raise OutboxError(
                f"the outbox is a chain: expected ordinal {last.ordinal + 1} on {last.hash},"
                f" found ordinal {binary.ordinal} on {binary.previous}"
            )
    return replace(state, chain=(*state.chain, binary))


def fill(state: OutboxState) -> OutboxMove:
    """Put the oldest binaries under way: send those whose turn is this node's, wait with the others."""
    effects: tuple[OutboxEffect, ...] = ()
    for binary in state.chain[: state.config.window]:
        if binary.ordinal in state.attempts:
            continue
        state = replace(state, attempts={**state.attempts, binary.ordinal: 0})
        if turn := state.turn:
            effects += (OutboxSetTimer(binary.ordinal, state.config.turn_ms * turn),)
        else:
            state, sent = send(state, binary.ordinal)
            effects += sent
    return state, effects


def send(state: OutboxState, ordinal: int) -> OutboxMove:
    """Send a binary that is under way, and wait for its inclusion."""
    attempt = state.attempts[ordinal]
    sent = replace(state, attempts={**state.attempts, ordinal: attempt + 1})
    return sent, (SendBinary(ordinal, attempt), OutboxSetTimer(ordinal, state.config.delay(attempt)))


def again(state: OutboxState) -> OutboxMove:
    """Begin anew with all that is under way: oldest first, each node in its turn."""
    return fill(replace(state, attempts={}, failures={}))


def on_done(state: OutboxState, done: SendDone) -> OutboxMove:
    """After a failure try again sooner: quickly at first, then at the usual pace."""
    if done.ordinal not in state.attempts:
        return state, ()
    if done.ok:
        return replace(state, failures={k: v for k, v in state.failures.items() if k != done.ordinal}), ()
    failed = state.failures.get(done.ordinal, 0)
    sooner = replace(state, failures={**state.failures, done.ordinal: failed + 1})
    return sooner, (OutboxSetTimer(done.ordinal, state.config.delay_after_failure(failed)),)


def on_included(state: OutboxState, included: Included) -> OutboxMove:
    """Let go of a binary that GL0 holds, with all before it; put the next ones under way."""
    count = next((index + 1 for index, binary in enumerate(state.chain) if binary.hash == included.hash), 0)
    if not count:
        return state, ()
    if included.leads is not None:
        state = replace(state, leads=included.leads)
    gone = tuple(binary.ordinal for binary in state.chain[:count])
    stop = tuple(OutboxCancelTimer(ordinal) for ordinal in gone if ordinal in state.attempts)
    state = replace(
        state,
        chain=state.chain[count:],
        attempts={ordinal: tried for ordinal, tried in state.attempts.items() if ordinal not in gone},
        failures={ordinal: failed for ordinal, failed in state.failures.items() if ordinal not in gone},
    )
    state, effects = fill(state)
    return state, (Remove(gone), *stop, *effects)
