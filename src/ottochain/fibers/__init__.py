"""OttoChain's fibers: messages, validation, and how a state follows from a state and signed updates.

Words:

fiber
    A thing with an id that messages address: a *state machine* or a *script*.
record
    A fiber as it stands: plan, data, owners, sequence number, latest log entry.
definition
    A machine's states and transitions; a transition has a *guard* (may it run?) and an *effect* (what changes).
script
    A program with a state, run by *invocations*. The reference also says "oracle", in routes, keys and texts.
message, update
    A message asks for one change; with the proofs of its signers it is a (signed) update.
proof
    A signer's id and signature. Their addresses own what they create.
sequence number
    Counts a fiber's successful changes; a message names the number that it expects.
trigger
    An event that one transition sends to another fiber, within the same transaction.
spawn
    A child machine that a transition creates.
transaction
    One update with all that it triggers and spawns: committed as a whole or aborted with a *failure*.
receipt
    The log entry of an event, successful or not.
commitment
    Hashes and sequence number of a record, kept on chain.
combine
    Apply the updates of one data block; a ``CombineError`` refuses the block.
rejection
    Why validation refuses a message.

Behaviour is that of OttoChain 45be4ab, quirks included; docs/compatibility.md lists the differences.
"""

from ottochain.fibers.combine import combine
from ottochain.fibers.engine import Aborted, Committed, EventInput, FiberInput, MethodInput, process
from ottochain.fibers.errors import CombineError, DecodeError, FiberError
from ottochain.fibers.execution import DEFAULT_RULES, ExecutionRules, SnapshotContext
from ottochain.fibers.limits import ExecutionLimits, FiberGasConfig
from ottochain.fibers.messages import (
    ArchiveStateMachine,
    CreateScript,
    CreateStateMachine,
    InvokeScript,
    Message,
    TransitionStateMachine,
    decode_message,
    encode_message,
    target_sequence_number_of,
    update_type,
)
from ottochain.fibers.receipts import EventReceipt, LogEntry, ScriptInvocation, log_entry_from_json, log_entry_to_json
from ottochain.fibers.records import FiberCommit, FiberRecord, ScriptRecord, StateMachineRecord, record_from_json
from ottochain.fibers.rejections import Rejection, refused_reason
from ottochain.fibers.state import (
    CalculatedState,
    FiberState,
    OnChain,
    calculated_bytes,
    calculated_proof,
    changed_fibers,
    genesis,
    on_chain_bytes,
    state_of_records,
)
from ottochain.fibers.updates import SignedUpdate, in_combining_order
from ottochain.fibers.validation import validate_l0, validate_l1, validate_update

__all__ = [
    "DEFAULT_RULES",
    "Aborted",
    "ArchiveStateMachine",
    "CalculatedState",
    "CombineError",
    "Committed",
    "CreateScript",
    "CreateStateMachine",
    "DecodeError",
    "EventInput",
    "EventReceipt",
    "ExecutionLimits",
    "ExecutionRules",
    "FiberCommit",
    "FiberError",
    "FiberGasConfig",
    "FiberInput",
    "FiberRecord",
    "FiberState",
    "InvokeScript",
    "LogEntry",
    "Message",
    "MethodInput",
    "OnChain",
    "Rejection",
    "ScriptInvocation",
    "ScriptRecord",
    "SignedUpdate",
    "SnapshotContext",
    "StateMachineRecord",
    "TransitionStateMachine",
    "calculated_bytes",
    "calculated_proof",
    "changed_fibers",
    "combine",
    "decode_message",
    "encode_message",
    "genesis",
    "in_combining_order",
    "log_entry_from_json",
    "log_entry_to_json",
    "on_chain_bytes",
    "process",
    "record_from_json",
    "refused_reason",
    "state_of_records",
    "target_sequence_number_of",
    "update_type",
    "validate_l0",
    "validate_l1",
    "validate_update",
]
