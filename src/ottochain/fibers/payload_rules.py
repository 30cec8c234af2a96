"""What validation asks of free JSON: a bound on an estimated size, and on the parts of payloads and arguments.

The reference's ``CommonRules``. Its size is an estimate of its own (two bytes a character, eight for a number and
more), not the length of any text.
"""

import re
from decimal import Decimal
from typing import Any, Final

from ottochain.codec.exact_json import JsonValue
from ottochain.codec.numbers import int_to_text
from ottochain.fibers.limits import ARRAY_SIZE_MAX, MAP_SIZE_MAX, STRING_LENGTH_MAX
from ottochain.fibers.rejections import (
    Rejection,
    array_too_large,
    map_too_large,
    string_contains_control_chars,
    string_too_long,
    value_too_large,
)
from ottochain.fibers.scala_order import map_items
from ottochain.jlvm.text import utf16_length

__all__ = ["estimated_bytes", "size_rejections", "structure_rejections"]

_CONTROL: Final = re.compile("[\x00-\x1f\x7f-\x9f]").search
_ESTIMATE_DEPTH_MAX: Final = 100
_ESTIMATE_BEYOND: Final = 100


def size_rejections(value: JsonValue, max_bytes: int, field: str) -> list[Rejection]:
    """The rejection of a value whose estimated size exceeds `max_bytes`."""
    size = estimated_bytes(value)
    return [value_too_large(field, size, max_bytes)] if size > max_bytes else []


def structure_rejections(value: JsonValue, path: str) -> list[Rejection]:
    """Too long or controlling strings, too large arrays and maps; keys are not looked at."""
    # The order of members matters only where something is wrong, and finding it costs hashing.
    return [] if _is_sound(value) else _faults(value, path)


def estimated_bytes(value: Any, depth: int = 0) -> int:
    """The reference's estimate of a value's size."""
    if depth > _ESTIMATE_DEPTH_MAX:
        return _ESTIMATE_BEYOND
    kind = type(value)
    if kind is str:
        return 4 + 2 * utf16_length(value)
    if kind is int:
        return 8 + len(int_to_text(value))
    if kind is dict:
        size = 8
        for key, member in value.items():
            size += 2 * utf16_length(key) + estimated_bytes(member, depth + 1)
        return size
    if kind is list:
        size = 8
        for item in value:
            size += estimated_bytes(item, depth + 1)
        return size
    if kind is bool:
        return 5
    return 8 + len(str(value)) if kind is Decimal else 4


def _is_sound(value: Any) -> bool:
    kind = type(value)
    if kind is str:
        if value.isascii() and value.isprintable():  # no control characters, and as many UTF-16 units
            return len(value) <= STRING_LENGTH_MAX
        return utf16_length(value) <= STRING_LENGTH_MAX and _CONTROL(value) is None
    if kind is dict:
        if len(value) > MAP_SIZE_MAX:
            return False
        for member in value.values():
            if not _is_sound(member):
                return False
    elif kind is list:
        if len(value) > ARRAY_SIZE_MAX:
            return False
        for item in value:
            if not _is_sound(item):
                return False
    return True


def _faults(value: Any, path: str) -> list[Rejection]:
    faults: list[Rejection] = []
    if isinstance(value, str):
        length = utf16_length(value)
        if length > STRING_LENGTH_MAX:
            faults.append(string_too_long(path, length, STRING_LENGTH_MAX))
        elif _CONTROL(value):
            faults.append(string_contains_control_chars(path))
    elif isinstance(value, list):
        if len(value) > ARRAY_SIZE_MAX:
            return [array_too_large(path, len(value), ARRAY_SIZE_MAX)]
        for index, item in enumerate(value):
            faults += _faults(item, f"{path}[{index}]")
    elif isinstance(value, dict):
        if len(value) > MAP_SIZE_MAX:
            return [map_too_large(path, len(value), MAP_SIZE_MAX)]
        for key, member in map_items(value):
            faults += _faults(member, f"{path}.{key}")
    return faults
