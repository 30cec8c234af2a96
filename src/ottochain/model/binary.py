"""A metagraph's snapshot on its way into the global chain (Tessellation, ``StateChannelSnapshotBinary``).

The content is Brotli of the *signed* snapshot's wire text, proofs included; the metagraph's id is the address derived
from the content of its genesis.
"""

from array import array
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any, Final

from ottochain.codec.hashing import EMPTY_HASH, sha256_hex
from ottochain.codec.wire import WireError, brotli_plain, json_hash, signed_bytes
from ottochain.crypto.addresses import address_of_bytes
from ottochain.crypto.proofs import Proof
from ottochain.model.errors import ModelError
from ottochain.model.json_text import byte_array_text, object_text
from ottochain.model.signed import Signed, proofs_text

SIGNATURE_BYTES: Final = 203
"""What one proof adds to a binary, as the reference reckons it for size limits."""


@dataclass(frozen=True, slots=True)
class Binary:
    """The value that is signed. ``last_snapshot_hash`` is the hash of the *binary* before; zeros at a genesis."""

    last_snapshot_hash: str
    content: bytes = field(repr=False)
    fee: int = 0
    _text: bytes | None = field(default=None, init=False, repr=False, compare=False)
    _hash: str | None = field(default=None, init=False, repr=False, compare=False)

    @property
    def hash(self) -> str:
        """The hash that is signed and that the next binary names."""
        known = self._hash
        if known is None:
            known = sha256_hex(brotli_plain(self.sorted_text()))
            object.__setattr__(self, "_hash", known)
        return known

    @property
    def is_genesis(self) -> bool:
        """True for the binary that founds a metagraph."""
        return self.last_snapshot_hash == EMPTY_HASH

    @property
    def metagraph_id(self) -> str:
        """The address derived from the content: the metagraph's id when this is its genesis."""
        return address_of_bytes(self.content)

    def to_json(self) -> dict[str, Any]:
        """The wire form, with the content as ``bytes``."""
        return {"lastSnapshotHash": self.last_snapshot_hash, "content": self.content, "fee": self.fee}

    @classmethod
    def from_json(cls, value: object) -> "Binary":
        """The binary of its wire form, content an array of signed bytes; ``ModelError`` if it is none."""
        if not isinstance(value, dict):
            raise ModelError(f"expected a state channel binary, found {type(value).__name__}")
        previous, content, fee = value.get("lastSnapshotHash"), value.get("content"), value.get("fee")
        if not isinstance(previous, str):
            raise ModelError("expected lastSnapshotHash to be a hash")
        if not isinstance(fee, int) or isinstance(fee, bool) or fee < 0:
            raise ModelError(f"expected fee to be a whole number from 0, found {fee!r}")
        return cls(previous, _content(content), fee)

    def wire_text(self) -> bytes:
        """The text in declaration order."""
        return object_text(
            [("lastSnapshotHash", self._previous()), ("content", self._content_text()), ("fee", b"%d" % self.fee)]
        )

    def sorted_text(self) -> bytes:
        """The text in the order of the keys."""
        return object_text(
            [("content", self._content_text()), ("fee", b"%d" % self.fee), ("lastSnapshotHash", self._previous())]
        )

    def _previous(self) -> bytes:
        return b'"%b"' % self.last_snapshot_hash.encode("ascii", "replace")

    def _content_text(self) -> bytes:
        text = self._text
        if text is None:
            text = byte_array_text(self.content)
            object.__setattr__(self, "_text", text)
        return text


@dataclass(frozen=True, slots=True)
class SignedBinary:
    """A binary with its proofs."""

    binary: Binary
    proofs: tuple[Proof, ...]

    @classmethod
    def of(cls, binary: Binary, proofs: Iterable[Proof]) -> "SignedBinary":
        """``binary`` with the set of ``proofs``."""
        return cls(binary, tuple(sorted(set(proofs))))

    @classmethod
    def from_json(cls, value: object) -> "SignedBinary":
        """The signed binary of its wire form; ``ModelError`` if it is none."""
        signed = Signed.from_json(value)
        return cls(Binary.from_json(signed.value), signed.proofs)

    def wire_text(self) -> bytes:
        """The wire text."""
        return object_text([("value", self.binary.wire_text()), ("proofs", proofs_text(self.proofs))])

    def sorted_text(self) -> bytes:
        """The text in the order of the keys."""
        return object_text([("proofs", proofs_text(self.proofs)), ("value", self.binary.sorted_text())])

    @property
    def size_bytes(self) -> int:
        """The length that the global layer limits: of the compressed sorted text."""
        return len(brotli_plain(self.sorted_text()))

    def exceeds(self, bytes_max: int) -> bool:
        """Whether ``size_bytes`` is more than ``bytes_max``; compresses only where that is in question."""
        return len(self.sorted_text()) > bytes_max and self.size_bytes > bytes_max


def content_of(signed_wire: bytes) -> bytes:
    """The content that carries a signed snapshot's wire text."""
    return brotli_plain(signed_wire)


def transaction_reference(metagraph_id: str) -> dict[str, Any]:
    """The reference that the first transaction of a currency names as its parent."""
    return {"ordinal": 0, "hash": json_hash(metagraph_id)}


def _content(value: object) -> bytes:
    if isinstance(value, bytes):
        return value
    if not isinstance(value, list):
        raise ModelError("expected content to be an array of signed bytes")
    try:
        return array("b", value).tobytes()  # a list of a hundred thousand small integers, in one go
    except (TypeError, OverflowError):
        pass  # the slower way says what is wrong
    try:
        return signed_bytes(value)
    except WireError as error:
        raise ModelError(f"expected content to be an array of signed bytes: {error}") from None
