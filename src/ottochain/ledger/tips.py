"""The tips of the block graph: blocks that new blocks may stand on (Tessellation, ``SnapshotTips``).

A tip that two blocks stand on is deprecated: it may still be stood on, until every active tip is younger than its
deprecation; then it goes.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Final

from ottochain.codec.hashing import sha256_hex
from ottochain.ledger.fields import ORDINAL_MAX, hash_text, integer, members_of
from ottochain.ledger.reasons import Product, product
from ottochain.model.errors import ModelError

DEPRECATION_USAGE: Final = 2
"""How many blocks may stand on a tip before it is deprecated."""


@dataclass(frozen=True, slots=True, order=True)
class BlockReference:
    """A block's height, and the hash of its proofs."""

    height: int
    hash: str

    def to_json(self) -> dict[str, Any]:
        """The wire form."""
        return {"height": self.height, "hash": self.hash}

    @classmethod
    def from_json(cls, value: object) -> "BlockReference":
        """The reference of its wire form; ``ModelError`` if it is none."""
        members = members_of(value, "a block reference with height and hash")
        return cls(integer(members, "height", 0, ORDINAL_MAX), hash_text(members, "hash"))

    def shown(self) -> Product:
        """As reasons print it."""
        return product("BlockReference", height=self.height, hash=self.hash)


@dataclass(frozen=True, slots=True, order=True)
class ActiveTip:
    """A tip, how many blocks stand on it, and the snapshot that brought it."""

    block: BlockReference
    usage: int
    introduced_at: int

    def to_json(self) -> dict[str, Any]:
        """The wire form."""
        return {"block": self.block.to_json(), "usageCount": self.usage, "introducedAt": self.introduced_at}


@dataclass(frozen=True, slots=True, order=True)
class DeprecatedTip:
    """A tip that is used up, and the snapshot in which it was."""

    block: BlockReference
    deprecated_at: int

    def to_json(self) -> dict[str, Any]:
        """The wire form."""
        return {"block": self.block.to_json(), "deprecatedAt": self.deprecated_at}


@dataclass(frozen=True, slots=True)
class Tips:
    """The tips that the next snapshot's blocks may stand on, each list in its order.

    The active ones are those that a snapshot lists as remaining, and the blocks that it accepted.
    """

    active: tuple[ActiveTip, ...]
    deprecated: tuple[DeprecatedTip, ...] = ()

    @property
    def usages(self) -> dict[BlockReference, int]:
        """How often each has been stood on; a deprecated one counts as just used up."""
        return {
            **{tip.block: tip.usage for tip in self.active},
            **{tip.block: DEPRECATION_USAGE for tip in self.deprecated},
        }

    @property
    def height(self) -> int:
        """The lowest height among all. There is always a tip: a block brings one for the two uses it makes."""
        blocks = [*(tip.block for tip in self.active), *(tip.block for tip in self.deprecated)]
        return min(block.height for block in blocks)

    def parents_for(self, seed: str, count: int = DEPRECATION_USAGE) -> tuple[BlockReference, ...]:
        """What a new block stands on: active tips of the lowest heights, drawn by ``seed`` among those of one height.

        The lowest first, because a snapshot's height is that of its lowest tip; drawn, so that nodes that choose at
        the same time seldom choose the same.
        """

        def drawn(tip: ActiveTip) -> tuple[int, str]:
            return tip.block.height, sha256_hex(f"{seed}{tip.block.hash}".encode())

        return tuple(tip.block for tip in sorted(self.active, key=drawn)[:count])

    def aged(self, usages: Mapping[BlockReference, int], ordinal: int) -> "Tips":
        """The tips that remain in the snapshot ``ordinal``, in which they were used so often in total."""
        active, newly = [], []
        for tip in self.active:
            usage = usages.get(tip.block)
            if usage is not None and usage >= DEPRECATION_USAGE:
                newly.append(DeprecatedTip(tip.block, ordinal))
            else:
                active.append(tip if usage is None else ActiveTip(tip.block, usage, tip.introduced_at))
        oldest = min((tip.introduced_at for tip in active), default=ordinal)
        kept = [tip for tip in self.deprecated if tip.deprecated_at > oldest]
        return Tips(tuple(sorted(active)), tuple(sorted([*kept, *newly])))

    def joined(self, accepted: Iterable[ActiveTip]) -> "Tips":
        """These and the blocks that a snapshot accepted."""
        return Tips(tuple(sorted({*self.active, *accepted})), self.deprecated)

    def to_json(self) -> dict[str, Any]:
        """The form in which snapshots list the tips that remain."""
        return {
            "deprecated": [tip.to_json() for tip in self.deprecated],
            "remainedActive": [tip.to_json() for tip in self.active],
        }

    @classmethod
    def from_json(cls, value: object) -> "Tips":
        """The tips of their JSON; ``ModelError`` if they are none."""
        members = members_of(value, "tips")
        active, deprecated = members.get("remainedActive"), members.get("deprecated")
        if not isinstance(active, list) or not isinstance(deprecated, list):
            raise ModelError("expected tips to be two arrays, deprecated and remainedActive")
        return cls(tuple(map(_active, active)), tuple(map(_deprecated, deprecated)))


def _active(value: object) -> ActiveTip:
    members = members_of(value, "an active tip")
    usage = integer(members, "usageCount", 0, ORDINAL_MAX)
    introduced_at = integer(members, "introducedAt", 0, ORDINAL_MAX)
    return ActiveTip(BlockReference.from_json(members.get("block")), usage, introduced_at)


def _deprecated(value: object) -> DeprecatedTip:
    members = members_of(value, "a deprecated tip")
    return DeprecatedTip(
        BlockReference.from_json(members.get("block")), integer(members, "deprecatedAt", 0, ORDINAL_MAX)
    )
