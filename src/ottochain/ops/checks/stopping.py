"""May these nodes stop together, now? What pauses, what waits, what would be lost. Pure.

Nothing that was acknowledged is ever lost by a stop: pools and outboxes are on disk. What stops with a node *waits*
until that node is back, though its layer goes on without it.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator
from dataclasses import dataclass
from typing import Any

from ottochain.ops.checks.finding import names
from ottochain.ops.checks.layers import condition, is_unknown
from ottochain.ops.engine import Layer
from ottochain.ops.facts.observation import NodeFacts, Observation
from ottochain.ops.inventory.deployment import Deployment
from ottochain.ops.plan.quorum import WAITS, Quorum, quorums_without


@dataclass(frozen=True, slots=True)
class StopAnswer:
    """The answer, with everything that speaks for and against it."""

    targets: tuple[str, ...]
    layers: tuple[Quorum, ...]
    objections: tuple[str, ...]
    """Why not; empty: they may stop."""
    waits: tuple[str, ...]
    """What waits meanwhile; none of it is lost."""

    @property
    def is_ok(self) -> bool:
        return not self.objections

    def to_json(self) -> dict[str, Any]:
        return {
            "ok": self.is_ok,
            "targets": list(self.targets),
            "layers": [
                {
                    "layer": one.layer,
                    "nodes": one.nodes,
                    "need": one.need,
                    "ready": one.ready,
                    "left": one.left,
                    "goesOn": one.goes_on,
                    "pauses": one.pauses,
                }
                for one in self.layers
            ],
            "objections": list(self.objections),
            "waits": list(self.waits),
            "lost": [],
        }


def ok_to_stop(deployment: Deployment, observation: Observation, leaving: Collection[str]) -> StopAnswer:
    """The answer for these nodes. A node that can't be seen counts for neither side, and is an objection."""
    targets = tuple(node.name for node in deployment.nodes if node.name in leaving)
    quorums = quorums_without(deployment, observation, targets)
    objections = [
        *(quorum.sentence for quorum in quorums if not quorum.goes_on),
        *(sentence for quorum in quorums if quorum.goes_on for sentence in _validators(observation, quorum)),
        *_unseen(observation, [quorum.layer for quorum in quorums], targets),
    ]
    waits = [*_held_by(observation, targets), *_followers(deployment, observation, targets)]
    return StopAnswer(targets, quorums, tuple(objections), tuple(waits))


def _validators(observation: Observation, quorum: Quorum) -> Iterator[str]:
    """Of an L0 layer only committed validators decide, and not every Ready node is one."""
    told = [facts.own.all for facts in observation.ready(quorum.layer) if facts.own]
    sets = [(one.get("validators"), one.get("quorum")) for one in told]
    for validators, needed in sets:
        if isinstance(validators, list) and isinstance(needed, int):
            ready = [facts for facts in observation.ready(quorum.layer) if facts.peer_id in validators]
            left = [facts for facts in ready if facts.name not in quorum.leaving]
            if len(left) < needed:
                counted = f"{len(left)} of {len(validators)} validators stay Ready, {needed} must vote"
                yield f"{quorum.layer} pauses: {counted}; waiting meanwhile: {WAITS[quorum.layer]}"
            return


def _unseen(observation: Observation, layers: Collection[Layer], targets: Collection[str]) -> Iterator[str]:
    for layer in layers:
        for facts in observation.layer(layer):
            if is_unknown(facts) and facts.name in targets:
                yield f"{facts.name} {condition(facts)}: what its stop would do can't be told"


def _held_by(observation: Observation, targets: Collection[str]) -> Iterator[str]:
    for name in targets:
        own = observation[name].own
        if own is None:
            continue
        if own.pool_items:
            what = {"gl0": "binaries", "ml0": "blocks"}.get(observation[name].layer, "acknowledged updates")
            yield f"{own.pool_items} {what} in the pool of {name}, on its disk"
        if own.outbox and own.outbox.depth:
            yield f"{own.outbox.depth} snapshots in the outbox of {name}, on its disk"


def _followers(deployment: Deployment, observation: Observation, targets: Collection[str]) -> Iterator[str]:
    """Nodes below that read from one of the targets and stay."""
    by_parent: dict[str, list[NodeFacts]] = {}
    for node in deployment.nodes:
        parent = deployment.parent_of(node)
        if parent and parent.name in targets and node.name not in targets and observation[node.name].is_ready:
            by_parent.setdefault(parent.name, []).append(observation[node.name])
    for name, followers in by_parent.items():
        yield f"{names([one.name for one in followers])}, which read from {name}"
