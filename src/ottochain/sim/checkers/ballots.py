"""Never two ballots for one step, in all lives of a node; nothing is sent that is not on its disk.

Invariants 4, 5 and 7. A precommit also needs its polka on the same disk, before it or in the same transaction.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from ottochain.consensus.effects import Record, Valued, Voted
from ottochain.consensus.votes import Ballot, Message, Precommit, Prevote, Proposal
from ottochain.sim.application import CHAINS
from ottochain.sim.checkers.violation import Violated

if TYPE_CHECKING:
    from ottochain.sim.checkers.agreement import Agreement
    from ottochain.sim.validator import Validator


class Ballots:
    """`said` is every ballot that became durable, by who cast it and for which step."""

    def __init__(self, agreement: Agreement) -> None:
        self._agreement = agreement
        self._said: dict[tuple[str, int, int, str], Ballot] = {}
        self._polkas: set[tuple[str, int, int, str]] = set()

    def persisted(self, node: Validator, records: tuple[Record, ...]) -> None:
        """Records are synced."""
        for record in records:
            if isinstance(record, Valued):
                self.polka(node, record)
            elif isinstance(record, Voted):
                self.once(node, record.message)

    def polka(self, node: Validator, record: Valued) -> None:
        polka = record.polka
        before = self._agreement.known[node.layer][polka.height - 1]
        if polka.kind != "prevote" or not self._agreement.holds(node.layer, polka, before):
            raise Violated(5, f"{node.name} keeps a polka of height {polka.height} that no quorum made")
        self._polkas.add((node.name, polka.height, polka.view, polka.hash))

    def once(self, node: Validator, ballot: Ballot) -> None:
        step = (node.name, ballot.height, ballot.view, ballot.kind)
        first = self._said.setdefault(step, ballot)
        chain = CHAINS[node.layer]
        if first is not ballot and first.text(chain) != ballot.text(chain):
            raise Violated(4, f"{node.name} signed twice: {ballot.kind} of height {ballot.height}, view {ballot.view}")
        if isinstance(ballot, Precommit) and ballot.hash is not None:
            named = (node.name, ballot.height, ballot.view, ballot.hash)
            if named not in self._polkas:
                raise Violated(5, f"{node.name} precommitted {ballot.hash[:8]} without its polka on its disk")

    def sending(self, node: Validator, message: Message) -> None:
        """A node speaks for itself."""
        if not isinstance(message, Proposal | Prevote | Precommit) or message.sender != node.name:
            return
        written = self._said.get((node.name, message.height, message.view, message.kind))
        if written != message:
            raise Violated(
                7,
                f"{node.name} sent a {message.kind} of height {message.height}, view {message.view},"
                " that is not on its disk",
            )
