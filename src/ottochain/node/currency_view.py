"""What an L1 node knows of the tokens: balances, the last references of addresses, and what blocks may stand on."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from ottochain.ledger.references import Reference
from ottochain.ledger.tips import Tips
from ottochain.node.feed import FeedError


class Chains(StrEnum):
    """The three kinds of items that addresses have chains of, as ML0's feed calls their last references."""

    TRANSACTIONS = "lastTxRefs"
    ALLOW_SPENDS = "lastAllowSpendRefs"
    LOCKS = "lastTokenLockRefs"


@dataclass(frozen=True, slots=True)
class CurrencyNews:
    """What changed: the last ordinals of addresses, by their kind, and the tips; None where they are the same."""

    ordinals: Mapping[Chains, Mapping[str, int]]
    tips: Tips | None


@dataclass(frozen=True, slots=True)
class LastReference:
    """The last reference of an address, and the snapshot that brought it, or with which this node began."""

    reference: Reference
    since: int


@dataclass(slots=True)
class CurrencyView:
    """The tokens as the snapshot ``ordinal`` left them."""

    ordinal: int = -1
    balances: dict[str, int] = field(default_factory=dict, repr=False)
    last: dict[Chains, dict[str, LastReference]] = field(
        default_factory=lambda: {chains: {} for chains in Chains}, repr=False
    )
    tips: Tips = field(default_factory=lambda: Tips(()))
    epoch_progress: int = 0

    def apply(self, ordinal: int, change: Mapping[str, Any], *, whole: bool) -> CurrencyNews:
        """Takes in all of the tokens, or what changed with the snapshot ``ordinal``. Raises ``FeedError``."""
        if not whole and self.ordinal != ordinal - 1:
            raise FeedError(f"snapshot {ordinal} changes the tokens of which {self.ordinal} is known here")
        news = {chains: _references(change.get(chains.value, {})) for chains in Chains}
        tips = Tips.from_json(change["tips"]) if "tips" in change else None
        self.balances.update(change.get("balances", {}))
        for chains, references in news.items():
            known = self.last[chains]
            for address, reference in references.items():
                before = known.get(address)
                if before is None or before.reference != reference:
                    known[address] = LastReference(reference, ordinal)
        self.tips = self.tips if tips is None else tips
        self.epoch_progress = change.get("epochProgress", self.epoch_progress)
        self.ordinal = ordinal
        ordinals = {
            chains: {address: reference.ordinal for address, reference in references.items()}
            for chains, references in news.items()
        }
        return CurrencyNews(ordinals, tips)

    def last_of(self, chains: Chains, address: str, initial: Reference) -> LastReference:
        """The last reference of an address; ``initial``, that no snapshot brought, where it has none."""
        return self.last[chains].get(address) or LastReference(initial, 0)


def _references(values: Mapping[str, Any]) -> dict[str, Reference]:
    return {address: Reference.from_json(value) for address, value in values.items()}
