"""What one L1 node knows of an address: the items that no snapshot has yet, and the last one that the chain has.

The life of an item, and what moves it (Tessellation, ``TransactionStorage``):

    waiting     a client sent it                        it goes into a block -> processing
    processing  it is in a block of this layer          the block is given up -> waiting
    accepted    its block was agreed on                 a snapshot has it -> majority
    majority    the address's last reference in a snapshot; only the reference is kept

Only a waiting item can be replaced, by one at the same ordinal that pays more. Where an item is, the node that makes
the blocks knows; which of its items count is told here.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum
from typing import Final, Generic

from ottochain.ledger.items import I, SignedItem
from ottochain.ledger.references import Reference


class Stage(StrEnum):
    """Where an item is."""

    WAITING = "Waiting"
    PROCESSING = "Processing"
    ACCEPTED = "Accepted"


_PROGRESS: Final = {stage: place for place, stage in enumerate(Stage)}


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

    ``stored`` follow each other from ``majority`` on.
    """

    majority: Reference
    majority_at: int = 0
    stored: tuple[Stored[I], ...] = ()

    @classmethod
    def standing(cls, majority: Reference, majority_at: int, candidates: Iterable[Stored[I]]) -> "AddressPool[I]":
        """The pool of what is undecided, given in the order of its arrival.

        What does not go on from the last reference does not count: the chain has gone on without it, and will refuse
        it. Of two items at one place that counts which is further on its way, else the one that was here first.
        """
        best: dict[Reference, Stored[I]] = {}
        for each in candidates:
            other = best.get(each.item.value.parent)
            if other is None or _PROGRESS[each.stage] > _PROGRESS[other.stage]:
                best[each.item.value.parent] = each
        stored: list[Stored[I]] = []
        last = majority
        while (following := best.get(last)) is not None:
            stored.append(following)
            last = following.item.reference
        return cls(majority, majority_at, tuple(stored))

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
        place = ordinal - self.majority.ordinal - 1
        return self.stored[place] if 0 <= place < len(self.stored) else None
