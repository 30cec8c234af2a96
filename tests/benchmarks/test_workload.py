"""The load's messages are ones that the network accepts, in the order in which they are taken."""

from __future__ import annotations

import orjson
from benchmarks.workload import fibers

from ottochain.codec import exact_json
from ottochain.crypto.proofs import verify_all
from ottochain.fibers import SnapshotContext
from ottochain.fibers.combine import combine
from ottochain.fibers.state import genesis
from ottochain.fibers.updates import SignedUpdate
from ottochain.fibers.validation import validate_update

AT = SnapshotContext(1, "0" * 64, 0)


def update_of(body: bytes) -> SignedUpdate:
    return SignedUpdate.from_json(exact_json.loads(body))


def test_every_message_is_signed_valid_and_applied() -> None:
    fiber = fibers(3)[1]
    fiber.prepare(2)
    state = genesis()
    for message in (fiber.creation(), fiber.next(), fiber.next(), fiber.next()):
        update = update_of(message.body)
        assert update.hash == message.hash
        assert verify_all(update.hash, update.proofs)
        assert validate_update(state, update) == []
        state = combine(state, [update], AT)
    record = state.calculated.state_machines[fiber.id]
    assert (record.sequence_number, record.state_data) == (3, {"total": 1 + 2 + 3, "last": 3})
    assert record.last_receipt is not None
    assert record.last_receipt.success


def test_messages_come_in_sequence_whether_prepared_or_not() -> None:
    fiber = fibers(1)[0]
    fiber.prepare(2)
    targets = [
        orjson.loads(fiber.next().body)["value"]["TransitionStateMachine"]["targetSequenceNumber"] for _ in range(4)
    ]
    assert targets == [0, 1, 2, 3]
