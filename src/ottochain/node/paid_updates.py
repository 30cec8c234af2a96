"""An update with the fee that it pays, if it pays one: what DL1's pool holds, and what a group of a data block is."""

from __future__ import annotations

from dataclasses import dataclass

from ottochain.codec import exact_json
from ottochain.codec.errors import JsonError
from ottochain.crypto.proofs import verify_all
from ottochain.fibers.errors import DecodeError
from ottochain.fibers.messages import target_sequence_number_of
from ottochain.fibers.updates import SignedUpdate
from ottochain.ledger.fee_transactions import SignedFee, fee_violations
from ottochain.model.errors import ModelError
from ottochain.node.bodies import DEPTH_MAX
from ottochain.node.l1_pool import Content, NamedContent

PROOFS_MAX = 256
"""Signatures on one update. The reference has no bound; a body full of them would cost seconds to verify."""


@dataclass(frozen=True, slots=True)
class PaidUpdate:
    """An update, alone or with its fee."""

    update: SignedUpdate
    fee: SignedFee | None = None

    @property
    def key(self) -> str:
        """The update's: the same update with another fee is no other item."""
        return self.update.key

    @property
    def hash(self) -> str:
        """The update's."""
        return self.update.hash

    @property
    def fee_hash(self) -> str | None:
        """What names the fee."""
        return None if self.fee is None else self.fee.hash

    @property
    def content(self) -> Content:
        """What names both in the pool and in blocks."""
        update = self.update
        if self.fee is None:
            return update
        sequence = target_sequence_number_of(update.message)
        return NamedContent(update.key, update.hash, update.fiber_id, sequence, self.fee.hash)

    def to_bytes(self) -> bytes:
        """The JSON that is kept and sent to peers: of an update alone, or of the pair."""
        update = self.update.to_json()
        return exact_json.dumps(update if self.fee is None else [update, self.fee.to_json()])

    @classmethod
    def from_bytes(cls, raw: bytes) -> PaidUpdate | None:
        """What these bytes hold, when it is sound whatever the state: its proofs verify, and the fee is for it."""
        try:
            value = exact_json.loads(raw, max_depth=DEPTH_MAX)
            members = value if isinstance(value, list) else [value]
            update = SignedUpdate.from_json(members[0]) if 0 < len(members) <= 2 else None
            fee = SignedFee.from_json(members[1]) if len(members) == 2 else None
        except (JsonError, DecodeError, ModelError):
            return None
        if update is None or len(update.proofs) > PROOFS_MAX or not verify_all(update.hash, update.proofs):
            return None
        if fee is not None and (fee.update_hash != update.hash or fee_violations(fee)):
            return None
        return cls(update, fee)


def group_of(kept: bytes) -> bytes:
    """The group of a data block that kept bytes stand for."""
    return kept if kept.startswith(b"[") else b"[%b]" % kept


def fee_hash_of(kept: bytes) -> str:
    """The hash of the fee in kept bytes; "" without one."""
    return SignedFee.from_json(exact_json.loads(kept)[1]).hash if kept.startswith(b"[") else ""
