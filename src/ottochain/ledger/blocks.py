"""The blocks in which L1 nodes bring items to L0.

Source: Tessellation, ``Block.scala``, ``swap.scala`` and ``tokenLock.scala``.
"""

import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, ClassVar, Final, Generic, Self, TypeAlias, TypeVar

from ottochain.codec.wire import json_hash
from ottochain.crypto.proofs import Proof, proofs_hash
from ottochain.ledger.allow_spends import AllowSpend, read_allow_spend
from ottochain.ledger.fields import members_of
from ottochain.ledger.items import I, SignedItem, proofs_order
from ottochain.ledger.tips import BlockReference
from ottochain.ledger.token_locks import TokenLock, read_token_lock
from ottochain.ledger.transactions import SignedTransaction, read_transaction
from ottochain.model.errors import ModelError
from ottochain.model.signed import decode_proofs

PARENTS_MAX: Final = 16
ITEMS_MAX: Final = 4096

_UUID: Final = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}").fullmatch
_HALF: Final = 1 << 63

T = TypeVar("T")


@dataclass(frozen=True)
class TokenBlock:
    """Transactions on parents. ``parents`` stand as they came, ``items`` in the order of sets."""

    parents: tuple[BlockReference, ...]
    items: tuple[SignedTransaction, ...] = field(repr=False)
    proofs: tuple[Proof, ...] = field(repr=False)

    @cached_property
    def hash(self) -> str:
        """What its signers sign."""
        return json_hash(self.value_json())

    @property
    def height(self) -> int:
        """One more than that of the highest parent."""
        return max(self.parents).height + 1

    @cached_property
    def reference(self) -> BlockReference:
        """How later blocks name it: by its proofs, so that the same value under other proofs is another tip."""
        return BlockReference(self.height, proofs_hash(self.proofs))

    @cached_property
    def order(self) -> tuple[Any, ...]:
        """What sets of signed blocks are ordered by."""
        return (self.parents, _items_order(self.items), proofs_order(self.proofs))

    def value_json(self) -> dict[str, Any]:
        """The wire form of the value."""
        return {
            "parent": [parent.to_json() for parent in self.parents],
            "transactions": [item.to_json() for item in self.items],
        }

    def to_json(self) -> dict[str, Any]:
        """The wire form."""
        return {"value": self.value_json(), "proofs": [proof.to_json() for proof in self.proofs]}

    @classmethod
    def of(
        cls, parents: Iterable[BlockReference], items: Iterable[SignedTransaction], proofs: Iterable[Proof] = ()
    ) -> "TokenBlock":
        """A block of these. Raises ``ModelError`` for one without parents or transactions."""
        block = cls(tuple(parents), _as_set(items), tuple(sorted(set(proofs))))
        if not block.parents or not block.items:
            raise ModelError("expected a token block with parents and transactions")
        return block

    @classmethod
    def from_json(cls, value: object) -> "TokenBlock":
        """The signed block of its wire form; ``ModelError`` if it is none."""
        signed = members_of(value, "a signed token block")
        members = members_of(signed.get("value"), "a token block")
        parents = _read_list(members.get("parent"), "parent", PARENTS_MAX, BlockReference.from_json)
        items = _read_list(members.get("transactions"), "transactions", ITEMS_MAX, read_transaction)
        return cls.of(parents, items, decode_proofs(signed.get("proofs")))


@dataclass(frozen=True)
class RoundBlock(Generic[I]):
    """Items under the id of the round in which L1 nodes agreed on them."""

    member: ClassVar[str]
    """What the block calls its items."""

    round_id: str
    items: tuple[SignedItem[I], ...] = field(repr=False)
    proofs: tuple[Proof, ...] = field(repr=False)

    @classmethod
    def of(cls, round_id: str, items: Iterable[SignedItem[I]], proofs: Iterable[Proof] = ()) -> Self:
        """A block of these."""
        return cls(round_id, _as_set(items), tuple(sorted(set(proofs))))

    @cached_property
    def hash(self) -> str:
        """What its signers sign."""
        return json_hash(self.value_json())

    @cached_property
    def order(self) -> tuple[Any, ...]:
        """What sets of signed blocks are ordered by."""
        return (uuid_order(self.round_id), _items_order(self.items), proofs_order(self.proofs))

    def value_json(self) -> dict[str, Any]:
        """The wire form of the value."""
        return {"roundId": self.round_id, self.member: [item.to_json() for item in self.items]}

    def to_json(self) -> dict[str, Any]:
        """The wire form."""
        return {"value": self.value_json(), "proofs": [proof.to_json() for proof in self.proofs]}


@dataclass(frozen=True)
class AllowSpendBlock(RoundBlock[AllowSpend]):
    """Allow-spends."""

    member = "transactions"

    @classmethod
    def from_json(cls, value: object) -> "AllowSpendBlock":
        """The signed block of its wire form; ``ModelError`` if it is none."""
        return cls(*_read_round(value, cls.member, read_allow_spend))


@dataclass(frozen=True)
class TokenLockBlock(RoundBlock[TokenLock]):
    """Token locks."""

    member = "tokenLocks"

    @classmethod
    def from_json(cls, value: object) -> "TokenLockBlock":
        """The signed block of its wire form; ``ModelError`` if it is none."""
        return cls(*_read_round(value, cls.member, read_token_lock))


LedgerBlock: TypeAlias = TokenBlock | AllowSpendBlock | TokenLockBlock
B = TypeVar("B", TokenBlock, AllowSpendBlock, TokenLockBlock)


def uuid_order(text: str) -> tuple[int, int]:
    """How the JVM orders UUIDs: as two *signed* 64-bit numbers."""
    digits = text.replace("-", "")
    return _signed(int(digits[:16], 16)), _signed(int(digits[16:], 16))


def _signed(number: int) -> int:
    return number - 2 * _HALF if number >= _HALF else number


def _items_order(items: tuple[SignedItem[Any], ...]) -> tuple[int, tuple[Any, ...]]:
    return len(items), tuple(item.order for item in items)


def _as_set(items: Iterable[SignedItem[I]]) -> tuple[SignedItem[I], ...]:
    by_order = {item.order: item for item in items}
    return tuple(by_order[order] for order in sorted(by_order))


def _read_round(
    value: object, member: str, read: Callable[[object], SignedItem[I]]
) -> tuple[str, tuple[SignedItem[I], ...], tuple[Proof, ...]]:
    signed = members_of(value, "a signed block")
    members = members_of(signed.get("value"), "a block")
    round_id = members.get("roundId")
    if not isinstance(round_id, str) or not _UUID(round_id.lower()):
        raise ModelError(f"expected a UUID as the block's roundId, found {str(round_id)[:80]!r}")
    items = _as_set(_read_list(members.get(member), member, ITEMS_MAX, read))
    return round_id.lower(), items, decode_proofs(signed.get("proofs"))


def _read_list(value: object, name: str, count_max: int, read: Callable[[object], T]) -> list[T]:
    if not isinstance(value, list) or not 0 < len(value) <= count_max:
        raise ModelError(f"expected {name} to be an array of 1 to {count_max}")
    return [read(each) for each in value]
