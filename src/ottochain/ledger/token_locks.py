"""Token locks: this much stays here, out of reach, until then (Tessellation, ``tokenLock.scala``)."""

from dataclasses import dataclass
from functools import cached_property
from typing import Any, TypeAlias

from ottochain.codec.wire import json_hash
from ottochain.ledger.amounts import AMOUNT_MAX
from ottochain.ledger.fields import address, amount, members_of, optional_address, optional_integer
from ottochain.ledger.items import SignedItem, owner_faults
from ottochain.ledger.reasons import Reason
from ottochain.ledger.references import Reference
from ottochain.model.signed import decode_proofs


@dataclass(frozen=True)
class TokenLock:
    """``amount`` is taken off ``source`` and comes back after global epoch ``unlock_epoch``; None: when it is unlocked.

    ``currency_id`` is None for the DAG.
    """

    source: str
    amount: int
    fee: int
    parent: Reference
    currency_id: str | None
    unlock_epoch: int | None

    @cached_property
    def hash(self) -> str:
        """The hash that names it and that its owner signs."""
        return json_hash(self.to_json())

    @property
    def order(self) -> tuple[Any, ...]:
        """The fields as they are declared; what is not there stands before all that is."""
        currency = () if self.currency_id is None else (self.currency_id,)
        unlock = () if self.unlock_epoch is None else (self.unlock_epoch,)
        return (self.source, self.amount, self.fee, self.parent, currency, unlock)

    def to_json(self) -> dict[str, Any]:
        """The wire form."""
        return {
            "source": self.source,
            "amount": self.amount,
            "fee": self.fee,
            "parent": self.parent.to_json(),
            "currencyId": self.currency_id,
            "unlockEpoch": self.unlock_epoch,
        }

    @classmethod
    def from_json(cls, value: object) -> "TokenLock":
        """The token lock of its wire form; ``ModelError`` if it is none."""
        members = members_of(value, "a token lock")
        return cls(
            source=address(members, "source"),
            amount=amount(members, "amount"),
            fee=amount(members, "fee", low=0),
            parent=Reference.from_json(members.get("parent")),
            currency_id=optional_address(members, "currencyId"),
            unlock_epoch=optional_integer(members, "unlockEpoch", 0, AMOUNT_MAX),
        )


SignedTokenLock: TypeAlias = SignedItem[TokenLock]


def read_token_lock(value: object) -> SignedTokenLock:
    """The signed token lock of its wire form; ``ModelError`` if it is none."""
    members = members_of(value, "a signed token lock")
    return SignedItem.of(TokenLock.from_json(members.get("value")), decode_proofs(members.get("proofs")))


def token_lock_faults(signed: SignedTokenLock) -> list[Reason]:
    """All that is wrong with a token lock whatever the state (Tessellation, ``TokenLockValidator``)."""
    return owner_faults(signed)
