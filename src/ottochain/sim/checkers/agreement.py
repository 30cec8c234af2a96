"""One block per height, on the block before it, final by a quorum of those who may vote there.

Invariants 1, 2, 3, 10 and 13: agreement; certificates of at least q distinct validators; a chain without a gap whose
head never goes back; validators that follow from committed state alone; an epoch per time trigger.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from ottochain.consensus.effects import Diverged
from ottochain.consensus.quorum import FaultModel
from ottochain.consensus.votes import Certificate, VerifyFunction
from ottochain.sim.application import CHAINS, Body, Facts
from ottochain.sim.checkers.violation import Violated

if TYPE_CHECKING:
    from ottochain.sim.validator import Validator
    from ottochain.sim.writes import Chained


class Agreement:
    """`known` is what the first node to commit a height made of it, per layer; all others must say the same."""

    def __init__(self, beginnings: dict[str, Facts], verify: VerifyFunction, fault_model: FaultModel) -> None:
        self.known: dict[str, list[Facts]] = {layer: [facts] for layer, facts in beginnings.items()}
        self._verify = verify
        self._fault_model = fault_model
        self.heads: dict[str, int] = {}

    def needed(self, n: int) -> int:
        """The smallest number of which any two meet in one honest member, worked out here again."""
        lies = (n - 1) // 3 if self._fault_model == "byzantine" else 0
        return next(q for q in range(1, n + 1) if 2 * q - n > lies)

    def committed(self, node: Validator, write: Chained, facts: Facts, body: Body) -> bool:
        """A height is durable at a node; tells whether it is the first."""
        chain = self.known[node.layer]
        if facts.height > len(chain):
            raise Violated(3, f"{node.name} committed height {facts.height}; nobody committed {len(chain)}")
        self.certified(node, write, chain[facts.height - 1])
        if facts.height != self.heads.get(node.name, 0) + 1:
            raise Violated(3, f"{node.name} committed height {facts.height} on {self.heads.get(node.name, 0)}")
        self.heads[node.name] = facts.height
        if facts.height == len(chain):
            self.follows(node, chain[-1], facts, body.trigger)
            chain.append(facts)
            return True
        known = chain[facts.height]
        if (known.hash, known.content, known.following) != (facts.hash, facts.content, facts.following):
            raise Violated(
                1,
                f"{node.name} committed {facts.hash[:8]} at height {facts.height} of {node.layer},"
                f" another node {known.hash[:8]}",
            )
        return False

    def certified(self, node: Validator, write: Chained, before: Facts) -> None:
        proof, needed = write.certificate, self.needed(len(before.validators))
        if (proof.kind, proof.height, proof.hash) != ("precommit", write.height, write.hash):
            raise Violated(2, f"{node.name} committed height {write.height} by a certificate of something else")
        if not self.holds(node.layer, proof, before):
            raise Violated(
                2,
                f"{node.name} committed height {write.height} of {node.layer} without a quorum:"
                f" {[one.id for one in proof.signatures]} are not {needed} of {before.validators}",
            )

    def holds(self, layer: str, certificate: Certificate, before: Facts) -> bool:
        """Whether enough of those who may vote after ``before`` signed."""
        needed = self.needed(len(before.validators))
        return certificate.holds(CHAINS[layer], before.validators, needed, self._verify)

    def follows(self, node: Validator, before: Facts, facts: Facts, trigger: str) -> None:
        if facts.validators != before.following:
            raise Violated(10, f"{node.layer} height {facts.height} has other validators than were committed before")
        if facts.epoch - before.epoch != (trigger == "time"):
            raise Violated(
                13, f"{node.layer} height {facts.height}, trigger {trigger}: epoch {before.epoch} to {facts.epoch}"
            )

    def booted(self, node: Validator, height: int, *, wiped: bool) -> None:
        """A node begins a life at the head that its disk holds."""
        head = self.heads.get(node.name, 0)
        if height < head and not wiped:
            raise Violated(3, f"{node.name} went back from height {head} to {height}")
        self.heads[node.name] = min(height, head)

    def diverged(self, node: Validator, effect: Diverged) -> None:
        raise Violated(1, f"{node.name} found two certificates for height {effect.height} of {node.layer}")
