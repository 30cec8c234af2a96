"""GL0 takes a metagraph's snapshots in their order, each once, and only what its validators made final."""

from dataclasses import replace
from typing import Any

import pytest

from layers.channel import Channel, GlobalDriver, certificate
from layers.metagraph import ALICE, BOB, GENESIS_VIEW, OPERATOR, VALIDATOR, add, block, create
from ottochain.codec import exact_json
from ottochain.codec.wire import json_hash, signed_bytes
from ottochain.crypto.keys import PrivateKey
from ottochain.crypto.merkle import merkle_root
from ottochain.crypto.proofs import sign
from ottochain.layers import gl0, ml0
from ottochain.layers.delivery import Delivery
from ottochain.layers.reopening import Reopening
from ottochain.layers.validators import ValidatorChange
from ottochain.model.binary import SignedBinary
from ottochain.model.errors import ModelError
from ottochain.model.global_snapshot import COINBASE_HASH

FOUR = [PrivateKey.from_hex(f"{n:02x}" * 32) for n in (0x71, 0x72, 0x73, 0x74)]


@pytest.fixture
def channel() -> Channel:
    return Channel()


@pytest.fixture
def driver() -> GlobalDriver:
    return GlobalDriver()


def error(built: gl0.Gl0Built) -> str:
    """The name of the only error."""
    [dropped] = built.dropped
    [name] = dropped.error
    return name


# -- genesis -----------------------------------------------------------------------------------------------------------


def test_the_global_chain_begins_as_the_references() -> None:
    founded = gl0.found({BOB.address: 5, ALICE.address: 7}, 3)
    assert ",".join(founded.genesis) == (
        "ordinal,height,subHeight,lastSnapshotHash,blocks,stateChannelSnapshots,rewards,epochProgress,nextFacilitators,"
        "info,tips"
    )
    assert founded.genesis["lastSnapshotHash"] == COINBASE_HASH
    assert len(founded.genesis["tips"]["remainedActive"]) == 8
    text, state = gl0.first(founded, GlobalDriver().state.chain, ["validator"])
    value = exact_json.loads(text.wire)
    assert ",".join(value) == (
        "ordinal,height,subHeight,lastSnapshotHash,blocks,stateChannelSnapshots,rewards,delegateRewards,epochProgress,"
        "nextFacilitators,tips,stateProof,allowSpendBlocks,tokenLockBlocks,spendActions,updateNodeParameters,artifacts,"
        "activeDelegatedStakes,delegatedStakesWithdrawals,activeNodeCollaterals,nodeCollateralWithdrawals,version"
    )
    assert (value["ordinal"], value["height"], value["subHeight"], value["epochProgress"]) == (1, 0, 1, 4)
    assert value["lastSnapshotHash"] == founded.genesis_hash == json_hash(founded.genesis)
    assert value["stateProof"]["balancesProof"] == json_hash({ALICE.address: 7, BOB.address: 5})
    assert value["stateProof"]["lastCurrencySnapshotsProof"] is None
    assert json_hash(value) == text.hash == state.hash


def test_the_global_info_prints_every_part_of_the_reference(driver: GlobalDriver) -> None:
    info = exact_json.loads(driver.state.info.wire_text())
    assert ",".join(info) == (
        "lastStateChannelSnapshotHashes,lastTxRefs,balances,lastCurrencySnapshots,lastCurrencySnapshotsProofs,"
        "activeAllowSpends,activeTokenLocks,tokenLockBalances,lastAllowSpendRefs,lastTokenLockRefs,updateNodeParameters,"
        "activeDelegatedStakes,delegatedStakesWithdrawals,activeNodeCollaterals,nodeCollateralWithdrawals,priceState,"
        "metagraphSyncData"
    )


# -- inclusion ---------------------------------------------------------------------------------------------------------


def test_a_metagraph_enters_and_grows(channel: Channel, driver: GlobalDriver) -> None:
    channel.advance(block(1, [create(1)]))
    first, second, third = channel.deliveries
    built = driver.commit(first)
    assert [(each.ordinal, each.binary_hash) for each in built.included] == [(0, first.hash)]
    info = exact_json.loads(built.state.info.wire_text())
    assert list(info["lastCurrencySnapshots"][channel.address]) == ["Left"]
    built = driver.commit(third, second)
    assert [(each.ordinal, each.binary_hash) for each in built.included] == [(1, second.hash), (2, third.hash)]
    assert built.included[-1].snapshot_hash == channel.state.hash
    value, info = exact_json.loads(built.text.wire), exact_json.loads(built.state.info.wire_text())
    sent = value["stateChannelSnapshots"][channel.address]
    assert [signed_bytes(each["value"]["content"]) for each in sent] == [
        second.signed.binary.content,
        third.signed.binary.content,
    ]
    assert json_hash(value) == built.hash
    assert info["lastStateChannelSnapshotHashes"] == {channel.address: third.hash}
    snapshot, currency = info["lastCurrencySnapshots"][channel.address]["Right"]
    assert json_hash(snapshot["value"]) == channel.state.hash
    assert currency == channel.state.info.to_json()
    assert info["metagraphSyncData"][channel.address] == {
        "globalOrdinalLastAcceptedOn": 3,
        "globalEpochProgressLastAcceptedOn": 8,
        "unappliedGlobalChangeOrdinals": [],
    }


def test_the_state_proof_is_that_of_the_printed_state(channel: Channel, driver: GlobalDriver) -> None:
    channel.advance(block(1, [create(1)]))
    built = driver.commit(*channel.deliveries)
    value, info = exact_json.loads(built.text.wire), exact_json.loads(built.state.info.wire_text())
    entry = [channel.address, info["lastCurrencySnapshots"][channel.address]]
    leaf = merkle_root([json_hash(entry)])
    assert value["stateProof"] == {
        "lastStateChannelSnapshotHashesProof": json_hash(info["lastStateChannelSnapshotHashes"]),
        "lastTxRefsProof": json_hash({}),
        "balancesProof": json_hash({}),
        "lastCurrencySnapshotsProof": {"leafCount": 1, "hash": leaf},
        **{name: json_hash(info[name]) for name in list(info)[5:-1]},
        "lastGlobalSnapshotsWithCurrency": json_hash(info["metagraphSyncData"]),
    }
    assert info["lastCurrencySnapshotsProofs"][channel.address] == {
        "entries": [{"target": leaf, "sibling": {"Right": leaf}}]
    }


def test_a_binary_whose_parent_is_not_here_waits(channel: Channel, driver: GlobalDriver) -> None:
    third = channel.advance()
    built = driver.commit(channel.deliveries[0], third)
    assert (len(built.included), built.waiting) == (1, (third.key,))
    assert [each.ordinal for each in driver.commit(channel.deliveries[1], third).included] == [1, 2]


def test_the_same_snapshot_under_other_proofs_is_dropped(driver: GlobalDriver) -> None:
    channel = Channel(VALIDATOR, ALICE)
    driver.commit(*channel.deliveries)
    both = channel.advance()
    fewer = Delivery(channel.address, SignedBinary.of(both.signed.binary, [sign(both.hash, VALIDATOR)]), both.header)
    built = driver.commit(fewer, both)
    assert [each.key for each in built.included] == [both.key]
    assert error(built) == "AlreadyIncluded"
    assert set(built.done) == {both.key, fewer.key}
    assert error(driver.commit(both)) == "AlreadyIncluded"
    assert error(driver.commit(channel.deliveries[0])) == "AlreadyIncluded"


def test_metagraphs_do_not_disturb_each_other(channel: Channel, driver: GlobalDriver) -> None:
    other = Channel(BOB)
    built = driver.commit(channel.deliveries[0], *other.deliveries)
    assert {each.address for each in built.included} == {channel.address, other.address}
    value = exact_json.loads(built.text.wire)
    assert list(value["stateChannelSnapshots"]) == sorted([channel.address, other.address])
    proofs = exact_json.loads(built.state.info.wire_text())["lastCurrencySnapshotsProofs"]
    root = value["stateProof"]["lastCurrencySnapshotsProof"]["hash"]
    assert [proofs[address]["entries"][0]["target"] for address in sorted(proofs)] == [root, root]
    assert [list(proofs[address]["entries"][0]["sibling"]) for address in sorted(proofs)] == [["Right"], ["Left"]]


def test_epoch_progress_moves_with_time_only(driver: GlobalDriver) -> None:
    assert [driver.commit(trigger=trigger).state.epoch_progress for trigger in ("event", "time")] == [8, 9]


# -- refusals ----------------------------------------------------------------------------------------------------------


def test_the_errors_of_the_route_carry_the_references_names(channel: Channel, driver: GlobalDriver) -> None:
    genesis = channel.deliveries[0]
    binary = genesis.signed.binary
    unsigned = replace(genesis, signed=SignedBinary.of(binary, [sign("00" * 32, VALIDATOR)]))
    [found] = gl0.validate_binary(driver.state, unsigned)
    assert found == {
        "InvalidSigned": {"error": {"InvalidSignatures": {"invalidSignatures": [unsigned.signed.proofs[0].to_json()]}}}
    }
    size = genesis.signed.size_bytes
    rules = gl0.Gl0Rules(binary_bytes_max=size - 1)
    assert gl0.validate_binary(driver.state, genesis, rules) == [
        {"BinaryExceedsMaxAllowedSize": {"maxSize": size - 1, "was": size}}
    ]
    assert gl0.validate_binary(driver.state, replace(genesis, address=ALICE.address)) == [
        {"StateChannellGenesisAddressNotGeneratedFromData": {"address": ALICE.address}}
    ]
    assert gl0.validate_binary(driver.state, replace(genesis, address="DAG")) == [
        {"StateChannelAddressNotAllowed": {"address": "DAG"}}
    ]
    assert gl0.validate_binary(driver.state, genesis) == []
    assert gl0.validate_binary(driver.state, channel.deliveries[1]) == []


def test_a_second_genesis_is_refused(channel: Channel, driver: GlobalDriver) -> None:
    driver.commit(*channel.deliveries)
    assert gl0.validate_binary(driver.state, channel.deliveries[0]) == [{"AddressAlreadyInUse": {}}]


@pytest.mark.parametrize("signers", [FOUR[:2], FOUR[:1], [*FOUR[:2], BOB]])
def test_less_than_a_quorum_of_votes_is_not_final(driver: GlobalDriver, signers: list[PrivateKey]) -> None:
    channel = Channel(*FOUR)
    driver.commit(*channel.deliveries)
    delivery = channel.advance()
    assert delivery.header is not None
    weak = replace(delivery, header=certificate(delivery.header, signers))
    assert gl0.validate_binary(driver.state, delivery) == []
    assert list(gl0.validate_binary(driver.state, weak)[0]) == ["CertificateNotValid"]
    assert error(driver.commit(weak)) == "CertificateNotValid"
    assert len(driver.commit(replace(delivery, header=certificate(delivery.header, FOUR[1:]))).included) == 1


def test_a_header_must_be_about_the_snapshot_it_travels_with(channel: Channel, driver: GlobalDriver) -> None:
    driver.commit(*channel.deliveries)
    delivery = channel.advance()
    header = delivery.header
    assert header is not None
    for wrong in (
        replace(header, snapshot_hash="00" * 32),
        replace(header, trigger="time"),
        replace(header, ordinal=9),
        replace(header, incarnation=1),
        replace(header, chain_id="other"),
        replace(header, validators=(BOB.peer_id,)),
    ):
        resigned = certificate(wrong, [VALIDATOR])
        assert list(gl0.validate_binary(driver.state, replace(delivery, header=resigned))[0]) == ["CertificateNotValid"]
    assert list(gl0.validate_binary(driver.state, replace(delivery, header=None))[0]) == ["CertificateNotValid"]
    stale = replace(header, view=3)
    assert list(gl0.validate_binary(driver.state, replace(delivery, header=stale))[0]) == ["CertificateNotValid"]


def test_a_metagraph_without_headers_is_held_to_the_signers_of_its_genesis(driver: GlobalDriver) -> None:
    channel = Channel(*FOUR, with_founding=False)
    driver.commit(*channel.deliveries)
    plain = replace(channel.advance(), header=None)
    few = replace(plain, signed=SignedBinary.of(plain.signed.binary, plain.signed.proofs[:2]))
    [found] = gl0.validate_binary(driver.state, few)
    assert found == {"InvalidSigned": {"error": {"NotEnoughSignatures": {"signatureCount": 2, "minSignatureCount": 3}}}}
    assert len(driver.commit(plain).included) == 1


def test_a_snapshot_that_does_not_follow_is_refused(channel: Channel, driver: GlobalDriver) -> None:
    driver.commit(*channel.deliveries)
    parent, previous = channel.state, channel.last_binary
    good = channel.advance()

    def variant(**changes: Any) -> Delivery:
        channel.last_binary = previous
        built = ml0.build(replace(parent, **changes), "event", [], channel.knowledge)
        header = certificate(built.header, channel.keys)
        return channel.wrap(channel.content(built.text.wire, built.hash), header)

    info = replace(parent.info, balances={ALICE.address: 1})
    for wrong in ({"ordinal": 5}, {"hash": "00" * 32}, {"sub_height": 7}, {"epoch_progress": 5}, {"info": info}):
        [found] = gl0.validate_binary(driver.state, variant(**wrong))
        assert list(found) == ["SnapshotNotValid"], wrong
    assert gl0.validate_binary(driver.state, variant()) == []
    assert gl0.validate_binary(driver.state, good) == []


def test_another_first_snapshot_than_the_genesis_gives_is_refused(channel: Channel, driver: GlobalDriver) -> None:
    driver.commit(channel.deliveries[0])
    channel.last_binary = channel.deliveries[0].hash
    founded = ml0.found({}, None)
    text, _ = ml0.first(founded, channel.chain, [VALIDATOR.peer_id])
    wrong = channel.wrap(channel.content(text.wire.replace(b'"height":0', b'"height":1', 1), text.hash), None)
    [found] = gl0.validate_binary(driver.state, wrong)
    assert list(found) == ["SnapshotNotValid"]


def test_content_that_is_no_snapshot_is_refused(channel: Channel, driver: GlobalDriver) -> None:
    driver.commit(*channel.deliveries)
    for content in (
        b"",
        b"\xff\xff",
        channel.content(b"[]", "00" * 32),
        channel.content(b'{"ordinal":"x"}', "00" * 32),
    ):
        channel.last_binary = driver.state.metagraphs[channel.address].binary_hash
        [found] = gl0.validate_binary(driver.state, channel.wrap(content, None))
        assert list(found) == ["SnapshotNotValid"]


def test_a_founding_is_signed_by_signers_of_the_genesis(channel: Channel, driver: GlobalDriver) -> None:
    genesis = channel.deliveries[0]
    assert genesis.founding is not None
    value = genesis.founding["value"]
    stranger = {"value": value, "proofs": [sign(json_hash(value), BOB).to_json()]}
    hijacked_value = {**value, "validators": [BOB.peer_id]}
    hijacked = {"value": hijacked_value, "proofs": genesis.founding["proofs"]}
    for founding in (stranger, hijacked):
        [found] = gl0.validate_binary(driver.state, replace(genesis, founding=founding))
        assert list(found) == ["SnapshotNotValid"]


# -- members and incarnations ------------------------------------------------------------------------------------------


def change(channel: Channel, number: int = 1, **who: str) -> dict[str, Any]:
    return ValidatorChange(channel.address, 0, "ml0", number, **who).signed(OPERATOR)


def test_a_committed_change_of_validators_holds_two_heights_later(channel: Channel, driver: GlobalDriver) -> None:
    channel.advance(change=change(channel, add=ALICE.peer_id))
    both = tuple(sorted([VALIDATOR.peer_id, ALICE.peer_id]))
    assert (channel.state.validators.next, channel.state.validators.after_next) == ((VALIDATOR.peer_id,), both)
    channel.advance()
    assert channel.state.validators.next == both
    channel.keys = (VALIDATOR,)
    weak = channel.advance()
    built = driver.commit(*channel.deliveries)
    assert len(built.included) == len(channel.deliveries) - 1
    assert [dropped.key for dropped in built.dropped] == [weak.key]
    assert weak.header is not None
    full = replace(weak, header=certificate(weak.header, [VALIDATOR, ALICE]))
    assert len(driver.commit(full).included) == 1


def test_a_change_needs_the_operator_and_its_turn(channel: Channel) -> None:
    mine = ValidatorChange(channel.address, 0, "ml0", 1, add=ALICE.peer_id)
    for wrong in (
        mine.signed(BOB),
        replace(mine, number=2).signed(OPERATOR),
        replace(mine, incarnation=1).signed(OPERATOR),
        replace(mine, layer="gl0").signed(OPERATOR),
        replace(mine, add=VALIDATOR.peer_id).signed(OPERATOR),
        replace(mine, add=None, remove=VALIDATOR.peer_id).signed(OPERATOR),
        replace(mine, add=None).signed(OPERATOR),
    ):
        with pytest.raises(ModelError):
            channel.build(change=wrong)
    channel.advance(change=mine.signed(OPERATOR))
    with pytest.raises(ModelError, match="expected a change"):
        channel.build(change=mine.signed(OPERATOR))


def test_a_new_incarnation_goes_on_where_the_global_chain_is(channel: Channel, driver: GlobalDriver) -> None:
    channel.advance()
    driver.commit(*channel.deliveries)
    at, last = channel.state, channel.last_binary
    given_up = channel.advance(block(1, [create(1)]))
    act = Reopening(channel.address, "ml0", 1, at.ordinal, at.hash, "one snapshot").signed(OPERATOR)
    channel.state, channel.last_binary = ml0.reopened(at, act), last
    channel.decided.clear()
    reborn = channel.advance(block(2, [create(2)]))
    assert reborn.header is not None
    assert (reborn.header.incarnation, reborn.header.reopening) == (1, act)
    assert len(driver.commit(reborn).included) == 1
    assert error(driver.commit(given_up)) == "AlreadyIncluded"
    after = channel.advance(block(3, [add(2, 0)]))
    assert after.header is not None
    assert after.header.reopening is None
    assert len(driver.commit(after).included) == 1


def test_a_new_incarnation_needs_the_operator_and_names_the_head(channel: Channel) -> None:
    at = channel.state
    act = Reopening(channel.address, "ml0", 1, at.ordinal, at.hash, "nothing")
    for wrong in (
        act.signed(BOB),
        replace(act, incarnation=2).signed(OPERATOR),
        replace(act, hash="00" * 32).signed(OPERATOR),
        replace(act, ordinal=9).signed(OPERATOR),
        replace(act, validators=()).signed(OPERATOR),
    ):
        with pytest.raises(ModelError):
            ml0.reopened(at, wrong)
    named = ml0.reopened(at, replace(act, validators=(BOB.peer_id,)).signed(OPERATOR))
    assert (named.validators.next, named.chain.incarnation) == ((BOB.peer_id,), 1)


# -- checking ----------------------------------------------------------------------------------------------------------


def test_whatever_is_changed_in_a_proposal_changes_its_hash_or_is_refused(
    channel: Channel, driver: GlobalDriver
) -> None:
    channel.advance()
    built = gl0.build(driver.state, "event", channel.deliveries)
    value = exact_json.loads(built.proposal)
    binaries = value["binaries"]
    for changes in (
        {"ordinal": 9},
        {"parent": "00" * 32},
        {"trigger": "time"},
        {"trigger": "whim"},
        {"change": {}},
        {"binaries": binaries[:2]},
        {"binaries": binaries[1:]},
        {"binaries": binaries[::-1]},
        {"binaries": [*binaries, binaries[0]]},
        {"binaries": [{**binaries[0], "content": "AAAA"}, *binaries[1:]]},
        {"binaries": [{**binaries[0], "content": "?"}, *binaries[1:]]},
        {"binaries": [{**binaries[0], "proofs": binaries[1]["proofs"]}, *binaries[1:]]},
        {"binaries": "none"},
    ):
        checked = gl0.check(driver.state, exact_json.dumps({**value, **changes}))
        assert isinstance(checked, gl0.CheckFailed) or checked.body_hash != built.body_hash, changes
    assert isinstance(gl0.check(driver.state, b"[]"), gl0.CheckFailed)


def test_a_delivery_survives_the_wire(channel: Channel) -> None:
    for delivery in [*channel.deliveries, channel.advance(block(1, [create(1)]))]:
        read = Delivery.from_bytes(channel.address, delivery.to_bytes())
        assert read.to_bytes() == delivery.to_bytes()
        assert (read.key, read.hash) == (delivery.key, delivery.hash)
    plain = exact_json.loads(channel.deliveries[0].to_bytes())
    assert json_hash(plain["value"]) == channel.deliveries[0].hash


def test_the_metagraphs_id_comes_from_its_signed_genesis(channel: Channel) -> None:
    assert channel.address == channel.deliveries[0].signed.binary.metagraph_id
    assert GENESIS_VIEW.ordinal == 1
