"""Whether the token part of a metagraph's snapshot follows from the one before: the global layer settles it again.

Whatever the snapshot shows is taken for what was handed in. It follows when all of it is accepted and gives the same
tips, heights and state. What the metagraph alone decides is taken from it: rewards, and which updates paid.
"""

from collections.abc import Callable
from typing import Any, TypeVar

from ottochain.ledger.acceptance import Acceptance
from ottochain.ledger.block_rules import BlockTerms
from ottochain.ledger.blocks import AllowSpendBlock, TokenBlock, TokenLockBlock
from ottochain.ledger.fee_transactions import SignedFee, fee_violations
from ottochain.ledger.fields import address, amount, members_of
from ottochain.ledger.messages import SignedMessage
from ottochain.ledger.settlement import LedgerState, Reward, Settled, Settlement
from ottochain.model.currency_snapshot import GlobalSyncView
from ottochain.model.errors import ModelError

T = TypeVar("T")


def follow_tokens(
    before: LedgerState, value: dict[str, Any], metagraph_id: str, ordinal: int, terms: BlockTerms
) -> LedgerState:
    """The token state after the snapshot ``value``. Raises ModelError where it does not follow."""
    view = value.get("globalSyncView")
    epoch = 0 if view is None else GlobalSyncView.from_json(view).epoch_progress
    settlement = Settlement(before, metagraph_id, ordinal, epoch, terms)
    shown = _listed(value, "blocks", lambda each: TokenBlock.from_json(members_of(each, "a block").get("block")))
    _accepted(settlement.take_blocks(shown))
    settlement.take_rewards(_listed(value, "rewards", _reward))
    _take_fees(settlement, _listed(value, "feeTransactions", SignedFee.from_json))
    _accepted(settlement.take_token_locks(_listed(value, "tokenLockBlocks", TokenLockBlock.from_json)))
    _accepted(settlement.take_allow_spends(_listed(value, "allowSpendBlocks", AllowSpendBlock.from_json)))
    if settlement.take_messages(_listed(value, "messages", SignedMessage.from_json)).refused:
        raise ModelError("the snapshot shows a message that does not follow")
    settled = settlement.finish()
    _compare(value, settled)
    return settled.state


def _compare(value: dict[str, Any], settled: Settled) -> None:
    part, state = settled.part, settled.state
    expected = {
        "height": state.height,
        "subHeight": state.sub_height,
        "blocks": list(part.blocks),
        "rewards": list(part.rewards),
        "tips": part.tips,
        "stateProof": state.info.state_proof(),
        "messages": None if part.messages is None else list(part.messages),
        "feeTransactions": list(part.fee_transactions),
        "artifacts": list(part.artifacts),
        "allowSpendBlocks": list(part.allow_spend_blocks),
        "tokenLockBlocks": list(part.token_lock_blocks),
    }
    for name, member in expected.items():
        if value.get(name) != member:
            raise ModelError(f"the snapshot's {name} does not follow from the one before")


def _take_fees(settlement: Settlement, fees: list[SignedFee]) -> None:
    for fee in fees:
        violations = fee_violations(fee)
        if violations:
            raise ModelError(f"the snapshot shows a fee that does not hold: {violations[0]}")
    if not settlement.take_fees(fees):
        raise ModelError("the snapshot shows fees beyond a balance")


def _accepted(acceptance: Acceptance[Any]) -> None:
    if acceptance.refused:
        raise ModelError(f"the snapshot shows a block that does not follow: {acceptance.refused[0][1].reason}")


def _listed(value: dict[str, Any], name: str, read: Callable[[Any], T]) -> list[T]:
    members = value.get(name)
    if members is None:
        return []
    if not isinstance(members, list):
        raise ModelError(f"expected the snapshot's {name} to be an array")
    return [read(each) for each in members]


def _reward(value: object) -> Reward:
    members = members_of(value, "a reward")
    return Reward(address(members, "destination"), amount(members, "amount"))
