"""One attempt at a metagraph's snapshot: given the parent and the inputs, everything follows."""

from collections.abc import Callable, Collection
from dataclasses import dataclass, replace
from typing import Final

from ottochain.fibers import (
    DEFAULT_RULES,
    ExecutionRules,
    FiberState,
    SnapshotContext,
    calculated_proof,
    combine,
)
from ottochain.layers.judging import Applied, Fault, Guilty, Judge, Refused
from ottochain.layers.ml0_built import Built, RefusedBlock
from ottochain.layers.ml0_proposal import Inputs
from ottochain.layers.ml0_state import Ml0State
from ottochain.layers.on_chain_text import OnChainText
from ottochain.layers.update_block import UpdateBlock
from ottochain.layers.validators import read_change
from ottochain.layers.verified import VerifiedProofs
from ottochain.model.binary import SIGNATURE_BYTES
from ottochain.model.currency_snapshot import CurrencyIncremental, DataPart
from ottochain.model.header import Header, RejectedUpdate
from ottochain.model.json_text import array_text, byte_array_text

SNAPSHOT_BYTES_MAX: Final = 512_000
"""The reference's limit for a binary on the global layer. A deployment may set both ends higher."""


@dataclass(frozen=True, slots=True)
class Ml0Rules:
    """What all validators of a metagraph must have in common, beside the chain itself."""

    snapshot_bytes_max: int = SNAPSHOT_BYTES_MAX
    execution: ExecutionRules = DEFAULT_RULES

    def size_limit(self, parent: Ml0State) -> int:
        """What a snapshot may weigh so that its binary, with everybody's proof, stays within the limit."""
        return self.snapshot_bytes_max - SIGNATURE_BYTES * len(parent.validators.next)


@dataclass(frozen=True, slots=True)
class Knowledge:
    """What building needs beside parent and inputs.

    ``is_decided(key, after)`` answers for the chain up to the parent: was this update decided above ordinal ``after``?
    """

    is_decided: Callable[[str, int], bool]
    verified: VerifiedProofs
    rules: Ml0Rules = Ml0Rules()


def attempt(
    parent: Ml0State, inputs: Inputs, knowledge: Knowledge, *, impatient: Callable[[str], bool] = lambda _: True
) -> Built:
    """Judge the blocks of ``inputs`` in their order, and put the snapshot together.

    The proposal of the result lists only the blocks that decide something. ``impatient`` says of a round id whether
    its early update is to be decided now. Raises ModelError for a change of validators that does not hold.
    """
    tally = _Tally(parent, knowledge, inputs.oversized, impatient)
    for block in inputs.blocks:
        tally.hear(block)
    fibers = tally.running
    if not tally.accepted:
        # As the reference does without blocks: the log of the last snapshot's updates is wiped.
        fibers = combine(parent.fibers, [], context(parent), knowledge.rules.execution)
    return _assemble(parent, replace(inputs, blocks=tuple(tally.included)), tally, fibers)


def context(parent: Ml0State) -> SnapshotContext:
    """What expressions may know of the snapshot that is made on ``parent``."""
    return SnapshotContext(parent.ordinal + 1, parent.hash, parent.epoch_progress)


def _assemble(parent: Ml0State, inputs: Inputs, tally: "_Tally", fibers: FiberState) -> Built:
    on_chain = OnChainText.of(fibers, parent.on_chain)
    blocks = array_text([byte_array_text(block.canonical()) for block in tally.accepted])
    info = parent.info.with_optional_parts()  # the token ledger's place: balances follow from blocks here
    epoch_progress = parent.epoch_progress + (1 if inputs.trigger == "time" else 0)
    change = None if inputs.change is None else read_change(inputs.change, parent.chain, parent.validators)
    text = CurrencyIncremental(
        ordinal=inputs.ordinal,
        height=parent.height,
        sub_height=parent.sub_height + 1,
        last_snapshot_hash=parent.hash,
        state_proof=info.state_proof(),
        epoch_progress=epoch_progress,
        data=DataPart(on_chain.text, blocks, calculated_proof(fibers)),
        global_view=inputs.global_view,
        tips=parent.tips,
    ).text()
    state = replace(
        parent,
        ordinal=inputs.ordinal,
        hash=text.hash,
        sub_height=parent.sub_height + 1,
        epoch_progress=epoch_progress,
        info=info,
        fibers=fibers,
        global_view=inputs.global_view,
        validators=parent.validators.advanced(change),
        reopening=None,
        on_chain=on_chain,
    )
    header = Header(
        chain_id=parent.chain.chain_id,
        incarnation=parent.chain.incarnation,
        layer=parent.chain.layer,
        ordinal=inputs.ordinal,
        trigger=inputs.trigger,
        snapshot_hash=text.hash,
        validators=parent.validators.next,
        rejections=tuple(tally.rejections),
        change=inputs.change,
        reopening=parent.reopening,
    )
    return Built(
        ordinal=inputs.ordinal,
        trigger=inputs.trigger,
        text=text,
        header=header,
        proposal=inputs.to_bytes(),
        state=state,
        accepted=tuple(tally.accepted),
        rejecting=tuple(tally.rejecting),
        refused=tuple(tally.refused),
        dropped=tuple(tally.dropped),
        waiting=tuple(tally.waiting),
    )


class _Tally:
    """The blocks of one snapshot, heard one after the other, and what came of each."""

    def __init__(
        self,
        parent: Ml0State,
        knowledge: Knowledge,
        oversized: Collection[str],
        impatient: Callable[[str], bool],
    ) -> None:
        self._judge = Judge(
            parent.fibers, context(parent), self._is_decided, knowledge.verified, knowledge.rules.execution
        )
        self._oversized = oversized
        self._impatient = impatient
        self._decided_before = knowledge.is_decided
        self._decided_here: set[str] = set()
        self.running = parent.fibers
        self.included: list[UpdateBlock] = []
        self.accepted: list[UpdateBlock] = []
        self.rejections: list[RejectedUpdate] = []
        self.rejecting: list[str] = []
        self.refused: list[RefusedBlock] = []
        self.dropped: list[str] = []
        self.waiting: list[str] = []

    def hear(self, block: UpdateBlock) -> None:
        """Judge one block and note the outcome."""
        if all(self._is_decided(key, block.after_of(key)) for key in block.keys):
            self.dropped.append(block.round_id)
            return
        verdict = self._judge.verdict(block, self.running)
        if isinstance(verdict, Refused):
            self._refuse(block, verdict.guilty)
        elif block.round_id in self._oversized:
            self._refuse(block, (_too_large(block),))
        else:
            self._accept(block, verdict)

    def _accept(self, block: UpdateBlock, verdict: Applied) -> None:
        self.running = verdict.state
        self.accepted.append(block)
        self.included.append(block)
        self._decided_here.update(block.keys)

    def _refuse(self, block: UpdateBlock, guilty: tuple[Guilty, ...]) -> None:
        if len(block.updates) > 1:
            reason = "; ".join(dict.fromkeys(each.reason for each in guilty))
            self.refused.append(RefusedBlock(block.round_id, guilty, reason))
        elif guilty[0].early and not self._impatient(block.round_id):
            self.waiting.append(block.round_id)
        else:
            alone = guilty[0]
            self.rejections.append(RejectedUpdate(alone.key, alone.hash, alone.reason))
            self.rejecting.append(block.round_id)
            self.included.append(block)
            self._decided_here.add(alone.key)

    def _is_decided(self, key: str, after: int) -> bool:
        return key in self._decided_here or self._decided_before(key, after)


def _too_large(block: UpdateBlock) -> Guilty:
    update = block.updates[0]
    reason = f"{Fault.TOO_LARGE}: with this update alone the snapshot exceeds the limit of the global layer"
    return Guilty(update.key, update.hash, Fault.TOO_LARGE, reason)
