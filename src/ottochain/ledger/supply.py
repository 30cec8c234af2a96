"""How much there is, and who has some (Tessellation, ``AddressService``)."""

from collections.abc import Mapping

from ottochain.ledger.held_tokens import held_amounts
from ottochain.ledger.transactions import LOCKED_ADDRESSES
from ottochain.model.currency_snapshot import CurrencyInfo


def total_supply(balances: Mapping[str, int], locked: frozenset[str] = LOCKED_ADDRESSES) -> int:
    """What the routes answer: the sum of balances, those of addresses that may not spend left out."""
    return sum(balance for address, balance in balances.items() if address not in locked)


def wallet_count(balances: Mapping[str, int]) -> int:
    """How many addresses ever had something."""
    return len(balances)


def all_tokens(info: CurrencyInfo) -> int:
    """All that exists in a state: balances, and what is set apart. Rewards add to it, burnt fees lessen it."""
    held = (info.active_allow_spends, info.active_token_locks)
    return sum(info.balances.values()) + sum(sum(held_amounts(each).values()) for each in held)
