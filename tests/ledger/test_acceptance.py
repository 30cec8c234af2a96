"""Which blocks a snapshot accepts: in what order, with what effect, and in which words it says no."""

import random
from typing import Any

import pytest

from ledger.kit import (
    ALICE,
    BOB,
    CAROL,
    DAVE,
    GENESIS_TIPS,
    INITIAL,
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
from ottochain.crypto.keys import PrivateKey
from ottochain.ledger.acceptance import Acceptance, Before, Refusal, accept_blocks
from ottochain.ledger.block_rules import DEFAULT_TERMS, BlockTerms
from ottochain.ledger.blocks import TokenBlock
from ottochain.ledger.references import Reference
from ottochain.ledger.tips import BlockReference


def before(balances: dict[PrivateKey, int], **refs: Reference) -> Before:
    named = {"alice": ALICE, "bob": BOB}
    return Before(
        {key.address: amount for key, amount in balances.items()},
        {named[name].address: reference.to_json() for name, reference in refs.items()},
        INITIAL,
        GENESIS_TIPS.usages,
    )


def accept(state: Before, *blocks: TokenBlock, terms: BlockTerms = DEFAULT_TERMS) -> Acceptance[TokenBlock]:
    return accept_blocks(blocks, state, terms)


def refusal(state: Before, *blocks: TokenBlock, **more: Any) -> Refusal:
    [(_, refused)] = accept(state, *blocks, **more).refused
    return refused


def test_amounts_move_and_fees_are_burnt() -> None:
    result = accept(before({ALICE: 100}), token_block(pay(ALICE, BOB, 60, fee=7)))
    assert result.balances == {ALICE.address: 33, BOB.address: 60}
    assert result.refs == {ALICE.address: pay(ALICE, BOB, 60, fee=7).reference}
    assert result.refused == ()


def test_an_address_cannot_spend_what_comes_in_with_the_same_block() -> None:
    block = token_block(pay(ALICE, BOB, 60), pay(BOB, CAROL, 1))
    refused = refusal(before({ALICE: 100}), block)
    shown = f"AddressBalanceOutOfRange{{address={BOB.address},error=AmountUnderflow{{}}}}"
    assert (str(refused.reason), refused.awaiting) == (shown, True)
    assert refused.guilty == (pay(BOB, CAROL, 1).key,)


def test_but_with_an_earlier_block_and_whatever_the_order() -> None:
    giving, taking = token_block(pay(ALICE, BOB, 60)), token_block(pay(BOB, CAROL, 1), parents=OTHERS)
    for blocks in ([giving, taking], [taking, giving]):
        assert {block for block, _ in accept(before({ALICE: 100}), *blocks).accepted} == {giving, taking}


OTHERS = (GENESIS_TIPS.active[2].block, GENESIS_TIPS.active[3].block)


def test_the_guilty_are_those_from_which_on_it_is_not_enough() -> None:
    first, second, third = chain(ALICE, 3, 40)
    refused = refusal(before({ALICE: 100}), token_block(first, second, third, pay(BOB, CAROL, 1)))
    assert refused.reason.name == "AddressBalanceOutOfRange"
    refused = refusal(before({ALICE: 100, BOB: 1}), token_block(first, second, third, pay(BOB, CAROL, 1)))
    assert refused.guilty == (third.key,)


def test_a_balance_that_would_exceed_its_bound_waits() -> None:
    much = 2**63 - 1
    refused = refusal(
        before({ALICE: 10, BOB: much}), token_block(pay(ALICE, BOB, 1), pay(ALICE, CAROL, parent=pay(ALICE, BOB, 1)))
    )
    assert str(refused.reason).endswith("error=AmountOverflow{}}")
    assert refused.guilty == (pay(ALICE, BOB, 1).key,)


# -- parents -----------------------------------------------------------------------------------------------------------


def test_a_block_stands_on_known_tips() -> None:
    unknown = BlockReference(3, "ab" * 32)
    refused = refusal(before({ALICE: 9}), token_block(pay(ALICE, BOB), parents=(PARENTS[0], unknown)))
    assert str(refused.reason) == f"ParentNotFound{{parent=BlockReference{{height=3,hash={unknown.hash}}}}}"
    assert (refused.awaiting, refused.guilty) == (False, ())


def test_usages_of_parents_are_counted_and_used_up_ones_weigh_on_the_block() -> None:
    state = before({ALICE: 9, BOB: 9, CAROL: 9})
    blocks = [token_block(pay(key, DAVE)) for key in (ALICE, BOB, CAROL)]
    result = accept(state, *blocks)
    assert result.usages == {PARENTS[0]: 3, PARENTS[1]: 3}
    assert [usage for _, usage in result.accepted] == [0, 0, 2]


# -- references --------------------------------------------------------------------------------------------------------


def test_a_chain_below_the_last_reference_is_rejected() -> None:
    first, second = chain(ALICE, 2)
    refused = refusal(before({ALICE: 9}, alice=first.reference), token_block(first, second))
    shown = f"TransactionReference{{ordinal=1,hash={first.hash}}}"
    why = "ParentOrdinalBelowLastTxOrdinal{parentOrdinal=0,lastTxOrdinal=1}"
    assert str(refused.reason) == f"RejectedTransaction{{tx={shown},reason={why}}}"
    # The second may still be accepted without the first.
    assert (refused.awaiting, refused.guilty) == (False, (first.key,))


def test_a_chain_above_the_last_reference_waits() -> None:
    first, second = chain(ALICE, 2)
    refused = refusal(before({ALICE: 9}), token_block(second))
    shown = f"TransactionReference{{ordinal=2,hash={second.hash}}}"
    why = "ParentOrdinalAboveLastTxOrdinal{parentOrdinal=1,lastTxOrdinal=0}"
    assert str(refused.reason) == f"AwaitingTransaction{{tx={shown},reason={why}}}"
    assert (refused.awaiting, refused.guilty) == (True, (second.key,))
    both = accept(before({ALICE: 9}), token_block(second, parents=OTHERS), token_block(first))
    assert len(both.accepted) == 2
    assert both.refs == {ALICE.address: second.reference}


def test_another_hash_at_the_same_ordinal_is_rejected() -> None:
    first, other = pay(ALICE, BOB), pay(ALICE, CAROL)
    after = pay(ALICE, BOB, parent=other)
    refused = refusal(before({ALICE: 9}, alice=first.reference), token_block(after))
    why = f"ParentHashNotEqLastTxHash{{parentHash={other.hash},lastTxHash={first.hash}}}"
    assert str(refused.reason).endswith(f"reason={why}}}")
    assert not refused.awaiting


def test_of_a_double_spend_exactly_one_is_accepted() -> None:
    one, other = token_block(pay(ALICE, BOB, 9)), token_block(pay(ALICE, CAROL, 9), parents=OTHERS)
    for blocks in ([one, other], [other, one]):
        result = accept(before({ALICE: 10}), *blocks)
        assert len(result.accepted) == len(result.refused) == 1
        assert result.refused[0][1].reason.name == "RejectedTransaction"


def test_what_is_final_is_said_before_what_may_change() -> None:
    first, second = chain(ALICE, 2)
    late, early = pay(BOB, CAROL), chain(ALICE, 2)[1]
    state = before({ALICE: 9, BOB: 9}, bob=Reference(3, "ab" * 32))
    refused = refusal(state, token_block(early, late))
    assert refused.reason.name == "RejectedTransaction"
    assert refused.guilty == (late.key,)
    assert first.ordinal == second.ordinal - 1


# -- blocks ------------------------------------------------------------------------------------------------------------


def test_a_block_that_is_not_sound_is_rejected_with_all_its_reasons() -> None:
    refused = refusal(before({ALICE: 9}), token_block(pay(ALICE, ALICE), signers=L1[:1]), terms=BlockTerms(2))
    assert refused.reason.name == "ValidationFailed"
    assert "NotEnoughSignatures" in str(refused.reason)
    assert "SameSourceAndDestinationAddress" in str(refused.reason)
    assert refused.guilty == ()
    refused = refusal(before({ALICE: 9}), token_block(pay(ALICE, ALICE)))
    assert refused.guilty == (pay(ALICE, ALICE).key,)


def test_signers_have_their_collateral() -> None:
    block = token_block(pay(ALICE, BOB), signers=L1[:1])
    poor = refusal(before({ALICE: 9}), block, terms=BlockTerms(collateral=5))
    assert str(poor.reason) == f"SigningPeerBelowCollateral{{peerIds=List({L1[0].address})}}"
    assert poor.awaiting
    assert accept(before({ALICE: 9, L1[0]: 5}), block, terms=BlockTerms(collateral=5)).accepted


def test_blocks_are_tried_in_the_reverse_of_their_order() -> None:
    blocks = sorted((token_block(pay(key, DAVE)) for key in (ALICE, BOB, CAROL)), key=lambda block: block.order)
    result = accept(before({ALICE: 9, BOB: 9, CAROL: 9}), *blocks)
    assert [block for block, _ in result.accepted] == blocks[::-1]
    assert list(result.blocks) == blocks


@pytest.mark.parametrize("seed", range(5))
def test_the_order_of_arrival_does_not_matter(seed: int) -> None:
    dice = random.Random(seed)
    blocks = [token_block(item) for item in [*chain(ALICE, 4), *chain(BOB, 3, 5), pay(ALICE, BOB, 7), pay(CAROL, BOB)]]
    state = before({ALICE: 3, BOB: 8, CAROL: 2})
    expected = accept(state, *blocks)
    shuffled = [*blocks, *blocks]
    dice.shuffle(shuffled)
    assert accept(state, *shuffled) == expected


# -- allow-spends and token locks --------------------------------------------------------------------------------------


def test_round_blocks_follow_the_same_rules_without_parents() -> None:
    state = Before({ALICE.address: 10}, {}, INITIAL)
    good = accept_blocks([allow_block(1, allow(ALICE, 4, fee=1))], state, DEFAULT_TERMS)
    assert good.balances == {ALICE.address: 5}
    first = lock(ALICE, 4)
    both = accept_blocks([lock_block(2, lock(ALICE, 4, parent=first)), lock_block(1, first)], state, DEFAULT_TERMS)
    assert [block.round_id[-1] for block, _ in both.accepted] == ["1", "2"]
    [(_, refused)] = accept_blocks([lock_block(1, lock(ALICE, 11))], state, DEFAULT_TERMS).refused
    assert refused.reason.name == "AddressBalanceOutOfRange"
    [(_, refused)] = accept_blocks([lock_block(1, lock(ALICE, parent=first))], state, DEFAULT_TERMS).refused
    assert str(refused.reason).startswith("AwaitingTokenLock{tx=TokenLockReference{ordinal=2,")
