"""Every decoder of what comes from outside, with sound samples and the refusals that it promises.

Each is called with bytes. It may give something, or raise one of its refusals; anything else is a fault.
"""

from __future__ import annotations

import json
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from typing import Any, Final

from consensus.kit import certificate, digest, precommit, prevote, proposal
from layers.channel import Channel, GlobalDriver
from layers.metagraph import (
    ALICE,
    BOB,
    CHAIN,
    L1,
    METAGRAPH,
    OPERATOR,
    VALIDATOR,
    add,
    archive,
    block,
    create,
    fiber_id,
    update,
)
from ledger.kit import allow, allow_block, fee_of, lock, lock_block, message, pay, token_block
from ottochain.codec import exact_json
from ottochain.codec.canonical import canonical_bytes
from ottochain.codec.errors import CodecError
from ottochain.codec.wire import unbrotli
from ottochain.consensus.effects import RecordError, Voted, decode_record, encode_record
from ottochain.consensus.l1_effects import Offer, decode_l1_message, encode_l1_message
from ottochain.consensus.l1_items import Block, Item
from ottochain.consensus.votes import (
    MessageError,
    decode_certificate,
    decode_message,
    encode_certificate,
    encode_message,
)
from ottochain.crypto.errors import CryptoError
from ottochain.crypto.keystore import read_p12, write_p12
from ottochain.fibers.definitions import decode_definition
from ottochain.fibers.errors import FiberError
from ottochain.fibers.messages import decode_message as decode_fiber_message
from ottochain.fibers.policies import decode_policy
from ottochain.fibers.programs import decode_program
from ottochain.fibers.updates import SignedUpdate
from ottochain.jlvm import batch
from ottochain.jlvm.errors import JlvmError
from ottochain.layers.delivery import Delivery
from ottochain.layers.gl0_proposal import GlobalInputs
from ottochain.layers.ml0_proposal import Inputs
from ottochain.layers.token_event import TokenEvent
from ottochain.layers.update_block import UpdateBlock
from ottochain.layers.validators import ValidatorChange, Validators, read_change
from ottochain.ledger.messages import SignedMessage
from ottochain.ledger.transactions import read_transaction
from ottochain.model.balances_csv import read_balances
from ottochain.model.currency_content import read_content
from ottochain.model.errors import ModelError
from ottochain.model.header import Header
from ottochain.model.node_state import NodeState
from ottochain.node import common_routes, join_routes, joining, l0_download, l0_frames, l1_messages, submission
from ottochain.node.bodies import RefinedRouteFailure
from ottochain.node.cl1_cargo import KINDS as CL1_KINDS
from ottochain.node.config import ConfigError, read_config
from ottochain.node.ml0_blocks import read_waiting
from ottochain.node.ml0_founding import read_genesis
from ottochain.node.paid_updates import PaidUpdate
from ottochain.node.registration import MalformedRegistration, Registration, decode_contact, decode_registration
from ottochain.node.webhooks import subscription
from ottochain.ops import chain_record
from ottochain.ops.errors import OttochainError
from ottochain.ops.inventory import reading
from ottochain.store.database import Database
from ottochain.store.errors import StoreError
from ottochain.store.meta import read_tip

BROTLI_BYTES_MAX: Final = 1 << 20


@dataclass(frozen=True, slots=True)
class Target:
    """A decoder: sound ``samples``, and what it raises for what is none."""

    read: Callable[[bytes], Any]
    samples: tuple[bytes, ...]
    refusals: tuple[type[Exception], ...]


def from_json(decode: Callable[[Any], Any]) -> Callable[[bytes], Any]:
    """A decoder of JSON values, behind the parser that stands before it."""
    return lambda raw: decode(exact_json.loads(raw, max_depth=512))


def wire(*values: Any) -> tuple[bytes, ...]:
    return tuple(exact_json.dumps(value if isinstance(value, dict | list) else value.to_json()) for value in values)


def from_file(name: str, read: Callable[[Path], Any]) -> Callable[[bytes], Any]:
    """A decoder that reads a file of its own."""

    def reading_it(raw: bytes) -> Any:
        with tempfile.TemporaryDirectory() as folder:
            file = Path(folder) / name
            file.write_bytes(raw)
            return read(file)

    return reading_it


def _environment(raw: bytes) -> Any:
    """A node's environment as lines of ``NAME=VALUE``, with its files beside it."""
    with tempfile.TemporaryDirectory() as folder:
        (Path(folder) / "key.p12").write_bytes(b"")
        (Path(folder) / "peers").write_bytes(f"{L1.peer_id}\n".encode() if raw == ENVIRONMENT else raw[-200:])
        lines = raw.replace(b"\0", b"").decode("utf-8", "surrogateescape").splitlines()
        pairs = (line.partition("=") for line in lines)
        arguments = ["dl1", "run-validator", "--seedlist", "peers"]
        return read_config(arguments, {name: value for name, _, value in pairs}, Path(folder))


def _store() -> bytes:
    """An empty store, as a node makes it."""
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "node.sqlite"
        Database.open(file).close()
        return file.read_bytes()


def _evaluated(value: Any) -> Any:
    """One request of ``ottochain jlvm eval``; the gas is bounded, as on the chain."""
    if isinstance(value, dict):
        value = {**value, "gasLimit": 10_000}
    return batch.answer(value)


def _jlvm_samples() -> tuple[bytes, ...]:
    programs: list[Any] = [
        {"if": [{">": [{"var": "a"}, 1]}, {"cat": ["x", {"var": "b"}]}, {"merge": [{"var": "c"}, [1, 2]]}]},
        {"reduce": [{"var": "c"}, {"+": [{"var": "current"}, {"var": "accumulator"}]}, 0]},
        {"map": [{"filter": [{"var": "c"}, {"%": [{"var": ""}, 2]}]}, {"*": [{"var": ""}, {"pow": [2, 3]}]}]},
        {"substr": [{"lower": "ABC"}, 1, {"-": [{"length": {"var": "b"}}, 1]}]},
        {"split": [{"join": [{"var": "c"}, ","]}, ","]},
    ]
    data = {"a": 2, "b": "text", "c": [1, 2, 3]}
    return wire(*({"expression": program, "data": data} for program in programs))


def _offer() -> Offer:
    item = Item(create(1).key, create(1).hash, create(1).fiber_id, None, 1, ALICE.peer_id)
    return Offer(Block(ALICE.peer_id, 1, 1, (item,)), "3045")


def _l1_offer() -> bytes:
    offered = _offer()
    return l1_messages.enveloped(offered, [exact_json.dumps(create(1).to_json())], "transactions")


HASH: Final = digest("a block")
PROPOSAL: Final = proposal("a", HASH, body=sha256(b"body").hexdigest(), parent=digest("its parent"))
VOTES: Final = (prevote("a", HASH), precommit("a", None), PROPOSAL)


def _frames() -> tuple[bytes, ...]:
    votes = (prevote("a", HASH), precommit("a", None))
    events = (
        l0_frames.Spread("block", ALICE.peer_id, block(1, [create(1)]).wire),
        l0_frames.Spread("tokens", ALICE.peer_id, TOKEN_BLOCKS[0]),
        l0_frames.Spread("binary", CHANNEL.address, CHANNEL.deliveries[1].to_frame()),
        l0_frames.Spread("change", ALICE.peer_id, wire(CHANGE)[0]),
    )
    return (l0_frames.said(PROPOSAL, b"body"), *map(l0_frames.said, votes), *map(l0_frames.spread, events))


CHANNEL: Final = Channel()
PROPOSED: Final = CHANNEL.build(block(1, [create(1)])).proposal
CHANNEL.advance(block(1, [create(1)]))
GLOBALLY: Final = GlobalDriver().commit(CHANNEL.deliveries[0]).proposal
DELIVERIES: Final = tuple(delivery.to_bytes() for delivery in CHANNEL.deliveries)
CONTENTS: Final = tuple(delivery.signed.binary.content for delivery in CHANNEL.deliveries)
REGISTRATION: Final = json.dumps(
    Registration(
        ALICE.peer_id, "127.0.0.1", 9000, 9001, 1, 2, "cluster", NodeState.READY, "0" * 64, "1" * 64, "2" * 64, "Dev"
    ).to_json()
).encode()
CHANGE: Final = ValidatorChange(CHAIN.chain_id, CHAIN.incarnation, CHAIN.layer, 1, add=BOB.peer_id).signed(OPERATOR)
P12: Final = write_p12(ALICE, "alias", "secret")
DEFINITION: Final = create(1).to_json()["value"]["CreateStateMachine"]["definition"]
SCRIPT: Final = {"fiberId": fiber_id(7), "scriptProgram": {"+": [{"var": "args.a"}, 1]}, "initialState": None,
                 "accessControl": {"Whitelist": {"addresses": [ALICE.address]}}}  # fmt: skip
SIGNED: Final = wire(create(1), add(1, 0), archive(1, 3), update({"CreateScript": SCRIPT}, ALICE, BOB))
UNSIGNED: Final = wire(*(json.loads(each)["value"] for each in SIGNED))
SUBMITTED: Final = (
    *SIGNED,
    *wire({"data": create(2).to_json(), "fee": None}),
    *wire({"data": create(2).to_json(), "fee": fee_of(ALICE, 0, create(2).hash).to_json()}),
)
TOKEN_BLOCKS: Final = wire(token_block(pay(ALICE, BOB, 1)), allow_block(1, allow(ALICE)), lock_block(1, lock(ALICE)))
ENVIRONMENT: Final = f"""CL_KEYSTORE=key.p12
CL_KEYALIAS=alias
CL_PASSWORD=x
CL_PUBLIC_HTTP_PORT=9400
CL_APP_ENV=dev
CL_L0_TOKEN_IDENTIFIER={METAGRAPH}
CL_L0_PEER_ID={L1.peer_id}
CL_L0_PEER_HTTP_HOST=127.0.0.1
CL_L0_PEER_HTTP_PORT=9200
CL_GLOBAL_L0_PEER_ID={L1.peer_id}
CL_GLOBAL_L0_PEER_HTTP_HOST=::1
OTTOCHAIN_LEAVING_DELAY_SECONDS=1e3
OTTOCHAIN_OPERATOR_PEER_ID={OPERATOR.peer_id}
""".encode()
DEPLOYMENT: Final = b"""[deployment]
name = "test"
port_offset = 0

[layers]
gl0 = 1
ml0 = 1
cl1 = 3
dl1 = 3

[nodes.dl1]
env = { OTTOCHAIN_TIME_TRIGGER_SECONDS = "5" }
"""

MODEL: Final = (ModelError, CodecError)
TARGETS: Final[dict[str, Target]] = {
    "exact JSON": Target(exact_json.loads, SUBMITTED, (CodecError,)),
    "exact JSON, written again": Target(lambda raw: _round(raw), SUBMITTED, (CodecError,)),
    "canonical JSON": Target(from_json(canonical_bytes), SUBMITTED, (CodecError,)),
    "Brotli": Target(lambda raw: unbrotli(raw, BROTLI_BYTES_MAX), CONTENTS, (CodecError,)),
    "POST /data": Target(submission.decode_submission, SUBMITTED, (submission.Refusal, *MODEL, FiberError)),
    "an unsigned update": Target(submission.unsigned_hash, UNSIGNED, (submission.Refusal, *MODEL, FiberError)),
    "a kept update": Target(PaidUpdate.from_bytes, SUBMITTED, (*MODEL, FiberError)),
    "a signed update": Target(from_json(SignedUpdate.from_json), SIGNED, (*MODEL, FiberError)),
    "a fiber message": Target(
        from_json(decode_fiber_message), UNSIGNED, (*MODEL, FiberError)),
    "a definition": Target(from_json(decode_definition), wire(DEFINITION), (*MODEL, FiberError)),
    "a script": Target(from_json(decode_program), wire(SCRIPT["scriptProgram"]), (*MODEL, FiberError)),
    "a policy": Target(from_json(decode_policy), wire(SCRIPT["accessControl"], {"Public": {}}), (*MODEL, FiberError)),
    "JSON logic": Target(from_json(_evaluated), _jlvm_samples(), (CodecError, batch.RequestError, JlvmError)),
    "a data block": Target(UpdateBlock.from_bytes, (block(1, [create(1), add(1, 0)]).wire,), MODEL),
    "a token event": Target(
        TokenEvent.from_bytes, (*TOKEN_BLOCKS, *wire(message("Owner", ALICE, 0, ALICE, BOB))), MODEL),
    "what waits at ML0": Target(read_waiting, (*TOKEN_BLOCKS, block(1, [create(1)]).wire), MODEL),
    "a transaction": Target(from_json(read_transaction), wire(pay(ALICE, BOB, 1)), MODEL),
    "an owner message": Target(from_json(SignedMessage.from_json), wire(message("Owner", ALICE, 0, ALICE)), MODEL),
    **{
        f"CL1's {kind.path}": Target(kind.decode, wire(sample), MODEL)
        for kind, sample in zip(CL1_KINDS, (pay(ALICE, BOB, 1), allow(ALICE), lock(ALICE)), strict=True)
    },
    "a binary": Target(lambda raw: Delivery.from_bytes(CHANNEL.address, raw), DELIVERIES, MODEL),
    "a binary as nodes keep it": Target(
        lambda raw: Delivery.kept(CHANNEL.address, raw), tuple(d.to_frame() for d in CHANNEL.deliveries), MODEL),
    "a binary's content": Target(read_content, CONTENTS, MODEL),
    "a genesis": Target(read_genesis, CONTENTS[:1], MODEL),
    "a header": Target(Header.from_bytes, tuple(d.header.to_bytes() for d in CHANNEL.deliveries if d.header), MODEL),
    "GL0's proposal": Target(GlobalInputs.from_bytes, (GLOBALLY,), MODEL),
    "ML0's proposal": Target(
        Inputs.from_bytes, (PROPOSED,), MODEL),
    "a change of validators": Target(
        from_json(lambda value: read_change(value, CHAIN, Validators((VALIDATOR.peer_id,), (VALIDATOR.peer_id,), 0))),
        wire(CHANGE), MODEL),
    "a consensus message": Target(
        decode_message, tuple(map(encode_message, VOTES)), (MessageError,)),
    "a vote record": Target(
        decode_record, tuple(encode_record(Voted(vote)) for vote in VOTES), (RecordError,)),
    "a certificate": Target(decode_certificate, (encode_certificate(certificate("abc", HASH)),), (MessageError,)),
    "a frame between L0 nodes": Target(l0_frames.opened, _frames(), (MessageError,)),
    "a message between L1 nodes": Target(l1_messages.opened_in_lane, (_l1_offer(),), (MessageError,)),
    "an L1 core's message": Target(decode_l1_message, (encode_l1_message(_offer()),), (MessageError,)),
    "a page of a chain": Target(
        l0_download._read_page,
        (b'{"founding":{},"snapshots":[{"ordinal":1,"hash":"a","body":"","header":{},"proposal":""}]}',),
        (l0_download.ChainRefused,)),
    "a registration": Target(
        from_json(decode_registration), (REGISTRATION,), (CodecError, MalformedRegistration)),
    "a join request": Target(
        from_json(join_routes.decode_join_request), (b'{"registrationRequest":%b}' % REGISTRATION,),
        (CodecError, MalformedRegistration)),
    "a challenge": Target(
        from_json(join_routes.decode_challenge), wire({"value": fiber_id(1)}), (CodecError, MalformedRegistration)),
    "a contact": Target(
        from_json(decode_contact), wire({"id": ALICE.peer_id, "ip": "::1", "p2pPort": 9001}),
        (CodecError, MalformedRegistration)),
    "newcomers": Target(
        from_json(joining.decode_contacts), wire([{"id": ALICE.peer_id, "ip": "::1", "p2pPort": 9001}]),
        (CodecError, MalformedRegistration)),
    "a peer's state": Target(
        from_json(common_routes.decode_state), (b'"Ready"', b'{"state":"Ready"}'), (CodecError, RefinedRouteFailure)),
    "a webhook": Target(
        from_json(subscription), wire({"callbackUrl": "http://example.com/x", "secret": "s"}), (CodecError,)),
    "a keystore": Target(lambda raw: read_p12(raw, "alias", "secret"), (P12,), (CryptoError,)),
    "balances": Target(
        lambda raw: read_balances(raw.decode("utf-8", "surrogateescape")), (f"{METAGRAPH},100\n".encode(),), MODEL),
    "a node's environment": Target(_environment, (ENVIRONMENT,), (ConfigError,)),
    "ottochain.toml": Target(from_file("ottochain.toml", reading.load), (DEPLOYMENT,), (OttochainError,)),
    "chain.json": Target(
        from_file("chain.json", chain_record.read),
        (b'{"format":1,"phase":"founding","token":null,"since":"2026-01-01"}',),
        (OttochainError,)),
    "a stopped node's store": Target(from_file("node.sqlite", read_tip), (_store(),), (StoreError,)),
}  # fmt: skip
"""By name, as a person would say it."""


def _round(raw: bytes) -> None:
    """What was read is written, and read again as the same."""
    text = exact_json.dumps(exact_json.loads(raw))
    assert exact_json.dumps(exact_json.loads(text)) == text
