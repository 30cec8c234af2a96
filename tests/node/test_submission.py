"""What is taken of a client's body, and in which words the rest is refused."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given, settings

from layers.metagraph import ALICE, BOB, add, archive, create, fiber_id, forged, update
from ledger.kit import fee_of
from node.bodies_made import BODIES
from ottochain.codec import exact_json
from ottochain.crypto.proofs import Proof, sign
from ottochain.fibers import SignedUpdate
from ottochain.fibers.records import FiberCommit
from ottochain.fibers.state import OnChain
from ottochain.ledger.fee_transactions import SignedFee
from ottochain.node import submission
from ottochain.node.paid_updates import PROOFS_MAX, PaidUpdate
from ottochain.node.submission import UPDATE_BYTES_MAX, Refusal, judge

EMPTY = OnChain({}, {})
ONE_MACHINE = OnChain({fiber_id(1): FiberCommit("ab" * 32, None, 0)}, {})


def body_of(signed: SignedUpdate) -> bytes:
    return exact_json.dumps(signed.to_json())


def refusal_of(body: bytes, *, ordinal: int | None = 1, on_chain: OnChain | None = EMPTY) -> Refusal:
    with pytest.raises(Refusal) as refused:
        judge(body, ordinal, on_chain)
    exact_json.dumps(refused.value.body)
    return refused.value


def test_a_signed_update_is_taken_in_both_forms() -> None:
    signed = create(1)
    for body in (signed.to_json(), {"data": signed.to_json()}, {"data": signed.to_json(), "fee": None, "mode": "x"}):
        taken = judge(exact_json.dumps(body), 1, EMPTY)
        assert (taken.hash, taken.key) == (signed.hash, signed.key)


def test_proofs_are_a_set_in_the_order_of_their_ids() -> None:
    signed = create(1, ALICE, BOB)
    value = signed.to_json()
    value["proofs"].reverse()
    value["proofs"].append(value["proofs"][0])
    assert judge(exact_json.dumps(value), 1, EMPTY).key == signed.key


def refused_with(body: bytes, decide: Callable[[bytes], Any]) -> int | None:
    """The status of the refusal, whose body has a JSON text; None when the body was taken."""
    try:
        decide(body)
    except Refusal as refusal:
        exact_json.dumps(refusal.body)
        return refusal.status
    return None


@settings(max_examples=250)
@given(BODIES)
def test_for_any_body_there_is_an_update_or_a_refusal(body: bytes) -> None:
    for on_chain in (EMPTY, ONE_MACHINE):
        assert refused_with(body, lambda text: judge(text, 1, on_chain)) in (None, 400, 500)  # noqa: B023  called here


@settings(max_examples=100)
@given(BODIES)
def test_for_any_body_there_is_a_hash_or_a_refusal(body: bytes) -> None:
    assert refused_with(body, submission.unsigned_hash) in (None, 500)
    assert refused_with(body, submission.signed_message) in (None, 500)


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"{",
        b"\xff\xfe",
        b"null",
        b"[]",
        b'{"data":null}',
        b'{"value":{"NoMessage":{}},"proofs":[]}',
        b"1e400",
        b"[" * 10_000,
        b'{"value":' * 1_000,
    ],
    ids=range(10),
)
def test_what_is_no_submission_is_answered_500_and_called_retriable(body: bytes) -> None:
    refusal = refusal_of(body)
    assert refusal.status == 500
    assert (refusal.body["code"], refusal.body["message"], refusal.body["retriable"]) == (1, "Unknown error", True)
    assert refusal.body["details"]["reason"].startswith("Could not decode as DataTransactions or Signed data: ")


@pytest.mark.parametrize("proofs", [None, [], {}, "proof", [1], [{"id": "a"}], [{"id": 1, "signature": "b"}]], ids=repr)
def test_proofs_of_another_shape_are_undecodable(proofs: Any) -> None:
    value = create(1).to_json() | {"proofs": proofs}
    assert refusal_of(exact_json.dumps(value)).status == 500


def test_more_proofs_than_anybody_needs_are_undecodable() -> None:
    value = create(1).to_json()
    value["proofs"] = [{"id": f"{n:0128x}", "signature": "00"} for n in range(PROOFS_MAX + 1)]
    assert refusal_of(exact_json.dumps(value)).body["details"]["reason"].endswith(f"1 to {PROOFS_MAX} signatures")


@pytest.mark.parametrize(
    "proof",
    [Proof("ab" * 64, "3045"), Proof("not hex", "not hex"), Proof("", ""), Proof("\ud800", "\ud800")],
    ids=repr,
)
def test_a_proof_that_does_not_verify_is_a_bad_signature(proof: Proof) -> None:
    signed = SignedUpdate.of(create(1).message, [proof])
    refusal = refusal_of(exact_json.dumps(signed.to_json()))
    assert (refusal.status, refusal.body) == (400, {"error": "Invalid signature in data transactions"})


def test_one_bad_signature_among_good_ones_is_enough() -> None:
    good = create(1)
    mixed = SignedUpdate.of(good.message, [*good.proofs, *forged(good).proofs])
    assert refusal_of(body_of(mixed)).status == 400


def test_a_message_that_nobody_can_have_signed_is_a_bad_signature() -> None:
    value = create(1).to_json()
    value["value"]["CreateStateMachine"]["initialData"] = {"beyond the doubles": 10**400}
    assert refusal_of(exact_json.dumps(value)).body == {"error": "Invalid signature in data transactions"}


def test_an_invalid_update_is_refused_in_the_reference_s_words() -> None:
    refusal = refusal_of(body_of(add(1, 0)))
    assert refusal.status == 400
    assert refusal.body == {
        "code": 3,
        "message": "Invalid request body",
        "retriable": False,
        "details": {"reason": f"Invalid data update, reason: Chain(CidNotFound({fiber_id(1)}))"},
    }


def test_validity_is_looked_at_before_signatures() -> None:
    assert "CidNotFound" in refusal_of(body_of(forged(archive(1, 0)))).body["details"]["reason"]


def with_fee(signed: SignedUpdate, fee: Any) -> bytes:
    return exact_json.dumps({"data": signed.to_json(), "fee": fee if isinstance(fee, dict) else fee.to_json()})


def test_a_fee_is_taken_with_its_update() -> None:
    signed = create(1)
    fee = fee_of(ALICE, 5, signed.hash)
    taken = judge(with_fee(signed, fee), 1, EMPTY, {ALICE.address: 5})
    assert taken.to_bytes() == PaidUpdate(signed, fee).to_bytes()


def test_a_fee_is_refused_in_the_reference_s_words() -> None:
    signed, balances = create(1), {ALICE.address: 4}

    def reason(fee: SignedFee, update: SignedUpdate = signed) -> str:
        with pytest.raises(Refusal) as refused:
            judge(with_fee(update, fee), 1, EMPTY, balances)
        assert refused.value.status == 400
        return str(refused.value.body["details"]["reason"])

    poor = fee_of(ALICE, 5, signed.hash)
    assert reason(poor) == "Invalid data update, reason: Chain(SourceWalletNotEnoughBalance)"
    strangers = replace(fee_of(ALICE, 4, create(2).hash), proofs=(sign(signed.hash, BOB),))
    assert reason(strangers) == (
        "Invalid data update, reason: Chain(SourceWalletNotSignTheTransaction, MissingDataUpdateOfFeeTransaction)"
    )
    absent = archive(1, 0)
    both = reason(fee_of(ALICE, 5, absent.hash), absent)
    assert both == f"Invalid data update, reason: Chain(CidNotFound({fiber_id(1)}), SourceWalletNotEnoughBalance)"
    to_itself = fee_of(ALICE, 4, signed.hash, destination=ALICE.address)
    assert reason(to_itself) == (
        f"Invalid data update, reason: Chain(SameSourceAndDestinationAddress{{address={ALICE.address}}})"
    )


def test_a_fee_must_be_signed_like_its_update_and_be_one() -> None:
    signed = create(1)
    fee = fee_of(ALICE, 4, signed.hash)
    unsigned = with_fee(signed, replace(fee, proofs=(sign("00" * 32, ALICE),)))
    with pytest.raises(Refusal) as refused:
        judge(unsigned, 1, EMPTY, {ALICE.address: 4})
    assert refused.value.body == {"error": "Invalid signature in data transactions"}
    assert refusal_of(with_fee(signed, {"value": {}, "proofs": []})).status == 500


@pytest.mark.parametrize(
    ("ordinal", "on_chain", "description"),
    [
        (None, None, "Last Global Snapshot ordinal not available"),
        (None, EMPTY, "Last Global Snapshot ordinal not available"),
        (1, None, "Last Currency Snapshot not available"),
    ],
)
def test_before_the_layers_above_were_heard_nothing_is_judged(
    ordinal: int | None, on_chain: OnChain | None, description: str
) -> None:
    refusal = refusal_of(body_of(create(1)), ordinal=ordinal, on_chain=on_chain)
    assert (refusal.status, refusal.body["code"], refusal.body["retriable"]) == (500, 4, True)
    assert refusal.body["description"] == description


def test_what_does_not_decode_is_said_before_that_no_snapshot_is_known() -> None:
    assert refusal_of(b"{", ordinal=None, on_chain=None).body["code"] == 1


def test_a_large_update_is_not_looked_at() -> None:
    refusal = refusal_of(b" " * (UPDATE_BYTES_MAX + 1))
    assert refusal.status == 413
    for describe in (submission.unsigned_hash, submission.signed_message):
        with pytest.raises(Refusal) as refused:
            describe(b" " * (UPDATE_BYTES_MAX + 1))
        assert refused.value.status == 413


def test_the_hash_of_an_unsigned_message_is_what_is_signed() -> None:
    signed = update({"ArchiveStateMachine": {"fiberId": fiber_id(1), "targetSequenceNumber": 2}}, ALICE)
    unsigned = exact_json.dumps(signed.to_json()["value"])
    assert submission.unsigned_hash(unsigned) == signed.hash
    assert submission.signed_message(body_of(signed)).hash == signed.hash
    assert submission.signed_message(body_of(forged(signed))).hash == signed.hash
