"""What nodes write: records of their disks, and what stands in them after a restart."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import TypeAlias

import msgspec
from msgspec import Struct

from ottochain.consensus.effects import Equivocated, Valued, Voted
from ottochain.consensus.l1_items import Block, Item
from ottochain.consensus.votes import Certificate
from ottochain.sim.application import Change


class Voting(Struct, frozen=True, tag=True):
    """Vote records of a height, in one transaction with the bodies that they name."""

    height: int
    records: tuple[Voted | Valued | Equivocated, ...]
    bodies: dict[str, str]


class Chained(Struct, frozen=True, tag=True):
    """A final height. It ends the votes of its height, and takes its blocks out of the pool."""

    height: int
    hash: str
    certificate: Certificate
    reference: str
    body: str
    done: tuple[str, ...] = ()


class Pooled(Struct, frozen=True, tag=True):
    """A block that an L1 node posted here."""

    block: Block


class Unpooled(Struct, frozen=True, tag=True):
    """Blocks that are refused, or in which nothing is left to decide."""

    names: tuple[str, ...]


class Ordered(Struct, frozen=True, tag=True):
    """The operator's change of validators."""

    change: Change


class Unboxed(Struct, frozen=True, tag=True):
    """Binaries that GL0 holds."""

    ordinals: tuple[int, ...]


class RecordLost(Struct, frozen=True, tag=True):
    """What this node voted before is not on this disk: it must not vote. `lost` False: it may again."""

    lost: bool = True


class Kept(Struct, frozen=True, tag=True):
    """Items of an L1 pool."""

    items: tuple[Item, ...]


class Booked(Struct, frozen=True, tag=True):
    """What an L1 node read of ML0's feed up to `position`: items leave the pool, each with the height that decided."""

    heights: dict[str, int]
    position: int


class Started(Struct, frozen=True, tag=True):
    """An L1 node begins another life."""


Write: TypeAlias = Voting | Chained | Pooled | Unpooled | Ordered | Unboxed | RecordLost | Kept | Booked | Started

_decoder: msgspec.json.Decoder[Write] = msgspec.json.Decoder(Write)
encode_write = msgspec.json.Encoder().encode


@dataclass(slots=True)
class ValidatorTables:
    """What a validator finds on its disk."""

    chain: list[Chained] = field(default_factory=list)
    votes: list[Voted | Valued] = field(default_factory=list)
    bodies: dict[str, bytes] = field(default_factory=dict)
    pool: dict[str, Block] = field(default_factory=dict)
    change: Change | None = None
    boxed: dict[int, Chained] = field(default_factory=dict)
    record_lost: bool = False

    def take(self, write: Write) -> None:
        match write:
            case Voting():
                self.votes += [record for record in write.records if not isinstance(record, Equivocated)]
                self.bodies.update((reference, body.encode()) for reference, body in write.bodies.items())
            case Chained():
                self.chain.append(write)
                self.boxed[write.height] = write
                self.votes, self.bodies = [], {}
                for name in write.done:
                    self.pool.pop(name, None)
            case Pooled():
                self.pool[write.block.id()] = write.block
            case Unpooled():
                for name in write.names:
                    self.pool.pop(name, None)
            case Ordered():
                self.change = write.change
            case Unboxed():
                for ordinal in write.ordinals:
                    self.boxed.pop(ordinal, None)
            case RecordLost():
                self.record_lost = write.lost


@dataclass(slots=True)
class L1Tables:
    """What an L1 node finds on its disk."""

    pool: dict[str, Item] = field(default_factory=dict)
    decided: dict[str, int] = field(default_factory=dict)
    position: int = 0
    starts: int = 0
    arrivals: int = 0

    def take(self, write: Write) -> None:
        match write:
            case Kept():
                for item in write.items:
                    self.pool.setdefault(item.key, item)
                    self.arrivals = max(self.arrivals, item.arrival)
            case Booked():
                for key in write.heights:
                    self.pool.pop(key, None)
                self.decided.update(write.heights)
                self.position = write.position
            case Started():
                self.starts += 1


def read(records: Iterable[bytes], tables: ValidatorTables | L1Tables) -> None:
    """Fills tables with what a disk holds."""
    for record in records:
        tables.take(_decoder.decode(record))
