"""ML0's snapshots with tokens in them: what is accepted, refused, rejected or waits, and what a snapshot shows."""

import random
import uuid
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from layers.metagraph import ALICE, BOB, L1, Driver, add, block, create
from ledger import kit
from ledger.kit import INITIAL, METAGRAPH, allow, allow_block, lock, lock_block, message, pay, token_block
from ottochain.codec import exact_json
from ottochain.codec.wire import json_hash
from ottochain.crypto.proofs import sign
from ottochain.fibers import SignedUpdate, encode_message
from ottochain.layers import ml0
from ottochain.layers.judging import Fault
from ottochain.layers.token_event import TokenEvent
from ottochain.layers.token_tally import TokenRules
from ottochain.layers.update_block import UpdateBlock
from ottochain.ledger.fee_transactions import SignedFee
from ottochain.ledger.settlement import Reward
from ottochain.ledger.tips import Tips
from ottochain.model.currency_snapshot import GlobalSyncView
from ottochain.model.errors import ModelError

CAROL = kit.CAROL
MORE = [tip.block for tip in kit.GENESIS_TIPS.active]


def event(content: Any, **after: int) -> TokenEvent:
    return TokenEvent.from_bytes(exact_json.dumps({**content.to_json(), **({"after": after} if after else {})}))


def tokens(*items: Any, **more: Any) -> TokenEvent:
    return event(token_block(*items, **more))


def shown(built: ml0.Built) -> dict[str, Any]:
    value: dict[str, Any] = exact_json.loads(built.text.wire)
    return value


def balances(driver: Driver) -> dict[str, int]:
    return dict(driver.state.info.balances)


@pytest.fixture
def driver() -> Driver:
    """Alice has 100."""
    return Driver()


# -- accepted ----------------------------------------------------------------------------------------------------------


def test_a_token_block_moves_tokens_and_is_shown(driver: Driver) -> None:
    payment = pay(ALICE, BOB, 60, fee=3)
    built = driver.commit(tokens(payment))
    value = shown(built)
    assert value["blocks"] == [{"block": token_block(payment).to_json(), "usageCount": 0}]
    assert balances(driver) == dict(sorted({ALICE.address: 37, BOB.address: 60}.items()))
    assert driver.state.info.last_tx_refs == {ALICE.address: payment.reference.to_json()}
    assert value["stateProof"]["balancesProof"] == json_hash(balances(driver))
    assert value["stateProof"]["lastTxRefsProof"] == json_hash({ALICE.address: payment.reference.to_json()})
    assert built.done == (token_block(payment).hash,)
    assert driver.decided == {payment.key: None}


def test_an_accepted_block_is_a_tip_of_the_next_snapshot(driver: Driver) -> None:
    first = token_block(pay(ALICE, BOB, 60))
    driver.commit(event(first))
    value = shown(driver.commit())
    assert {"block": first.reference.to_json(), "usageCount": 0, "introducedAt": 2} in value["tips"]["remainedActive"]
    second = token_block(pay(BOB, CAROL, 1), parents=[first.reference, MORE[2]])
    assert driver.commit(event(second)).tokens
    assert second.height == 2
    assert {tip.block for tip in Tips.from_json(driver.state.tips).active} >= {first.reference, second.reference}


def test_snapshots_without_tokens_are_what_they_were(driver: Driver) -> None:
    value = shown(driver.commit(block(2, [create(7)])))
    assert (value["blocks"], value["rewards"], value["messages"]) == ([], [], None)
    assert value["tips"] == kit.GENESIS_TIPS.to_json()
    assert (value["height"], value["subHeight"]) == (0, 2)
    assert b'"tokens"' not in driver.build(block(3, [create(8)])).proposal


def test_tokens_and_updates_share_a_snapshot(driver: Driver) -> None:
    built = driver.commit(
        block(2, [create(1)]), tokens(pay(ALICE, BOB, 5)), event(lock_block(1, lock(BOB, 5, until=9)))
    )
    assert len(built.decisions()) == 3
    assert balances(driver)[BOB.address] == 0
    assert shown(built)["tokenLockBlocks"] == [lock_block(1, lock(BOB, 5, until=9)).to_json()]


def test_the_genesis_has_the_first_references_of_its_currency(driver: Driver) -> None:
    assert INITIAL.hash == json_hash(METAGRAPH)
    driver.commit(tokens(pay(ALICE, BOB, 1, parent=kit.Reference(0, "00" * 32))))
    assert "ParentHashNotEqLastTxHash" in (next(iter(driver.decided.values())) or "")


# -- refused, rejected, waiting ----------------------------------------------------------------------------------------


def test_a_block_of_several_is_refused_and_names_the_guilty(driver: Driver) -> None:
    good, bad = pay(ALICE, BOB, 60), pay(BOB, CAROL, 1, parent=kit.Reference(0, "ab" * 32))
    built = driver.commit(tokens(good, bad))
    [refused] = built.refused
    assert [(each.key, each.fault, each.early) for each in refused.guilty] == [(bad.key, Fault.INVALID, False)]
    assert (refused.round_id, refused.again) == (token_block(good, bad).hash, False)
    assert built.decisions() == ()
    assert balances(driver) == {ALICE.address: 100}


def test_a_lone_item_that_can_never_be_accepted_is_rejected_in_the_header(driver: Driver) -> None:
    driver.commit(tokens(pay(ALICE, BOB, 1)))
    double = pay(ALICE, CAROL, 1)
    built = driver.commit(tokens(double))
    [rejected] = built.rejections
    assert (rejected.key, rejected.hash) == (double.key, double.hash)
    assert rejected.reason.startswith("RejectedTransaction{tx=TransactionReference{ordinal=1,")
    assert built.done == (token_block(double).hash,)
    assert shown(built)["blocks"] == []


def test_a_lone_item_waits_for_its_predecessor_and_for_tokens(driver: Driver) -> None:
    first = pay(ALICE, BOB, 60)
    second, unpaid = pay(ALICE, BOB, 1, parent=first), pay(BOB, CAROL, 30)
    assert set(driver.commit(tokens(second)).waiting) == {token_block(second).hash}
    assert set(driver.commit(tokens(unpaid)).waiting) == {token_block(unpaid).hash}
    built = driver.commit(tokens(second), tokens(unpaid), tokens(first))
    assert len(built.tokens) == 3


def test_patience_ends(driver: Driver) -> None:
    unpaid = tokens(pay(BOB, CAROL, 30))
    built = driver.commit(unpaid, impatient=[unpaid.round_id])
    assert built.rejections[0].reason.startswith("AddressBalanceOutOfRange{address=")


def test_a_block_on_a_tip_that_is_gone_is_brought_again_and_nobody_is_guilty(driver: Driver) -> None:
    payment = pay(ALICE, BOB, 1)
    lost = tokens(payment, parents=[MORE[0], kit.BlockReference(5, "ab" * 32)])
    [refused] = driver.commit(lost).refused
    assert (refused.guilty, refused.again) == ((), True)
    assert refused.reason.startswith("ParentNotFound{")
    assert driver.commit(tokens(payment)).tokens


def test_an_item_in_two_blocks_of_one_snapshot_counts_once_and_is_not_rejected(driver: Driver) -> None:
    payment = pay(ALICE, BOB, 1)
    one, other = tokens(payment), tokens(payment, parents=MORE[2:4])
    built = driver.commit(one, other)
    assert len(built.tokens) == len(built.dropped) == 1
    assert built.rejections == ()
    assert driver.commit(other).dropped == (other.round_id,)


def test_a_bad_item_in_two_blocks_is_rejected_once(driver: Driver) -> None:
    bad = pay(ALICE, ALICE)
    built = driver.commit(tokens(bad), tokens(bad, parents=MORE[2:4]))
    assert (len(built.rejections), len(built.dropped)) == (1, 1)


def test_what_was_decided_in_part_goes_back_with_the_decided(driver: Driver) -> None:
    first = pay(ALICE, BOB, 1)
    second = pay(ALICE, BOB, 1, parent=first)
    driver.commit(tokens(first))
    [refused] = driver.commit(tokens(first, second)).refused
    assert [(each.key, each.fault) for each in refused.guilty] == [(first.key, Fault.DECIDED)]


def test_an_item_may_be_submitted_again_after_its_decision(driver: Driver) -> None:
    unpaid = pay(BOB, CAROL, 30)
    driver.commit(tokens(unpaid), impatient=[tokens(unpaid).round_id])
    assert driver.commit(tokens(unpaid)).dropped
    driver.commit(tokens(pay(ALICE, BOB, 60)))
    ordinal = driver.decided_at[unpaid.key]
    again = event(token_block(unpaid), **{unpaid.key: ordinal})
    assert driver.commit(again).tokens
    assert balances(driver)[CAROL.address] == 30


# -- allow-spends, token locks, messages -------------------------------------------------------------------------------


def test_what_is_set_apart_ends_with_the_global_epoch(driver: Driver) -> None:
    allowed, locked = allow(ALICE, 30, until=5), lock(ALICE, 20, until=5)
    driver.commit(event(allow_block(1, allowed)), event(lock_block(2, locked)))
    assert balances(driver) == {ALICE.address: 50}
    assert driver.state.info.active_allow_spends == {ALICE.address: [allowed.to_json()]}
    driver.commit(global_view=GlobalSyncView(9, "cd" * 32, 5))
    assert balances(driver) == {ALICE.address: 50}
    value = shown(driver.commit(global_view=GlobalSyncView(10, "cd" * 32, 6)))
    assert balances(driver) == {ALICE.address: 100}
    assert [next(iter(artifact)) for artifact in value["artifacts"]] == ["AllowSpendExpiration", "TokenUnlock"]
    assert value["stateProof"]["activeTokenLocks"] == json_hash({})


def test_messages_are_shown_and_kept(driver: Driver) -> None:
    owner, wrong = message("Owner", ALICE, 0), message("Staking", BOB, 3)
    built = driver.commit(event(owner), event(wrong))
    assert shown(built)["messages"] == [owner.to_json()]
    assert shown(built)["stateProof"]["lastMessagesProof"] == json_hash({"Owner": owner.to_json()})
    assert built.dropped == (event(wrong).round_id,)
    assert set(built.done) == {event(owner).round_id, event(wrong).round_id}
    assert shown(driver.commit())["messages"] == []


# -- fees of updates ---------------------------------------------------------------------------------------------------


def paid_block(number: int, update: SignedUpdate, *fees: SignedFee) -> UpdateBlock:
    proofs = [proof.to_json() for proof in update.proofs]
    members = [{"value": encode_message(update.message), "proofs": proofs}, *(fee.to_json() for fee in fees)]
    hashes = [[update.hash, *(fee.hash for fee in fees)]]
    value = {"roundId": str(uuid.UUID(int=number)), "dataTransactions": [members], "dataTransactionsHashes": hashes}
    return UpdateBlock.from_json({"value": value, "proofs": [sign(json_hash(hashes), L1).to_json()]})


def test_the_fee_of_an_accepted_update_is_paid(driver: Driver) -> None:
    update = create(1)
    fee = kit.fee_of(ALICE, 7, update.hash)
    sent = paid_block(2, update, fee)
    value = shown(driver.commit(sent))
    assert value["feeTransactions"] == [fee.to_json()]
    assert balances(driver) == dict(sorted({ALICE.address: 93, METAGRAPH: 7}.items()))
    [carried] = value["dataApplication"]["blocks"]
    assert exact_json.loads(bytes(number % 256 for number in carried)) == exact_json.loads(sent.wire)


def test_an_update_whose_fee_cannot_be_paid_is_rejected(driver: Driver) -> None:
    update = create(1)
    sent = paid_block(2, update, kit.fee_of(ALICE, 101, update.hash))
    [rejected] = driver.commit(sent).rejections
    assert (rejected.key, rejected.reason) == (update.key, "InvalidFee: Source wallet not enough balance")
    assert driver.data(1) is None
    assert balances(driver) == {ALICE.address: 100}


def test_fees_are_paid_out_of_what_token_blocks_left(driver: Driver) -> None:
    update = create(1)
    sent = paid_block(2, update, kit.fee_of(ALICE, 50, update.hash))
    built = driver.commit(sent, tokens(pay(ALICE, BOB, 60)))
    assert [each.key for each in built.rejections] == [update.key]


def test_the_fee_of_a_rejected_update_is_not_paid(driver: Driver) -> None:
    update = add(9, 0)
    driver.commit(paid_block(2, update, kit.fee_of(ALICE, 50, update.hash)))
    assert balances(driver) == {ALICE.address: 100}


def test_a_forged_fee_brings_its_update_down(driver: Driver) -> None:
    update = create(1)
    fee = kit.fee_of(ALICE, 5, update.hash)
    forged = SignedFee(fee.source, fee.destination, 5, update.hash, (sign("00" * 32, BOB),))
    [rejected] = driver.commit(paid_block(2, update, forged)).rejections
    assert rejected.reason.startswith("InvalidFee: InvalidSigned{")


def test_a_fee_stands_with_its_update() -> None:
    update = create(1)
    with pytest.raises(ModelError, match="each fee"):
        paid_block(2, update, kit.fee_of(ALICE, 5, "ab" * 32))
    with pytest.raises(ModelError, match="each fee"):
        paid_block(2, update, kit.fee_of(ALICE, 5, update.hash), kit.fee_of(ALICE, 6, update.hash))


# -- rules -------------------------------------------------------------------------------------------------------------


def test_a_metagraph_may_pay_rewards(driver: Driver) -> None:
    def to_carol(trigger: str, transactions: tuple[Any, ...]) -> list[Reward]:
        return [Reward(CAROL.address, 5 * len(transactions))] if trigger == "time" and transactions else []

    driver = Driver(tokens=TokenRules(rewards=to_carol))
    assert shown(driver.commit(tokens(pay(ALICE, BOB, 1))))["rewards"] == []
    value = shown(driver.commit(tokens(pay(BOB, CAROL, 1)), trigger="time"))
    assert value["rewards"] == [{"destination": CAROL.address, "amount": 5}]
    assert balances(driver)[CAROL.address] == 6


def test_a_snapshot_beyond_the_limit_leaves_token_blocks_for_later() -> None:
    empty = Driver().build().text.size_bytes
    driver = Driver(snapshot_bytes_max=empty + 203 + 1_500)
    parent = pay(ALICE, BOB, 1, salt=0)
    events = [tokens(parent)]
    for number in range(1, 6):
        following = pay(ALICE, BOB, 1, parent=parent, salt=number)
        events.append(tokens(following, parents=MORE[number : number + 2]))
        parent = following
    seen: set[str] = set()
    while events:
        built = driver.commit(*events)
        assert built.tokens or built.later
        assert built.text.size_bytes <= empty + 1_500
        seen.update(each.round_id for each in built.tokens)
        events = [each for each in events if each.round_id not in seen]
    assert balances(driver)[BOB.address] == 6


def test_a_token_event_survives_the_wire_and_other_things_are_refused() -> None:
    for content in (token_block(pay(ALICE, BOB)), allow_block(1, allow(ALICE)), message("Owner", ALICE, 0)):
        assert event(content).content == content
    for text in (b"[]", b"{}", b'{"value":{},"proofs":[]}', b"x", b'{"value":{"messageType":"Owner"},"proofs":[]}'):
        with pytest.raises(ModelError):
            TokenEvent.from_bytes(text)
    with pytest.raises(ModelError, match="after"):
        TokenEvent.from_json({**token_block(pay(ALICE, BOB)).to_json(), "after": {"x": -1}})


# -- properties --------------------------------------------------------------------------------------------------------

OWNERS = (ALICE, BOB, CAROL)
PAYMENTS = st.tuples(st.integers(0, 2), st.integers(0, 2), st.integers(1, 70), st.integers(0, 3), st.integers(0, 2))


@given(st.lists(st.lists(PAYMENTS, min_size=1, max_size=3), max_size=5), st.randoms(use_true_random=False))
@settings(max_examples=40)
def test_every_event_is_accounted_for_once_in_any_order(groups: list[list[Any]], dice: random.Random) -> None:
    known: dict[int, list[Any]] = {owner: [INITIAL] for owner in range(3)}
    events: list[TokenEvent] = []
    for number, group in enumerate(groups):
        items = []
        for source, to, amount, fee, back in group:
            chain = known[source]
            item = pay(OWNERS[source], OWNERS[to], amount, fee=fee, parent=chain[max(0, len(chain) - 1 - back // 2)])
            chain.append(item.reference)
            items.append(item)
        events.append(tokens(*items, parents=MORE[number : number + 2]))
    driver = Driver()
    built = driver.build(*events)
    names = {each.round_id for each in events}
    accounted = [*built.done, *(each.round_id for each in built.refused), *built.waiting, *built.later]
    assert sorted(accounted) == sorted(names)
    keys = [decision.key for decision in built.decisions()]
    assert len(keys) == len(set(keys))
    shuffled = [*events, *events]
    dice.shuffle(shuffled)
    other = driver.build(*shuffled)
    assert (other.body_hash, other.proposal) == (built.body_hash, built.proposal)
    driver.commit(*events)
    assert sum(driver.state.info.balances.values()) == 100 - sum(
        item.value.fee for each in built.tokens for item in each.updates
    )


def test_a_fee_is_paid_once_even_where_its_update_is_accepted_again(driver: Driver) -> None:
    driver.commit(block(2, [create(1)]))
    failing = add(1, 0, by=0)  # leaves the sequence number, so that a copy with more proofs is accepted again
    copy = SignedUpdate.of(failing.message, [*failing.proofs, sign(failing.hash, BOB)])
    fee = kit.fee_of(ALICE, 5, failing.hash)
    driver.commit(paid_block(3, failing, fee))
    [rejected] = driver.commit(paid_block(4, copy, fee)).rejections
    assert rejected.reason == "InvalidFee: Fee transaction is paid already"
    assert balances(driver)[METAGRAPH] == 5
    assert driver.decided[fee.key] is None
