"""Strings as the Java virtual machine has them: sequences of UTF-16 code units.

Python's strings are sequences of code points, so lengths, cuts and searches differ beyond U+FFFF. A string here
never holds a surrogate pair as two characters: wherever two halves may meet, `joined` makes them one again.
"""

from __future__ import annotations

import re
from collections.abc import Iterable

_SURROGATE = re.compile("[\ud800-\udfff]")
_TRIMMED = "".join(map(chr, range(0x21)))


def utf16_length(text: str) -> int:
    """Number of UTF-16 code units."""
    if text.isascii():
        return len(text)
    return len(_units(text)) // 2


def utf16_slice(text: str, start: int, end: int) -> str:
    """The code units from `start` up to `end` (both within the string). Halves of a pair may be cut apart."""
    if text.isascii():
        return text[start:end]
    return _from_units(_units(text)[2 * start : 2 * end])


def joined(parts: Iterable[str], separator: str = "") -> str:
    """The parts in a row; a high surrogate that comes to stand before a low one becomes one character with it."""
    text = separator.join(parts)
    if text.isascii() or not _SURROGATE.search(text):
        return text
    return _from_units(_units(text))


def contains_text(haystack: str, needle: str) -> bool:
    """Whether the needle's code units occur in the haystack's."""
    if needle in haystack:
        return True
    if needle.isascii() or not _SURROGATE.search(needle):
        return False
    units, wanted = _units(haystack), _units(needle)
    at = units.find(wanted)
    while at >= 0 and at % 2:  # a match that starts inside a code unit is none
        at = units.find(wanted, at + 1)
    return at >= 0


def starts_with(text: str, prefix: str) -> bool:
    """Whether the text's code units begin with the prefix's."""
    if prefix.isascii() or not _SURROGATE.search(prefix):
        return text.startswith(prefix)
    return _units(text).startswith(_units(prefix))


def ends_with(text: str, suffix: str) -> bool:
    """Whether the text's code units end with the suffix's."""
    if suffix.isascii() or not _SURROGATE.search(suffix):
        return text.endswith(suffix)
    return _units(text).endswith(_units(suffix))


def trimmed(text: str) -> str:
    """The text without leading and trailing characters up to U+0020 (java.lang.String.trim)."""
    return text.strip(_TRIMMED)


def java_hash(text: str) -> int:
    """java.lang.String.hashCode, as an unsigned 32-bit number."""
    result = 0
    if text.isascii():
        for unit in text.encode("ascii"):
            result = (31 * result + unit) & 0xFFFFFFFF
        return result
    units = _units(text)
    for low, high in zip(units[::2], units[1::2], strict=True):
        result = (31 * result + (low | high << 8)) & 0xFFFFFFFF
    return result


def _units(text: str) -> bytes:
    return text.encode("utf-16-le", "surrogatepass")


def _from_units(units: bytes) -> str:
    return units.decode("utf-16-le", "surrogatepass")
