"""How a joined L0 node becomes a learner, and a learner a validator.

It downloads what it lacks, checking each snapshot, follows what is decided from then on, and is Ready once the
committed set names it. A validator that returns goes the same way and is Ready as soon as it has caught up. One that
returns without its vote record only follows, until the operator has removed it from the set and added it again.
"""

from __future__ import annotations

import logging
from typing import Any, Generic, Protocol, TypeVar

from ottochain.codec.errors import CodecError
from ottochain.layers.certificates import certificate_fault
from ottochain.model.errors import ModelError
from ottochain.model.header import Header
from ottochain.model.node_state import DOWNLOAD, NodeState
from ottochain.node.l0_core import CoreAnswers
from ottochain.node.l0_download import ChainRefused, Downloader, Page, certified_proofs
from ottochain.node.l0_terms import LayerBuilt, LayerState
from ottochain.node.node import Node
from ottochain.store.chain import Committed as StoredSnapshot

log = logging.getLogger(__name__)

S = TypeVar("S", bound=LayerState)
B = TypeVar("B", bound=LayerBuilt)
B_co = TypeVar("B_co", bound=LayerBuilt, covariant=True)


class Joined(Protocol[S, B_co]):
    """A layer's chain, as joining needs it."""

    state: S | None
    diverged: bool
    votes_lost: bool

    def recheck(self, proposal: bytes) -> B_co | str:
        """Build what a proposal describes, or say why it can't be."""

    async def adopt(self, signed_founding: dict[str, Any], genesis: StoredSnapshot, first: StoredSnapshot) -> S:
        """Write the beginning of the cluster's chain; the state after it. Raises ``ModelError`` when it is wrong."""

    def go_on(self, state: S) -> None:
        """Take up the chain at its head."""


class Learning(Generic[S, B]):
    """One node's way from WaitingForDownload to Ready."""

    def __init__(self, node: Node, joined: Joined[S, B], answers: CoreAnswers[S, B]) -> None:
        self._node = node
        self._joined = joined
        self._answers = answers

    async def run(self) -> None:
        """From WaitingForDownload to Observing. A chain that is refused leaves the node where it is, diverged."""
        node, joined = self._node, self._joined
        try:
            with node.lifecycle.passing(DOWNLOAD):
                await Downloader(node.membership, node.peers).run(self._next_ordinal, self._apply)
        except ChainRefused as refusal:
            log.error("this node can't take the cluster's chain: %s", refusal)
            joined.diverged = True
            return
        node.lifecycle.move(NodeState.WAITING_FOR_OBSERVING, NodeState.OBSERVING)
        assert joined.state is not None
        joined.go_on(joined.state)
        self.look()

    def look(self) -> None:
        """After each commit: a learner that the committed set names is Ready."""
        lifecycle, state = self._node.lifecycle, self._joined.state
        if lifecycle.state is not NodeState.OBSERVING or state is None or self._joined.votes_lost:
            return
        if self._node.id in state.validators.next:
            lifecycle.move(NodeState.OBSERVING, NodeState.WAITING_FOR_READY)
            lifecycle.move(NodeState.WAITING_FOR_READY, NodeState.READY)

    def _next_ordinal(self) -> int:
        state = self._joined.state
        return 0 if state is None else state.ordinal + 1

    async def _apply(self, page: Page) -> None:
        """Takes a page of a peer's chain in. Raises ``ChainRefused`` at the first snapshot that does not hold."""
        snapshots = list(page.snapshots)
        try:
            if self._joined.state is None:
                genesis, first, *snapshots = snapshots
                self._joined.state = await self._joined.adopt(page.founding, genesis, first)
            for stored in snapshots:
                await self._append(stored, self._joined.state)
        except (ModelError, CodecError, ValueError) as error:
            raise ChainRefused(str(error)) from error

    async def _append(self, stored: StoredSnapshot, state: S) -> None:
        header = Header.from_bytes(stored.header)
        built = self._joined.recheck(stored.proposed)
        if isinstance(built, str):
            raise ModelError(f"snapshot {stored.ordinal}: {built}")
        if built.body_hash != header.body_hash:
            raise ModelError(f"snapshot {stored.ordinal} gives another hash than was voted for")
        fault = certificate_fault(header, state.validators.next)
        if fault is not None:
            raise ModelError(f"snapshot {stored.ordinal}: {fault}")
        await self._answers.append(built, header, certified_proofs(stored, header))
