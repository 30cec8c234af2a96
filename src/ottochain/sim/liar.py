"""A Byzantine validator: its core is honest, its mouth is not.

It speaks to one half of the members and to the other; it may sign whatever it likes, and nothing in another's name.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Final, TypeVar

from msgspec.structs import replace

from ottochain.consensus.outbox import Binary
from ottochain.consensus.votes import (
    Ask,
    Certificate,
    Decided,
    Message,
    Precommit,
    Prevote,
    Proposal,
    Signature,
    Vote,
    VoteKind,
    signed,
)
from ottochain.sim.application import Body, Posted, block_hash, digest, encoded
from ottochain.sim.parcels import subject

if TYPE_CHECKING:
    from ottochain.sim.validator import Validator

REMEMBERED_MAX: Final = 40
Signed = TypeVar("Signed", bound=Proposal | Prevote | Precommit | Ask)


class Liar:
    """What one validator makes of what its core wants to say. `others` are its second values, by height and view."""

    def __init__(self, node: Validator) -> None:
        self._node = node
        self._dice = node.world.dice
        self._others: dict[tuple[int, int], str] = {}
        self._said: list[Message] = []
        self._rushed: set[tuple[int, int, str]] = set()

    def words(self, to: str, message: Message) -> Iterator[Message]:
        """What `to` is told in the place of `message`."""
        strikes, lot = self._dice.strikes, self._dice.lot(f"{self._node.name} to {to} {subject(message)}")
        if strikes("withhold", lot):
            return
        if isinstance(message, Proposal):
            yield from self.proposals(to, message, lot)
        elif isinstance(message, Prevote | Precommit):
            yield from self.votes(to, message, lot)
        elif isinstance(message, Decided) and strikes("swap", lot):
            yield self.swapped(message)
        else:
            yield message
        if strikes("forge", lot):
            yield self.forged(message)
        if strikes("boast", lot):
            yield self.boast()
        if self._said and strikes("stale", lot):
            yield self._dice.of("stale").choice(self._said)
        self._said = [*self._said[-REMEMBERED_MAX:], message]

    def is_far(self, to: str) -> bool:
        """Whether `to` is in the half that hears the other story."""
        members = self._node.world.layers[self._node.layer]
        return members.index(to) >= len(members) // 2

    def sign(self, message: Signed) -> Signed:
        return signed(message, self._node.config.chain, self._node.config.sign)

    # -- proposals -----------------------------------------------------------------------------------------------------

    def proposals(self, to: str, proposal: Proposal, lot: int) -> Iterator[Message]:
        if proposal.sender != self._node.name:
            yield proposal
        elif self._dice.strikes("bad-value", lot):
            yield self.sign(replace(proposal, hash=digest("bad", proposal.hash)))
        elif self.is_far(to) and self._dice.strikes("equivocate", lot) and (other := self.other(proposal)) is not None:
            yield other
        elif proposal.view > 0 and self._dice.strikes("forge", lot) and (other := self.other(proposal)) is not None:
            yield self.with_forged_polka(other)
        else:
            yield proposal

    def with_forged_polka(self, proposal: Proposal) -> Message:
        """A value that nobody prevoted, as if a quorum had: it would free whoever is locked."""
        polka = self.forged_certificate("prevote", proposal.height, proposal.view - 1, proposal.hash)
        return self.sign(replace(proposal, polka=polka))

    def other(self, proposal: Proposal) -> Proposal | None:
        """A second value, as good as the first."""
        node = self._node
        text = node.body(proposal.body)
        if text is None:
            return None
        body: Body = node.world.application.body(proposal.body, text)
        reference, text = encoded(replace(body, salt=f"{body.salt} again"))
        facts = node.world.application.executed(node.facts, reference, text)
        if isinstance(facts, str):
            return None
        node.keep_body(reference, text)
        self._others[proposal.height, proposal.view] = facts.hash
        return self.sign(replace(proposal, hash=facts.hash, body=reference, polka=None))

    # -- votes ---------------------------------------------------------------------------------------------------------

    def votes(self, to: str, vote: Vote, lot: int) -> Iterator[Message]:
        if vote.sender != self._node.name:
            yield vote
            return
        twice = self._dice.strikes("vote-twice", lot)
        if twice or (self.is_far(to) and self._dice.strikes("equivocate", lot)):
            yield self.sign(replace(vote, hash=self.otherwise(vote)))
            if not twice:
                return
        yield vote

    def otherwise(self, vote: Vote) -> str | None:
        """Another hash than the one that was voted for: best one that somebody may believe in."""
        candidates: list[str | None] = [self._others.get((vote.height, vote.view)), None]
        state = self._node.state
        if state.height == vote.height:
            candidates += [
                slot.proposal.hash for views in state.inbox.values() for slot in views.values() if slot.proposal
            ]
        other = [block for block in candidates if block != vote.hash]
        return other[0] if other else digest("other", vote.hash)

    def hears(self, message: Message) -> None:
        """Votes at once for what was proposed, to everybody."""
        if not isinstance(message, Proposal):
            return
        named = (message.height, message.view, message.hash)
        if named in self._rushed:
            return
        self._rushed.add(named)
        if not self._dice.strikes("rush", self._dice.lot(f"{self._node.name} hears {subject(message)}")):
            return
        for vote in (Prevote, Precommit):
            word = self.sign(vote(message.height, message.view, self._node.name, message.hash))
            for peer in self._node.state.validators:
                if peer != self._node.name:
                    self._node.post(peer, word)

    # -- what it has no right to say -----------------------------------------------------------------------------------

    def forged(self, message: Message) -> Message:
        """A vote of somebody else, or a certificate, with signatures that do not hold."""
        dice, state = self._dice.of("forge"), self._node.state
        victims = [member for member in state.validators if member != self._node.name]
        if isinstance(message, Proposal) and message.height == state.height:
            if dice.random() < 0.5:
                proof = self.forged_certificate("precommit", message.height, message.view, message.hash)
                return Decided(proof, message.body)
            polka = self.forged_certificate("prevote", message.height, message.view, message.hash)
            return self.sign(replace(message, view=message.view + 1, polka=polka))
        vote = dice.choice((Prevote, Precommit))
        block = dice.choice([None, *self.known()])
        view = dice.choice((state.view, state.view, state.view + 1))
        victim = dice.choice(victims) if victims else self._node.name
        return vote(state.height, view, victim, block, digest("forged", victim)[:16])

    def forged_certificate(self, kind: VoteKind, height: int, view: int, block: str) -> Certificate:
        """A certificate of all validators, of whom none signed."""
        members = self._node.state.validators
        return Certificate(
            kind, height, view, block, tuple(Signature(member, digest("forged", member)[:16]) for member in members)
        )

    def swapped(self, decided: Decided) -> Message:
        """A true certificate, with a body that is not what it stands for."""
        node = self._node
        if decided.certificate.height > len(node.tables.chain):
            return decided
        body = node.body_at(decided.certificate.height)
        reference, text = encoded(replace(body, salt=f"{body.salt} swapped"))
        node.keep_body(reference, text)
        return Decided(decided.certificate, reference)

    def forged_binary(self, posted: Posted) -> Posted:
        """A binary of a snapshot that ML0 never made, in the place of a true one."""
        true, content = posted.binary, digest("forged", posted.content)
        made = Binary(true.ordinal, block_hash(true.previous, content, posted.next), true.previous)
        proof = self.forged_certificate("precommit", made.ordinal, 0, made.hash)
        return replace(posted, binary=made, content=content, certificate=proof)

    def known(self) -> list[str]:
        """Values that were proposed at this height."""
        inbox = self._node.state.inbox
        return [slot.proposal.hash for views in inbox.values() for slot in views.values() if slot.proposal]

    def boast(self) -> Message:
        state, dice = self._node.state, self._dice.of("boast")
        height, view = state.height + dice.choice((0, 0, 1, 40)), state.view + dice.choice((1, 7, 2_000))
        if dice.random() < 0.5:
            return self.sign(Ask(height, view, self._node.name, False, (), ()))
        return self.sign(Precommit(height, view, self._node.name, None))
