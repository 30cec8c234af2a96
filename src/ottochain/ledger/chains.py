"""The items of one block by address: each address's must follow each other (Tessellation, ``…ChainValidator``)."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Generic

from ottochain.ledger.items import I, SignedItem
from ottochain.ledger.reasons import Product, product
from ottochain.ledger.references import Reference


@dataclass(frozen=True, slots=True)
class Chain(Generic[I]):
    """The items of one address in a block, in the order of their ordinals."""

    address: str
    items: tuple[SignedItem[I], ...]

    def broken_at(self) -> Reference | None:
        """The parent that is not the item before; None when all follow each other."""
        for before, after in zip(self.items, self.items[1:], strict=False):
            if after.value.parent != before.reference:
                return after.value.parent
        return None

    def broken(self, kind: str) -> Product | None:
        """The reference's word for it; ``kind`` is its name for references of these items."""
        missing = self.broken_at()
        name = f"{kind.removesuffix('Reference')}ChainBroken"
        return None if missing is None else product(name, address=self.address, referenceNotFound=missing.named(kind))


def chains_of(items: Iterable[SignedItem[I]]) -> tuple[Chain[I], ...]:
    """The chains of a block's items, by address. Items at the same ordinal stand in the order of sets."""
    by_address: dict[str, list[SignedItem[I]]] = {}
    for item in sorted(items, key=lambda each: each.order):
        by_address.setdefault(item.source, []).append(item)
    return tuple(
        Chain(address, tuple(sorted(by_address[address], key=lambda each: each.ordinal)))
        for address in sorted(by_address)
    )
