"""GL0 settles the tokens of a metagraph's snapshots again, and takes none that do not follow."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from layers.channel import Channel, GlobalDriver, certificate
from layers.metagraph import ALICE, BOB, create
from layers.test_ml0_tokens import event, paid_block, tokens
from ledger import kit
from ledger.kit import Reference, allow, allow_block, lock, lock_block, message
from ottochain.codec import exact_json
from ottochain.codec.wire import json_hash, wire_bytes
from ottochain.crypto.proofs import sign
from ottochain.layers import gl0
from ottochain.layers.delivery import Delivery
from ottochain.ledger.block_rules import BlockTerms
from ottochain.model.currency_snapshot import GlobalSyncView


@pytest.fixture
def channel() -> Channel:
    return Channel(balances={ALICE.address: 1_000})


@pytest.fixture
def driver(channel: Channel) -> GlobalDriver:
    made = GlobalDriver()
    made.commit(*channel.deliveries)
    return made


def initial(channel: Channel) -> Reference:
    return Reference(0, json_hash(channel.address))


def pay(channel: Channel, *args: Any, **more: Any) -> Any:
    return kit.pay(*args, **{"parent": initial(channel), **more})


def state_of(driver: GlobalDriver, channel: Channel) -> Any:
    return exact_json.loads(driver.state.info.wire_text())["lastCurrencySnapshots"][channel.address]["Right"][1]


def test_tokens_move_through_the_global_layer(channel: Channel, driver: GlobalDriver) -> None:
    payment = pay(channel, ALICE, BOB, 60, fee=2)
    following = pay(channel, ALICE, BOB, 5, parent=payment)
    update = create(1)
    fee = kit.fee_of(ALICE, 7, update.hash, destination=channel.address)
    owner = message("Owner", ALICE, 0, metagraph=channel.address)
    driver.commit(channel.advance(tokens(payment), event(owner), paid_block(2, update, fee)))
    driver.commit(channel.advance(tokens(following, parents=channel_tips(channel)), trigger="time"))
    held = state_of(driver, channel)
    assert held["balances"] == dict(channel.state.info.balances)
    assert held["balances"][BOB.address] == 65
    assert held["lastTxRefs"] == {ALICE.address: following.reference.to_json()}
    assert held["lastMessages"] == {"Owner": owner.to_json()}
    metagraph = driver.state.metagraphs[channel.address]
    assert (metagraph.tips, metagraph.height) == (channel.state.tips, channel.state.height)


def channel_tips(channel: Channel) -> tuple[Any, ...]:
    return kit.Tips.from_json(channel.state.tips).parents_for("any")


def test_the_global_state_shows_what_is_set_apart(channel: Channel, driver: GlobalDriver) -> None:
    allowed = allow(ALICE, 30, until=5, parent=initial(channel))
    locked = lock(ALICE, 20, until=5, parent=initial(channel))
    driver.commit(channel.advance(event(allow_block(1, allowed)), event(lock_block(2, locked))))
    info = exact_json.loads(driver.state.info.wire_text())
    assert info["activeAllowSpends"] == {channel.address: {ALICE.address: [allowed.to_json()]}}
    assert info["tokenLockBalances"] == {channel.address: {ALICE.address: 20}}
    proof = driver.state.info.state_proof()
    assert proof["activeAllowSpends"] == json_hash(info["activeAllowSpends"])
    assert proof["tokenLockBalances"] == json_hash(info["tokenLockBalances"])
    driver.commit(channel.advance(global_view=GlobalSyncView(9, "cd" * 32, 6)))
    info = exact_json.loads(driver.state.info.wire_text())
    assert (info["activeAllowSpends"], info["tokenLockBalances"]) == ({}, {})
    assert state_of(driver, channel)["balances"] == {ALICE.address: 1_000}


def altered(channel: Channel, change: Callable[[dict[str, Any]], None]) -> Delivery:
    """The newest snapshot with a member changed, signed and certified by the metagraph all the same."""
    last = channel.deliveries[-1]
    value = exact_json.loads(wire_bytes({**last.snapshot.value, "dataApplication": None}))
    change(value)
    header = last.header
    assert header is not None
    snapshot_hash = json_hash(value)
    lying = certificate(type(header).from_json({**header.to_json(), **_named(header, snapshot_hash)}), channel.keys)
    channel.last_binary = channel.deliveries[-2].hash
    return channel.wrap(channel.content(wire_bytes(value), snapshot_hash), lying)


def _named(header: Any, snapshot_hash: str) -> dict[str, Any]:
    named = replace(header, snapshot_hash=snapshot_hash)
    return {"snapshotHash": snapshot_hash, "bodyHash": named.body_hash}


CHANGES: dict[str, Callable[[dict[str, Any]], None]] = {
    "nothing": lambda value: None,
    "stateProof": lambda value: value["stateProof"].update(balancesProof="ab" * 32),
    "blocks": lambda value: value["blocks"][0].update(usageCount=1),
    "tips": lambda value: value["tips"]["remainedActive"].pop(),
    "height": lambda value: value.update(height=1),
    "a block": lambda value: value["blocks"][0]["block"]["value"]["transactions"][0]["value"].update(amount=61),
    "messages": lambda value: value.update(messages=[]),
    "artifacts": lambda value: value.update(artifacts=[{"AllowSpendExpiration": {"allowSpendRef": "ab" * 32}}]),
    "rewards": lambda value: value.update(rewards=[{"destination": BOB.address, "amount": 1}]),
    "a fee": lambda value: value.update(feeTransactions=[kit.fee_of(BOB, 5_000, "ab" * 32).to_json()]),
    "a message": lambda value: value.update(messages=[message("Owner", BOB, 3).to_json()]),
    "an array": lambda value: value.update(blocks={}),
}


@pytest.mark.parametrize("name", CHANGES)
def test_what_does_not_follow_is_refused_whoever_signed_it(channel: Channel, driver: GlobalDriver, name: str) -> None:
    channel.advance(tokens(pay(channel, ALICE, BOB, 60)))
    errors = gl0.validate_binary(driver.state, altered(channel, CHANGES[name]))
    if name == "nothing":
        assert errors == []
    else:
        assert [next(iter(error)) for error in errors] == ["SnapshotNotValid"]


def test_the_global_layer_may_ask_for_more_signatures(channel: Channel, driver: GlobalDriver) -> None:
    delivery = channel.advance(tokens(pay(channel, ALICE, BOB, 60), signers=kit.L1[:2]))
    strict = gl0.Gl0Rules(terms=BlockTerms(signatures_min=3))
    assert gl0.validate_binary(driver.state, delivery) == []
    [error] = gl0.validate_binary(driver.state, delivery, strict)
    assert "NotEnoughSignatures" in str(error)


def test_rewards_are_the_metagraphs_own_affair(channel: Channel, driver: GlobalDriver) -> None:
    def rewarded(value: dict[str, Any]) -> None:
        value["rewards"] = [{"destination": BOB.address, "amount": 1}]
        value["stateProof"]["balancesProof"] = json_hash({ALICE.address: 1_000, BOB.address: 1})

    channel.advance()
    assert gl0.validate_binary(driver.state, altered(channel, rewarded)) == []


def test_a_forged_fee_is_refused(channel: Channel, driver: GlobalDriver) -> None:
    fee = kit.fee_of(ALICE, 5, "ab" * 32)
    forged = {**fee.to_json(), "proofs": [sign("00" * 32, ALICE).to_json()]}
    channel.advance()
    delivery = altered(channel, lambda value: value.update(feeTransactions=[forged]))
    [error] = gl0.validate_binary(driver.state, delivery)
    assert "InvalidSigned" in str(error)
