"""What the global layer says of spends: in the reference's order and words, all of an action or nothing."""

from typing import Any

import pytest

from ledger.kit import ALICE, BOB, METAGRAPH, allow
from ottochain.ledger.artifacts import SpendAction, SpendTransaction, artifacts_json
from ottochain.ledger.held_tokens import HeldTokens
from ottochain.ledger.spending import spend_faults

ALLOWED = allow(ALICE, 40)
ACTIVES = {METAGRAPH: HeldTokens({ALICE.address: {ALLOWED.hash: ALLOWED}})}
BALANCES: dict[str | None, dict[str, int]] = {METAGRAPH: {METAGRAPH: 9}}


def spend(**change: Any) -> SpendTransaction:
    fields: dict[str, Any] = {
        "allow_spend_ref": ALLOWED.hash,
        "currency_id": METAGRAPH,
        "amount": 40,
        "source": ALICE.address,
        "destination": METAGRAPH,
    }
    return SpendTransaction(**{**fields, **change})


def said(*spends: SpendTransaction, metagraph: str = METAGRAPH) -> list[str]:
    return [str(fault) for fault in spend_faults(SpendAction(spends), ACTIVES, BALANCES, metagraph)]


def test_a_metagraph_spends_what_it_was_allowed_and_what_it_has() -> None:
    direct = spend(allow_spend_ref=None, amount=9, source=METAGRAPH, destination=BOB.address)
    assert said(spend(), direct) == []


@pytest.mark.parametrize(
    ("change", "name"),
    [
        ({"currency_id": None}, "NoActiveAllowSpends"),
        ({"allow_spend_ref": "ab" * 32}, "AllowSpendNotFound"),
        ({"destination": BOB.address}, "InvalidDestinationAddress"),
        ({"source": BOB.address}, "InvalidSourceAddress"),
        ({"amount": 41}, "SpendAmountGreaterThanAllowed"),
        ({"allow_spend_ref": None, "source": METAGRAPH, "amount": 10}, "NotEnoughCurrencyIdBalance"),
        ({"allow_spend_ref": None, "amount": 9}, "InvalidSourceAddress"),
    ],
)
def test_what_is_wrong_has_a_name(change: dict[str, Any], name: str) -> None:
    [text] = said(spend(**change))
    assert text.startswith(name + "{error=")


def test_another_metagraph_may_not_spend_it() -> None:
    [text] = said(spend(), metagraph=BOB.address)
    assert text.startswith("InvalidCurrencyId{")


def test_an_allow_spend_is_named_once_in_an_action() -> None:
    assert said(spend(amount=1), spend(amount=2)) == [
        "DuplicatedAllowSpendReference{error=Duplicated allow spend reference in the same SpendAction}"
    ]


def test_artifacts_are_a_set_and_name_their_kind() -> None:
    action = SpendAction((spend(),))
    [listed] = artifacts_json([action, action])
    assert listed == {"SpendAction": {"spendTransactions": [spend().to_json()]}}
    assert list(spend().to_json()) == ["allowSpendRef", "currencyId", "amount", "source", "destination"]
