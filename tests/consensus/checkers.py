"""What must hold after every step, whatever the network, the disks and the dice do.

Each checker keeps its own account of what it saw and trusts nothing the core says about itself.
"""

from consensus.kit import CHAIN, GENESIS, verify
from ottochain.consensus.effects import Commit, Effect, Event, Record, Valued, Voted
from ottochain.consensus.quorum import faults as lies_of
from ottochain.consensus.state import VIEWS_KEPT_MAX, State
from ottochain.consensus.votes import Ballot, Message, Precommit, Prevote, Proposal


class Violated(AssertionError):  # noqa: N818  (it reads as the sentence it is)
    """An invariant does not hold."""


class Checkers:
    """All checkers of one run."""

    def __init__(self, members: tuple[str, ...]) -> None:
        self.members = members
        n = len(members)
        self.needed = next(q for q in range(1, n + 1) if 2 * q - n > lies_of(n))
        self.decided: dict[int, str] = {0: GENESIS}
        self.said: dict[tuple[str, int, int, str], str] = {}
        self.on_disk: dict[str, set[Ballot]] = {member: set() for member in members}
        self.polkas: dict[str, set[tuple[int, int, str]]] = {member: set() for member in members}
        self.locks: dict[tuple[str, int], tuple[int, str]] = {}
        self.proposals: dict[tuple[int, int, str], Proposal] = {}
        self.liars: set[str] = set()

    def complain(self, text: str) -> None:
        raise Violated(text)

    # -- agreement, and certificates that are what they say -----------------------------------------------------------

    def committed(self, member: str, order: Commit) -> None:
        known = self.decided.setdefault(order.height, order.hash)
        if known != order.hash:
            self.complain(f"height {order.height}: {member} committed {order.hash[:8]}, others {known[:8]}")
        proof = order.certificate
        if (proof.kind, proof.height, proof.view, proof.hash) != ("precommit", order.height, order.view, order.hash):
            self.complain(f"{member} committed height {order.height} by a certificate of something else")
        if not proof.holds(CHAIN, self.members, self.needed, verify):
            self.complain(f"{member} committed height {order.height} without a quorum of {self.needed}")

    # -- what was signed, written, sent --------------------------------------------------------------------------------

    def persisted(self, member: str, records: tuple[Record, ...]) -> None:
        for record in records:
            if isinstance(record, Valued):
                self.polkas[member].add((record.polka.height, record.polka.view, record.polka.hash))
            elif isinstance(record, Voted):
                self.once(member, record.message)
                self.on_disk[member].add(record.message)
                self.locked(member, record.message)

    def once(self, member: str, ballot: Ballot) -> None:
        """Never two ballots for one step, across all lives of a node."""
        step = (member, ballot.height, ballot.view, ballot.kind)
        text = ballot.text(CHAIN)
        if self.said.setdefault(step, text) != text:
            self.complain(f"{member} signed twice: {step[1:]}")

    def locked(self, member: str, ballot: Ballot) -> None:
        """A prevote against the lock needs a newer polka; a precommit needs its polka on disk, and makes the lock."""
        if isinstance(ballot, Proposal):
            self.proposals[ballot.height, ballot.view, ballot.hash] = ballot
        if ballot.hash is None or isinstance(ballot, Proposal):
            return
        if isinstance(ballot, Precommit):
            if (ballot.height, ballot.view, ballot.hash) not in self.polkas[member]:
                self.complain(f"{member} precommitted {ballot.hash[:8]} without its polka on disk")
            self.locks[member, ballot.height] = (ballot.view, ballot.hash)
            return
        assert isinstance(ballot, Prevote)
        view, block = self.locks.get((member, ballot.height), (-1, ballot.hash))
        if block == ballot.hash:
            return
        proposed = self.proposals.get((ballot.height, ballot.view, ballot.hash))
        polka = None if proposed is None else proposed.polka
        if polka is None or polka.view < view or not polka.holds(CHAIN, self.members, self.needed, verify):
            self.complain(f"{member} is locked on {block[:8]} since view {view} and prevoted {ballot.hash[:8]}")

    def sending(self, member: str, message: Message) -> None:
        """Everything a node says for itself is on its disk."""
        if not isinstance(message, Proposal | Prevote | Precommit) or message.sender != member:
            return
        if message not in self.on_disk[member]:
            self.complain(f"{member} sent a {message.kind} of height {message.height} that is not on its disk")

    # -- the core's own state ------------------------------------------------------------------------------------------

    def after_step(self, member: str, before: State, after: State, event: Event, effects: tuple[Effect, ...]) -> None:
        for inbox in (after.inbox, after.later):
            if not set(inbox) <= set(self.members):
                self.complain(f"{member} remembers a stranger")
            if any(len(views) > VIEWS_KEPT_MAX for views in inbox.values()):
                self.complain(f"{member} remembers more than {VIEWS_KEPT_MAX} views of a peer")
        if after.height < before.height:
            self.complain(f"{member} went back from height {before.height} to {after.height}")
        if after.signed < before.signed and after.height == before.height:
            self.complain(f"{member} forgot what it signed")
        if after.phase == "cold" and {"propose", "prevote", "precommit"} & after.armed:
            self.complain(f"{member} runs timers at a cold height")
