"""Reading UUIDs as the reference does.

Ids are kept everywhere as their canonical text: 36 characters, lower case.
"""

import re
from typing import Final

_CANONICAL: Final = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}").fullmatch
_PARTS: Final = re.compile(r"\+?([0-9a-fA-F]+)" + r"-\+?([0-9a-fA-F]+)" * 4).fullmatch
_LENGTH_MAX: Final = 36
_LONG_MAX: Final = (1 << 63) - 1


def parse_uuid(text: str) -> str | None:
    """The UUID that Java's ``UUID.fromString`` reads from `text`, or ``None`` where it raises.

    Java is lenient: five hexadecimal numbers of any length, each cut to its field (``"1-1-1-1-1"``).
    """
    if _CANONICAL(text):
        return text
    if len(text) > _LENGTH_MAX:
        return None
    match = _PARTS(text)
    if match is None:
        return None
    numbers = [int(digits, 16) for digits in match.groups()]
    if any(number > _LONG_MAX for number in numbers):
        return None
    a, b, c, d, e = numbers
    return f"{a & 0xFFFFFFFF:08x}-{b & 0xFFFF:04x}-{c & 0xFFFF:04x}-{d & 0xFFFF:04x}-{e & 0xFFFFFFFFFFFF:012x}"


def decode_uuid(value: object) -> str | None:
    """The UUID of a JSON value as circe decodes it: a text of exactly 36 characters that Java accepts."""
    if isinstance(value, str) and len(value) == _LENGTH_MAX:
        return parse_uuid(value)
    return None
