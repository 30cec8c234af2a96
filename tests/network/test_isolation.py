"""One bad update never takes its neighbours with it, and a forged copy never harms the owner's."""

from __future__ import annotations

import itertools
import json
import uuid
from collections.abc import Callable
from typing import Final

import pytest
from tests.network.stack import DL1, Stack, until
from tests.network.updates import (
    Update,
    accepted,
    add,
    applied,
    create,
    create_script,
    fate,
    hand_in,
    invoke,
    machines,
    post,
    seen_by,
    settled,
    signed,
)

from ottochain.crypto.keys import PrivateKey

pytestmark = pytest.mark.network

OWNER: Final = PrivateKey.generate()
STRANGER: Final = PrivateKey.generate()


def paused(stack: Stack, updates: list[Update], name: str = "dl1") -> None:
    """Hand all in while ML0 is stopped, so that they lie in few blocks together."""
    stack.pause("ml0")
    try:
        for update in updates:
            hand_in(stack, update, name)
    finally:
        stack.go_on("ml0")


Bad = Callable[[str, str], Update]
"""Given a machine and a script: an update that every DL1 takes and that ML0 must reject."""

BAD: Final[dict[str, tuple[Bad, str]]] = {
    "not signed by the owner": (
        lambda machine, _: add(STRANGER, machine, 0, extra="mine"),
        "NotSignedByOwner: Update not signed by any fiber owner",
    ),
    "an event that the machine does not know": (
        lambda machine, _: add(OWNER, machine, 0, event="explode"),
        "NoTransitionForEvent: No transition from state open for event explode",
    ),
    "a script that divides by zero": (
        lambda _, script: invoke(OWNER, script, 0, {"a": 1, "b": 0}),
        "Oracle invocation failed: ORACLE evaluation error: Division by zero",
    ),
}


@pytest.mark.parametrize("kind", BAD)
def test_neighbours_of_a_bad_update_are_applied(running: Stack, kind: str) -> None:
    make, reason = BAD[kind]
    script = create_script(OWNER)
    accepted(running, script)
    seen_by(running, "dl1", script.fiber)
    machine, *others = machines(running, OWNER, 7)
    bad = make(machine, script.fiber)
    good = [add(OWNER, fiber, 0) for fiber in others]
    paused(running, [*good[:3], bad, *good[3:]])
    for update in good:
        assert settled(running, update.hash)["status"] == "Accepted"
    for name in DL1:
        told = settled(running, bad.hash, name)
        assert told["status"] == "Rejected"
        assert reason in told["reason"]
    assert len({settled(running, bad.hash, name)["ordinal"] for name in DL1}) == 1
    in_blocks = applied(running)
    assert bad.hash not in in_blocks
    assert all(len(in_blocks[update.hash]) == 1 for update in good)
    # The fiber itself was not touched, and goes on.
    sequence = running.application(f"/state-machines/{machine}")["sequenceNumber"]
    assert sequence == 0
    accepted(running, add(OWNER, machine, 0, extra="and on"))


def test_an_event_whose_turn_never_comes_is_rejected_and_hindered_nobody(running: Stack, orphan: Update) -> None:
    """It was handed in when the stack came up. The nodes wait long for its predecessors, for they may be late."""
    (fiber,) = machines(running, OWNER, 1)
    accepted(running, add(OWNER, fiber, 0))
    told = settled(running, orphan.hash, seconds=60)
    assert told["status"] == "Rejected"
    assert "Sequence number mismatch: target=FiberOrdinal(7), actual=FiberOrdinal(0)" in told["reason"]
    assert orphan.hash not in applied(running)


def test_many_bad_ones_among_many_good_ones(running: Stack) -> None:
    fibers = machines(running, OWNER, 24)
    bad = [add(STRANGER, fiber, 0, extra="mine") for fiber in fibers[::3]]
    good = [add(OWNER, fiber, 0) for fiber in fibers]
    mixed = [update for pair in itertools.zip_longest(good, bad) for update in pair if update]
    running.pause("ml0")
    for update, name in zip(mixed, itertools.cycle(DL1), strict=False):
        hand_in(running, update, name)
    running.go_on("ml0")
    assert {settled(running, update.hash)["status"] for update in good} == {"Accepted"}
    assert {settled(running, update.hash)["status"] for update in bad} == {"Rejected"}


def test_what_is_undecided_is_waiting(running: Stack) -> None:
    (fiber,) = machines(running, OWNER, 1)
    running.pause("ml0")
    try:
        update = add(OWNER, fiber, 0)
        hand_in(running, update)
        assert fate(running, update.hash) == {
            "hash": update.hash,
            "status": "Waiting",
            "ordinal": None,
            "reason": None,
        }
        assert update.hash in {each["hash"] for each in _waiting(running)}
    finally:
        running.go_on("ml0")
    assert settled(running, update.hash)["status"] == "Accepted"
    until("it waits no more", lambda: update.hash not in {each["hash"] for each in _waiting(running)})


def _waiting(stack: Stack) -> list[dict[str, str]]:
    groups = stack.json("dl1", "/data")
    return [signed_again(each["value"]) for (each,) in groups]


def signed_again(value: dict[str, object]) -> dict[str, str]:
    return {"hash": signed(value, OWNER).hash}


@pytest.mark.parametrize("order", [(1, 0), (2, 1, 0), (0, 2, 1), (3, 0, 2, 1)])
@pytest.mark.parametrize("spread", [False, True])
def test_events_that_come_early_are_applied_in_their_order(
    running: Stack, order: tuple[int, ...], spread: bool
) -> None:
    (fiber,) = machines(running, OWNER, 1)
    updates = [add(OWNER, fiber, sequence, sequence + 1) for sequence in order]
    for update, name in zip(updates, itertools.cycle(DL1 if spread else DL1[:1]), strict=False):
        hand_in(running, update, name)
    ordinals = {sequence: settled(running, update.hash) for sequence, update in zip(order, updates, strict=True)}
    assert {told["status"] for told in ordinals.values()} == {"Accepted"}
    in_order = [ordinals[sequence]["ordinal"] for sequence in sorted(order)]
    assert in_order == sorted(in_order)
    record = running.application(f"/state-machines/{fiber}")
    assert record["sequenceNumber"] == len(order)
    assert record["stateData"] == {"total": sum(sequence + 1 for sequence in order)}


def test_of_two_events_for_one_turn_one_is_applied(running: Stack) -> None:
    (fiber,) = machines(running, OWNER, 1)
    rivals = [add(OWNER, fiber, 0, amount) for amount in (1, 2, 4)]
    for update, name in zip(rivals, DL1, strict=True):
        hand_in(running, update, name)
    fates = [settled(running, update.hash) for update in rivals]
    assert sorted(told["status"] for told in fates) == ["Accepted", "Rejected", "Rejected"]
    assert all("mismatch" in told["reason"] for told in fates if told["status"] == "Rejected")
    record = running.application(f"/state-machines/{fiber}")
    winner = next(update for update, told in zip(rivals, fates, strict=True) if told["status"] == "Accepted")
    (payload,) = winner.message.values()
    assert (record["sequenceNumber"], record["stateData"]["total"]) == (1, payload["payload"]["amount"])


def test_a_copy_with_a_forged_proof_is_refused_and_harms_nobody(running: Stack) -> None:
    (fiber,) = machines(running, OWNER, 1)
    update = add(OWNER, fiber, 0)
    body = json.loads(update.body)
    other = json.loads(create(OWNER).body)["proofs"][0]["signature"]
    forgeries = [
        {"value": body["value"], "proofs": [{"id": OWNER.peer_id, "signature": other}]},
        {"value": body["value"], "proofs": [{"id": STRANGER.peer_id, "signature": body["proofs"][0]["signature"]}]},
        {"value": body["value"], "proofs": [*body["proofs"], {"id": STRANGER.peer_id, "signature": other}]},
        {"value": body["value"], "proofs": [{"id": OWNER.peer_id, "signature": "00"}]},
        {"value": body["value"], "proofs": [{"id": "ab", "signature": body["proofs"][0]["signature"]}]},
    ]
    for name in DL1:
        for forged in forgeries:
            response = running.post(name, "/data", json.dumps(forged).encode())
            assert response.status_code == 400, response.text
            assert response.json() == {"error": "Invalid signature in data transactions"}
        assert fate(running, update.hash, name) is None
    accepted(running, update, "dl1-1")
    assert running.application(f"/state-machines/{fiber}")["sequenceNumber"] == 1


def test_a_stranger_s_copy_is_rejected_and_the_owner_s_is_applied(running: Stack) -> None:
    """The same value, truly signed by somebody who may not: another update with the same hash."""
    (fiber,) = machines(running, OWNER, 1)
    own = add(OWNER, fiber, 0)
    theirs = signed(own.message, STRANGER)
    assert own.hash == theirs.hash
    running.pause("ml0")
    hand_in(running, theirs)
    hand_in(running, own, "dl1-1")
    hand_in(running, theirs, "dl1-2")
    running.go_on("ml0")
    for name in DL1:
        until(f"{name} says so", lambda n=name: (fate(running, own.hash, n) or {})["status"] == "Accepted")
    assert running.application(f"/state-machines/{fiber}")["stateData"] == {"total": 1}
    assert len(applied(running)[own.hash]) == 1


@pytest.mark.parametrize(
    ("make", "reason"),
    [
        (lambda fiber: add(OWNER, str(uuid.UUID(int=1)), 0), "CidNotFound("),
        (lambda fiber: create(OWNER, fiber=fiber), "CidAlreadyExists("),
        (lambda fiber: add(OWNER, fiber, 0), "SequenceNumberMismatch("),
        (lambda fiber: add(OWNER, fiber, 1, "x" * 10_001), "StringTooLong("),
        (lambda fiber: signed({"TransitionStateMachine": {
            "fiberId": fiber, "eventName": "add", "payload": None, "targetSequenceNumber": 1}}, OWNER), "ValueIsNull("),
    ],
    ids=["no such fiber", "it is there already", "its turn is over", "too long", "no payload"],
)  # fmt: skip
def test_what_a_dl1_can_see_is_refused_at_its_door(running: Stack, make: Callable[[str], Update], reason: str) -> None:
    (fiber,) = machines(running, OWNER, 1)
    accepted(running, add(OWNER, fiber, 0, extra="first"))
    for name in DL1:
        seen_by(running, name, fiber, 1)
        response = post(running, make(fiber), name)
        assert response.status_code == 400
        body = response.json()
        details = body.pop("details")
        assert body == {"code": 3, "message": "Invalid request body", "retriable": False}
        assert details["reason"].startswith(f"Invalid data update, reason: Chain({reason}")
