"""Transactions are read and written exactly, and judged by themselves in the reference's order and words."""

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ledger.kit import ALICE, BOB, INITIAL, METAGRAPH, pay
from ottochain.codec import exact_json
from ottochain.crypto.addresses import STARDUST_ADDRESS
from ottochain.crypto.proofs import Proof, sign
from ottochain.ledger.items import SignedItem
from ottochain.ledger.references import Reference
from ottochain.ledger.transactions import LOCKED_ADDRESSES, Transaction, read_transaction, transaction_faults
from ottochain.model.errors import ModelError

KNOWN = json.loads((Path(__file__).parents[1] / "crypto" / "data" / "transactions.json").read_text(encoding="utf-8"))
LONGS = st.integers(-(2**63), 2**63 - 1)


@pytest.mark.parametrize("case", KNOWN["signed"], ids=lambda case: case["id"])
def test_transactions_of_the_main_network_are_read_and_written_as_they_stand(case: dict[str, Any]) -> None:
    text = {"value": case["value"], "proofs": case["proofs"]}
    transaction = read_transaction(text)
    assert transaction.to_json() == text
    assert (transaction.hash, transaction_faults(transaction)) == (case["hash"], [])
    assert transaction.reference == Reference(case["value"]["parent"]["ordinal"] + 1, case["hash"])


@given(LONGS, st.integers(1, 2**63 - 1), st.integers(0, 2**63 - 1))
def test_every_digit_survives(salt: int, amount: int, fee: int) -> None:
    value = Transaction(ALICE.address, BOB.address, amount, fee, INITIAL, salt)
    assert Transaction.from_json(exact_json.loads(exact_json.dumps(value.to_json()))) == value


def test_a_number_may_stand_in_a_string_and_other_members_are_passed_over() -> None:
    text = {**pay(ALICE, BOB, 7, salt=-3).value.to_json(), "salt": "-3", "amount": "7", "memo": "hello"}
    assert Transaction.from_json(text) == pay(ALICE, BOB, 7, salt=-3).value


@pytest.mark.parametrize(
    ("member", "value"),
    [
        ("amount", 0),
        ("amount", 2**63),
        ("amount", True),
        ("amount", None),
        ("fee", -1),
        ("salt", 2**63),
        ("salt", "0x1"),
        ("source", METAGRAPH[:-1]),
        ("destination", 4),
        ("parent", {"ordinal": -1, "hash": "00"}),
        ("parent", {"ordinal": 2**63 - 1, "hash": "00"}),
        ("parent", {"ordinal": 1, "hash": "ä"}),
        ("parent", "00"),
    ],
)
def test_what_is_no_transaction_is_refused_and_says_which_member(member: str, value: object) -> None:
    text = {**pay(ALICE, BOB).value.to_json(), member: value}
    with pytest.raises(ModelError, match="expected"):
        read_transaction({"value": text, "proofs": [sign("00" * 32, ALICE).to_json()]})


def test_a_key_names_value_and_proofs() -> None:
    ours, theirs = pay(ALICE, BOB), pay(ALICE, BOB, signers=[BOB])
    assert ours.hash == theirs.hash
    assert ours.key != theirs.key


# -- whatever the state ------------------------------------------------------------------------------------------------


def test_all_faults_are_told_in_order() -> None:
    forged = SignedItem.of(pay(ALICE, ALICE).value, [sign("00" * 32, BOB)])
    names = [fault.name for fault in transaction_faults(forged)]
    assert names == ["InvalidSigned", "NotSignedBySourceAddressOwner", "SameSourceAndDestinationAddress"]


def test_the_texts_are_the_references() -> None:
    assert [str(fault) for fault in transaction_faults(pay(ALICE, ALICE))] == [
        f"SameSourceAndDestinationAddress{{address={ALICE.address}}}"
    ]
    assert [str(fault) for fault in transaction_faults(pay(ALICE, BOB, signers=[BOB]))] == [
        "NotSignedBySourceAddressOwner{}"
    ]
    assert [str(fault) for fault in transaction_faults(pay(ALICE, BOB), frozenset({ALICE.address}))] == [
        f"AddressLocked{{address={ALICE.address}}}"
    ]


def test_signers_and_signatures_are_shortened() -> None:
    proof = sign("00" * 32, ALICE)
    [fault] = transaction_faults(SignedItem.of(pay(ALICE, BOB).value, [proof]))
    shortened = f"SignatureProof{{id=Id{{hex={proof.id[:8]}}},signature={proof.signature[:8]}}}"
    assert str(fault) == f"InvalidSigned{{error=InvalidSignatures{{invalidSignatures=List({shortened})}}}}"


def test_everybody_who_signs_must_be_the_owner() -> None:
    assert [fault.name for fault in transaction_faults(pay(ALICE, BOB, signers=[ALICE, BOB]))] == [
        "NotSignedBySourceAddressOwner"
    ]
    stranger = SignedItem.of(pay(ALICE, BOB).value, [Proof("no key", "no signature")])
    assert [fault.name for fault in transaction_faults(stranger)] == ["InvalidSigned", "NotSignedBySourceAddressOwner"]


def test_three_addresses_may_not_spend() -> None:
    assert STARDUST_ADDRESS in LOCKED_ADDRESSES
    assert len(LOCKED_ADDRESSES) == 3
