"""Who votes: the validator set, and the operator's signed changes of it.

A change is committed at a height h by the old set and holds from h + 2 on, one member at a time: the set of h + 1 is
known before h is decided, so nobody has to wait to know whose votes count.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from ottochain.codec.wire import json_hash
from ottochain.consensus.quorum import MembershipError, check_change, validator_set
from ottochain.crypto.keys import PrivateKey
from ottochain.crypto.proofs import sign, verify
from ottochain.model.errors import ModelError
from ottochain.model.signed import Signed


@dataclass(frozen=True, slots=True)
class Chain:
    """Which chain a state belongs to. ``operator`` is the id of the key that changes the set; None: nobody can."""

    chain_id: str
    incarnation: int
    layer: str
    operator: str | None


@dataclass(frozen=True, slots=True)
class Validators:
    """The sets of the next two heights, and how many changes there have been."""

    next: tuple[str, ...]
    after_next: tuple[str, ...]
    changes: int = 0

    @classmethod
    def founding(cls, members: tuple[str, ...]) -> "Validators":
        """The set a chain starts with: the signers of its genesis. Raises MembershipError."""
        sorted_members = validator_set(members)
        return cls(sorted_members, sorted_members)

    def advanced(self, change: "ValidatorChange | None") -> "Validators":
        """The sets after a height that commits ``change``. Raises MembershipError when it can't follow."""
        if change is None:
            return replace(self, next=self.after_next)
        return Validators(self.after_next, change.applied_to(self.after_next), self.changes + 1)

    def to_json(self) -> dict[str, Any]:
        """The form in which it is stored."""
        return {"next": list(self.next), "afterNext": list(self.after_next), "changes": self.changes}

    @classmethod
    def from_json(cls, value: Mapping[str, Any]) -> "Validators":
        """Back from the stored form."""
        return cls(tuple(value["next"]), tuple(value["afterNext"]), value["changes"])


@dataclass(frozen=True, slots=True)
class ValidatorChange:
    """One member more, or one less. ``number`` counts the changes of a chain's life, so that none is played again."""

    chain_id: str
    incarnation: int
    layer: str
    number: int
    add: str | None = None
    remove: str | None = None

    def to_json(self) -> dict[str, Any]:
        """The value that the operator signs."""
        return {
            "chainId": self.chain_id,
            "incarnation": self.incarnation,
            "layer": self.layer,
            "number": self.number,
            "add": self.add,
            "remove": self.remove,
        }

    def signed(self, operator: PrivateKey) -> dict[str, Any]:
        """The signed change as it is proposed."""
        value = self.to_json()
        return Signed.of(value, [sign(json_hash(value), operator)]).to_json()

    def applied_to(self, members: tuple[str, ...]) -> tuple[str, ...]:
        """The set after this change. Raises MembershipError."""
        if (self.add is None) == (self.remove is None):
            raise MembershipError("a change adds one member or removes one")
        if self.add in members:
            raise MembershipError(f"{self.add} is a validator already")
        if self.remove is not None and self.remove not in members:
            raise MembershipError(f"{self.remove} is no validator")
        after = [member for member in members if member != self.remove]
        changed = validator_set([*after, self.add] if self.add is not None else after)
        check_change(members, changed)
        return changed


def read_change(value: object, chain: Chain, validators: Validators) -> ValidatorChange:
    """The change in its signed form, checked: the operator's, for this chain, and the next one.

    Raises ModelError with what is wrong.
    """
    signed = Signed.from_json(value)
    if chain.operator is None:
        raise ModelError("this chain was founded without an operator key: its validators can't be changed")
    hash_hex = json_hash(signed.value)
    if not any(proof.id == chain.operator and verify(hash_hex, proof) for proof in signed.proofs):
        raise ModelError("expected the operator key to sign the change of validators")
    change = _read(signed.value)
    place = (change.chain_id, change.incarnation, change.layer, change.number)
    expected = (chain.chain_id, chain.incarnation, chain.layer, validators.changes + 1)
    if place != expected:
        raise ModelError(f"expected a change for chain, incarnation, layer, number {expected}, found {place}")
    try:
        validators.advanced(change)
    except MembershipError as error:
        raise ModelError(str(error)) from None
    return change


def _read(value: Mapping[str, Any]) -> ValidatorChange:
    texts = [value.get("chainId"), value.get("layer")]
    numbers = [value.get("incarnation"), value.get("number")]
    members = [value.get("add"), value.get("remove")]
    if not all(isinstance(text, str) for text in texts) or not all(type(number) is int for number in numbers):
        raise ModelError("expected a change with chainId, incarnation, layer and number")
    if not all(member is None or isinstance(member, str) for member in members):
        raise ModelError("expected add and remove to be ids or null")
    return ValidatorChange(
        chain_id=value["chainId"],
        incarnation=value["incarnation"],
        layer=value["layer"],
        number=value["number"],
        add=value.get("add"),
        remove=value.get("remove"),
    )
