"""What one L1 node knows of an address: the items it took in, and the last one that the chain has.

The life of an item, and what moves it (Tessellation, ``TransactionStorage``):

    waiting     a client sent it                        pulled into a block -> processing
    processing  it is in a block of this layer          the block is given up -> waiting
    accepted    its block was agreed on                 a snapshot has it -> majority
    majority    the address's last reference in a snapshot; only the reference is kept

Only a waiting item can be replaced, by one at the same ordinal that pays more. Pools are values: every change makes
another one.
"""

from collections.abc import Iterable
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Generic

from ottochain.ledger.items import I, SignedItem
from ottochain.ledger.references import Reference


class Stage(StrEnum):
    """Where an item is."""

    WAITING = "Waiting"
    PROCESSING = "Processing"
    ACCEPTED = "Accepted"


@dataclass(frozen=True, slots=True)
class Stored(Generic[I]):
    """An item that no snapshot has yet."""

    item: SignedItem[I]
    stage: Stage

    @property
    def ordinal(self) -> int:
        """Its place in the chain of its address."""
        return self.item.ordinal


@dataclass(frozen=True, slots=True)
class AddressPool(Generic[I]):
    """``majority`` is the last reference in a snapshot, ``majority_at`` the ordinal of that snapshot (0: none has one).

    ``stored`` are in the order of their ordinals, one for each.
    """

    majority: Reference
    majority_at: int = 0
    stored: tuple[Stored[I], ...] = ()

    @property
    def last_reference(self) -> Reference:
        """The newest accepted or majority reference: what ``GET /transactions/last-reference`` answers."""
        accepted = [each.item.reference for each in self.stored if each.stage is Stage.ACCEPTED]
        return accepted[-1] if accepted else self.majority

    @property
    def items(self) -> tuple[SignedItem[I], ...]:
        """The items that no snapshot has yet, in the order of their ordinals."""
        return tuple(each.item for each in self.stored)

    def at(self, ordinal: int) -> Stored[I] | None:
        """What is stored at this ordinal."""
        return next((each for each in self.stored if each.ordinal == ordinal), None)

    def waiting(self, item_hash: str) -> SignedItem[I] | None:
        """The waiting item of this hash."""
        found = (each.item for each in self.stored if each.stage is Stage.WAITING and each.item.hash == item_hash)
        return next(found, None)


@dataclass(frozen=True, slots=True)
class Changed(Generic[I]):
    """A pool after a change, and the items that it let go: their chain is broken, or another took their place."""

    pool: AddressPool[I]
    gone: tuple[SignedItem[I], ...] = ()


def put(pool: AddressPool[I], item: SignedItem[I], *, overrides: bool) -> Changed[I]:
    """Take in an admitted item. One that ``overrides`` takes a place, and what stood on that place goes too."""
    kept = [each for each in pool.stored if not (overrides and each.ordinal >= item.ordinal)]
    gone = tuple(each.item for each in pool.stored if overrides and each.ordinal >= item.ordinal)
    return Changed(_storing(pool, [*kept, Stored(item, Stage.WAITING)]), gone)


def pull(pool: AddressPool[I], keys: Iterable[str]) -> AddressPool[I]:
    """These waiting items are in a block now."""
    return _moved(pool, keys, Stage.WAITING, Stage.PROCESSING)


def put_back(pool: AddressPool[I], keys: Iterable[str]) -> AddressPool[I]:
    """The block with these items was given up."""
    return _moved(pool, keys, Stage.PROCESSING, Stage.WAITING)


def accept(pool: AddressPool[I], item: SignedItem[I]) -> Changed[I] | None:
    """An item's block was agreed on, perhaps without this node: keep what goes on from it, let go of what does not.

    None when the item does not follow the last reference: it is not its turn.
    """
    if item.value.parent != pool.last_reference:
        return None
    before = [each for each in pool.stored if each.ordinal < item.ordinal]
    above = [each for each in pool.stored if each.ordinal > item.ordinal]
    chained = _chain(item.reference, above)
    kept = {each.ordinal for each in chained}
    lost = [each.item for each in pool.stored if each.ordinal >= item.ordinal and each.ordinal not in kept]
    changed = _storing(pool, [*before, Stored(item, Stage.ACCEPTED), *chained])
    return Changed(changed, tuple(each for each in lost if each.key != item.key))


def advance(pool: AddressPool[I], majority: Reference, snapshot_ordinal: int) -> Changed[I]:
    """A snapshot says what the address's last reference is: what stands on it stays, all else goes.

    The item of the reference itself is not among the gone.
    """
    if majority == pool.majority:
        return Changed(pool)
    above = [each for each in pool.stored if each.ordinal > majority.ordinal]
    chained = _chain(majority, above)
    kept = {each.ordinal for each in chained}
    applied = _applied(pool, majority)
    gone = tuple(each.item for each in pool.stored if each.ordinal not in kept and each.item.hash not in applied)
    return Changed(AddressPool(majority, snapshot_ordinal, tuple(chained)), gone)


def without(pool: AddressPool[I], keys: Iterable[str]) -> Changed[I]:
    """Let go of items that were decided against. What stands on them stays: the chain will say what becomes of it."""
    unwanted = frozenset(keys)
    gone = tuple(each.item for each in pool.stored if each.item.key in unwanted)
    return Changed(replace(pool, stored=tuple(each for each in pool.stored if each.item.key not in unwanted)), gone)


def _moved(pool: AddressPool[I], keys: Iterable[str], before: Stage, after: Stage) -> AddressPool[I]:
    wanted = frozenset(keys)

    def moved(each: Stored[I]) -> Stored[I]:
        return Stored(each.item, after) if each.stage is before and each.item.key in wanted else each

    return replace(pool, stored=tuple(map(moved, pool.stored)))


def _storing(pool: AddressPool[I], stored: Iterable[Stored[I]]) -> AddressPool[I]:
    return replace(pool, stored=tuple(sorted(stored, key=lambda each: each.ordinal)))


def _chain(start: Reference, stored: Iterable[Stored[I]]) -> list[Stored[I]]:
    """Those that follow each other from ``start`` on."""
    chained: list[Stored[I]] = []
    last = start
    for each in stored:
        if each.item.value.parent == last:
            chained.append(each)
            last = each.item.reference
    return chained


def _applied(pool: AddressPool[I], majority: Reference) -> set[str]:
    """The hashes of the stored items that lead up to the majority reference."""
    applied: set[str] = set()
    wanted = majority
    for each in reversed(pool.stored):
        if each.item.reference == wanted:
            applied.add(wanted.hash)
            wanted = each.item.value.parent
    return applied
