"""A metagraph's binary as it reaches the global layer, with what travels beside it.

To the reference's JSON of a signed binary two members are added, which its decoders pass over: ``header`` (with the
certificate) and, at a genesis, ``founding``: who may vote, signed by those who signed the genesis.

Nodes of this engine hand each other a *frame* instead, and keep that: the same members with the content as bytes. As an
array of numbers a content is four times as long, and writing and reading it costs as much as making a snapshot.
"""

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any, Final

import msgspec

from ottochain.codec import exact_json
from ottochain.codec.exact_json import JsonError
from ottochain.codec.hashing import sha256_hex
from ottochain.codec.wire import json_hash
from ottochain.crypto.keys import PrivateKey
from ottochain.crypto.proofs import sign, verify_all
from ottochain.layers.validators import Chain
from ottochain.model.binary import Binary, SignedBinary
from ottochain.model.currency_content import CurrencyContent, read_content
from ottochain.model.errors import ModelError
from ottochain.model.header import Header
from ottochain.model.json_text import object_text
from ottochain.model.signed import Signed, decode_proofs, proofs_text


class _Frame(msgspec.Struct, array_like=True, forbid_unknown_fields=True):
    """``header`` and ``founding`` are their JSON, empty where there is none."""

    previous: str
    content: bytes
    fee: int
    proofs: list[tuple[str, str]]
    header: bytes
    founding: bytes


_frames: Final = msgspec.msgpack.Decoder(_Frame)


@dataclass(frozen=True, slots=True)
class Delivery:
    """A signed binary of the metagraph at ``address``."""

    address: str
    signed: SignedBinary
    header: Header | None = None
    founding: dict[str, Any] | None = None
    _frame: bytes | None = field(default=None, init=False, repr=False, compare=False)
    _key: str | None = field(default=None, init=False, repr=False, compare=False)
    _snapshot: CurrencyContent | None = field(default=None, init=False, repr=False, compare=False)

    @property
    def snapshot(self) -> CurrencyContent:
        """The snapshot in the content; read once, for it is asked for at the door and again when its turn comes.

        Raises ModelError if there is none.
        """
        snapshot = self._snapshot
        if snapshot is None:
            snapshot = read_content(self.signed.binary.content)
            object.__setattr__(self, "_snapshot", snapshot)
        return snapshot

    @property
    def hash(self) -> str:
        """The hash of the binary, by which snapshots and confirmations know it."""
        return self.signed.binary.hash

    @property
    def key(self) -> str:
        """The hash of everything: a copy with another header must not take the place of this one in a pool."""
        key = self._key
        if key is None:
            key = sha256_hex(self.to_frame())
            object.__setattr__(self, "_key", key)
        return key

    def to_bytes(self) -> bytes:
        """The body of ``POST /state-channels/{address}/snapshot``."""
        members = [("value", self.signed.binary.wire_text()), ("proofs", proofs_text(self.signed.proofs))]
        if self.header is not None:
            members.append(("header", self.header.to_bytes()))
        if self.founding is not None:
            members.append(("founding", exact_json.dumps(self.founding)))
        return object_text(members)

    def to_frame(self) -> bytes:
        """The same for a node of this engine."""
        frame = self._frame
        if frame is None:
            binary = self.signed.binary
            frame = msgspec.msgpack.encode(
                _Frame(
                    binary.last_snapshot_hash,
                    binary.content,
                    binary.fee,
                    [(proof.id, proof.signature) for proof in self.signed.proofs],
                    b"" if self.header is None else self.header.to_bytes(),
                    b"" if self.founding is None else exact_json.dumps(self.founding),
                )
            )
            object.__setattr__(self, "_frame", frame)
        return frame

    @classmethod
    def kept(cls, address: str, text: bytes) -> "Delivery":
        """The delivery as a node keeps it: a frame, or the JSON that was kept once. ``ModelError`` if it is neither."""
        return cls.from_bytes(address, text) if text.startswith(b"{") else cls.from_frame(address, text)

    @classmethod
    def from_frame(cls, address: str, frame: bytes) -> "Delivery":
        """The delivery of a frame; ``ModelError`` if it is none."""
        try:
            found = _frames.decode(frame)
            founding = exact_json.loads(found.founding) if found.founding else None
        except (msgspec.MsgspecError, UnicodeError, JsonError, RecursionError) as error:
            raise ModelError(f"expected the frame of a binary: {error}") from None
        proofs = decode_proofs([{"id": signer, "signature": signature} for signer, signature in found.proofs])
        if found.fee < 0:
            raise ModelError(f"expected fee to be a whole number from 0, found {found.fee}")
        if founding is not None and not isinstance(founding, dict):
            raise ModelError("expected founding to be an object")
        header = Header.from_bytes(found.header) if found.header else None
        return cls(address, SignedBinary(Binary(found.previous, found.content, found.fee), proofs), header, founding)

    @classmethod
    def from_bytes(cls, address: str, text: bytes) -> "Delivery":
        """The delivery of a request's body; ``ModelError`` if it is none."""
        try:
            value = exact_json.loads(text)
        except JsonError as error:
            raise ModelError(f"expected a signed binary: {error}") from None
        return cls.from_json(address, value)

    @classmethod
    def from_json(cls, address: str, value: object) -> "Delivery":
        """The delivery of its JSON; ``ModelError`` if it is none."""
        signed = SignedBinary.from_json(value)
        assert isinstance(value, dict)
        header, founding = value.get("header"), value.get("founding")
        if founding is not None and not isinstance(founding, dict):
            raise ModelError("expected founding to be an object")
        return cls(address, signed, None if header is None else Header.from_json(header), founding)


@dataclass(frozen=True, slots=True)
class Founding:
    """Who may vote for a metagraph's snapshots from ordinal 2 on, and whose key changes that."""

    chain: Chain
    genesis_hash: str
    validators: tuple[str, ...]

    def to_json(self) -> dict[str, Any]:
        """The value that the signers of the genesis sign."""
        return {
            "chainId": self.chain.chain_id,
            "incarnation": self.chain.incarnation,
            "layer": self.chain.layer,
            "operator": self.chain.operator,
            "genesisHash": self.genesis_hash,
            "validators": list(self.validators),
        }

    def signed(self, keys: Iterable[PrivateKey]) -> dict[str, Any]:
        """The signed form that travels with the genesis binary."""
        value = self.to_json()
        return Signed.of(value, [sign(json_hash(value), key) for key in keys]).to_json()


def read_founding(value: object, genesis_hash: str, genesis_signers: Iterable[str]) -> Founding:
    """The founding in its signed form, checked; ``ModelError`` with what is wrong.

    It must be signed by signers of the genesis alone, and be about that genesis.
    """
    signed = Signed.from_json(value)
    if not set(signed.signers) <= set(genesis_signers):
        raise ModelError("expected the founding to be signed by signers of the genesis")
    if not verify_all(json_hash(signed.value), signed.proofs):
        raise ModelError("a proof of the founding does not sign it")
    facts = signed.value
    if facts.get("genesisHash") != genesis_hash:
        raise ModelError(f"expected a founding of genesis {genesis_hash}, found {facts.get('genesisHash')}")
    operator, validators = facts.get("operator"), facts.get("validators")
    chain_id, incarnation, layer = facts.get("chainId"), facts.get("incarnation"), facts.get("layer")
    if not isinstance(chain_id, str) or not isinstance(layer, str) or type(incarnation) is not int:
        raise ModelError("expected a founding with chainId, incarnation and layer")
    if operator is not None and not isinstance(operator, str):
        raise ModelError("expected operator to be an id or null")
    if not isinstance(validators, list) or not validators or not all(isinstance(each, str) for each in validators):
        raise ModelError("expected validators to be a non-empty array of ids")
    return Founding(Chain(chain_id, incarnation, layer, operator), genesis_hash, tuple(validators))
