"""What a JSON value is in memory, and a single look over one.

Numbers are ``int`` (every whole number) or ``Decimal``; a Python ``float`` is a programming error and raises
``TypeError``, because a double is not the number that was signed.
"""

from collections.abc import Iterable
from decimal import Decimal
from typing import Any, TypeAlias

# Recursive aliases slow mypy down and force casts on every walk; the element type stays open on purpose.
JsonValue: TypeAlias = bool | int | Decimal | str | list[Any] | dict[str, Any] | None

LARGEST_SAFE_INTEGER = 1 << 53
"""Up to here every integer is a double of its own and ECMAScript prints its digits."""

NULL_MEMBER = 1
LARGE_INTEGER = 2
SUPPLEMENTARY_KEY = 4


def survey(value: object, *, allow_bytes: bool = False) -> int:
    """Look once at every part of `value` and say which of the traits above occur, as a bit set.

    ``NULL_MEMBER``: an object member is null. ``LARGE_INTEGER``: an integer is beyond 2^53.
    ``SUPPLEMENTARY_KEY``: a key holds a character beyond U+FFFF, so that sorting by code point
    and sorting by UTF-16 code unit differ.

    Raises ``TypeError`` for anything that is not a JSON value. Stack-safe.
    """
    traits = 0
    pending: list[Iterable[Any]] = [(value,)]
    while pending:
        container = pending.pop()
        if type(container) is dict:
            keys = "".join(container)
            if not keys.isascii() and max(keys) > "\uffff":
                traits |= SUPPLEMENTARY_KEY
            children: Iterable[Any] = container.values()
            null_trait = NULL_MEMBER
        else:
            children = container
            null_trait = 0
        for child in children:
            kind = type(child)
            if kind is str:
                continue
            if kind is int:
                if not -LARGEST_SAFE_INTEGER <= child <= LARGEST_SAFE_INTEGER:
                    traits |= LARGE_INTEGER
            elif kind is dict or kind is list or kind is tuple:
                pending.append(child)
            elif child is None:
                traits |= null_trait
            elif kind is not bool and kind is not Decimal and not (kind is bytes and allow_bytes):
                raise not_json(child)
    return traits


def not_json(value: object) -> TypeError:
    """The error for a value that can't stand in JSON."""
    return TypeError(f"not a JSON value: {type(value).__name__} (exact numbers are int or Decimal)")


def drop_nulls(value: Any) -> Any:
    """A copy of `value` without the object members that are null; nulls inside arrays stay. Stack-safe."""
    root: list[Any] = [None]
    pending: list[tuple[Any, Any, Any]] = [(value, root, 0)]
    while pending:
        source, parent, place = pending.pop()
        if type(source) is dict:
            members: dict[str, Any] = {key: child for key, child in source.items() if child is not None}
            parent[place] = members
            pending.extend((child, members, key) for key, child in members.items() if _is_container(child))
        elif type(source) is list or type(source) is tuple:
            elements = list(source)
            parent[place] = elements
            pending.extend((child, elements, index) for index, child in enumerate(elements) if _is_container(child))
        else:
            parent[place] = source
    return root[0]


def nesting(value: object) -> int:
    """How deep containers are nested in `value`: 0 for a scalar, 1 for ``[]``. Stack-safe."""
    depth = 0
    level = [value] if _is_container(value) else []
    while level:
        depth += 1
        level = [
            child
            for container in level
            for child in (container.values() if type(container) is dict else container)  # type: ignore[attr-defined]
            if _is_container(child)
        ]
    return depth


def _is_container(value: object) -> bool:
    kind = type(value)
    return kind is dict or kind is list or kind is tuple
