"""What DL1's pool holds and hands to peers: an update alone, or with its fee."""

from __future__ import annotations

import dataclasses

import pytest

from layers.metagraph import ALICE, BOB, add, create, forged
from ledger.kit import fee_of
from ottochain.codec import exact_json
from ottochain.crypto.proofs import Proof, sign
from ottochain.fibers import SignedUpdate
from ottochain.ledger.fee_transactions import SignedFee
from ottochain.node.paid_updates import PROOFS_MAX, PaidUpdate, fee_hash_of, group_of

UPDATE = add(1, 4)
FEE = fee_of(ALICE, 5, UPDATE.hash)


def same(one: PaidUpdate | None, other: PaidUpdate) -> bool:
    return one is not None and (one.to_bytes(), one.key) == (other.to_bytes(), other.key)


def pair(update: SignedUpdate, fee: SignedFee) -> bytes:
    return PaidUpdate(update, fee).to_bytes()


def test_an_update_alone_is_kept_as_its_wire_json() -> None:
    kept = PaidUpdate(UPDATE).to_bytes()
    assert kept == exact_json.dumps(UPDATE.to_json())
    assert same(PaidUpdate.from_bytes(kept), PaidUpdate(UPDATE))
    assert (group_of(kept), fee_hash_of(kept)) == (b"[%b]" % kept, "")
    assert PaidUpdate(UPDATE).content is UPDATE


def test_an_update_with_its_fee_is_kept_as_the_group_that_it_is_in_blocks() -> None:
    paid = PaidUpdate(UPDATE, FEE)
    kept = paid.to_bytes()
    assert exact_json.loads(kept) == [UPDATE.to_json(), FEE.to_json()]
    assert same(PaidUpdate.from_bytes(kept), paid)
    assert (group_of(kept), fee_hash_of(kept)) == (kept, FEE.hash)
    content = paid.content
    assert (content.key, content.hash, content.fiber_id) == (UPDATE.key, UPDATE.hash, UPDATE.fiber_id)
    assert (getattr(content, "sequence", None), getattr(content, "fee", None)) == (4, FEE.hash)


def test_what_a_peer_sends_must_be_signed_and_of_bounded_size() -> None:
    many = SignedUpdate.of(create(1).message, [Proof(f"{n:0128x}", "00") for n in range(PROOFS_MAX + 1)])
    for raw in (b"{", b"null", b"[]", b"[" * 100_000, b"[null,null]", PaidUpdate(many).to_bytes()):
        assert PaidUpdate.from_bytes(raw) is None
    assert PaidUpdate.from_bytes(PaidUpdate(forged(create(1))).to_bytes()) is None
    alone = exact_json.dumps(UPDATE.to_json())
    assert PaidUpdate.from_bytes(b"[%b,%b,%b]" % (alone, alone, alone)) is None
    assert PaidUpdate.from_bytes(b"[%b,%b]" % (alone, alone)) is None


@pytest.mark.parametrize(
    "fee",
    [
        fee_of(ALICE, 5, create(1).hash),
        fee_of(ALICE, 5, UPDATE.hash, destination=ALICE.address),
        dataclasses.replace(FEE, proofs=(sign(FEE.hash, BOB),)),
        dataclasses.replace(FEE, proofs=(sign("00" * 32, ALICE),)),
    ],
    ids=["of another update", "to itself", "signed by another", "not signed"],
)
def test_a_fee_that_can_not_be_booked_makes_the_pair_unsound(fee: SignedFee) -> None:
    assert PaidUpdate.from_bytes(pair(UPDATE, fee)) is None
