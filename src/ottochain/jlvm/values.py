"""Values of the virtual machine and their strict equality.

`None`, `bool`, `int` (any size), `Decimal` (typeof float, even when whole), `str`, `list`, `dict`. Values are
never changed once made: results may share parts with the data they came from.
"""

from __future__ import annotations

from decimal import Decimal
from typing import TypeAlias

from ottochain.codec.values import JsonValue

__all__ = ["ABSENT", "Absent", "JsonValue", "append_identity", "contains", "identity", "strictly_equal", "type_tag"]


class _Absent:
    """The type of `ABSENT`: not given, as opposed to null."""

    __slots__ = ()

    def __repr__(self) -> str:
        return "ABSENT"


ABSENT = _Absent()
"""Stands for an argument that was not given, where null would be a value."""

Absent: TypeAlias = _Absent

_TAGS: dict[type, str] = {bool: "bool", int: "int", Decimal: "float", str: "string", list: "array", dict: "map"}


def type_tag(value: JsonValue) -> str:
    """The name that the operator `typeof` gives a value's kind."""
    if value is None:
        return "null"
    kind = type(value)
    return _TAGS.get(kind) or _TAGS[Decimal]


def strictly_equal(left: JsonValue, right: JsonValue) -> bool:
    """Structural equality that never mixes kinds: int 1 is neither float 1.0 nor true.

    Floats compare numerically, maps ignore order. Depth is no limit.
    """
    pending: list[tuple[JsonValue, JsonValue]] = [(left, right)]
    while pending:
        a, b = pending.pop()
        if a is b:
            continue
        if isinstance(a, list):
            if not isinstance(b, list) or len(a) != len(b):
                return False
            pending.extend(zip(a, b, strict=True))
        elif isinstance(a, dict):
            if not isinstance(b, dict) or len(a) != len(b):
                return False
            for key, item in a.items():
                other = b.get(key, ABSENT)
                if isinstance(other, _Absent):
                    return False
                pending.append((item, other))
        elif not _same_kind(a, b) or a != b:
            return False
    return True


def _same_kind(a: JsonValue, b: JsonValue) -> bool:
    return type(a) is type(b) or (isinstance(a, Decimal) and isinstance(b, Decimal))


def contains(items: list[JsonValue], needle: JsonValue) -> bool:
    """Whether `needle` is strictly equal to one of `items`."""
    if type(needle) is str:
        return needle in items  # a string equals nothing but the same string
    return any(strictly_equal(item, needle) for item in items)


def identity(value: JsonValue) -> tuple[object, ...]:
    """A flat, hashable key: two values have the same key exactly when they are strictly equal."""
    tokens: list[object] = []
    append_identity(value, tokens)
    return tuple(tokens)


def append_identity(value: JsonValue, tokens: list[object], *, ordered: bool = False) -> None:
    """Append the tokens of `identity` to a list that is being built.

    With `ordered`, what equality overlooks counts too: the order of maps, and the scale of floats (1.5 and 1.50).
    """
    pending: list[JsonValue] = [value]
    while pending:
        item = pending.pop()
        if item is None or item is True or item is False:
            tokens.append(item)
        elif isinstance(item, str):
            tokens += ("s", item)
        elif isinstance(item, int):
            tokens += ("i", item)
        elif isinstance(item, Decimal):
            tokens += ("f", str(item) if ordered else item)
        elif isinstance(item, list):
            tokens += ("l", len(item))
            pending.extend(item)
        else:
            keys = list(item) if ordered else sorted(item)
            tokens += ("m", len(keys), *keys)
            pending.extend(item[key] for key in keys)
