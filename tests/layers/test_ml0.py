"""ML0 applies blocks as a whole, isolates what is wrong, and decides every update once."""

from dataclasses import replace
from typing import Any

import pytest

from layers.metagraph import (
    ALICE,
    BOB,
    GENESIS_VIEW,
    L1,
    METAGRAPH,
    Driver,
    add,
    archive,
    block,
    create,
    fiber_id,
    forged,
    start,
)
from ottochain.codec import exact_json
from ottochain.codec.canonical import canonical_bytes
from ottochain.codec.hashing import EMPTY_HASH, canonical_hash
from ottochain.codec.wire import json_hash, signed_bytes
from ottochain.fibers import OnChain, calculated_proof, on_chain_bytes
from ottochain.layers import judging, ml0
from ottochain.layers.judging import Fault
from ottochain.layers.update_block import BlockRule, UpdateBlock
from ottochain.model.currency_snapshot import GlobalSyncView
from ottochain.model.errors import ModelError


@pytest.fixture
def driver() -> Driver:
    """A metagraph with three counters, at ordinal 2."""
    made = Driver()
    made.commit(block(1, [create(1), create(2), create(3)]))
    return made


# -- genesis -----------------------------------------------------------------------------------------------------------


def test_the_first_incremental_snapshot_repeats_the_genesis() -> None:
    founded = ml0.found({ALICE.address: 100}, GENESIS_VIEW)
    text, state = ml0.first(founded, start().chain, ["validator"])
    value = exact_json.loads(text.wire)
    assert (value["ordinal"], value["height"], value["subHeight"], value["epochProgress"]) == (1, 0, 1, 0)
    assert value["lastSnapshotHash"] == founded.genesis_hash
    assert value["tips"] == founded.genesis["tips"]
    assert value["globalSyncView"] == GENESIS_VIEW.to_json()
    assert signed_bytes(value["dataApplication"]["onChainState"]) == founded.genesis["dataApplication"]["onChainState"]
    assert value["dataApplication"]["calculatedStateProof"] == EMPTY_HASH
    assert [key for key, member in value.items() if member is None] == [
        "messages",
        "globalSnapshotSyncs",
        "feeTransactions",
        "artifacts",
        "allowSpendBlocks",
        "tokenLockBlocks",
    ]
    assert json_hash(value) == text.hash == state.hash
    assert state.validators.next == ("validator",)


def test_genesis_keys_stand_in_the_reference_order() -> None:
    genesis = ml0.found({}, None).genesis
    assert ",".join(genesis) == (
        "ordinal,height,subHeight,lastSnapshotHash,blocks,rewards,tips,info,epochProgress,dataApplication,"
        "globalSyncView,version"
    )
    assert genesis["lastSnapshotHash"] == EMPTY_HASH


# -- snapshots ---------------------------------------------------------------------------------------------------------


def test_a_snapshot_carries_state_blocks_and_proof(driver: Driver) -> None:
    sent = block(2, [add(1, 0)])
    built = driver.commit(sent)
    value = exact_json.loads(built.text.wire)
    assert ",".join(value) == (
        "ordinal,height,subHeight,lastSnapshotHash,blocks,rewards,tips,stateProof,epochProgress,dataApplication,messages,"
        "globalSnapshotSyncs,feeTransactions,artifacts,allowSpendBlocks,tokenLockBlocks,globalSyncView,version"
    )
    assert (value["ordinal"], value["height"], value["subHeight"]) == (3, 0, 3)
    assert (value["messages"], value["artifacts"], value["version"]) == (None, [], "0.0.1")
    data = value["dataApplication"]
    assert signed_bytes(data["onChainState"]) == on_chain_bytes(driver.state.fibers)
    assert data["calculatedStateProof"] == calculated_proof(driver.state.fibers)
    [carried] = map(signed_bytes, data["blocks"])
    assert exact_json.loads(carried) == exact_json.loads(sent.wire)
    assert json_hash(value) == built.hash == driver.state.hash
    assert driver.data(1) == {"total": 1}


def test_a_carried_block_is_canonical_json(driver: Driver) -> None:
    sent = block(2, [add(1, 0), add(2, 0)], L1, BOB)
    assert sent.canonical() == canonical_bytes(exact_json.loads(sent.wire))


def test_state_proofs_of_absent_parts_are_null_only_at_first(driver: Driver) -> None:
    second = exact_json.loads(driver.commit().text.wire)["stateProof"]
    absent = [key for key, member in second.items() if member is None]
    assert absent == ["lastMessagesProof", "lastFeeTxRefsProof"]
    assert second["balancesProof"] == json_hash({ALICE.address: 100})
    assert second["lastTxRefsProof"] == second["activeTokenLocks"] == json_hash({})


def test_epoch_progress_moves_with_time_only(driver: Driver) -> None:
    epochs = [driver.commit(trigger=trigger).state.epoch_progress for trigger in ("event", "time", "event", "time")]
    assert epochs == [0, 1, 1, 2]


def test_each_combine_call_wipes_the_log(driver: Driver) -> None:
    driver.commit(block(2, [add(1, 0)]), block(3, [add(2, 0)]))
    assert list(driver.state.fibers.on_chain.latest_logs) == [fiber_id(2)]
    driver.commit()
    assert driver.state.fibers.on_chain.latest_logs == {}


def test_a_snapshot_that_only_rejects_wipes_the_log_as_one_without_blocks(driver: Driver) -> None:
    driver.commit(block(2, [add(1, 0)]))
    driver.commit(block(3, [add(9, 0)]))
    assert driver.state.fibers.on_chain.latest_logs == {}


def test_blocks_are_taken_by_round_id_each_once(driver: Driver) -> None:
    built = driver.commit(block(5, [add(2, 0)]), block(4, [add(1, 0)]), block(5, [add(3, 0)]))
    assert [each.keys for each in built.accepted] == [(add(1, 0).key,), (add(2, 0).key,)]
    assert driver.data(3) == {"total": 0}


def test_the_view_of_the_global_chain_never_goes_back(driver: Driver) -> None:
    newer, older = GlobalSyncView(9, "cd" * 32, 5), GlobalSyncView(4, "ef" * 32, 3)
    assert driver.commit(global_view=newer).state.global_view == newer
    assert driver.commit(global_view=older).state.global_view == newer
    assert driver.commit().state.global_view == newer


# -- what is wrong with a block ----------------------------------------------------------------------------------------


def test_a_block_of_several_is_refused_as_a_whole_and_names_the_guilty(driver: Driver) -> None:
    before = driver.state.fibers
    good, bad = add(1, 0), add(9, 0)
    built = driver.commit(block(2, [good, bad]))
    assert built.accepted == built.rejections == built.done == ()
    [refused] = built.refused
    assert [(each.key, each.fault) for each in refused.guilty] == [(bad.key, Fault.INVALID)]
    assert "CidNotFound" in refused.reason
    assert driver.state.fibers.calculated == before.calculated
    assert not driver.decided.keys() & {good.key, bad.key}


def test_a_block_of_one_that_fails_rejects_its_update_in_the_header(driver: Driver) -> None:
    bad = add(9, 0)
    built = driver.commit(block(2, [bad]))
    [rejected] = built.rejections
    missing = fiber_id(9)
    assert (rejected.key, rejected.hash) == (bad.key, bad.hash)
    assert rejected.reason.startswith(f"CidNotFound: Resource with ID {missing} not found; FiberNotFound: ")
    assert built.done == (block(2, [bad]).round_id,)
    assert driver.decided[bad.key] == rejected.reason
    assert built.header.to_json()["rejections"] == [rejected.to_json()]


def test_signatures_are_checked_again(driver: Driver) -> None:
    bad = forged(add(1, 0))
    built = driver.commit(block(2, [bad]))
    assert built.rejections[0].reason.startswith("InvalidSignature")
    driver.commit(block(3, [add(1, 0)]))
    assert driver.data(1) == {"total": 1}


def test_strangers_are_refused(driver: Driver) -> None:
    built = driver.commit(block(2, [add(1, 0, key=BOB)]))
    assert built.rejections[0].reason == "NotSignedByOwner: Update not signed by any fiber owner"


def test_a_combine_error_names_the_update_it_arose_at(driver: Driver) -> None:
    updates = [add(1, 0), add(1, 1), add(1, 3), add(1, 4), add(2, 0)]
    built = driver.commit(block(2, updates))
    [refused] = built.refused
    [guilty] = refused.guilty
    assert (guilty.key, guilty.fault, guilty.early) == (updates[2].key, Fault.COMBINE, True)
    assert guilty.reason == "Sequence number mismatch: target=FiberOrdinal(3), actual=FiberOrdinal(2)"
    assert [driver.data(n) for n in (1, 2)] == [{"total": 0}, {"total": 0}]


def test_validation_looks_at_the_state_before_the_snapshot(driver: Driver) -> None:
    built = driver.commit(block(2, [create(7)]), block(3, [add(7, 0)]))
    assert [each.round_id for each in built.accepted] == [block(2, [create(7)]).round_id]
    assert built.rejections[0].reason.startswith("CidNotFound")


def test_blocks_combine_over_the_running_state(driver: Driver) -> None:
    driver.commit(block(2, [add(1, 0)]), block(3, [add(1, 1)]))
    assert driver.data(1) == {"total": 2}


def test_a_failed_transition_is_accepted_with_a_receipt(driver: Driver) -> None:
    failing = add(1, 0, by=0)
    driver.commit(block(2, [failing]))
    assert driver.decided[failing.key] is None
    receipt = driver.state.fibers.calculated.state_machines[fiber_id(1)].last_receipt
    assert receipt is not None
    assert not receipt.success


# -- early updates -----------------------------------------------------------------------------------------------------


def test_an_early_update_waits_for_its_turn(driver: Driver) -> None:
    early = block(2, [add(1, 1)])
    built = driver.commit(early, block(3, [add(1, 0)]))
    assert built.waiting == (early.round_id,)
    driver.commit(early)
    assert driver.data(1) == {"total": 2}


def test_an_early_update_is_rejected_when_patience_is_over(driver: Driver) -> None:
    early = block(2, [add(1, 5)])
    assert driver.commit(early).waiting == (early.round_id,)
    built = driver.commit(early, impatient=[early.round_id])
    assert built.rejections[0].reason == "Sequence number mismatch: target=FiberOrdinal(5), actual=FiberOrdinal(0)"


def test_an_update_whose_number_has_passed_does_not_wait(driver: Driver) -> None:
    driver.commit(block(2, [add(1, 0)]))
    built = driver.commit(block(3, [add(1, 0, by=7)]))
    assert built.rejections[0].reason.startswith("SequenceNumberMismatch: ")


# -- exactly once ------------------------------------------------------------------------------------------------------


def test_an_accepted_update_is_not_applied_again(driver: Driver) -> None:
    failing = add(1, 0, by=0)  # leaves the sequence number, so nothing else would stop it
    driver.commit(block(2, [failing]))
    built = driver.commit(block(3, [failing]))
    assert built.dropped == (block(3, [failing]).round_id,)
    assert built.decisions() == ()
    assert driver.state.fibers.on_chain.latest_logs == {}


def test_an_update_in_two_blocks_of_one_snapshot_is_applied_once(driver: Driver) -> None:
    failing = add(1, 0, by=0)
    built = driver.commit(block(2, [failing]), block(3, [failing]), block(4, [failing, add(2, 0)]))
    assert [each.round_id for each in built.accepted] == [block(2, [failing]).round_id]
    assert built.dropped == (block(3, [failing]).round_id,)
    assert [guilty.fault for guilty in built.refused[0].guilty] == [Fault.DECIDED]


def test_a_rejected_update_is_not_decided_again(driver: Driver) -> None:
    bad = add(9, 0)
    driver.commit(block(2, [bad]))
    assert driver.commit(block(3, [bad])).dropped == (block(3, [bad]).round_id,)


def test_an_update_submitted_again_after_its_decision_is_decided_again(driver: Driver) -> None:
    bad = add(9, 0)
    ordinal = driver.commit(block(2, [bad])).ordinal
    again = replace(block(3, [bad]), after={bad.key: ordinal})
    assert [rejected.key for rejected in driver.build(again).rejections] == [bad.key]
    before = replace(block(4, [bad]), after={bad.key: ordinal - 1})
    assert driver.build(before).dropped == (before.round_id,)


def test_a_block_says_which_updates_were_submitted_again() -> None:
    update = add(1, 0)
    value = exact_json.loads(block(2, [update]).wire)
    value["value"]["after"] = {update.key: 7}
    assert UpdateBlock.from_json(value).after_of(update.key) == 7
    assert UpdateBlock.from_bytes(block(2, [update]).wire).after_of(update.key) == 0
    value["value"]["after"] = {update.key: -1}
    with pytest.raises(ModelError, match="after"):
        UpdateBlock.from_json(value)


def test_an_update_twice_in_a_block_is_refused(driver: Driver) -> None:
    twice = add(1, 0, by=0)
    built = driver.commit(block(2, [twice, twice]))
    assert [guilty.fault for guilty in built.refused[0].guilty] == [Fault.REPEATED]


def test_a_forged_copy_does_not_poison_the_owners_update(driver: Driver) -> None:
    owners = add(1, 0)
    driver.commit(block(2, [forged(owners)]))
    driver.commit(block(3, [owners]))
    assert driver.data(1) == {"total": 1}


# -- size --------------------------------------------------------------------------------------------------------------


def test_blocks_that_do_not_fit_wait_for_the_next_snapshot() -> None:
    roomy = Driver()
    one = roomy.build(block(1, [create(1)])).text.size_bytes
    driver = Driver(snapshot_bytes_max=one + 203 + 100)
    blocks = [block(n, [create(n)]) for n in range(1, 5)]
    built = driver.commit(*blocks)
    assert [each.round_id for each in built.accepted] == [blocks[0].round_id]
    assert sorted(built.later) == [each.round_id for each in blocks[1:]]


def test_an_update_that_is_too_large_alone_is_rejected() -> None:
    empty = Driver().build().text.size_bytes
    driver = Driver(snapshot_bytes_max=empty + 203 + 200)
    built = driver.commit(block(1, [create(1)]))
    assert built.rejections[0].reason.startswith("SnapshotTooLarge")
    assert driver.data(1) is None


def test_a_block_that_is_too_large_alone_goes_back_to_be_split() -> None:
    empty = Driver().build().text.size_bytes
    driver = Driver(snapshot_bytes_max=empty + 203 + 200)
    built = driver.commit(block(1, [create(1), create(2)]))
    [refused] = built.refused
    assert (refused.guilty, built.decisions()) == ((), ())
    assert refused.reason.startswith("SnapshotTooLarge: the snapshot would have ")


# -- checking ----------------------------------------------------------------------------------------------------------


def tampered(proposal: bytes, **changes: object) -> bytes:
    return exact_json.dumps({**exact_json.loads(proposal), **changes})


def refusal(driver: Driver, proposal: bytes, rule: BlockRule | None = None) -> str:
    checked = ml0.check(driver.state, proposal, driver.knowledge, block_rule=rule)
    assert isinstance(checked, ml0.CheckFailed)
    return checked.reason


def test_whatever_is_changed_in_a_proposal_changes_its_hash_or_is_refused(driver: Driver) -> None:
    built = driver.build(block(2, [add(1, 0)]), block(3, [add(9, 0)]))
    other = exact_json.loads(block(4, [add(3, 0)]).wire)
    blocks = exact_json.loads(built.proposal)["blocks"]
    changed = [
        tampered(built.proposal, trigger="time"),
        tampered(built.proposal, globalSyncView=GlobalSyncView(77, "cd" * 32, 5).to_json()),
        tampered(built.proposal, blocks=blocks[:1]),
        tampered(built.proposal, blocks=blocks[1:]),
        tampered(built.proposal, blocks=[*blocks, other]),
        tampered(built.proposal, ordinal=4),
        tampered(built.proposal, parent="00" * 32),
        tampered(built.proposal, globalSyncView=None),
        tampered(built.proposal, blocks=blocks[::-1]),
        tampered(built.proposal, oversized=[blocks[0]["value"]["roundId"]]),
    ]
    for proposal in changed:
        checked = ml0.check(driver.state, proposal, driver.knowledge)
        assert isinstance(checked, ml0.CheckFailed) or checked.body_hash != built.body_hash


def test_proposals_that_are_none_are_refused_with_a_reason(driver: Driver) -> None:
    built = driver.build(block(2, [add(1, 0)]))
    blocks = exact_json.loads(built.proposal)["blocks"]
    assert "expected a proposal" in refusal(driver, b"not json")
    assert "expected a proposal, found list" in refusal(driver, b"[]")
    assert "trigger" in refusal(driver, tampered(built.proposal, trigger="whim"))
    assert "found 9 on" in refusal(driver, tampered(built.proposal, ordinal=9))
    assert "older than the parent's" in refusal(driver, tampered(built.proposal, globalSyncView=None))
    assert "order of their round ids" in refusal(driver, tampered(built.proposal, blocks=blocks * 2))
    assert "not too large" in refusal(driver, tampered(built.proposal, oversized=["x"]))
    blocks[0]["value"]["dataTransactionsHashes"] = [["00" * 32]]
    assert "its hash is" in refusal(driver, tampered(built.proposal, blocks=blocks))


def test_a_proposal_may_hold_no_block_that_decides_nothing(driver: Driver) -> None:
    done = block(2, [add(1, 0)])
    driver.commit(done)
    proposal = driver.build(block(3, [add(2, 0)])).proposal
    for idle in (done, block(4, [add(2, 0), add(9, 0)])):
        blocks = [exact_json.loads(idle.wire), *exact_json.loads(proposal)["blocks"]]
        blocks.sort(key=lambda each: each["value"]["roundId"])
        assert "decides nothing" in refusal(driver, tampered(proposal, blocks=blocks))


def test_a_validator_counts_the_signatures_of_l1_blocks(driver: Driver) -> None:
    both = driver.build(block(2, [add(1, 0)], L1, BOB)).proposal
    one = driver.build(block(2, [add(1, 0)], L1)).proposal
    rule = BlockRule(threshold=2, members=frozenset([L1.peer_id, BOB.peer_id]))
    assert isinstance(ml0.check(driver.state, both, driver.knowledge, block_rule=rule), ml0.Built)
    assert "expected signatures of 2 L1 nodes, found 1" in refusal(driver, one, rule)
    stranger = driver.build(block(2, [add(1, 0)], L1, ALICE)).proposal
    assert "is not among the 2 nodes of the L1" in refusal(driver, stranger, rule)
    value = exact_json.loads(both)
    value["blocks"][0]["proofs"][0]["signature"] = value["blocks"][0]["proofs"][1]["signature"]
    assert "does not sign the block's hash" in refusal(driver, exact_json.dumps(value), rule)


def test_the_vote_binds_snapshot_trigger_and_rejections(driver: Driver) -> None:
    built = driver.build(block(2, [add(9, 0)]))
    facts = {
        "snapshotHash": built.hash,
        "trigger": "event",
        "rejections": [each.to_json() for each in built.rejections],
        "change": None,
    }
    assert built.body_hash == canonical_hash(facts)
    assert built.header.to_json() == {
        "chainId": METAGRAPH,
        "incarnation": 0,
        "layer": "ml0",
        "ordinal": 3,
        "view": 0,
        "trigger": "event",
        "snapshotHash": built.hash,
        "bodyHash": built.body_hash,
        "validators": list(driver.state.validators.next),
        "rejections": facts["rejections"],
        "change": None,
        "reopening": None,
        "certificate": None,
    }


def test_an_archived_fiber_takes_no_event(driver: Driver) -> None:
    driver.commit(block(2, [archive(1, 0)]))
    assert driver.commit(block(3, [add(1, 0)])).rejections[0].reason.startswith("FiberNotActive")


def test_on_chain_state_reads_back(driver: Driver) -> None:
    value = exact_json.loads(driver.commit(block(2, [add(1, 0)])).text.wire)
    read = OnChain.from_json(exact_json.loads(signed_bytes(value["dataApplication"]["onChainState"])))
    assert read.to_json() == driver.state.fibers.on_chain.to_json()


# -- faults of ours ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("place", ["combine", "validate_update"])
def test_an_update_that_a_fault_of_ours_ends_in_is_rejected_and_harms_nobody(
    driver: Driver, place: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It ended the node, and again at each start: the block was on disk."""
    driver.commit(block(1, [create(1), create(2)]))
    poison, good = add(1, 0), add(2, 0)
    works = getattr(judging, place)

    def stumbles(first: Any, second: Any, *more: Any) -> Any:
        updates = second if isinstance(second, list | tuple) else [second]
        if any(update.key == poison.key for update in updates):
            raise ZeroDivisionError("a secret of the inside")
        return works(first, second, *more)

    monkeypatch.setattr(judging, place, stumbles)
    refused = driver.build(block(2, [poison, good])).refused
    assert [[each.key for each in found.guilty] for found in refused] == [[poison.key]]
    assert refused[0].guilty[0].reason == "InternalError: ZeroDivisionError"
    built = driver.commit(block(3, [poison]), block(4, [good]))
    assert [(each.key, each.reason) for each in built.rejections] == [(poison.key, "InternalError: ZeroDivisionError")]
    assert driver.data(2) == {"total": 1}
