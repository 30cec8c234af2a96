"""What snapshots tell about tokens that were set apart: spent, unlocked, or given back.

Source: Tessellation, ``artifact.scala``.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, TypeAlias


@dataclass(frozen=True, slots=True)
class SpendTransaction:
    """``amount`` goes from ``source`` to ``destination``: out of the allow-spend named, or, without one, directly."""

    allow_spend_ref: str | None
    currency_id: str | None
    amount: int
    source: str
    destination: str

    def to_json(self) -> dict[str, Any]:
        """The wire form."""
        return {
            "allowSpendRef": self.allow_spend_ref,
            "currencyId": self.currency_id,
            "amount": self.amount,
            "source": self.source,
            "destination": self.destination,
        }

    @property
    def order(self) -> tuple[Any, ...]:
        """The fields as they are declared."""
        allow_spend = () if self.allow_spend_ref is None else (self.allow_spend_ref,)
        currency = () if self.currency_id is None else (self.currency_id,)
        return (allow_spend, currency, self.amount, self.source, self.destination)


@dataclass(frozen=True, slots=True)
class SpendAction:
    """Spends that a metagraph asks for together: all of them, or none."""

    transactions: tuple[SpendTransaction, ...]

    def to_json(self) -> dict[str, Any]:
        """The wire form."""
        return {"SpendAction": {"spendTransactions": [each.to_json() for each in self.transactions]}}

    @property
    def order(self) -> tuple[Any, ...]:
        """Kinds of artifacts by name, then the fields."""
        return ("SpendAction", tuple(each.order for each in self.transactions))


@dataclass(frozen=True, slots=True)
class TokenUnlock:
    """A token lock ended, by its time or by the metagraph's word."""

    token_lock_ref: str
    amount: int
    currency_id: str | None
    source: str

    def to_json(self) -> dict[str, Any]:
        """The wire form."""
        return {
            "TokenUnlock": {
                "tokenLockRef": self.token_lock_ref,
                "amount": self.amount,
                "currencyId": self.currency_id,
                "source": self.source,
            }
        }

    @property
    def order(self) -> tuple[Any, ...]:
        """Kinds of artifacts by name, then the fields."""
        currency = () if self.currency_id is None else (self.currency_id,)
        return ("TokenUnlock", (self.token_lock_ref, self.amount, currency, self.source))


@dataclass(frozen=True, slots=True)
class AllowSpendExpiration:
    """An allow-spend ended by its time; what was set apart is back."""

    allow_spend_ref: str

    def to_json(self) -> dict[str, Any]:
        """The wire form."""
        return {"AllowSpendExpiration": {"allowSpendRef": self.allow_spend_ref}}

    @property
    def order(self) -> tuple[Any, ...]:
        """Kinds of artifacts by name, then the fields."""
        return ("AllowSpendExpiration", (self.allow_spend_ref,))


Artifact: TypeAlias = SpendAction | TokenUnlock | AllowSpendExpiration


def artifacts_json(artifacts: Iterable[Artifact]) -> list[dict[str, Any]]:
    """A set of artifacts as a snapshot lists it."""
    by_order = {artifact.order: artifact for artifact in artifacts}
    return [by_order[order].to_json() for order in sorted(by_order)]
