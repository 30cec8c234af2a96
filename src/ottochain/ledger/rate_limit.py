"""How many free transactions an address may have: the richer it is and the longer it waited, the more.

With one token it takes 20 hours of snapshots between two free transactions; with 1,674 tokens every snapshot allows
one. A fee of 0.002 tokens lifts the limit. Source: Tessellation, ``ContextualTransactionValidator`` and
``dag-l1.conf``. Doubles are used as there; they decide what this node takes in, never what is on chain.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from ottochain.ledger.amounts import BalanceError, minus, plus
from ottochain.ledger.transactions import SignedTransaction


@dataclass(frozen=True, slots=True)
class TransactionLimit:
    """The settings of the limit."""

    base_balance: int = 100_000_000
    time_trigger_interval_seconds: int = 43
    time_to_wait_for_base_balance_seconds: int = 20 * 60 * 60
    min_fee_without_limit: int = 200_000

    @property
    def distance_for_base_balance(self) -> int:
        """How many snapshots apart free transactions of an address with the base balance must be."""
        return self.time_to_wait_for_base_balance_seconds // self.time_trigger_interval_seconds


DEFAULT_LIMIT: Final = TransactionLimit()


def within_limit(
    transactions: Sequence[SignedTransaction],
    balance: int,
    majority_at: int,
    snapshot_ordinal: int,
    limit: TransactionLimit = DEFAULT_LIMIT,
) -> bool:
    """Whether the last of ``transactions``, all that no snapshot has yet in their order, may be taken too.

    ``majority_at`` is the ordinal of the snapshot with the address's last reference, 0 without one.
    """
    consumed = 0.0
    last = majority_at
    for index, transaction in enumerate(transactions):
        value = transaction.value
        if value.fee < limit.min_fee_without_limit:
            consumed += _distance_needed(balance, limit) / max(snapshot_ordinal - last, 1)
        try:
            remaining = minus(balance, plus(value.amount, value.fee))
        except BalanceError:
            return False
        if consumed > 1:
            return False
        is_last = index == len(transactions) - 1
        if not is_last and remaining == 0:
            return False
        balance, last = remaining, snapshot_ordinal + 1
    return True


def _distance_needed(balance: int, limit: TransactionLimit) -> float:
    allowed = float(balance) / float(limit.base_balance)
    return limit.distance_for_base_balance / allowed if allowed > 0 else math.inf
