"""What moves tokens, as it reaches ML0: a block of an L1, or a message of the metagraph's owner.

The wire text is kept as it came, because a proposal hands it on. Beside the reference's ``value`` and ``proofs`` a
block may have a member ``after``, as a data block has: the ordinals that its items were submitted after, by their keys.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, TypeAlias

from ottochain.codec import exact_json
from ottochain.codec.exact_json import JsonError
from ottochain.codec.hashing import sha256_hex
from ottochain.crypto.proofs import Proof
from ottochain.ledger.blocks import AllowSpendBlock, LedgerBlock, TokenBlock, TokenLockBlock
from ottochain.ledger.items import SignedItem
from ottochain.ledger.messages import SignedMessage
from ottochain.model.errors import ModelError

Content: TypeAlias = LedgerBlock | SignedMessage


@dataclass(frozen=True)
class TokenEvent:
    """A block or a message. ``round_id`` names it as a data block's does; for both kinds it is made of hashes."""

    content: Content
    wire: bytes = field(repr=False)
    after: Mapping[str, int] = field(default_factory=dict, repr=False)

    @classmethod
    def from_bytes(cls, text: bytes) -> "TokenEvent":
        """The event of a request's body; ``ModelError`` if it is none."""
        try:
            value = exact_json.loads(text)
        except JsonError as error:
            raise ModelError(f"expected a signed block or message: {error}") from None
        return cls.from_json(value, text)

    @classmethod
    def from_json(cls, value: object, wire: bytes | None = None) -> "TokenEvent":
        """The event of its wire form, whose members tell its kind; ``ModelError`` if it is none."""
        members = value.get("value") if isinstance(value, dict) else None
        if not isinstance(value, dict) or not isinstance(members, dict):
            raise ModelError("expected a signed block or message with a value and proofs")
        content = _read(value, members)
        return cls(content, exact_json.dumps(value) if wire is None else wire, _after(value.get("after")))

    @cached_property
    def round_id(self) -> str:
        """A block's hash: what its signers signed. A message's hash with its proofs: other signers are another one."""
        if not isinstance(self.content, SignedMessage):
            return self.content.hash
        parts = [self.content.hash, *(f"{proof.id}:{proof.signature}" for proof in self.content.proofs)]
        return sha256_hex("\n".join(parts).encode("utf-8", "surrogatepass"))

    @property
    def hash(self) -> str:
        """What its signers sign."""
        return self.content.hash

    @property
    def proofs(self) -> tuple[Proof, ...]:
        """The proofs of its signers."""
        return self.content.proofs

    @property
    def updates(self) -> tuple[SignedItem[Any], ...]:
        """The items of a block; a message has none."""
        return () if isinstance(self.content, SignedMessage) else self.content.items

    @property
    def keys(self) -> tuple[str, ...]:
        """The keys of the items, in their order."""
        return tuple(item.key for item in self.updates)

    def after_of(self, key: str) -> int:
        """The ordinal that the item with this key was submitted after; 0 when none is named."""
        return self.after.get(key, 0)


def _read(value: dict[str, Any], members: dict[str, Any]) -> Content:
    if "parent" in members and "transactions" in members:
        return TokenBlock.from_json(value)
    if "messageType" in members:
        return SignedMessage.from_json(value)
    if "tokenLocks" in members:
        return TokenLockBlock.from_json(value)
    return AllowSpendBlock.from_json(value)


def _after(value: object) -> dict[str, int]:
    if value is None:
        return {}
    if not isinstance(value, dict) or not all(type(ordinal) is int and ordinal >= 0 for ordinal in value.values()):
        raise ModelError("expected after to give ordinals by key")
    return value
