"""What must hold after every step, whatever the network, the disks and the dice do; one file per invariant.

Each checker keeps its own account of what it saw, and trusts nothing that a core says about itself. The numbers are
those of the list in ``docs/reliability.md``.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from ottochain.consensus.effects import Event, Record
from ottochain.consensus.quorum import FaultModel
from ottochain.consensus.state import State
from ottochain.consensus.votes import Message, VerifyFunction
from ottochain.sim.application import Body, Facts
from ottochain.sim.checkers.agreement import Agreement
from ottochain.sim.checkers.ballots import Ballots
from ottochain.sim.checkers.bounds import Bounds
from ottochain.sim.checkers.channel import Channel
from ottochain.sim.checkers.followers import Followers
from ottochain.sim.checkers.items import Items
from ottochain.sim.checkers.locks import Locks
from ottochain.sim.checkers.places import Places
from ottochain.sim.checkers.pools import Pools
from ottochain.sim.checkers.replay import Replay
from ottochain.sim.checkers.violation import Violated

if TYPE_CHECKING:
    from ottochain.sim.validator import Validator
    from ottochain.sim.writes import Chained

__all__ = ["Checkers", "Violated"]


class Checkers:
    """All checkers of one run."""

    def __init__(self, beginnings: dict[str, Facts], verify: VerifyFunction, fault_model: FaultModel) -> None:
        self.agreement = Agreement(beginnings, verify, fault_model)
        self.ballots = Ballots(self.agreement)
        self.bounds = Bounds(self.agreement)
        self.locks = Locks(self.agreement)
        self.replay = Replay(self.agreement)
        self.channel = Channel(self.agreement)
        self.followers = Followers(self.agreement)
        self.items = Items()
        self.places = Places()
        self.pools = Pools()

    def validator_stepped(self, node: Validator, before: State, event: Event) -> None:
        self.bounds.stepped(node, before)
        self.locks.stepped(node, event)

    def persisted(self, node: Validator, records: tuple[Record, ...]) -> None:
        if records:
            self.ballots.persisted(node, records)
            self.locks.persisted(node, records)

    def sending(self, node: Validator, message: Message) -> None:
        self.ballots.sending(node, message)

    def committed(self, node: Validator, write: Chained, facts: Facts, body: Body) -> None:
        """A height is durable at a node."""
        if not self.agreement.committed(node, write, facts, body):
            return
        if node.layer == "gl0":
            self.channel.gl0_committed(facts, body)
        else:
            self.items.ml0_committed(facts, body)
