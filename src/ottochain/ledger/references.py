"""Ordinal and hash: how an item names the one before it, and an address its last one."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from ottochain.ledger.fields import ORDINAL_MAX, hash_text, integer, members_of
from ottochain.ledger.reasons import Product, product


@dataclass(frozen=True, slots=True, order=True)
class Reference:
    """An item's place in the chain of its address. Ordinal 0 is nobody's: it stands before the first item."""

    ordinal: int
    hash: str

    def to_json(self) -> dict[str, Any]:
        """The wire form."""
        return {"ordinal": self.ordinal, "hash": self.hash}

    @classmethod
    def from_json(cls, value: object) -> "Reference":
        """The reference of its wire form; ``ModelError`` if it is none."""
        members = members_of(value, "a reference with ordinal and hash")
        return cls(integer(members, "ordinal", 0, ORDINAL_MAX), hash_text(members, "hash"))

    def named(self, kind: str) -> Product:
        """As a reason prints it: ``TransactionReference{ordinal=1,hash=…}``."""
        return product(kind, ordinal=self.ordinal, hash=self.hash)


def reference_of(refs: Mapping[str, Mapping[str, Any]], address: str, initial: Reference) -> Reference:
    """The last reference of an address in a snapshot's map of them; ``initial`` where it has none."""
    found = refs.get(address)
    return initial if found is None else Reference(found["ordinal"], found["hash"])
