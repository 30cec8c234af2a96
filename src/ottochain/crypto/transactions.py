"""What is hashed of a currency transaction, and the reference that an address starts from.

Nodes hash the text of ``encode_transaction`` as Kryo writes a string without references (Tessellation,
``Transaction`` and ``KryoSerializer``). Transactions are JSON objects here:
``{"source", "destination", "amount", "fee", "parent": {"ordinal", "hash"}, "salt"}`` with amounts in datum
(10^-8 of a token) and a salt of 64 signed bits.
"""

from collections.abc import Mapping
from typing import Any, Final

from ottochain.codec.hashing import EMPTY_HASH, sha256_hex
from ottochain.codec.wire import json_hash

COINBASE_HASH: Final = "9f3ed34c012794ef8dbc5ee6efa82228424259146c0b389f55982fc21197b421"
"""The ``text_hash`` of Tessellation's coinbase text: what the genesis of GL0 names as its predecessor."""

_VERSION: Final = "2"
_KRYO_STRING: Final = b"\x03"


def encode_transaction(transaction: Mapping[str, Any]) -> str:
    """The text that stands for a transaction: each field after its length, amount and salt in hexadecimal."""
    parent = transaction["parent"]
    fields = (
        transaction["source"],
        transaction["destination"],
        _hexadecimal(transaction["amount"]),
        parent["hash"],
        str(parent["ordinal"]),
        str(transaction["fee"]),
        _hexadecimal(transaction["salt"]),
    )
    return _VERSION + "".join(f"{len(field)}{field}" for field in fields)


def transaction_hash(transaction: Mapping[str, Any]) -> str:
    """The hash that names a transaction and that its owner signs."""
    return text_hash(encode_transaction(transaction))


def text_hash(text: str) -> str:
    """SHA-256 of a text as Kryo writes it."""
    return sha256_hex(kryo_text(text))


def kryo_text(text: str) -> bytes:
    """A string as Kryo writes it without references: its class id, its length and 1, its characters.

    Only ASCII: other characters would need Java's way of counting them. ``UnicodeEncodeError`` otherwise.
    """
    return _KRYO_STRING + _kryo_length(len(text) + 1) + text.encode("ascii")


def first_reference(currency_id: str | None) -> dict[str, Any]:
    """The parent of an address' first transaction: ordinal 0 and the JSON hash of the currency's id.

    ``None`` is the DAG itself, whose hash is empty.
    """
    return {"ordinal": 0, "hash": EMPTY_HASH if currency_id is None else json_hash(currency_id)}


def _hexadecimal(number: int) -> str:
    """Lower-case digits of a signed 64-bit integer in two's complement, as Java's ``toHexString``."""
    if not -(1 << 63) <= number < 1 << 63:
        raise ValueError(f"{number} is not a signed 64-bit integer")
    return f"{number & (1 << 64) - 1:x}"


def _kryo_length(value: int) -> bytes:
    """Kryo's length of a text: 6 bits and two flags, then 7 bits and a flag a byte."""
    if value < 1 << 6:
        return bytes([value | 0x80])
    groups = [value & 0x3F | 0xC0]
    value >>= 6
    while value >= 1 << 7:
        groups.append(value & 0x7F | 0x80)
        value >>= 7
    return bytes([*groups, value])
