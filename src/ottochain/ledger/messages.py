"""Currency messages: who owns a metagraph, and from where it stakes (Tessellation, ``currencyMessage.scala``).

Each kind has a chain of its own; the newest message of each stands in the metagraph's state.
"""

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Final

from ottochain.codec.wire import json_hash
from ottochain.crypto.proofs import Proof
from ottochain.ledger.fields import ORDINAL_MAX, address, integer, members_of
from ottochain.ledger.items import proofs_order, signature_faults, signer_address
from ottochain.ledger.reasons import Reason, product, reason
from ottochain.model.errors import ModelError
from ottochain.model.signed import decode_proofs

OWNER: Final = "Owner"
STAKING: Final = "Staking"
MESSAGE_TYPES: Final = (OWNER, STAKING)


@dataclass(frozen=True)
class SignedMessage:
    """``address`` is the metagraph's owner, or where it stakes, from now on."""

    message_type: str
    address: str
    metagraph_id: str
    parent_ordinal: int
    proofs: tuple[Proof, ...]

    @cached_property
    def hash(self) -> str:
        """What its signers sign."""
        return json_hash(self.value_json())

    @property
    def ordinal(self) -> int:
        """Its own ordinal: its parent's and one."""
        return self.parent_ordinal + 1

    @property
    def order(self) -> tuple[Any, ...]:
        """What sets of them are ordered by."""
        return (self.message_type, self.address, self.metagraph_id, self.parent_ordinal, proofs_order(self.proofs))

    def value_json(self) -> dict[str, Any]:
        """The wire form of the value."""
        return {
            "messageType": self.message_type,
            "address": self.address,
            "metagraphId": self.metagraph_id,
            "parentOrdinal": self.parent_ordinal,
        }

    def to_json(self) -> dict[str, Any]:
        """The wire form."""
        return {"value": self.value_json(), "proofs": [proof.to_json() for proof in self.proofs]}

    @classmethod
    def from_json(cls, value: object) -> "SignedMessage":
        """The signed message of its wire form; ``ModelError`` if it is none."""
        signed = members_of(value, "a signed currency message")
        members = members_of(signed.get("value"), "a currency message")
        message_type = members.get("messageType")
        if message_type not in MESSAGE_TYPES:
            raise ModelError(f"expected messageType to be Owner or Staking, found {str(message_type)[:40]!r}")
        return cls(
            message_type=message_type,
            address=address(members, "address"),
            metagraph_id=address(members, "metagraphId"),
            parent_ordinal=integer(members, "parentOrdinal", 0, ORDINAL_MAX),
            proofs=decode_proofs(signed.get("proofs")),
        )


Messages = Mapping[str, Any]
"""The newest message of each type, in its wire form."""


def message_faults(message: SignedMessage, last: Messages, metagraph_id: str) -> list[Reason]:
    """What is wrong with a message (Tessellation, ``CurrencyMessageValidator``)."""
    if message.metagraph_id != metagraph_id:
        return [reason("WrongMetagraphId")]
    before = last.get(message.message_type)
    if before is not None and before["value"]["parentOrdinal"] + 1 != message.parent_ordinal:
        return [reason("NotANextMessage")]
    if before is None and message.parent_ordinal != 0:
        return [reason("FirstMessageWithWrongOrdinal")]
    return [reason("SignatureValidationError", error=fault) for fault in _signature_faults(message)]


@dataclass(frozen=True, slots=True)
class MessagesAccepted:
    """The newest messages after a snapshot, and what came of those that were handed in."""

    last: Messages
    accepted: tuple[SignedMessage, ...]
    refused: tuple[tuple[SignedMessage, tuple[Reason, ...]], ...]


def accept_messages(messages: Iterable[SignedMessage], last: Messages, metagraph_id: str) -> MessagesAccepted:
    """Accept one after the other: lower ordinals first, then those with more signatures."""
    running = dict(last)
    accepted: list[SignedMessage] = []
    refused: list[tuple[SignedMessage, tuple[Reason, ...]]] = []
    by_order = {message.order: message for message in messages}
    for message in sorted(by_order.values(), key=lambda each: (each.parent_ordinal, -len(each.proofs), each.order)):
        faults = message_faults(message, running, metagraph_id)
        if faults:
            refused.append((message, tuple(faults)))
        else:
            running[message.message_type] = message.to_json()
            accepted.append(message)
    return MessagesAccepted(dict(sorted(running.items())), tuple(accepted), tuple(refused))


def _signature_faults(message: SignedMessage) -> list[Reason]:
    faults = []
    if message.address not in {signer_address(proof) for proof in message.proofs}:
        faults.append(reason("NotSignedByAddressOwner"))
    counts = Counter(proof.id for proof in message.proofs)
    repeated = tuple(product("Id", hex=signer[:8]) for signer, count in sorted(counts.items()) if count > 1)
    if repeated:
        faults.append(reason("DuplicateSigners", signers=repeated))
    return faults + signature_faults(message.proofs, message.hash)
