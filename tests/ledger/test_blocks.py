"""Blocks are read, written, hashed and ordered as the reference's, and judged by themselves in its words."""

import uuid
from typing import Any

import pytest

from ledger.kit import (
    ALICE,
    BOB,
    CAROL,
    DAVE,
    GENESIS_TIPS,
    L1,
    PARENTS,
    allow,
    allow_block,
    chain,
    lock,
    lock_block,
    pay,
    token_block,
)
from ottochain.codec import exact_json
from ottochain.codec.wire import json_hash
from ottochain.crypto.proofs import proofs_hash, sign
from ottochain.ledger.block_rules import BlockTerms, block_faults
from ottochain.ledger.blocks import AllowSpendBlock, TokenBlock, TokenLockBlock, uuid_order
from ottochain.ledger.chains import chains_of
from ottochain.ledger.memory import SoundItems
from ottochain.ledger.tips import BlockReference
from ottochain.model.errors import ModelError

TERMS = BlockTerms()


def test_a_token_block_stands_on_parents_and_is_known_by_its_proofs() -> None:
    first, second = token_block(pay(ALICE, BOB)), token_block(pay(ALICE, BOB), signers=L1[:2])
    assert first.hash == second.hash == json_hash(first.value_json())
    assert first.reference == BlockReference(1, proofs_hash(first.proofs))
    assert first.reference != second.reference
    above = token_block(pay(BOB, ALICE), parents=[PARENTS[0], BlockReference(7, "ab" * 32)])
    assert above.height == 8


def test_blocks_survive_the_wire() -> None:
    items = chain(ALICE, 3)
    for block, kind in [
        (token_block(*items), TokenBlock),
        (allow_block(3, allow(ALICE), allow(BOB)), AllowSpendBlock),
        (lock_block(3, lock(ALICE), lock(BOB, until=None)), TokenLockBlock),
    ]:
        text = exact_json.loads(exact_json.dumps(block.to_json()))
        assert kind.from_json(text) == block


def test_the_members_are_the_references() -> None:
    assert list(token_block(pay(ALICE, BOB)).to_json()["value"]) == ["parent", "transactions"]
    assert list(allow_block(1, allow(ALICE)).to_json()["value"]) == ["roundId", "transactions"]
    assert list(lock_block(1, lock(ALICE)).to_json()["value"]) == ["roundId", "tokenLocks"]


def test_items_are_a_set_in_its_own_order_however_they_came() -> None:
    items = [*chain(BOB, 2), pay(ALICE, DAVE, 5), pay(ALICE, BOB, 5)]
    text = token_block(*items).to_json()
    text["value"]["transactions"].reverse()
    text["value"]["transactions"].append(text["value"]["transactions"][0])
    read = TokenBlock.from_json(text)
    assert read == token_block(*items)
    orders = [(item.source, item.value.destination) for item in read.items]
    assert orders == sorted(orders)


def test_blocks_are_ordered_by_parents_then_by_how_many_items_then_by_these() -> None:
    one, other = sorted([pay(ALICE, BOB), pay(CAROL, BOB)], key=lambda item: item.order)
    higher = token_block(one, parents=[tip.block for tip in GENESIS_TIPS.active[2:4]])
    expected = [token_block(one), token_block(other), token_block(one, other), higher]
    assert sorted([*expected[2:], *expected[:2]], key=lambda block: block.order) == expected


def test_round_ids_are_ordered_as_the_jvm_orders_them() -> None:
    texts = ["00000000-0000-0000-0000-000000000001", "7fffffff-ffff-ffff-ffff-ffffffffffff"]
    negative = ["80000000-0000-0000-0000-000000000000", "ffffffff-ffff-ffff-ffff-ffffffffffff"]
    assert sorted([*texts, *negative], key=uuid_order) == [*negative, *texts]


@pytest.mark.parametrize(
    "change",
    [
        {"parent": []},
        {"transactions": []},
        {"parent": [{"height": -1, "hash": "00"}]},
        {"transactions": [{"value": {}, "proofs": []}]},
        {"parent": None},
    ],
)
def test_what_is_no_block_is_refused(change: dict[str, Any]) -> None:
    text = token_block(pay(ALICE, BOB)).to_json()
    with pytest.raises(ModelError, match="expected"):
        TokenBlock.from_json({**text, "value": {**text["value"], **change}})


def test_a_round_block_needs_a_uuid() -> None:
    text = lock_block(1, lock(ALICE)).to_json()
    text["value"]["roundId"] = str(uuid.UUID(int=1)).replace("-", "")
    with pytest.raises(ModelError, match="UUID"):
        TokenLockBlock.from_json(text)


# -- by itself ---------------------------------------------------------------------------------------------------------


def test_a_sound_block_has_no_faults() -> None:
    assert not block_faults(token_block(*chain(ALICE, 3), pay(BOB, CAROL)), BlockTerms(signatures_min=3))
    assert not block_faults(allow_block(1, allow(ALICE)), TERMS)
    assert not block_faults(lock_block(1, lock(ALICE)), TERMS)


def test_the_reference_wants_three_signatures_and_two_parents() -> None:
    block = token_block(pay(ALICE, BOB), parents=PARENTS[:1], signers=L1[:2])
    faults = block_faults(block, BlockTerms(signatures_min=3))
    assert [str(fault) for fault in faults.reasons] == [
        "InvalidSigned{error=NotEnoughSignatures{signatureCount=2,minSignatureCount=3}}",
        "NotEnoughParents{parentCount=1,minParentCount=2}",
    ]
    assert (faults.of_block, faults.guilty) == (True, ())


def test_parents_are_distinct() -> None:
    faults = block_faults(token_block(pay(ALICE, BOB), parents=(PARENTS[0], PARENTS[0])), TERMS)
    shown = f"BlockReference{{height=0,hash={PARENTS[0].hash}}}"
    assert [str(fault) for fault in faults.reasons] == [f"NonUniqueParents{{parents=List({shown})}}"]


def test_signatures_hold_and_signers_sign_once() -> None:
    block = token_block(pay(ALICE, BOB))
    proofs = (*block.proofs, sign("00" * 32, L1[0]))
    [first, second] = block_faults(TokenBlock.of(block.parents, block.items, proofs), TERMS).reasons
    assert str(first).startswith(
        "InvalidSigned{error=InvalidSignatures{invalidSignatures=List(SignatureProof{id=Id{hex="
    )
    assert str(second) == f"InvalidSigned{{error=DuplicateSigners{{signers=List(Id{{hex={L1[0].peer_id[:8]}}})}}}}"


def test_a_bad_item_is_named_and_the_block_is_not_at_fault() -> None:
    good, bad = pay(ALICE, BOB), pay(BOB, BOB)
    faults = block_faults(token_block(good, bad), TERMS)
    assert (faults.guilty, faults.of_block) == ((bad.key,), False)
    shown = f"TransactionReference{{ordinal=1,hash={bad.hash}}}"
    error = f"SameSourceAndDestinationAddress{{address={BOB.address}}}"
    assert [str(fault) for fault in faults.reasons] == [
        f"InvalidTransaction{{transactionReference={shown},error={error}}}"
    ]


def test_an_allow_spend_is_approved_by_its_destination() -> None:
    bad = allow(ALICE, approvers=(BOB.address,))
    [fault] = block_faults(allow_block(1, bad), TERMS).reasons
    assert "InvalidAllowSpend{allowSpendReference=AllowSpendReference{ordinal=1," in str(fault)
    assert f"error=InvalidApprover{{approvers=List({BOB.address}),destination=" in str(fault)


def test_what_was_found_sound_before_is_not_looked_at_again() -> None:
    sound = SoundItems()
    good, bad = pay(ALICE, BOB), pay(BOB, BOB)
    assert block_faults(token_block(good, bad), BlockTerms(sound=sound))
    assert (sound.knows(good), sound.knows(bad)) == (True, False)
    sound.remember(bad)
    assert not block_faults(token_block(good, bad), BlockTerms(sound=sound))


def test_the_items_of_an_address_follow_each_other() -> None:
    first, second, third = chain(ALICE, 3)
    assert [[item.ordinal for item in each.items] for each in chains_of([third, first, second])] == [[1, 2, 3]]
    faults = block_faults(token_block(first, third, pay(BOB, CAROL)), TERMS)
    missing = f"TransactionReference{{ordinal=2,hash={second.hash}}}"
    broken = f"TransactionChainBroken{{address={ALICE.address},referenceNotFound={missing}}}"
    assert [str(fault) for fault in faults.reasons] == [f"InvalidTransactionChain{{error={broken}}}"]
    assert set(faults.guilty) == {first.key, third.key}
