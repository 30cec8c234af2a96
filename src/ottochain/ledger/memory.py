"""Which items were found sound by themselves: signatures cost more than all the rest, so none is checked twice.

A memory, not a fact: forgetting it changes nothing but time.
"""

from typing import Any, Final

from ottochain.ledger.items import SignedItem

_KEYS_MAX: Final = 100_000


class SoundItems:
    """Remembers keys, which name value and proofs together."""

    def __init__(self) -> None:
        self._young: set[str] = set()
        self._old: set[str] = set()

    def knows(self, item: SignedItem[Any]) -> bool:
        """Whether the item was found sound before."""
        if item.key in self._young:
            return True
        found = item.key in self._old
        if found:
            self.remember(item)
        return found

    def remember(self, item: SignedItem[Any]) -> None:
        """The item is sound. Two generations: the older half goes at once, what is asked for again stays."""
        if len(self._young) >= _KEYS_MAX // 2:
            self._old, self._young = self._young, set()
        self._young.add(item.key)
