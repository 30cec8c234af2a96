"""A new incarnation: the operator takes a chain back to a snapshot, and what was above it is given up.

Signed by the operator key, about one chain and one snapshot of it. Votes name the incarnation, so votes of the life
that was given up count nothing in the new one. It may name a new validator set, for a chain that lost its majority.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from ottochain.codec.wire import json_hash
from ottochain.consensus.quorum import MembershipError
from ottochain.crypto.keys import PrivateKey
from ottochain.crypto.proofs import sign, verify
from ottochain.layers.validators import Chain, Validators
from ottochain.model.errors import ModelError
from ottochain.model.signed import Signed


@dataclass(frozen=True, slots=True)
class Reopening:
    """Incarnation ``incarnation`` goes on after snapshot ``ordinal``, ``hash``. ``gives_up`` says what is lost."""

    chain_id: str
    layer: str
    incarnation: int
    ordinal: int
    hash: str
    gives_up: str
    validators: tuple[str, ...] | None = None

    def to_json(self) -> dict[str, Any]:
        """The value that the operator signs."""
        return {
            "chainId": self.chain_id,
            "layer": self.layer,
            "incarnation": self.incarnation,
            "ordinal": self.ordinal,
            "hash": self.hash,
            "givesUp": self.gives_up,
            "validators": None if self.validators is None else list(self.validators),
        }

    def signed(self, operator: PrivateKey) -> dict[str, Any]:
        """The signed form, which stands in the header of the first snapshot of the new life."""
        value = self.to_json()
        return Signed.of(value, [sign(json_hash(value), operator)]).to_json()


def reopen(
    value: object, chain: Chain, validators: Validators, ordinal: int, snapshot_hash: str
) -> tuple[Chain, Validators]:
    """Chain and validators after a signed reopening at this snapshot. Raises ModelError with what is wrong."""
    signed = Signed.from_json(value)
    if chain.operator is None:
        raise ModelError("this chain was founded without an operator key: it has one incarnation")
    hash_hex = json_hash(signed.value)
    if not any(proof.id == chain.operator and verify(hash_hex, proof) for proof in signed.proofs):
        raise ModelError("expected the operator key to sign the new incarnation")
    facts = signed.value
    found = tuple(facts.get(name) for name in ("chainId", "layer", "incarnation", "ordinal", "hash"))
    expected = (chain.chain_id, chain.layer, chain.incarnation + 1, ordinal, snapshot_hash)
    if found != expected:
        raise ModelError(f"expected a new incarnation {expected}, found {found}")
    return replace(chain, incarnation=chain.incarnation + 1), _members(facts, validators)


def _members(facts: Mapping[str, Any], validators: Validators) -> Validators:
    named = facts.get("validators")
    if named is None:
        return validators
    if not isinstance(named, list) or not all(isinstance(each, str) for each in named):
        raise ModelError("expected validators to be ids or null")
    try:
        return replace(Validators.founding(tuple(named)), changes=validators.changes)
    except MembershipError as error:
        raise ModelError(str(error)) from None
