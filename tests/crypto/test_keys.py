"""Keys and signatures: the published ones verify, ours do elsewhere, and a secret never shows."""

import copy
import json
import pickle
from pathlib import Path
from typing import Any

import constellation_sdk
import pytest
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature, encode_dss_signature
from hypothesis import given
from hypothesis import strategies as st

from ottochain.codec.canonical import canonical_bytes
from ottochain.codec.exact_json import loads
from ottochain.codec.hashing import data_update_bytes, data_update_hash, sha256_hex
from ottochain.crypto.keys import KeyFormatError, PrivateKey, PublicKey

DATA = Path(__file__).parent / "data"
KEYS = json.loads((DATA / "keys.json").read_text(encoding="utf-8"))["keys"]
SIGNATURES = json.loads((DATA / "signatures.json").read_text(encoding="utf-8"))
TRANSACTIONS = json.loads((DATA / "transactions.json").read_text(encoding="utf-8"))

ORDER = 0xFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFEBAAEDCE6AF48A03BBFD25E8CD0364141
HASH = sha256_hex(b"something")
KEY = PrivateKey.from_hex("c0ffee".rjust(64, "0"))

secrets = st.integers(1, ORDER - 1).map(lambda scalar: PrivateKey(scalar.to_bytes(32, "big")))
hashes = st.binary(max_size=40).map(sha256_hex)


@pytest.mark.parametrize("case", [case for case in KEYS if case["privateKey"]], ids=lambda case: case["id"])
def test_a_private_key_has_its_peer_id_and_address(case: dict[str, str]) -> None:
    key = PrivateKey.from_hex(case["privateKey"])
    assert (key.hex, key.peer_id, key.address) == (case["privateKey"], case["peerId"], case["address"])
    assert key.public_key.peer_id == case["peerId"]
    assert key.public_key.address == case["address"]


@pytest.mark.parametrize("case", SIGNATURES["documents"], ids=lambda case: case["id"])
def test_the_signatures_of_the_sdks_verify(case: dict[str, Any]) -> None:
    canonical = canonical_bytes(loads(case["json"]))
    assert canonical.decode() == case["canonical"]
    signed = data_update_bytes(canonical) if case["dataUpdate"] else canonical
    assert signed.hex() == case["bytesHex"]
    assert sha256_hex(signed) == case["hash"]
    assert PublicKey.from_peer_id(case["peerId"]).verify_hash(case["hash"], case["signature"])


@pytest.mark.parametrize("case", SIGNATURES["dataUpdates"], ids=lambda case: case["id"])
def test_the_signatures_of_data_updates_verify(case: dict[str, Any]) -> None:
    canonical = canonical_bytes(case["message"])
    assert canonical.decode() == case["canonical"]
    assert data_update_bytes(canonical).hex() == case["bytesHex"]
    assert data_update_hash(canonical) == case["hash"]
    key = PrivateKey.from_hex(SIGNATURES["privateKey"])
    assert key.peer_id == case["peerId"]
    assert key.public_key.verify_hash(case["hash"], case["signature"])


@pytest.mark.parametrize("case", TRANSACTIONS["signatures"], ids=lambda case: case["id"])
def test_the_signatures_of_transactions_verify(case: dict[str, str]) -> None:
    assert PublicKey.from_peer_id(case["peerId"]).verify_hash(case["hash"], case["signature"])


@given(secrets, hashes, hashes)
def test_a_signature_verifies_for_its_key_and_hash_only(key: PrivateKey, hash_hex: str, other: str) -> None:
    signature = key.sign_hash(hash_hex)
    assert key.public_key.verify_hash(hash_hex, signature)
    assert key.public_key.verify_hash(other, signature) == (other == hash_hex)
    assert not KEY.public_key.verify_hash(hash_hex, signature) or key == KEY


@given(secrets, st.binary(max_size=200))
def test_any_bytes_can_be_signed(key: PrivateKey, message: bytes) -> None:
    signature = key.sign_message(message)
    assert key.public_key.verify_message(message, signature)
    assert not key.public_key.verify_message(message + b"!", signature)


@given(secrets, hashes)
def test_a_hash_is_signed_as_its_characters(key: PrivateKey, hash_hex: str) -> None:
    assert key.sign_hash(hash_hex) == key.sign_message(hash_hex.encode()).hex()


@given(secrets, hashes)
def test_signatures_have_low_s_and_high_s_is_accepted(key: PrivateKey, hash_hex: str) -> None:
    r, s = decode_dss_signature(bytes.fromhex(key.sign_hash(hash_hex)))
    assert s <= ORDER // 2
    assert key.public_key.verify_hash(hash_hex, encode_dss_signature(r, ORDER - s).hex())


@given(secrets, hashes)
def test_the_python_sdk_and_this_agree(key: PrivateKey, hash_hex: str) -> None:
    assert constellation_sdk.verify_hash(hash_hex, key.sign_hash(hash_hex), "04" + key.peer_id)
    assert key.public_key.verify_hash(hash_hex, constellation_sdk.sign_hash(hash_hex, key.hex))
    assert constellation_sdk.key_pair_from_private_key(key.hex).address == key.address


GOOD = KEY.sign_hash(HASH)


@pytest.mark.parametrize(
    "signature",
    ["", "00", "zz", GOOD[:-2], GOOD + "00", GOOD[:-1], " " + GOOD[:-1], GOOD[:2] + " " + GOOD[2:], "é", "\ud800",
     "30" + "00" * 80, encode_dss_signature(0, 0).hex(), encode_dss_signature(ORDER, ORDER).hex(), "3006020101020101"],
)  # fmt: skip
def test_a_malformed_signature_is_false_not_an_error(signature: str) -> None:
    assert KEY.public_key.verify_hash(HASH, signature) is False


@given(st.binary(max_size=80))
def test_random_bytes_are_no_signature(signature: bytes) -> None:
    assert KEY.public_key.verify_message(b"message", signature) is False


def test_a_hash_that_is_no_hash_is_false_not_an_error() -> None:
    assert KEY.public_key.verify_hash("é\ud800", GOOD) is False


@pytest.mark.parametrize(
    "peer_id",
    ["", "04" + KEY.peer_id, KEY.peer_id[:-2], "0" * 128, "f" * 128, "z" * 128, KEY.peer_id[:-2] + "  ", "é" * 128],
    ids=["empty", "with 04", "short", "zero", "beyond the field", "no digits", "spaces", "not ascii"],
)
def test_what_is_no_point_is_no_public_key(peer_id: str) -> None:
    with pytest.raises(KeyFormatError, match="peer id"):
        PublicKey.from_peer_id(peer_id)


def test_public_keys_are_remembered_and_bounded() -> None:
    assert PublicKey.from_peer_id(KEY.peer_id) is PublicKey.from_peer_id(KEY.peer_id)
    assert PublicKey.from_peer_id(KEY.peer_id.upper()) == KEY.public_key


@pytest.mark.parametrize("text", ["", "00", "0" * 64, f"{ORDER:064x}", "f" * 64, "z" * 64, " " * 64, "0x" + "1" * 62])
def test_what_is_no_scalar_is_no_private_key(text: str) -> None:
    with pytest.raises(KeyFormatError) as refused:
        PrivateKey.from_hex(text)
    assert not text or text not in str(refused.value)


def test_generated_keys_differ() -> None:
    assert len({PrivateKey.generate().peer_id for _ in range(10)}) == 10


def test_a_key_shows_its_owner_and_not_its_secret() -> None:
    for shown in (repr(KEY), str(KEY), f"{KEY}", repr([KEY]), repr({"key": KEY})):
        assert KEY.address in shown
        assert "c0ffee" not in shown


@pytest.mark.parametrize("take", [pickle.dumps, copy.copy, copy.deepcopy])
def test_a_private_key_is_not_copied_by_accident(take: Any) -> None:
    with pytest.raises(TypeError, match="not copied or pickled"):
        take(KEY)


def test_keys_are_equal_when_their_owner_is() -> None:
    same = PrivateKey.from_hex(KEY.hex)
    assert same == KEY
    assert len({same, KEY}) == 1
    assert PrivateKey.generate() != KEY
    assert len({same.public_key, KEY.public_key}) == 1
    assert "c0ffee" not in repr(KEY.public_key)
