"""Currency transactions: their text, their hash and their first reference."""

import json
from pathlib import Path
from typing import Any

import constellation_sdk
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ottochain.codec.hashing import EMPTY_HASH
from ottochain.crypto.addresses import address_of_peer
from ottochain.crypto.keys import PrivateKey
from ottochain.crypto.proofs import Proof, verify_all
from ottochain.crypto.transactions import encode_transaction, first_reference, kryo_text, transaction_hash

DATA = json.loads((Path(__file__).parent / "data" / "transactions.json").read_text(encoding="utf-8"))
SIGNER = DATA["signer"]

amounts = st.integers(0, 2**63 - 1)


@pytest.mark.parametrize("case", DATA["encodings"], ids=lambda case: case["id"])
def test_known_encodings(case: dict[str, Any]) -> None:
    encoded = encode_transaction(case["transaction"])
    assert encoded == case["encoded"]
    if "preimageHex" in case:
        assert kryo_text(encoded).hex() == case["preimageHex"]
    assert transaction_hash(case["transaction"]) == case["hash"]


@pytest.mark.parametrize("case", DATA["signed"], ids=lambda case: case["id"])
def test_transactions_of_the_main_network_verify(case: dict[str, Any]) -> None:
    assert transaction_hash(case["value"]) == case["hash"]
    proofs = [Proof(proof["id"], proof["signature"]) for proof in case["proofs"]]
    assert verify_all(case["hash"], proofs)
    assert [address_of_peer(proof.id) for proof in proofs] == [case["value"]["source"]]


def test_a_chain_of_transactions_refers_to_its_hashes() -> None:
    hashes = [transaction_hash(case["transaction"]) for case in DATA["chain"]]
    assert hashes == [case["hash"] for case in DATA["chain"]]
    assert hashes[:-1] == [case["transaction"]["parent"]["hash"] for case in DATA["chain"][1:]]


def test_the_signer_of_the_cases() -> None:
    key = PrivateKey.from_hex(SIGNER["privateKey"])
    assert (key.peer_id, key.address) == (SIGNER["peerId"], SIGNER["address"])


@pytest.mark.parametrize("case", DATA["kryo"], ids=lambda case: str(len(case["text"])))
def test_known_texts_as_kryo_writes_them(case: dict[str, str]) -> None:
    assert kryo_text(case["text"]).hex().startswith(case["hexPrefix"])


@pytest.mark.parametrize(
    ("length", "header"),
    [(0, "0381"), (62, "03bf"), (63, "03c001"), (180, "03f502"), (8190, "03ff7f"), (8191, "03c08001")],
)
def test_the_length_that_kryo_writes_grows_by_the_byte(length: int, header: str) -> None:
    assert kryo_text("x" * length).hex() == header + "78" * length


def test_only_ascii_is_written() -> None:
    with pytest.raises(UnicodeEncodeError):
        kryo_text("é")


@given(amounts, amounts, amounts, st.integers(-(2**63), 2**63 - 1))
def test_fields_are_found_again_by_their_lengths(amount: int, fee: int, ordinal: int, salt: int) -> None:
    transaction = {
        "source": SIGNER["address"],
        "destination": SIGNER["address"],
        "amount": amount,
        "fee": fee,
        "parent": {"ordinal": ordinal, "hash": EMPTY_HASH},
        "salt": salt,
    }
    fields = (
        SIGNER["address"],
        SIGNER["address"],
        f"{amount:x}",
        EMPTY_HASH,
        str(ordinal),
        str(fee),
        f"{salt % 2**64:x}",
    )
    encoded = encode_transaction(transaction)
    assert encoded == "2" + "".join(f"{len(field)}{field}" for field in fields)


@pytest.mark.parametrize("salt", [2**63, -(2**63) - 1])
def test_a_salt_beyond_64_bits_is_refused(salt: int) -> None:
    with pytest.raises(ValueError, match="not a signed 64-bit integer"):
        encode_transaction({**DATA["encodings"][0]["transaction"], "salt": salt})


def test_the_python_sdk_makes_the_same_hash_and_a_signature_that_verifies() -> None:
    transaction = DATA["encodings"][2]["transaction"]
    signed = constellation_sdk.create_currency_transaction(
        constellation_sdk.TransferParams(destination=transaction["destination"], amount=100.5, fee=0),
        SIGNER["privateKey"],
        constellation_sdk.TransactionReference(hash="a" * 64, ordinal=0),
    )
    value = {
        **transaction,
        "amount": signed.value.amount,
        "fee": signed.value.fee,
        "salt": int(signed.value.salt),
        "parent": {"ordinal": signed.value.parent.ordinal, "hash": signed.value.parent.hash},
    }
    assert value["amount"] == transaction["amount"]
    proofs = [Proof(proof.id, proof.signature) for proof in signed.proofs]
    assert verify_all(transaction_hash(value), proofs)


def test_the_first_reference_of_a_currency_is_the_hash_of_its_id() -> None:
    assert first_reference("DAG0CyySf35ftDQDQBnd1bdQ9aPyUdacMghpnCuM") == {
        "ordinal": 0,
        "hash": "0d59c5696aa18d50deeb966c030b32d8951387fc3c59d6371e6dd6d996685ce5",
    }


def test_the_first_reference_of_the_dag_is_empty() -> None:
    assert first_reference(None) == {"ordinal": 0, "hash": EMPTY_HASH}
