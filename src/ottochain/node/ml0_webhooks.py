"""What ML0 tells its webhooks after a snapshot (OttoChain, ``WebhookDispatcher``)."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

from ottochain.codec import exact_json
from ottochain.codec.hashing import sha256_hex
from ottochain.fibers import (
    FiberState,
    Rejection,
    SignedUpdate,
    encode_message,
    target_sequence_number_of,
    validate_update,
)
from ottochain.fibers.records import ACTIVE
from ottochain.layers.ml0_built import Built
from ottochain.node.webhooks import rejection_event, snapshot_event


def finalized(built: Built, metagraph_id: str) -> dict[str, Any]:
    """The body that tells of a snapshot."""
    calculated = built.state.fibers.calculated
    return snapshot_event(
        ordinal=built.ordinal,
        snapshot_hash=built.hash,
        metagraph_id=metagraph_id,
        updates=sum(len(block.updates) for block in built.accepted),
        machines_active=sum(record.status == ACTIVE for record in calculated.state_machines.values()),
        scripts_active=sum(record.status == ACTIVE for record in calculated.scripts.values()),
    )


def rejections(
    updates: Iterable[SignedUpdate], before: FiberState, ordinal: int, metagraph_id: str
) -> Iterator[dict[str, Any]]:
    """A body for each rejected update. What fails only in combining is not told, as in the reference."""
    for update in updates:
        found = validate_update(before, update)
        if found:
            rejection = rejected_update(update, found)
            yield rejection_event(ordinal=ordinal, metagraph_id=metagraph_id, rejection=rejection)


def rejected_update(update: SignedUpdate, found: list[Rejection]) -> dict[str, Any]:
    """What is said of one rejected update; its ``updateHash`` is the reference's own, over value and first signer."""
    compact = exact_json.dumps(encode_message(update.message))
    return {
        "updateType": update.update_type,
        "fiberId": update.fiber_id,
        "targetSequenceNumber": target_sequence_number_of(update.message),
        "errors": [rejection.to_json() for rejection in found],
        "signers": [proof.id for proof in update.proofs],
        "updateHash": sha256_hex(compact + b":" + update.proofs[0].id.encode()),
    }
