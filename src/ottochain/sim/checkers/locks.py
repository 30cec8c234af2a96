"""Who precommitted a value prevotes another only against a polka that is at least as new. Invariant 6."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ottochain.consensus.effects import Event, Received, Record, Voted
from ottochain.consensus.votes import Ballot, Precommit, Prevote, Proposal
from ottochain.sim.checkers.violation import Violated

if TYPE_CHECKING:
    from ottochain.sim.checkers.agreement import Agreement
    from ottochain.sim.validator import Validator


class Locks:
    """`locks` are what nodes precommitted last at a height, `heard` the proposals that they may answer."""

    def __init__(self, agreement: Agreement) -> None:
        self._agreement = agreement
        self._locks: dict[tuple[str, int], tuple[int, str]] = {}
        self._heard: dict[tuple[str, int, int, str], list[Proposal]] = {}
        self.reached = 0
        """How often a newer polka freed somebody from a lock."""

    def stepped(self, node: Validator, event: Event) -> None:
        if isinstance(event, Received) and isinstance(event.message, Proposal):
            self.hear(node, event.message)

    def hear(self, node: Validator, proposal: Proposal) -> None:
        if proposal.polka is not None:
            named = (node.name, proposal.height, proposal.view, proposal.hash)
            self._heard.setdefault(named, []).append(proposal)

    def persisted(self, node: Validator, records: tuple[Record, ...]) -> None:
        for record in records:
            if not isinstance(record, Voted):
                continue
            ballot = record.message
            if isinstance(ballot, Proposal):
                self.hear(node, ballot)
            elif isinstance(ballot, Precommit) and ballot.hash is not None:
                self._locks[node.name, ballot.height] = (ballot.view, ballot.hash)
            elif isinstance(ballot, Prevote) and ballot.hash is not None:
                self.prevoted(node, ballot, ballot.hash)

    def prevoted(self, node: Validator, ballot: Ballot, block: str) -> None:
        view, locked = self._locks.get((node.name, ballot.height), (-1, block))
        if locked == block or view >= ballot.view:
            return  # found again on its disk, when the lock came later
        before = self._agreement.known[node.layer][ballot.height - 1]
        for proposal in self._heard.get((node.name, ballot.height, ballot.view, block), ()):
            polka = proposal.polka
            if (
                polka is not None
                and (polka.kind, polka.hash, polka.height) == ("prevote", block, ballot.height)
                and view <= polka.view < ballot.view
                and self._agreement.holds(node.layer, polka, before)
            ):
                self.reached += 1
                return
        raise Violated(
            6,
            f"{node.name} is locked on {locked[:8]} since view {view} of height {ballot.height},"
            f" and prevoted {block[:8]} in view {ballot.view}",
        )
