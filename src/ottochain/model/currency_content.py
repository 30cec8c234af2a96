"""What is inside a metagraph's binary, read without unfolding its byte arrays.

The data application's part is most of a snapshot and opaque to the global layer; its text is cut out and used again
for the hash, instead of being parsed into a million integers and written anew.
"""

from dataclasses import dataclass, field
from typing import Any, Final

import msgspec

from ottochain.codec import exact_json
from ottochain.codec.exact_json import JsonError
from ottochain.codec.hashing import sha256_hex
from ottochain.codec.wire import WireError, brotli_plain, sorted_bytes, unbrotli
from ottochain.crypto.proofs import Proof
from ottochain.model.errors import ModelError
from ottochain.model.json_text import object_text
from ottochain.model.signed import decode_proofs, proofs_text

CONTENT_BYTES_MAX: Final = 256 * 1024 * 1024
"""What a content may unfold to."""

_members: Final[msgspec.json.Decoder[dict[str, msgspec.Raw]]] = msgspec.json.Decoder(dict[str, msgspec.Raw])
_NULL: Final = b"null"
_DATA: Final = "dataApplication"


@dataclass(frozen=True, slots=True)
class CurrencyContent:
    """A signed snapshot of a metagraph: its genesis or an incremental one.

    ``value`` has every member but the data application's part, whose texts are in ``data`` (None without one).
    """

    value: dict[str, Any] = field(repr=False)
    data: dict[str, bytes] | None = field(repr=False)
    proofs: tuple[Proof, ...] = field(repr=False)
    hash: str
    signed_wire: bytes = field(repr=False)
    sorted_text: bytes = field(repr=False)

    @property
    def ordinal(self) -> int:
        """The snapshot's ordinal."""
        ordinal: int = self.value["ordinal"]
        return ordinal

    def signed_sorted(self) -> bytes:
        """The text of the signed snapshot in the order of the keys."""
        return object_text([("proofs", proofs_text(self.proofs)), ("value", self.sorted_text)])


def read_content(content: bytes, bytes_max: int = CONTENT_BYTES_MAX) -> CurrencyContent:
    """The snapshot in a binary's content; ``ModelError`` if there is none."""
    try:
        wire = unbrotli(content, bytes_max)
        signed = _members.decode(wire)
        value = _members.decode(signed["value"])
        proofs = decode_proofs(exact_json.loads(bytes(signed["proofs"])))
        data = _data_members(value.pop(_DATA, None))
        parsed = {key: exact_json.loads(bytes(text)) for key, text in value.items()}
        ordered = _sorted_text(parsed, data)
    except (WireError, JsonError, msgspec.MsgspecError, KeyError, UnicodeError, RecursionError) as error:
        raise ModelError(f"expected a signed currency snapshot in the content: {error!r}") from None
    if type(parsed.get("ordinal")) is not int or parsed["ordinal"] < 0:
        raise ModelError("expected a currency snapshot with an ordinal")
    return CurrencyContent(parsed, data, proofs, sha256_hex(brotli_plain(ordered)), wire, ordered)


def _data_members(text: msgspec.Raw | None) -> dict[str, bytes] | None:
    if text is None or bytes(text) == _NULL:
        return None
    return {key: bytes(member) for key, member in _members.decode(text).items()}


def _sorted_text(parsed: dict[str, Any], data: dict[str, bytes] | None) -> bytes:
    """The sorted text without null members. Byte arrays are taken as they were written: compact, or they hash wrong."""
    members = {key: sorted_bytes(member) for key, member in parsed.items() if member is not None}
    if data is not None:
        present = [(key, text) for key, text in sorted(data.items()) if text != _NULL]
        members[_DATA] = object_text(present)
    return object_text(sorted(members.items()))
