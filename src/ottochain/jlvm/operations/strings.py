"""Text. Lengths and positions count UTF-16 code units."""

from __future__ import annotations

from ottochain.jlvm.errors import EvaluationError
from ottochain.jlvm.numeric import INT32_MAX, INT32_MIN, number_text
from ottochain.jlvm.operations.comparison import primitive_text
from ottochain.jlvm.rendering import ALL_OPERATORS, render, render_list
from ottochain.jlvm.text import ends_with, joined, starts_with, trimmed, utf16_length, utf16_slice
from ottochain.jlvm.values import JsonValue


def concatenate(values: list[JsonValue]) -> JsonValue:
    """`cat`: null is nothing, arrays and maps are refused."""
    parts = []
    for value in values:
        if isinstance(value, (list, dict)):
            raise EvaluationError(f"Unexpected input for `cat` got {render(value)}")
        if value is not None:
            parts.append(primitive_text(value))
    return joined(parts)


def substring(values: list[JsonValue]) -> JsonValue:
    """`substr` (text, start[, length]): negative start counts from the end, negative length stops before the end."""
    if not 2 <= len(values) <= 3 or not isinstance(values[0], str) or not all(type(v) is int for v in values[1:]):
        raise EvaluationError(f"Unexpected input to `substr` got {ALL_OPERATORS}")
    text = values[0]
    size = utf16_length(text)
    start = to_int32(values[1], "substr start")
    length = to_int32(values[2], "substr length") if len(values) == 3 else size
    first = max(0, min(size + start if start < 0 else start, size))
    # The reference adds 32-bit integers: a length near the largest wraps around and yields "".
    last = min(_wrapped_int32(first + length), size) if length >= 0 else max(0, size + length)
    return utf16_slice(text, first, last) if first < last else ""


def to_int32(value: JsonValue, what: str) -> int:
    """The integer, refused with the reference's text if it does not fit 32 bits."""
    assert isinstance(value, int)
    if not INT32_MIN <= value <= INT32_MAX:
        raise EvaluationError(f"{what} value {number_text(value)} exceeds Int range")
    return value


def _wrapped_int32(number: int) -> int:
    return (number - INT32_MIN) % 2**32 + INT32_MIN


def lower(values: list[JsonValue]) -> JsonValue:
    """`lower`"""
    return _only_text("lower", values).lower()


def upper(values: list[JsonValue]) -> JsonValue:
    """`upper`"""
    return _only_text("upper", values).upper()


def trim(values: list[JsonValue]) -> JsonValue:
    """`trim`"""
    return trimmed(_only_text("trim", values))


def _only_text(op: str, values: list[JsonValue]) -> str:
    if len(values) == 1 and isinstance(values[0], str):
        return values[0]
    raise EvaluationError(f"Unexpected input to {op}, got {render_list(values)}")


def join(values: list[JsonValue]) -> JsonValue:
    """`join` (array, text): null, arrays and maps among the elements are empty."""
    if len(values) == 2 and isinstance(values[0], list) and isinstance(values[1], str):
        parts = ["" if item is None or isinstance(item, (list, dict)) else primitive_text(item) for item in values[0]]
        return joined(parts, values[1])
    raise EvaluationError(f"Unexpected input to join, got {render_list(values)}")


def split(values: list[JsonValue]) -> JsonValue:
    """`split` (text, separator): empty pieces are kept."""
    if len(values) == 2 and isinstance(values[0], str) and isinstance(values[1], str):
        if not values[1]:
            raise EvaluationError("Split separator cannot be empty")
        return list(values[0].split(values[1]))
    raise EvaluationError(f"Unexpected input to split, got {render_list(values)}")


def begins(values: list[JsonValue]) -> JsonValue:
    """`startsWith`"""
    return _affix("startsWith", values)


def ends(values: list[JsonValue]) -> JsonValue:
    """`endsWith`"""
    return _affix("endsWith", values)


def _affix(op: str, values: list[JsonValue]) -> bool:
    if len(values) == 2:
        text, affix = values
        if text is None or (isinstance(text, str) and affix is None):
            return False
        if isinstance(text, str) and isinstance(affix, str):
            return starts_with(text, affix) if op == "startsWith" else ends_with(text, affix)
    raise EvaluationError(f"Unexpected input to {op}, got {render_list(values)}")


OPERATIONS = {
    "cat": concatenate,
    "substr": substring,
    "lower": lower,
    "upper": upper,
    "trim": trim,
    "join": join,
    "split": split,
    "startsWith": begins,
    "endsWith": ends,
}
