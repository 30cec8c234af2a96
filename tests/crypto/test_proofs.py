"""Proofs: sets of signatures over one hash."""

import random
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ottochain.codec.hashing import sha256_hex
from ottochain.codec.wire import json_hash
from ottochain.crypto.keys import PrivateKey
from ottochain.crypto.proofs import Proof, proofs_hash, proofs_json, sign, sorted_proofs, verify, verify_all

HASH = sha256_hex(b"value")
SIGNERS = [PrivateKey.from_hex(f"{scalar:064x}") for scalar in (7, 8, 9)]
PROOFS = [sign(HASH, key) for key in SIGNERS]


def test_every_proof_of_the_signers_verifies() -> None:
    assert verify_all(HASH, PROOFS)
    assert [proof.id for proof in PROOFS] == [key.peer_id for key in SIGNERS]


def test_no_proof_is_not_enough() -> None:
    assert not verify_all(HASH, [])


def test_one_false_proof_spoils_all() -> None:
    assert not verify_all(HASH, [*PROOFS, Proof(SIGNERS[0].peer_id, PROOFS[1].signature)])
    assert not verify_all(sha256_hex(b"other"), PROOFS)


@pytest.mark.parametrize("field", ["id", "signature"])
def test_a_proof_in_capitals_is_none(field: str) -> None:
    """It counted as another signer's, and made an update that was decided already a new one."""
    proof = PROOFS[0]
    assert not verify(HASH, replace(proof, **{field: getattr(proof, field).upper()}))


@pytest.mark.parametrize("peer_id", ["", "00" * 64, "not hexadecimal", "é" * 128])
def test_a_malformed_id_is_false_not_an_error(peer_id: str) -> None:
    assert not verify(HASH, Proof(peer_id, PROOFS[0].signature))


@given(st.text(), st.text(), st.text())
def test_any_texts_are_answered(hash_hex: str, peer_id: str, signature: str) -> None:
    assert verify(hash_hex, Proof(peer_id, signature)) is False


@given(st.lists(st.sampled_from(PROOFS), max_size=6), st.randoms(use_true_random=False))
def test_proofs_are_a_set_in_the_order_of_id_and_signature(proofs: list[Proof], dice: random.Random) -> None:
    shuffled = list(proofs)
    dice.shuffle(shuffled)
    assert sorted_proofs(shuffled) == sorted_proofs(proofs) == tuple(sorted(set(proofs)))
    assert proofs_hash(shuffled) == proofs_hash(proofs)


def test_the_order_is_by_id_then_signature() -> None:
    assert sorted_proofs([Proof("b", "1"), Proof("a", "2"), Proof("a", "1")]) == (
        Proof("a", "1"),
        Proof("a", "2"),
        Proof("b", "1"),
    )


def test_the_proofs_hash_is_the_json_hash_of_the_ordered_proofs() -> None:
    ordered = [{"id": proof.id, "signature": proof.signature} for proof in sorted_proofs(PROOFS)]
    assert proofs_json(PROOFS) == ordered
    assert proofs_hash(PROOFS) == json_hash(ordered)
