"""GL0: the next global snapshot, built from the binaries of metagraphs, and checked by building it again.

Each metagraph's chain grows by the binaries that stand on its last one. Two binaries of one snapshot with different
proofs are the same thing twice: one is taken, the other dropped. Two snapshots on one parent can't both be final.
"""

from collections.abc import Iterable
from dataclasses import replace
from typing import Any

from ottochain.codec import exact_json
from ottochain.crypto.addresses import is_valid_address
from ottochain.layers.binary_errors import BinaryError, address_not_allowed
from ottochain.layers.delivery import Delivery
from ottochain.layers.gl0_built import (
    BINARY_BYTES_MAX,
    DEFAULT_RULES,
    CheckFailed,
    Dropped,
    Gl0Built,
    Gl0Rules,
    Included,
)
from ottochain.layers.gl0_growth import Growth, by_address
from ottochain.layers.gl0_proposal import GlobalInputs
from ottochain.layers.gl0_state import FoundedGlobal, Gl0State, first, found, reopened
from ottochain.layers.metagraph import NotTakenError, check_alone, extend
from ottochain.layers.validators import read_change
from ottochain.model.errors import ModelError
from ottochain.model.global_snapshot import GlobalIncremental
from ottochain.model.header import Header, Trigger

__all__ = [
    "BINARY_BYTES_MAX",
    "CheckFailed",
    "Delivery",
    "Dropped",
    "FoundedGlobal",
    "Gl0Built",
    "Gl0Rules",
    "Gl0State",
    "Included",
    "build",
    "check",
    "first",
    "found",
    "reopened",
    "validate_binary",
]


def validate_binary(state: Gl0State, delivery: Delivery, rules: Gl0Rules = DEFAULT_RULES) -> list[BinaryError]:
    """What the route answers 400 with: everything that keeps this binary from ever being included.

    A binary whose parent is not here yet may pass: whether its certificate holds is seen when its turn comes.
    """
    if not is_valid_address(delivery.address):
        return [address_not_allowed(delivery.address)]
    errors = check_alone(delivery, rules.binary_bytes_max)
    if errors:
        return errors
    metagraph = state.metagraphs.get(delivery.address)
    parent = None if metagraph is None else metagraph.binary_hash
    if not delivery.signed.binary.is_genesis and delivery.signed.binary.last_snapshot_hash != parent:
        return []
    try:
        extend(metagraph, delivery, rules.terms)
    except NotTakenError as refusal:
        return [refusal.error]
    return []


def build(
    parent: Gl0State,
    trigger: Trigger,
    deliveries: Iterable[Delivery],
    rules: Gl0Rules = DEFAULT_RULES,
    *,
    change: dict[str, Any] | None = None,
) -> Gl0Built:
    """Build the next snapshot from all that waits. Raises ModelError for a change that does not hold."""
    inputs = GlobalInputs(parent.ordinal + 1, parent.hash, trigger, change, tuple(deliveries))
    return _attempt(parent, inputs, rules)


def check(parent: Gl0State, proposal: bytes, rules: Gl0Rules = DEFAULT_RULES) -> Gl0Built | CheckFailed:
    """Build the snapshot that a proposal describes. The caller compares ``body_hash`` with what is voted on."""
    try:
        inputs = GlobalInputs.from_bytes(proposal)
        if (inputs.ordinal, inputs.parent) != (parent.ordinal + 1, parent.hash):
            expected = f"ordinal {parent.ordinal + 1} on {parent.hash}"
            return CheckFailed(f"expected a proposal for {expected}, found {inputs.ordinal} on {inputs.parent}")
        built = _attempt(parent, inputs, rules)
    except ModelError as error:
        return CheckFailed(str(error))
    if built.dropped:
        dropped = built.dropped[0]
        return CheckFailed(
            f"binary {dropped.binary_hash} can't be included: {exact_json.dumps(dropped.error).decode()}"
        )
    if built.waiting:
        return CheckFailed(f"binary {built.waiting[0]} does not follow and does not belong into a proposal")
    if built.proposal != proposal:
        return CheckFailed("its binaries are not in the order in which they are included")
    return built


def _attempt(parent: Gl0State, inputs: GlobalInputs, rules: Gl0Rules) -> Gl0Built:
    growth = Growth(parent, rules)
    for address, deliveries in by_address(inputs.deliveries):
        growth.grow(address, deliveries)
    epoch_progress = parent.epoch_progress + (1 if inputs.trigger == "time" else 0)
    change = None if inputs.change is None else read_change(inputs.change, parent.chain, parent.validators)
    info = growth.info(inputs.ordinal, epoch_progress)
    text = GlobalIncremental(
        ordinal=inputs.ordinal,
        height=parent.height,
        sub_height=parent.sub_height + 1,
        last_snapshot_hash=parent.hash,
        binaries={address: [each.signed for each in taken] for address, taken in growth.taken.items()},
        epoch_progress=epoch_progress,
        tips=parent.tips,
        state_proof=info.state_proof(),
    ).text()
    state = replace(
        parent,
        ordinal=inputs.ordinal,
        hash=text.hash,
        sub_height=parent.sub_height + 1,
        epoch_progress=epoch_progress,
        info=info,
        validators=parent.validators.advanced(change),
        metagraphs=growth.metagraphs,
        reopening=None,
    )
    header = Header(
        chain_id=parent.chain.chain_id,
        incarnation=parent.chain.incarnation,
        layer=parent.chain.layer,
        ordinal=inputs.ordinal,
        trigger=inputs.trigger,
        snapshot_hash=text.hash,
        validators=parent.validators.next,
        change=inputs.change,
        reopening=parent.reopening,
    )
    taken = tuple(delivery for address in sorted(growth.taken) for delivery in growth.taken[address])
    return Gl0Built(
        ordinal=inputs.ordinal,
        trigger=inputs.trigger,
        text=text,
        header=header,
        proposal=replace(inputs, deliveries=taken).to_bytes(),
        state=state,
        included=tuple(growth.included),
        dropped=tuple(growth.dropped),
        waiting=tuple(growth.waiting),
    )
