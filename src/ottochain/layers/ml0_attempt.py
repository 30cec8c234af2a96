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
from ottochain.layers.judging import Applied, Fault, Guilty, Judge, Refused, bounded
from ottochain.layers.ml0_built import Built, RefusedBlock
from ottochain.layers.ml0_proposal import Inputs
from ottochain.layers.ml0_state import Ml0State
from ottochain.layers.on_chain_text import OnChainText
from ottochain.layers.token_tally import DEFAULT_TOKEN_RULES, TokenRules, TokenTally
from ottochain.layers.update_block import UpdateBlock
from ottochain.layers.validators import read_change
from ottochain.layers.verified import VerifiedProofs
from ottochain.ledger.settlement import LedgerState
from ottochain.ledger.tips import Tips
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
    tokens: TokenRules = DEFAULT_TOKEN_RULES

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
    tokens = _token_tally(parent, inputs, knowledge, impatient)
    tokens.take_blocks(inputs.tokens, inputs.trigger)
    tally = _Tally(parent, knowledge, inputs.oversized, impatient, tokens)
    for block in inputs.blocks:
        tally.hear(block)
    tokens.take_others(inputs.tokens)
    fibers = tally.running
    if not tally.accepted:
        # As the reference does without blocks: the log of the last snapshot's updates is wiped.
        fibers = combine(parent.fibers, [], context(parent), knowledge.rules.execution)
    included = replace(inputs, blocks=tuple(tally.included), tokens=tokens.included)
    return _assemble(parent, included, tally, tokens, fibers)


def context(parent: Ml0State) -> SnapshotContext:
    """What expressions may know of the snapshot that is made on ``parent``."""
    return SnapshotContext(parent.ordinal + 1, parent.hash, parent.epoch_progress)


def _token_tally(
    parent: Ml0State, inputs: Inputs, knowledge: Knowledge, impatient: Callable[[str], bool]
) -> TokenTally:
    """The ledger looks at the global epoch of the snapshot that this one refers to."""
    info = parent.info.with_optional_parts()
    return TokenTally(
        before=LedgerState(info, Tips.from_json(parent.tips), parent.height, parent.sub_height),
        metagraph_id=parent.chain.chain_id,
        ordinal=inputs.ordinal,
        epoch=0 if inputs.global_view is None else inputs.global_view.epoch_progress,
        rules=knowledge.rules.tokens,
        is_decided=knowledge.is_decided,
        oversized=inputs.oversized,
        impatient=impatient,
    )


def _assemble(parent: Ml0State, inputs: Inputs, tally: "_Tally", tokens: TokenTally, fibers: FiberState) -> Built:
    on_chain = OnChainText.of(fibers, parent.on_chain)
    blocks = array_text([byte_array_text(block.canonical()) for block in tally.accepted])
    settled = tokens.finish()
    ledger, part = settled.state, settled.part
    epoch_progress = parent.epoch_progress + (1 if inputs.trigger == "time" else 0)
    change = None if inputs.change is None else read_change(inputs.change, parent.chain, parent.validators)
    text = CurrencyIncremental(
        ordinal=inputs.ordinal,
        height=ledger.height,
        sub_height=ledger.sub_height,
        last_snapshot_hash=parent.hash,
        state_proof=ledger.info.state_proof(),
        epoch_progress=epoch_progress,
        data=DataPart(on_chain.text, blocks, calculated_proof(fibers)),
        global_view=inputs.global_view,
        tips=part.tips,
        blocks=part.blocks,
        rewards=part.rewards,
        messages=part.messages,
        fee_transactions=part.fee_transactions,
        artifacts=part.artifacts,
        allow_spend_blocks=part.allow_spend_blocks,
        token_lock_blocks=part.token_lock_blocks,
    ).text()
    state = replace(
        parent,
        ordinal=inputs.ordinal,
        hash=text.hash,
        height=ledger.height,
        sub_height=ledger.sub_height,
        epoch_progress=epoch_progress,
        info=ledger.info,
        fibers=fibers,
        global_view=inputs.global_view,
        validators=parent.validators.advanced(change),
        tips=ledger.tips.to_json(),
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
        rejections=(*tally.rejections, *tokens.rejections),
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
        tokens=tuple(sorted(tokens.accepted, key=lambda event: event.round_id)),
        rejecting=(*tally.rejecting, *(event.round_id for event in tokens.rejecting)),
        refused=(*tally.refused, *tokens.refused),
        dropped=(*tally.dropped, *tokens.dropped),
        waiting=(*tally.waiting, *tokens.waiting),
        faults=tuple(tokens.faults),
    )


class _Tally:
    """The blocks of one snapshot, heard one after the other, and what came of each."""

    def __init__(
        self,
        parent: Ml0State,
        knowledge: Knowledge,
        oversized: Collection[str],
        impatient: Callable[[str], bool],
        tokens: TokenTally,
    ) -> None:
        self._tokens = tokens
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
        elif (unpaid := self._unpaid(block)) is not None:
            self._refuse(block, (unpaid,))
        else:
            self._accept(block, verdict)

    def _unpaid(self, block: UpdateBlock) -> Guilty | None:
        """The first update whose fee can't be paid."""
        fault = self._tokens.fee_fault(block.fees)
        if fault is None:
            return None
        fee, text = fault
        update = block.payer_of(fee)
        return Guilty(update.key, update.hash, Fault.FEE, bounded(f"{Fault.FEE}: {text}"))

    def _accept(self, block: UpdateBlock, verdict: Applied) -> None:
        self.running = verdict.state
        self._tokens.take_fees(block.fees)
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
