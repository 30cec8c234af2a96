"""What generated functions call."""

from __future__ import annotations

from collections.abc import Callable

from ottochain.jlvm.coercion import loosely_equal
from ottochain.jlvm.numeric import WideDecimal
from ottochain.jlvm.operations import OPERATIONS, Operation
from ottochain.jlvm.operations.comparison import primitive_text
from ottochain.jlvm.operations.strings import concatenate
from ottochain.jlvm.text import utf16_length
from ottochain.jlvm.values import JsonValue, contains, strictly_equal

MAYBE_NUMERIC = frozenset("+-0123456789")


class Unsure(Exception):  # noqa: N818 - a signal, not an error
    """The generated function leaves this run to the interpreter."""


def equal(left: JsonValue, right: JsonValue) -> bool:
    """`==`, quick where both sides are texts that can't be numbers, such as addresses."""
    if type(left) is str and type(right) is str:
        if left == right:
            return True
        if left and right and left[0] not in MAYBE_NUMERIC and left.isascii():
            return False  # the left side stays a text, and a number never equals it
    return loosely_equal(left, right)


def same(left: JsonValue, right: JsonValue) -> bool:
    """`===` of two."""
    kind = type(left)
    if kind is type(right) and (kind is str or kind is int or kind is bool):
        return left == right
    return strictly_equal(left, right)


def member(needle: JsonValue, items: list[JsonValue]) -> bool:
    """`in` an array; null is in none."""
    return needle is not None and contains(items, needle)


def cat(values: list[JsonValue]) -> str:
    """`cat`, quick for plain text."""
    parts = [value if type(value) is str else _text(value) for value in values]
    text = "".join(parts)
    return text if text.isascii() else str(concatenate(values))


def _text(value: JsonValue) -> str:
    if value is None:
        return ""
    if isinstance(value, (list, dict)):
        concatenate([value])
    return primitive_text(value)  # type: ignore[arg-type]


def length(text: str) -> int:
    """Number of UTF-16 code units."""
    return len(text) if text.isascii() else utf16_length(text)


def narrow(op: str) -> Operation:
    """An arithmetic operator that leaves results of more than 34 digits to the interpreter."""
    operation: Callable[[list[JsonValue]], JsonValue] = OPERATIONS[op]

    def narrowed(values: list[JsonValue]) -> JsonValue:
        result = operation(values)
        if type(result) is WideDecimal:
            raise Unsure
        return result

    narrowed.__name__ = getattr(operation, "__name__", op)
    return narrowed


NARROW = {op: narrow(op) for op in ("+", "-", "*", "/", "%", "max", "min", "abs", "round", "floor", "ceil", "pow")}
