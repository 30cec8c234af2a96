"""One snapshot's token part in the making: every kind of thing that moves tokens, in the reference's order.

Blocks, then rewards, fees of data updates, token locks, allow-spends, spends; messages move nothing. Each step looks
at the balances after those before it, so that no step can make another one's outcome impossible. Source: Tessellation,
``CurrencySnapshotAcceptanceManager`` and ``CurrencySnapshotCreator``.
"""

from collections import ChainMap
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from ottochain.codec.wire import json_hash
from ottochain.ledger.acceptance import Acceptance, Before, accept_blocks
from ottochain.ledger.amounts import AMOUNT_MAX, BalanceError, minus, plus
from ottochain.ledger.artifacts import (
    AllowSpendExpiration,
    Artifact,
    SpendTransaction,
    TokenUnlock,
    artifacts_json,
)
from ottochain.ledger.block_rules import DEFAULT_TERMS, BlockTerms
from ottochain.ledger.blocks import AllowSpendBlock, TokenBlock, TokenLockBlock
from ottochain.ledger.fee_transactions import SignedFee
from ottochain.ledger.held_tokens import (
    allow_spend_ended,
    any_allow_spend_ended,
    any_token_lock_ended,
    held_allow_spends,
    held_token_locks,
    token_lock_ended,
)
from ottochain.ledger.items import SignedItem
from ottochain.ledger.messages import MessagesAccepted, SignedMessage, accept_messages
from ottochain.ledger.references import Reference
from ottochain.ledger.tips import ActiveTip, BlockReference, Tips
from ottochain.model.currency_snapshot import CurrencyInfo


@dataclass(frozen=True, slots=True)
class LedgerState:
    """The token part of a metagraph's state after a snapshot. ``tips`` are those that the next blocks may stand on."""

    info: CurrencyInfo
    tips: Tips
    height: int
    sub_height: int


@dataclass(frozen=True, slots=True)
class Reward:
    """Tokens out of nothing, by the metagraph's own rule."""

    destination: str
    amount: int

    def to_json(self) -> dict[str, Any]:
        """The wire form."""
        return {"destination": self.destination, "amount": self.amount}


@dataclass(frozen=True, slots=True)
class TokenPart:
    """What a snapshot shows of its tokens, in the wire form and order.

    ``messages`` is None while there were never any.
    """

    blocks: tuple[dict[str, Any], ...]
    rewards: tuple[dict[str, Any], ...]
    tips: dict[str, Any]
    messages: tuple[dict[str, Any], ...] | None
    fee_transactions: tuple[dict[str, Any], ...]
    artifacts: tuple[dict[str, Any], ...]
    allow_spend_blocks: tuple[dict[str, Any], ...]
    token_lock_blocks: tuple[dict[str, Any], ...]


@dataclass(frozen=True, slots=True)
class Settled:
    """The state after the snapshot, and what it shows."""

    state: LedgerState
    part: TokenPart = field(repr=False)


class Settlement:
    """Takes what moves tokens; each ``take_`` at most once and in the order in which they stand here."""

    def __init__(
        self, before: LedgerState, metagraph_id: str, ordinal: int, epoch: int, terms: BlockTerms = DEFAULT_TERMS
    ) -> None:
        """``ordinal`` is that of the snapshot in the making, ``epoch`` the global epoch that it looks at."""
        self._before = before
        self._info = before.info
        self._metagraph_id = metagraph_id
        self._initial = Reference(0, json_hash(metagraph_id))
        self._ordinal = ordinal
        self._epoch = epoch
        self._terms = terms
        self._changed: dict[str, int] = {}
        self._balances: Mapping[str, int] = ChainMap(self._changed, before.info.balances)  # type: ignore[arg-type]
        self._parts: dict[str, Any] = {}
        self._blocks: Acceptance[TokenBlock] | None = None
        self._locks: Acceptance[TokenLockBlock] | None = None
        self._allowed: Acceptance[AllowSpendBlock] | None = None
        self._rewards: list[Reward] = []
        self._fees: list[SignedFee] = []
        self._messages: list[SignedMessage] = []
        self._artifacts: list[Artifact] = []

    # Steps, in their order.

    def take_blocks(self, blocks: Iterable[TokenBlock]) -> Acceptance[TokenBlock]:
        """Accept token blocks: amounts move, fees are burnt."""
        usages = self._before.tips.usages
        before = Before(self._info.balances, self._info.last_tx_refs, self._initial, usages)
        self._blocks = accept_blocks(blocks, before, self._terms)
        self._changed.update(self._blocks.balances)
        self._advance_refs("last_tx_refs", self._info.last_tx_refs, self._blocks.refs)
        return self._blocks

    def take_rewards(self, rewards: Iterable[Reward]) -> None:
        """Pay rewards; one that no balance can hold is left out."""
        for reward in sorted(set(rewards), key=lambda each: (each.destination, each.amount)):
            try:
                self._changed[reward.destination] = plus(self.balance(reward.destination), reward.amount)
            except BalanceError:
                continue
            self._rewards.append(reward)

    def take_fee(self, fee: SignedFee) -> str | None:
        """Pay the fee of an accepted update. Says what is in the way, and does nothing then."""
        try:
            left = minus(self.balance(fee.source), fee.amount)
            paid = plus(self.balance(fee.destination), fee.amount)
        except BalanceError as error:
            return error.name
        self._changed[fee.source] = left
        self._changed[fee.destination] = paid
        self._fees.append(fee)
        return None

    def take_fees(self, fees: Iterable[SignedFee]) -> bool:
        """Pay fees whose order is not known: what they come to together. False, nothing done, where it is too much."""
        fees = list(fees)
        changes: dict[str, int] = {}
        for fee in fees:
            changes[fee.source] = changes.get(fee.source, 0) - fee.amount
            changes[fee.destination] = changes.get(fee.destination, 0) + fee.amount
        after = {address: self.balance(address) + change for address, change in changes.items()}
        if not all(0 <= balance <= AMOUNT_MAX for balance in after.values()):
            return False
        self._changed.update(after)
        self._fees += fees
        return True

    def take_token_locks(
        self, blocks: Iterable[TokenLockBlock], unlocks: Iterable[TokenUnlock] = ()
    ) -> Acceptance[TokenLockBlock]:
        """Accept token locks, end those whose time is over, and those that the metagraph unlocks."""
        refs = self._info.last_token_lock_refs or {}
        locks = accept_blocks(blocks, Before(self._balances, refs, self._initial), self._terms)
        self._locks = locks
        self._advance_refs("last_token_lock_refs", refs, locks.refs)
        asked = {unlock.token_lock_ref: unlock for unlock in unlocks}
        if not locks.accepted and not asked and not any_token_lock_ended(self._info.active_token_locks, self._epoch):
            return locks
        before = held_token_locks(self._info.active_token_locks)
        over = [item for item in before.items() if token_lock_ended(item, self._epoch)]
        new = [item for item in _items(locks.blocks) if not token_lock_ended(item, self._epoch)]
        active = before.added(new)
        released = [item for item in active.items() if asked.get(item.hash) == _unlock_of(item) and item not in over]
        for item in new:
            self._set_apart(item)
        ended = [item for item in (*over, *released) if self._give_back(item)]
        self._artifacts += map(_unlock_of, ended)
        if new or ended:
            self._parts["active_token_locks"] = active.without(ended).to_json()
        return locks

    def take_allow_spends(
        self, blocks: Iterable[AllowSpendBlock], spends: Iterable[SpendTransaction] = ()
    ) -> Acceptance[AllowSpendBlock]:
        """Accept allow-spends, end those whose time is over, and carry out spends that the global layer accepted."""
        refs = self._info.last_allow_spend_refs or {}
        allowed = accept_blocks(blocks, Before(self._balances, refs, self._initial), self._terms)
        self._allowed = allowed
        self._advance_refs("last_allow_spend_refs", refs, allowed.refs)
        spends = list(spends)
        if (
            not allowed.accepted
            and not spends
            and not any_allow_spend_ended(self._info.active_allow_spends, self._epoch)
        ):
            return allowed
        before = held_allow_spends(self._info.active_allow_spends)
        over = [item for item in before.items() if allow_spend_ended(item, self._epoch)]
        new = [item for item in _items(allowed.blocks) if not allow_spend_ended(item, self._epoch)]
        for item in new:
            self._set_apart(item)
        ended = [item for item in over if self._give_back(item)]
        self._artifacts += [AllowSpendExpiration(item.hash) for item in ended]
        active = before.added(new).without(ended)
        spent: list[SignedItem[Any]] = []
        for spend in spends:
            found = None if spend.allow_spend_ref is None else active.find(spend.source, spend.allow_spend_ref)
            if spend.allow_spend_ref is None:
                self._move(spend.source, spend.destination, spend.amount)
            elif found is not None and found not in over and self._spend(found, spend):
                active = active.without([found])
                spent.append(found)
        if new or ended or spent:
            self._parts["active_allow_spends"] = active.to_json()
        return allowed

    def take_messages(self, messages: Iterable[SignedMessage]) -> MessagesAccepted:
        """Accept messages of the metagraph's owner."""
        accepted = accept_messages(messages, self._info.last_messages or {}, self._metagraph_id)
        self._messages = list(accepted.accepted)
        if accepted.accepted:
            self._parts["last_messages"] = accepted.last
        return accepted

    def finish(self) -> Settled:
        """The state after all that was taken. Where nothing was, the parts of the state are the same objects."""
        if self._changed:
            self._parts["balances"] = dict(sorted({**self._info.balances, **self._changed}.items()))
        info = self._info.with_parts(**self._parts) if self._parts else self._info
        usages: Mapping[BlockReference, int] = {} if self._blocks is None else self._blocks.usages
        accepted = () if self._blocks is None else self._blocks.accepted
        remaining = self._before.tips.aged(usages, self._ordinal)
        tips = remaining.joined(ActiveTip(block.reference, usage, self._ordinal) for block, usage in accepted)
        height = tips.height
        sub_height = self._before.sub_height + 1 if height == self._before.height else 0
        state = replace(self._before, info=info, tips=tips, height=height, sub_height=sub_height)
        return Settled(state, self._part(remaining, info))

    # What it looks at, and how it moves.

    def balance(self, address: str) -> int:
        """The balance of an address as it stands now."""
        return self._balances.get(address, 0)

    def _part(self, remaining: Tips, info: CurrencyInfo) -> TokenPart:
        listed = () if self._blocks is None else sorted(self._blocks.accepted, key=lambda each: each[0].order)
        messages = tuple(message.to_json() for message in sorted(self._messages, key=lambda each: each.order))
        fees = {fee.order: fee.to_json() for fee in self._fees}
        return TokenPart(
            blocks=tuple({"block": block.to_json(), "usageCount": usage} for block, usage in listed),
            rewards=tuple(reward.to_json() for reward in self._rewards),
            tips=remaining.to_json(),
            messages=messages if info.last_messages else None,
            fee_transactions=tuple(fees[order] for order in sorted(fees)),
            artifacts=tuple(artifacts_json(self._artifacts)),
            allow_spend_blocks=_listed(self._allowed),
            token_lock_blocks=_listed(self._locks),
        )

    def _advance_refs(self, name: str, refs: Mapping[str, Any], changed: Mapping[str, Reference]) -> None:
        if changed:
            advanced = {address: reference.to_json() for address, reference in changed.items()}
            self._parts[name] = dict(sorted({**refs, **advanced}.items()))

    def _set_apart(self, item: SignedItem[Any]) -> None:
        """Acceptance has seen to it that there is enough."""
        left = minus(self.balance(item.source), item.value.amount)
        self._changed[item.source] = minus(left, item.value.fee)

    def _give_back(self, item: SignedItem[Any]) -> bool:
        """False while the balance has no room for it: then it stays where it is."""
        try:
            self._changed[item.source] = plus(self.balance(item.source), item.value.amount)
        except BalanceError:
            return False
        return True

    def _spend(self, item: SignedItem[Any], spend: SpendTransaction) -> bool:
        """Pay out of an allow-spend, and give the rest back. False for more than was allowed, or has room."""
        before = self.balance(spend.destination)
        try:
            rest = minus(item.value.amount, spend.amount)
            self._changed[spend.destination] = plus(before, spend.amount)
            self._changed[item.source] = plus(self.balance(item.source), rest)
        except BalanceError:
            self._changed[spend.destination] = before
            return False
        return True

    def _move(self, source: str, destination: str, amount: int) -> None:
        """A direct spend; the global layer has seen to it that there was enough, and one that is not is left out."""
        try:
            left, paid = minus(self.balance(source), amount), plus(self.balance(destination), amount)
        except BalanceError:
            return
        if source != destination:
            self._changed[source], self._changed[destination] = left, paid


def _items(blocks: Iterable[AllowSpendBlock | TokenLockBlock]) -> list[SignedItem[Any]]:
    """The items of accepted blocks, each once: the chain of an address has one at each ordinal."""
    return [item for block in blocks for item in block.items]


def _listed(acceptance: Acceptance[Any] | None) -> tuple[dict[str, Any], ...]:
    return () if acceptance is None else tuple(block.to_json() for block in acceptance.blocks)


def _unlock_of(item: SignedItem[Any]) -> TokenUnlock:
    return TokenUnlock(item.hash, item.value.amount, item.value.currency_id, item.source)
