"""Whether an L1 node takes an item in, given what it knows of its address: the first failure decides.

Source: Tessellation, ``ContextualTransactionValidator``, ``ContextualAllowSpendValidator`` and
``ContextualTokenLockValidator``. The order of the checks is the reference's.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from ottochain.ledger.allow_spends import AllowSpend, SignedAllowSpend
from ottochain.ledger.amounts import BalanceError, minus, plus
from ottochain.ledger.items import I, SignedItem
from ottochain.ledger.pool import AddressPool, Stage, Stored
from ottochain.ledger.rate_limit import DEFAULT_LIMIT, TransactionLimit, within_limit
from ottochain.ledger.reasons import Reason, Some, reason
from ottochain.ledger.token_locks import SignedTokenLock, TokenLock
from ottochain.ledger.transactions import SignedTransaction, Transaction

EPOCHS_TO_LAST_VALID_MIN: Final = 5
EPOCHS_TO_LAST_VALID_MAX: Final = 60
"""How far ahead the end of an allow-spend must be, in global epochs (Tessellation, ``application.conf``)."""

EPOCHS_LOCKED_MIN: Final = 1
"""How far ahead the end of a token lock must be."""


@dataclass(frozen=True, slots=True)
class Known:
    """What an L1 node knows beside the pool: the newest snapshot's ordinal, the balance in it, the global epoch.

    ``currency_id`` is None on a layer of the DAG.
    """

    balance: int
    snapshot_ordinal: int
    epoch_progress: int = 0
    currency_id: str | None = None


@dataclass(frozen=True, slots=True)
class Admitted:
    """The item may be taken in. It ``overrides`` a waiting one at its ordinal, and whatever stands on that."""

    overrides: bool


def admit_transaction(
    pool: AddressPool[Transaction],
    item: SignedTransaction,
    known: Known,
    limit: TransactionLimit = DEFAULT_LIMIT,
    custom: Callable[[SignedTransaction, Known], str | None] | None = None,
) -> Admitted | Reason:
    """Whether a transaction that is sound by itself is taken in. ``custom`` is a metagraph's own rule."""
    fault = _parent_fault(pool, item)
    if fault is not None:
        return fault
    admitted = _slot(pool, item)
    if isinstance(admitted, Reason):
        return admitted
    before = _standing(pool, item, admitted)
    available = _available(before, known.balance)
    # As the reference does: the fee of the new transaction is not counted.
    if item.value.amount > available:
        return reason("InsufficientBalance", amount=item.value.amount, balance=available)
    transactions = [*(each.item for each in before), item]
    if not within_limit(transactions, known.balance, pool.majority_at, known.snapshot_ordinal, limit):
        return reason("TransactionLimited", ref=item.reference.named("TransactionReference"), fee=item.value.fee)
    refused = None if custom is None else custom(item, known)
    return admitted if refused is None else reason("CustomValidationError", message=refused)


def admit_allow_spend(pool: AddressPool[AllowSpend], item: SignedAllowSpend, known: Known) -> Admitted | Reason:
    """Whether an allow-spend that is sound by itself is taken in."""
    fault = _parent_fault(pool, item)
    if fault is not None:
        return fault
    last, epoch = item.value.last_valid_epoch_progress, known.epoch_progress
    if not epoch + EPOCHS_TO_LAST_VALID_MIN <= last <= epoch + EPOCHS_TO_LAST_VALID_MAX:
        return reason("TooFarLastValidEpochProgress", epochProgress=last)
    if item.value.currency_id != known.currency_id:
        return _invalid_currency(item.value.currency_id)
    return _affordable(pool, item, known.balance, "AllowSpendArithmeticError")


def admit_token_lock(pool: AddressPool[TokenLock], item: SignedTokenLock, known: Known) -> Admitted | Reason:
    """Whether a token lock that is sound by itself is taken in."""
    fault = _parent_fault(pool, item)
    if fault is not None:
        return fault
    unlock = item.value.unlock_epoch
    if unlock is not None and unlock < known.epoch_progress + EPOCHS_LOCKED_MIN:
        return reason("TooShortUnlockEpochProgress", epochProgress=Some(unlock))
    if item.value.currency_id != known.currency_id:
        return _invalid_currency(item.value.currency_id)
    return _affordable(pool, item, known.balance, "TokenLockArithmeticError")


def _parent_fault(pool: AddressPool[I], item: SignedItem[I]) -> Reason | None:
    """What is wrong with the item's parent: it must be the last reference, or something stored above that."""
    parent, last = item.value.parent, pool.last_reference
    if parent.ordinal < last.ordinal:
        return reason(
            "ParentOrdinalLowerThenLastProcessedTxOrdinal", parentOrdinal=parent.ordinal, lastTxOrdinal=last.ordinal
        )
    stored = any(each.item.reference == parent and each.ordinal > last.ordinal for each in pool.stored)
    return None if parent == last or stored else reason("HasNoMatchingParent", parentHash=parent.hash)


def _slot(pool: AddressPool[I], item: SignedItem[I]) -> Admitted | Reason:
    """Whether the place is free, or can be taken by paying more."""
    existing = pool.at(item.ordinal)
    if existing is None:
        return Admitted(overrides=False)
    if existing.stage is Stage.WAITING and existing.item.value.fee < item.value.fee:
        return Admitted(overrides=True)
    return reason("Conflict", ordinal=item.ordinal, existingHash=existing.item.hash, newHash=item.hash)


def _standing(pool: AddressPool[I], item: SignedItem[I], admitted: Admitted) -> list[Stored[I]]:
    """What counts against the balance. An overridden item still does, as in the reference; those above it do not."""
    return [each for each in pool.stored if not (admitted.overrides and each.ordinal > item.ordinal)]


def _available(stored: list[Stored[I]], balance: int) -> int:
    """The balance after all that is stored; nothing when it does not suffice for that."""
    try:
        for each in stored:
            balance = minus(balance, plus(each.item.value.amount, each.item.value.fee))
    except BalanceError:
        return 0
    return balance


def _affordable(pool: AddressPool[I], item: SignedItem[I], balance: int, overflow: str) -> Admitted | Reason:
    """Free slot, and amount and fee within what is left of the balance."""
    admitted = _slot(pool, item)
    if isinstance(admitted, Reason):
        return admitted
    available = _available(_standing(pool, item, admitted), balance)
    try:
        total = plus(item.value.amount, item.value.fee)
    except BalanceError as error:
        return reason(overflow, error=reason(error.name))
    if total > available:
        return reason("InsufficientBalance", amount=total, balance=available)
    return admitted


def _invalid_currency(currency_id: str | None) -> Reason:
    return reason("InvalidCurrencyId", currencyId=None if currency_id is None else Some(currency_id))
