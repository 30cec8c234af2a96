"""Tokens set apart by allow-spends and token locks: what is active, what ends, what is taken out.

A snapshot's state holds them by address, each address's in the order of sets, in their wire form.
"""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Generic

from ottochain.ledger.allow_spends import AllowSpend, read_allow_spend
from ottochain.ledger.items import I, SignedItem
from ottochain.ledger.token_locks import TokenLock, read_token_lock

Held = Mapping[str, Any]
"""Address to an array of signed items."""


@dataclass(frozen=True, slots=True)
class HeldTokens(Generic[I]):
    """Active items by address and hash."""

    by_address: Mapping[str, Mapping[str, SignedItem[I]]]

    def find(self, address: str, item_hash: str) -> SignedItem[I] | None:
        """The active item of this address and hash."""
        return self.by_address.get(address, {}).get(item_hash)

    def items(self) -> Iterable[SignedItem[I]]:
        """All of them."""
        for of_address in self.by_address.values():
            yield from of_address.values()

    def added(self, items: Iterable[SignedItem[I]]) -> "HeldTokens[I]":
        """These and some more."""
        grown = dict(self.by_address)
        for item in items:
            grown[item.source] = {**grown.get(item.source, {}), item.hash: item}
        return HeldTokens(grown)

    def without(self, items: Iterable[SignedItem[I]]) -> "HeldTokens[I]":
        """These but for some."""
        left = {address: dict(of_address) for address, of_address in self.by_address.items()}
        for item in items:
            left[item.source].pop(item.hash, None)
        return HeldTokens({address: of_address for address, of_address in left.items() if of_address})

    def to_json(self) -> dict[str, Any]:
        """As a state holds them: addresses sorted, none of them without an item."""
        return {
            address: [item.to_json() for item in sorted(of_address.values(), key=lambda each: each.order)]
            for address, of_address in sorted(self.by_address.items())
            if of_address
        }


def held_allow_spends(state: Held | None) -> HeldTokens[AllowSpend]:
    """The active allow-spends of a state."""
    return _read(state, read_allow_spend)


def held_token_locks(state: Held | None) -> HeldTokens[TokenLock]:
    """The active token locks of a state."""
    return _read(state, read_token_lock)


def allow_spend_ended(item: SignedItem[AllowSpend], epoch: int) -> bool:
    """Whether an allow-spend is over in this global epoch."""
    return item.value.last_valid_epoch_progress < epoch


def token_lock_ended(item: SignedItem[TokenLock], epoch: int) -> bool:
    """Whether a token lock is over in this global epoch."""
    return item.value.unlock_epoch is not None and item.value.unlock_epoch < epoch


def any_allow_spend_ended(state: Held | None, epoch: int) -> bool:
    """Whether any allow-spend of a state is over, found without reading all of them."""
    values = (signed["value"] for of_address in (state or {}).values() for signed in of_address)
    return any(value["lastValidEpochProgress"] < epoch for value in values)


def any_token_lock_ended(state: Held | None, epoch: int) -> bool:
    """Whether any token lock of a state is over, found without reading all of them."""
    values = (signed["value"] for of_address in (state or {}).values() for signed in of_address)
    return any(value["unlockEpoch"] is not None and value["unlockEpoch"] < epoch for value in values)


def held_amounts(state: Held | None) -> dict[str, int]:
    """How much of each address is set apart in such a map of a state."""
    return {
        address: sum(signed["value"]["amount"] for signed in of_address)
        for address, of_address in (state or {}).items()
    }


def _read(state: Held | None, read: Callable[[object], SignedItem[I]]) -> HeldTokens[I]:
    return HeldTokens(
        {address: {item.hash: item for item in map(read, of_address)} for address, of_address in (state or {}).items()}
    )
