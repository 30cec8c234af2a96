"""JSON put together from texts that were made before: encode once, keep the bytes.

The texts are Tessellation's (``codec.wire``). Nothing here looks into a text it is given.
"""

from collections.abc import Iterable

import orjson

from ottochain.codec.wire import wire_bytes


def object_text(members: Iterable[tuple[str, bytes]]) -> bytes:
    """An object of members in the order given; the keys are plain ASCII names."""
    return b"{%b}" % b",".join([b'"%b":%b' % (key.encode("ascii"), text) for key, text in members])


def array_text(items: Iterable[bytes]) -> bytes:
    """An array of items in the order given."""
    return b"[%b]" % b",".join(items)


def byte_array_text(data: bytes) -> bytes:
    """The array of signed 8-bit integers that stands for ``data`` (how the JVM writes an ``Array[Byte]``)."""
    return orjson.dumps(memoryview(data).cast("b").tolist())


def string_text(value: str) -> bytes:
    """A string."""
    return wire_bytes(value)
