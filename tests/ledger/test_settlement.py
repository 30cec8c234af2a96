"""A snapshot's token part: what moves tokens, in which order, and what the snapshot then shows."""

from itertools import pairwise

import pytest

from ledger.kit import (
    ALICE,
    BOB,
    CAROL,
    GENESIS_TIPS,
    INITIAL,
    METAGRAPH,
    OWNERS,
    allow,
    allow_block,
    chain,
    fee_of,
    lock,
    lock_block,
    message,
    pay,
    settle,
    start,
    token_block,
)
from ottochain.ledger.artifacts import AllowSpendExpiration, SpendTransaction, TokenUnlock
from ottochain.ledger.held_tokens import held_amounts
from ottochain.ledger.settlement import LedgerState, Reward, Settlement
from ottochain.ledger.supply import all_tokens, total_supply, wallet_count

A, B, C = (key.address for key in OWNERS[:3])


def locked(state: LedgerState, *items: object, epoch: int = 0, ordinal: int = 2) -> LedgerState:
    settlement = settle(state, epoch=epoch, ordinal=ordinal)
    settlement.take_token_locks([lock_block(number, item) for number, item in enumerate(items, 1)])  # type: ignore[arg-type]
    return settlement.finish().state


def allowed(state: LedgerState, *items: object, epoch: int = 0) -> LedgerState:
    settlement = settle(state, epoch=epoch)
    settlement.take_allow_spends([allow_block(number, item) for number, item in enumerate(items, 1)])  # type: ignore[arg-type]
    return settlement.finish().state


# -- nothing -----------------------------------------------------------------------------------------------------------


def test_a_snapshot_without_tokens_changes_nothing_but_the_sub_height() -> None:
    state = start({ALICE: 100})
    settled = settle(state).finish()
    assert settled.state.info is state.info
    assert (settled.state.tips, settled.state.height, settled.state.sub_height) == (GENESIS_TIPS, 0, 2)
    assert settled.part.tips == GENESIS_TIPS.to_json()
    assert (settled.part.blocks, settled.part.messages, settled.part.artifacts) == ((), None, ())


def test_what_did_not_change_keeps_its_object_and_its_hash() -> None:
    state = start({ALICE: 100})
    before = state.info.state_proof()
    settlement = settle(state)
    settlement.take_blocks([token_block(pay(ALICE, BOB, 5))])
    info = settlement.finish().state.info
    assert info.active_token_locks is state.info.active_token_locks
    changed = {name for name, proof in info.state_proof().items() if proof != before[name]}
    assert changed == {"lastTxRefsProof", "balancesProof"}


# -- blocks ------------------------------------------------------------------------------------------------------------


def test_accepted_blocks_are_shown_move_tokens_and_become_tips() -> None:
    state = start({ALICE: 100})
    settlement = settle(state, ordinal=7)
    block = token_block(pay(ALICE, BOB, 30, fee=2))
    settlement.take_blocks([block])
    settled = settlement.finish()
    assert settled.part.blocks == ({"block": block.to_json(), "usageCount": 0},)
    assert settled.state.info.balances == dict(sorted({A: 68, B: 30}.items()))
    assert settled.state.info.last_tx_refs == {A: pay(ALICE, BOB, 30, fee=2).reference.to_json()}
    assert len(settled.part.tips["remainedActive"]) == 8
    assert [(tip.block, tip.introduced_at) for tip in settled.state.tips.active if tip.block.height] == [
        (block.reference, 7)
    ]


def test_a_receiver_keeps_the_reference_of_its_currency() -> None:
    """The reference gives it an empty one, under which its first DAG transaction could be played again here."""
    settlement = settle(start({ALICE: 100}))
    settlement.take_blocks([token_block(pay(ALICE, BOB, 30))])
    assert B not in settlement.finish().state.info.last_tx_refs


def test_the_height_rises_when_the_lowest_tips_are_gone_and_the_sub_height_begins_again() -> None:
    state = start({ALICE: 10_000})
    heights = []
    items = iter(chain(ALICE, 40))
    for ordinal in range(2, 26):
        settlement = settle(state, ordinal=ordinal)
        parents = state.tips.parents_for(str(ordinal))
        settlement.take_blocks([token_block(next(items), parents=parents)])
        state = settlement.finish().state
        heights.append((state.height, state.sub_height))
    assert [height for height, _ in heights] == sorted(height for height, _ in heights)
    assert heights[-1][0] >= 2
    for (low, sub), (high, next_sub) in pairwise(heights):
        assert next_sub == (sub + 1 if high == low else 0)


# -- rewards and fees --------------------------------------------------------------------------------------------------


def test_rewards_come_out_of_nothing_and_what_no_balance_holds_is_left_out() -> None:
    settlement = settle(start({ALICE: 2**63 - 1}))
    settlement.take_rewards([Reward(B, 5), Reward(A, 1), Reward(B, 7), Reward(B, 5)])
    settled = settlement.finish()
    assert settled.part.rewards == ({"destination": B, "amount": 5}, {"destination": B, "amount": 7})
    assert settled.state.info.balances[B] == 12


def test_fees_are_paid_after_blocks_and_only_as_far_as_the_balance_goes() -> None:
    settlement = settle(start({ALICE: 10}))
    settlement.take_blocks([token_block(pay(ALICE, BOB, 6))])
    one, two = fee_of(BOB, 4, "11" * 32), fee_of(BOB, 3, "22" * 32)
    assert settlement.take_fee(one) is None
    assert settlement.take_fee(two) == "AmountUnderflow"
    settled = settlement.finish()
    assert settled.state.info.balances == dict(sorted({A: 4, B: 2, METAGRAPH: 4}.items()))
    assert settled.part.fee_transactions == (one.to_json(),)


# -- token locks -------------------------------------------------------------------------------------------------------


def test_a_token_lock_sets_apart_its_amount_and_burns_its_fee() -> None:
    item = lock(ALICE, 40, fee=3)
    state = locked(start({ALICE: 100}), item)
    assert state.info.balances == {A: 57}
    assert state.info.active_token_locks == {A: [item.to_json()]}
    assert state.info.last_token_lock_refs == {A: item.reference.to_json()}
    assert held_amounts(state.info.active_token_locks) == {A: 40}


def test_a_token_lock_ends_in_the_epoch_after_its_last() -> None:
    item = lock(ALICE, 40, until=10)
    state = locked(start({ALICE: 100}), item)
    assert locked(state, epoch=10, ordinal=3).info is state.info
    settlement = settle(state, epoch=11, ordinal=3)
    settlement.take_token_locks([])
    settled = settlement.finish()
    assert settled.state.info.balances == {A: 100}
    assert settled.state.info.active_token_locks == {}
    assert settled.part.artifacts == (TokenUnlock(item.hash, 40, METAGRAPH, A).to_json(),)


def test_a_token_lock_that_is_over_before_it_begins_moves_nothing() -> None:
    item = lock(ALICE, 40, fee=3, until=4)
    state = locked(start({ALICE: 100}), item, epoch=5)
    assert state.info.balances == {A: 100}
    assert state.info.active_token_locks == {}
    assert state.info.last_token_lock_refs == {A: item.reference.to_json()}


def test_the_metagraph_unlocks_what_it_names_rightly_and_once() -> None:
    first = lock(ALICE, 40, until=None)
    second = lock(ALICE, 5, until=None, parent=first)
    state = locked(start({ALICE: 100}), first, second)
    settlement = settle(state, ordinal=3)
    right = TokenUnlock(first.hash, 40, METAGRAPH, A)
    wrong = [TokenUnlock(second.hash, 500, METAGRAPH, A), TokenUnlock(second.hash, 5, METAGRAPH, B)]
    settlement.take_token_locks([], [right, right, *wrong])
    settled = settlement.finish()
    assert settled.state.info.balances == {A: 95}
    assert settled.state.info.active_token_locks == {A: [second.to_json()]}
    assert settled.part.artifacts == (right.to_json(),)


def test_what_comes_back_waits_while_the_balance_has_no_room() -> None:
    much = 2**63 - 1
    state = locked(start({ALICE: much}), lock(ALICE, 40, until=10))
    settlement = settle(state, epoch=11)
    settlement.take_rewards([Reward(A, 40)])
    settlement.take_token_locks([])
    settled = settlement.finish()
    assert settled.part.artifacts == ()
    assert settled.state.info.active_token_locks == state.info.active_token_locks


def test_a_lock_is_paid_out_of_what_earlier_steps_left() -> None:
    settlement = settle(start({ALICE: 10}))
    settlement.take_blocks([token_block(pay(ALICE, BOB, 6))])
    [(_, refusal)] = settlement.take_token_locks([lock_block(1, lock(ALICE, 5))]).refused
    assert (refusal.reason.name, refusal.awaiting) == ("AddressBalanceOutOfRange", True)
    assert settlement.take_allow_spends([allow_block(1, allow(BOB, 6))]).accepted


# -- allow-spends ------------------------------------------------------------------------------------------------------


def test_an_allow_spend_is_set_apart_and_comes_back_without_its_fee() -> None:
    item = allow(ALICE, 40, fee=3, until=10)
    state = allowed(start({ALICE: 100}), item)
    assert (state.info.balances, state.info.active_allow_spends) == ({A: 57}, {A: [item.to_json()]})
    assert allowed(state, epoch=10).info is state.info
    settlement = settle(state, epoch=11)
    settlement.take_allow_spends([])
    settled = settlement.finish()
    assert (settled.state.info.balances, settled.state.info.active_allow_spends) == ({A: 97}, {})
    assert settled.part.artifacts == (AllowSpendExpiration(item.hash).to_json(),)


def test_an_allow_spend_that_is_over_before_it_begins_makes_no_tokens() -> None:
    state = allowed(start({ALICE: 100}), allow(ALICE, 40, until=4), epoch=5)
    assert (state.info.balances, state.info.active_allow_spends) == ({A: 100}, {})


def test_a_spend_pays_and_gives_the_rest_back() -> None:
    item = allow(ALICE, 40, until=10)
    state = allowed(start({ALICE: 100}), item)
    spend = SpendTransaction(item.hash, METAGRAPH, 30, A, METAGRAPH)
    settlement = settle(state)
    settlement.take_allow_spends([], [spend, spend])
    info = settlement.finish().state.info
    assert info.balances == dict(sorted({A: 70, METAGRAPH: 30}.items()))
    assert info.active_allow_spends == {}


@pytest.mark.parametrize("amount", [41, 2**63])
def test_no_more_is_spent_than_was_allowed(amount: int) -> None:
    item = allow(ALICE, 40, until=10)
    state = allowed(start({ALICE: 100}), item)
    settlement = settle(state)
    settlement.take_allow_spends([], [SpendTransaction(item.hash, METAGRAPH, amount, A, METAGRAPH)])
    assert all_tokens(settlement.finish().state.info) == 100


def test_a_spend_of_nothing_known_or_of_what_is_over_is_left_out() -> None:
    item = allow(ALICE, 40, until=10)
    state = allowed(start({ALICE: 100}), item)
    settlement = settle(state, epoch=11)
    spends = [SpendTransaction(ref, METAGRAPH, 30, A, METAGRAPH) for ref in (item.hash, "ab" * 32)]
    settlement.take_allow_spends([], spends)
    assert settlement.finish().state.info.balances == {A: 100}


def test_a_direct_spend_moves_what_the_metagraph_has() -> None:
    settlement = settle(start({ALICE: 100}))
    settlement.take_rewards([Reward(METAGRAPH, 9)])
    spends = [SpendTransaction(None, METAGRAPH, amount, METAGRAPH, B) for amount in (5, 5)]
    settlement.take_allow_spends([], [*spends, SpendTransaction(None, METAGRAPH, 1, METAGRAPH, METAGRAPH)])
    info = settlement.finish().state.info
    assert (info.balances[B], info.balances[METAGRAPH]) == (5, 4)


# -- messages and sums -------------------------------------------------------------------------------------------------


def test_messages_are_null_until_there_is_one_and_a_list_ever_after() -> None:
    state = start({ALICE: 1})
    settlement = settle(state)
    owner = message("Owner", ALICE, 0)
    settlement.take_messages([owner, message("Staking", BOB, 1)])
    settled = settlement.finish()
    assert settled.part.messages == (owner.to_json(),)
    assert settled.state.info.last_messages == {"Owner": owner.to_json()}
    assert settle(settled.state).finish().part.messages == ()


def test_supply_leaves_out_addresses_that_may_not_spend() -> None:
    balances = {A: 5, "DAG2KQrN97LpA5gRerJAQ5mDuy6kjC2dDtMr58fe": 7, C: 0}
    assert (total_supply(balances), wallet_count(balances)) == (5, 3)


def test_the_first_reference_of_a_settlement_is_the_currencys() -> None:
    settlement = Settlement(start({ALICE: 9}), B, 2, 0)
    [(_, refusal)] = settlement.take_blocks([token_block(pay(ALICE, CAROL, parent=INITIAL))]).refused
    assert "ParentHashNotEqLastTxHash" in str(refusal.reason)
