"""Spends that a metagraph asks for, and what the global layer says of them.

Source: Tessellation, ``SpendActionValidator``. Currencies are named by their metagraph's id; None is the DAG.
"""

from collections.abc import Mapping

from ottochain.ledger.allow_spends import AllowSpend
from ottochain.ledger.artifacts import SpendAction, SpendTransaction
from ottochain.ledger.held_tokens import HeldTokens
from ottochain.ledger.items import SignedItem
from ottochain.ledger.reasons import Reason, reason

Actives = Mapping[str | None, HeldTokens[AllowSpend]]
Balances = Mapping[str | None, Mapping[str, int]]


def spend_faults(action: SpendAction, actives: Actives, balances: Balances, metagraph_id: str) -> list[Reason]:
    """What is wrong with a metagraph's action: nothing of it is done then."""
    refs = [each.allow_spend_ref for each in action.transactions if each.allow_spend_ref is not None]
    if len(set(refs)) < len(refs):
        return [
            reason("DuplicatedAllowSpendReference", error="Duplicated allow spend reference in the same SpendAction")
        ]
    faults = [_fault(each, actives, balances, metagraph_id) for each in action.transactions]
    return [fault for fault in faults if fault is not None]


def _fault(spend: SpendTransaction, actives: Actives, balances: Balances, metagraph_id: str) -> Reason | None:
    if spend.allow_spend_ref is None:
        return _direct_fault(spend, balances, metagraph_id)
    active = actives.get(spend.currency_id)
    if active is None:
        text = f"Currency {spend.currency_id} not found in active allow spends"
        return reason("NoActiveAllowSpends", error=text)
    found = next((item for item in active.items() if item.hash == spend.allow_spend_ref), None)
    if found is None:
        text = f"Allow spend {spend.allow_spend_ref} not found in currency active allow spends"
        return reason("AllowSpendNotFound", error=text)
    return _mismatch(spend, found, metagraph_id)


def _mismatch(spend: SpendTransaction, found: SignedItem[AllowSpend], metagraph_id: str) -> Reason | None:
    allowed = found.value
    currencies = f"Currency mismatch: expected {metagraph_id}, found {allowed.currency_id}"
    if allowed.currency_id != spend.currency_id:
        text = f"Currency mismatch: expected {allowed.currency_id}, found {spend.currency_id}"
        return reason("InvalidCurrency", error=text)
    if allowed.destination != metagraph_id or metagraph_id not in allowed.approvers:
        return reason("InvalidCurrencyId", error=currencies)
    if allowed.destination != spend.destination:
        text = f"Invalid destination address. Found: {spend.destination}. Expected: {allowed.destination}"
        return reason("InvalidDestinationAddress", error=text)
    if allowed.source != spend.source:
        text = f"Invalid source address. Found: {spend.source}. Expected: {allowed.source}"
        return reason("InvalidSourceAddress", error=text)
    if allowed.amount < spend.amount:
        text = f"Spend amount: {spend.amount} greater than allowed: {allowed.amount}"
        return reason("SpendAmountGreaterThanAllowed", error=text)
    return None


def _direct_fault(spend: SpendTransaction, balances: Balances, metagraph_id: str) -> Reason | None:
    balance = balances.get(spend.currency_id, {}).get(metagraph_id, 0)
    if spend.amount > balance:
        text = f"Spend amount: {spend.amount} greater than currencyId balance: {balance}"
        return reason("NotEnoughCurrencyIdBalance", error=text)
    if spend.source != metagraph_id:
        text = f"Invalid source address. Found: {spend.source}. Expected: {metagraph_id}"
        return reason("InvalidSourceAddress", error=text)
    return None
