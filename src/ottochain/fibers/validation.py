"""Whether a message may be applied: structural rules (L1) and rules that need records and proofs (L0).

Rejections come in the reference's order and repeat as there: an unknown fiber is ``CidNotFound`` and then
``FiberNotFound`` once per rule that looked for it.
"""

from collections.abc import Sequence

from ottochain.crypto.proofs import Proof
from ottochain.fibers.definition_rules import definition_rejections, depth_rejections
from ottochain.fibers.limits import INITIAL_DATA_BYTES_MAX, PAYLOAD_BYTES_MAX
from ottochain.fibers.messages import (
    ArchiveStateMachine,
    CreateScript,
    CreateStateMachine,
    InvokeScript,
    Message,
    TransitionStateMachine,
)
from ottochain.fibers.payload_rules import size_rejections, structure_rejections
from ottochain.fibers.policies import AccessPolicy, FiberOwned, Public
from ottochain.fibers.records import ACTIVE
from ottochain.fibers.rejections import (
    Rejection,
    cid_already_exists,
    cid_not_found,
    fiber_not_active,
    fiber_not_found,
    no_proofs,
    no_transition_for_event,
    not_map_value,
    not_map_value_or_null,
    not_signed_by_owner,
    oracle_access_denied,
    oracle_not_found,
    parent_fiber_not_active,
    parent_fiber_not_found,
    sequence_number_mismatch,
    value_is_null,
)
from ottochain.fibers.state import CalculatedState, FiberState, OnChain
from ottochain.fibers.updates import SignedUpdate, addresses_of

__all__ = ["validate_l0", "validate_l1", "validate_update"]


def validate_l1(on_chain: OnChain, message: Message) -> list[Rejection]:
    """What a data L1 node asks of a message; it knows the on-chain state only. Empty if the message is fine."""
    match message:
        case CreateStateMachine():
            return _create_machine_l1(on_chain, message)
        case TransitionStateMachine():
            return _transition_l1(on_chain, message)
        case ArchiveStateMachine():
            return _addressed(on_chain, message)
        case CreateScript():
            return _create_script_l1(on_chain, message)
        case InvokeScript():
            return _invoke_l1(on_chain, message)


def validate_l0(state: FiberState, message: Message, proofs: Sequence[Proof]) -> list[Rejection]:
    """What a metagraph L0 node asks: the rules of L1 again, then those that need records and proofs."""
    return validate_l1(state.on_chain, message) + _l0(state.calculated, message, addresses_of(proofs))


def validate_update(state: FiberState, update: SignedUpdate) -> list[Rejection]:
    """``validate_l0`` of a signed update, whose signers' addresses are known already."""
    return validate_l1(state.on_chain, update.message) + _l0(state.calculated, update.message, update.addresses)


def _create_machine_l1(on_chain: OnChain, message: CreateStateMachine) -> list[Rejection]:
    rejections = _unused(on_chain, message.fiber_id)
    rejections += definition_rejections(message.definition)
    if not isinstance(message.initial_data, dict):
        rejections.append(not_map_value("initialData"))
    rejections += size_rejections(message.initial_data, INITIAL_DATA_BYTES_MAX, "initialData")
    if message.parent_fiber_id is not None and message.parent_fiber_id not in on_chain.fiber_commits:
        rejections.append(parent_fiber_not_found(message.parent_fiber_id))
    return rejections


def _transition_l1(on_chain: OnChain, message: TransitionStateMachine) -> list[Rejection]:
    rejections = _addressed(on_chain, message)
    if message.payload is None:
        rejections.append(value_is_null("payload"))
    rejections += size_rejections(message.payload, PAYLOAD_BYTES_MAX, "payload")
    rejections += structure_rejections(message.payload, "payload")
    return rejections


def _create_script_l1(on_chain: OnChain, message: CreateScript) -> list[Rejection]:
    rejections = _unused(on_chain, message.fiber_id)
    if message.initial_state is not None and not isinstance(message.initial_state, dict):
        rejections.append(not_map_value_or_null("initialState"))
    rejections += depth_rejections(message.script_program.expression, "scriptProgram")
    if message.initial_state is not None:
        rejections += size_rejections(message.initial_state, INITIAL_DATA_BYTES_MAX, "initialState")
    return rejections


def _invoke_l1(on_chain: OnChain, message: InvokeScript) -> list[Rejection]:
    rejections = _addressed(on_chain, message)
    rejections += structure_rejections(message.args, "args")
    rejections += size_rejections(message.args, PAYLOAD_BYTES_MAX, "args")
    return rejections


def _unused(on_chain: OnChain, fiber_id: str) -> list[Rejection]:
    return [cid_already_exists(fiber_id)] if fiber_id in on_chain.fiber_commits else []


def _addressed(
    on_chain: OnChain, message: TransitionStateMachine | ArchiveStateMachine | InvokeScript
) -> list[Rejection]:
    """The fiber is known, and not beyond the number that the message aims at. Ahead of it is fine: batches queue."""
    commit = on_chain.fiber_commits.get(message.fiber_id)
    if commit is None:
        return [cid_not_found(message.fiber_id)]
    if message.target_sequence_number < commit.sequence_number:
        return [sequence_number_mismatch(message.fiber_id, message.target_sequence_number, commit.sequence_number)]
    return []


def _l0(calculated: CalculatedState, message: Message, signers: Sequence[str]) -> list[Rejection]:
    match message:
        case CreateStateMachine():
            return _create_machine_l0(calculated, message, signers)
        case TransitionStateMachine():
            return _transition_l0(calculated, message, signers)
        case ArchiveStateMachine():
            return _archive_l0(calculated, message, signers)
        case CreateScript():
            return []
        case InvokeScript():
            return _invoke_l0(calculated, message, signers)


def _create_machine_l0(
    calculated: CalculatedState, message: CreateStateMachine, signers: Sequence[str]
) -> list[Rejection]:
    rejections = [] if signers else [no_proofs()]
    if message.parent_fiber_id is not None:
        parent = calculated.fiber(message.parent_fiber_id)
        if parent is None:
            rejections.append(parent_fiber_not_found(message.parent_fiber_id))
        elif parent.status != ACTIVE:
            rejections.append(parent_fiber_not_active(message.parent_fiber_id))
    return rejections


def _transition_l0(
    calculated: CalculatedState, message: TransitionStateMachine, signers: Sequence[str]
) -> list[Rejection]:
    rejections = _archive_l0(calculated, message, signers)
    record = calculated.state_machines.get(message.fiber_id)
    if record is None:
        rejections.append(fiber_not_found(message.fiber_id))
    elif not record.definition.transitions_on(record.current_state, message.event_name):
        rejections.append(no_transition_for_event(record.current_state, message.event_name))
    return rejections


def _archive_l0(
    calculated: CalculatedState, message: TransitionStateMachine | ArchiveStateMachine, signers: Sequence[str]
) -> list[Rejection]:
    """The machine is active, and one of its owners signed."""
    record = calculated.state_machines.get(message.fiber_id)
    if record is None:
        return [fiber_not_found(message.fiber_id)] * 2  # once for each of the two rules
    rejections = [] if record.status == ACTIVE else [fiber_not_active(message.fiber_id)]
    if not any(signer in record.owners for signer in signers):
        rejections.append(not_signed_by_owner())
    return rejections


def _invoke_l0(calculated: CalculatedState, message: InvokeScript, signers: Sequence[str]) -> list[Rejection]:
    script = calculated.scripts.get(message.fiber_id)
    if script is None:
        return [oracle_not_found(message.fiber_id)]
    if not _admits(calculated, script.access_control, signers):
        return [oracle_access_denied(message.fiber_id, script.access_control)]
    return []


def _admits(calculated: CalculatedState, policy: AccessPolicy, signers: Sequence[str]) -> bool:
    """Any signer will do here; the engine later asks for the first one only."""
    if isinstance(policy, Public):
        return True
    if isinstance(policy, FiberOwned):
        owner = calculated.fiber(policy.fiber_id)
        return owner is not None and any(signer in owner.owners for signer in signers)
    return any(signer in policy.addresses for signer in signers)
