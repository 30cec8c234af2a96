"""A small metagraph for the tests: keys, updates, blocks, and a state to build on."""

import uuid
from collections.abc import Iterable
from typing import Any

from ottochain.codec import exact_json
from ottochain.codec.wire import json_hash
from ottochain.crypto.keys import PrivateKey
from ottochain.crypto.proofs import sign
from ottochain.fibers import SignedUpdate, decode_message, encode_message
from ottochain.layers import ml0
from ottochain.layers.ml0_state import Ml0State
from ottochain.layers.token_event import TokenEvent
from ottochain.layers.update_block import UpdateBlock
from ottochain.layers.validators import Chain
from ottochain.layers.verified import VerifiedProofs
from ottochain.model.currency_snapshot import GlobalSyncView

ALICE = PrivateKey.from_hex("11" * 32)
BOB = PrivateKey.from_hex("22" * 32)
L1 = PrivateKey.from_hex("33" * 32)
VALIDATOR = PrivateKey.from_hex("44" * 32)
OPERATOR = PrivateKey.from_hex("55" * 32)

METAGRAPH = "DAG0CyySf35ftDQDQBnd1bdQ9aPyUdacMghpnCuM"
CHAIN = Chain(chain_id=METAGRAPH, incarnation=0, layer="ml0", operator=OPERATOR.peer_id)
GENESIS_VIEW = GlobalSyncView(1, "ab" * 32, 1)

COUNTER: dict[str, Any] = {
    "states": {"on": {"id": "on", "isFinal": False, "metadata": None}},
    "initialState": "on",
    "transitions": [
        {
            "from": "on",
            "to": "on",
            "eventName": "add",
            "guard": {">": [{"var": "event.by"}, 0]},
            "effect": {"merge": [{"var": "state"}, {"total": {"+": [{"var": "state.total"}, {"var": "event.by"}]}}]},
            "dependencies": [],
        }
    ],
    "metadata": None,
}


def fiber_id(number: int) -> str:
    return str(uuid.UUID(int=number))


def update(message: dict[str, Any], *keys: PrivateKey) -> SignedUpdate:
    """A message signed by all ``keys``."""
    unsigned = SignedUpdate.of(decode_message(message), [])
    return SignedUpdate.of(unsigned.message, [sign(unsigned.hash, key) for key in keys])


def create(number: int, *keys: PrivateKey, total: int = 0) -> SignedUpdate:
    payload = {"fiberId": fiber_id(number), "definition": COUNTER, "initialData": {"total": total}}
    return update({"CreateStateMachine": payload}, *(keys or (ALICE,)))


def add(number: int, sequence: int, by: int = 1, key: PrivateKey = ALICE) -> SignedUpdate:
    payload = {"fiberId": fiber_id(number), "eventName": "add", "payload": {"by": by}, "targetSequenceNumber": sequence}
    return update({"TransitionStateMachine": payload}, key)


def archive(number: int, sequence: int) -> SignedUpdate:
    return update({"ArchiveStateMachine": {"fiberId": fiber_id(number), "targetSequenceNumber": sequence}}, ALICE)


def forged(original: SignedUpdate) -> SignedUpdate:
    """The same message under a signature of something else."""
    return SignedUpdate.of(original.message, [sign("00" * 32, ALICE)])


def block(round_number: int, updates: Iterable[SignedUpdate], *keys: PrivateKey) -> UpdateBlock:
    """A signed data block with one group per update."""
    updates = list(updates)
    value = {
        "roundId": str(uuid.UUID(int=round_number)),
        "dataTransactions": [[{"value": encode_message(u.message), "proofs": _proofs(u)}] for u in updates],
        "dataTransactionsHashes": [[u.hash] for u in updates],
    }
    block_hash = json_hash(value["dataTransactionsHashes"])
    proofs = [sign(block_hash, key).to_json() for key in (keys or (L1,))]
    return UpdateBlock.from_bytes(exact_json.dumps({"value": value, "proofs": proofs}))


def _proofs(signed: SignedUpdate) -> list[dict[str, str]]:
    return [proof.to_json() for proof in signed.proofs]


def start() -> Ml0State:
    """The state after the first incremental snapshot of an empty metagraph."""
    return ml0.first(ml0.found({ALICE.address: 100}, GENESIS_VIEW), CHAIN, [VALIDATOR.peer_id])[1]


class Driver:
    """Builds snapshot after snapshot, as a node with all its memory would."""

    def __init__(self, **rules: Any) -> None:
        self.state = start()
        self.decided: dict[str, str | None] = {}
        self.decided_at: dict[str, int] = {}
        self.verified = VerifiedProofs()
        self.knowledge = ml0.Knowledge(self.is_decided, self.verified, ml0.Ml0Rules(**rules))

    def is_decided(self, key: str, after: int) -> bool:
        return self.decided_at.get(key, 0) > after

    def build(self, *blocks: UpdateBlock | TokenEvent, trigger: Any = "event", **more: Any) -> ml0.Built:
        return ml0.build(self.state, trigger, blocks, self.knowledge, **more)

    def commit(self, *blocks: UpdateBlock | TokenEvent, trigger: Any = "event", **more: Any) -> ml0.Built:
        """Build, check as a validator would, and go on from there."""
        built = self.build(*blocks, trigger=trigger, **more)
        checked = ml0.check(self.state, built.proposal, self.knowledge)
        assert isinstance(checked, ml0.Built), checked
        assert (checked.body_hash, checked.text, checked.proposal) == (built.body_hash, built.text, built.proposal)
        self.state = built.state
        for decision in built.decisions():
            self.decided[decision.key] = decision.reason
            self.decided_at[decision.key] = built.ordinal
        return built

    def data(self, number: int) -> Any:
        machine = self.state.fibers.calculated.state_machines.get(fiber_id(number))
        return None if machine is None else machine.state_data
