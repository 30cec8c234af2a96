"""ML0: the next snapshot of a metagraph, built from blocks of its L1 layers, and checked by building it again.

The proposer builds from all blocks it has, and its proposal lists those that the snapshot accepts or that reject an
update. A validator builds from exactly these, and whatever differs shows in the hash.
"""

from collections.abc import Collection, Iterable, Sequence
from dataclasses import replace
from typing import Any, TypeVar

from ottochain.layers.judging import Fault
from ottochain.layers.ml0_attempt import SNAPSHOT_BYTES_MAX, Knowledge, Ml0Rules, attempt
from ottochain.layers.ml0_built import Built, CheckFailed, Decision, RefusedBlock
from ottochain.layers.ml0_proposal import Inputs
from ottochain.layers.ml0_state import Founded, Ml0State, first, found, reopened
from ottochain.layers.token_event import TokenEvent
from ottochain.layers.update_block import BlockRule, UpdateBlock
from ottochain.model.currency_snapshot import GlobalSyncView
from ottochain.model.errors import ModelError
from ottochain.model.header import Trigger

__all__ = [
    "SNAPSHOT_BYTES_MAX",
    "BlockRule",
    "Built",
    "CheckFailed",
    "Decision",
    "Founded",
    "Knowledge",
    "Ml0Rules",
    "Ml0State",
    "RefusedBlock",
    "TokenEvent",
    "UpdateBlock",
    "build",
    "check",
    "first",
    "found",
    "reopened",
]

E = TypeVar("E", UpdateBlock, TokenEvent)


def build(
    parent: Ml0State,
    trigger: Trigger,
    blocks: Iterable[UpdateBlock | TokenEvent],
    knowledge: Knowledge,
    *,
    global_view: GlobalSyncView | None = None,
    change: dict[str, Any] | None = None,
    impatient: Collection[str] = (),
) -> Built:
    """Build the next snapshot from all that waits: data blocks, and what moves tokens.

    ``global_view`` is the newest global snapshot known here (None or older than the parent's: the parent's again).
    ``change`` is a signed change of validators; raises ModelError when it does not hold (``read_change`` asks first).
    A block of one early update waits, unless its round id is in ``impatient``: then the update is rejected.
    """
    blocks = list(blocks)
    inputs = Inputs(
        ordinal=parent.ordinal + 1,
        parent=parent.hash,
        trigger=trigger,
        global_view=_newer(parent.global_view, global_view),
        change=change,
        oversized=frozenset(),
        blocks=_in_order(block for block in blocks if isinstance(block, UpdateBlock)),
        tokens=_in_order(block for block in blocks if isinstance(block, TokenEvent)),
    )
    return _within_limit(parent, inputs, knowledge, impatient)


def check(
    parent: Ml0State,
    proposal: bytes,
    knowledge: Knowledge,
    *,
    block_rule: BlockRule | None = None,
    token_rule: BlockRule | None = None,
) -> Built | CheckFailed:
    """Build the snapshot that a proposal describes. The caller compares ``body_hash`` with what is voted on.

    The rules are this node's own for signatures of the two L1's blocks; leave them out for what is certified already.
    """
    try:
        inputs = Inputs.from_bytes(proposal)
        wrong = _wrong_inputs(parent, inputs, block_rule, token_rule)
        if wrong is not None:
            return CheckFailed(wrong)
        built = attempt(parent, inputs, knowledge)
    except ModelError as error:
        return CheckFailed(str(error))
    wrong = _wrong_outcome(parent, inputs, knowledge, built)
    return built if wrong is None else CheckFailed(wrong)


def _within_limit(parent: Ml0State, inputs: Inputs, knowledge: Knowledge, impatient: Collection[str]) -> Built:
    """Build; while the snapshot is too large, leave blocks for later, and put away one that is too large alone."""
    limit = knowledge.rules.size_limit(parent)
    later: list[str] = []
    refused: list[RefusedBlock] = []
    while True:
        built = attempt(parent, inputs, knowledge, impatient=impatient.__contains__)
        # Of the two kinds of blocks the one with more is cut; a message is too small to matter.
        accepted: Sequence[UpdateBlock | TokenEvent] = built.accepted
        if len(built.tokens) > len(built.accepted):
            accepted = [event for event in built.tokens if event.updates]
        if built.text.size_bytes <= limit or not accepted:
            return replace(built, later=tuple(later), refused=(*built.refused, *refused))
        if len(accepted) > 1:
            left_out = [block.round_id for block in accepted[len(accepted) // 2 :]]
            later += left_out
            inputs = _without(inputs, left_out)
        elif len(accepted[0].updates) > 1:
            lone = accepted[0].round_id
            sizes = f"the snapshot would have {built.text.size_bytes} bytes, the limit is {limit}"
            refused.append(RefusedBlock(lone, (), f"{Fault.TOO_LARGE}: {sizes}"))
            inputs = _without(inputs, [lone])
        else:
            inputs = replace(inputs, oversized=inputs.oversized | {accepted[0].round_id})


def _without(inputs: Inputs, round_ids: Collection[str]) -> Inputs:
    return replace(
        inputs,
        blocks=tuple(block for block in inputs.blocks if block.round_id not in round_ids),
        tokens=tuple(event for event in inputs.tokens if event.round_id not in round_ids),
    )


def _wrong_inputs(
    parent: Ml0State, inputs: Inputs, block_rule: BlockRule | None, token_rule: BlockRule | None
) -> str | None:
    """What keeps a proposal from being built at all, or None."""
    if (inputs.ordinal, inputs.parent) != (parent.ordinal + 1, parent.hash):
        expected = f"ordinal {parent.ordinal + 1} on {parent.hash}"
        return f"expected a proposal for {expected}, found {inputs.ordinal} on {inputs.parent}"
    if inputs.global_view != _newer(parent.global_view, inputs.global_view):
        return "the global snapshot that it looks at is older than the parent's"
    if inputs.blocks != _in_order(inputs.blocks) or inputs.tokens != _in_order(inputs.tokens):
        return "its blocks are not in the order of their round ids, each once"
    ruled: list[tuple[UpdateBlock | TokenEvent, BlockRule | None]] = []
    ruled += [(block, block_rule) for block in inputs.blocks]
    ruled += [(event, token_rule) for event in inputs.tokens if event.updates]
    for block, rule in ruled:
        violation = None if rule is None else rule.violation(block)
        if violation is not None:
            return f"block {block.round_id}: {violation}"
    return None


def _wrong_outcome(parent: Ml0State, inputs: Inputs, knowledge: Knowledge, built: Built) -> str | None:
    """What a proposal may not contain: blocks that decide nothing, too much weight, or a false claim of it."""
    undecided = {*(block.round_id for block in built.refused), *built.dropped, *built.waiting}
    if undecided:
        return f"block {min(undecided)} decides nothing and does not belong into a proposal"
    limit = knowledge.rules.size_limit(parent)
    if (built.accepted or built.tokens) and built.text.size_bytes > limit:
        return f"the snapshot has {built.text.size_bytes} bytes, the limit is {limit}"
    for round_id in sorted(inputs.oversized):
        if not _is_oversized(parent, inputs, knowledge, round_id):
            return f"block {round_id} is not too large, as the proposal says"
    return None


def _is_oversized(parent: Ml0State, inputs: Inputs, knowledge: Knowledge, round_id: str) -> bool:
    """Whether this block alone makes the snapshot exceed the limit."""
    others = {*(block.round_id for block in inputs.blocks), *(event.round_id for event in inputs.tokens)} - {round_id}
    built = attempt(parent, replace(_without(inputs, others), oversized=frozenset()), knowledge)
    taken = built.accepted or built.tokens
    return bool(taken) and built.text.size_bytes > knowledge.rules.size_limit(parent)


def _in_order(blocks: Iterable[E]) -> tuple[E, ...]:
    """By round id, the first of each."""
    by_id: dict[str, E] = {}
    for block in blocks:
        by_id.setdefault(block.round_id, block)
    return tuple(by_id[round_id] for round_id in sorted(by_id))


def _newer(ours: GlobalSyncView | None, theirs: GlobalSyncView | None) -> GlobalSyncView | None:
    """The view of the higher ordinal; ours where they are equal."""
    if ours is None or theirs is None:
        return ours if theirs is None else theirs
    return theirs if theirs.ordinal > ours.ordinal else ours
