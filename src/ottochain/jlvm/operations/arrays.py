"""Arrays, and `merge`, which makes arrays or maps."""

from __future__ import annotations

from ottochain.jlvm.errors import EvaluationError
from ottochain.jlvm.operations.strings import to_int32
from ottochain.jlvm.rendering import render_list
from ottochain.jlvm.text import utf16_length
from ottochain.jlvm.values import JsonValue, identity


def merge(values: list[JsonValue]) -> JsonValue:
    """`merge`: maps into one map, later entries winning; anything else into one array, arrays spliced in."""
    if all(isinstance(value, dict) for value in values):
        merged: dict[str, JsonValue] = {}
        for value in values:
            merged.update(value)  # type: ignore[arg-type]
        return merged
    if len(values) == 1 and isinstance(values[0], list):
        values = values[0]
    return spliced(values)


def spliced(values: list[JsonValue]) -> list[JsonValue]:
    """The values in a row, with the elements of arrays in their place."""
    result: list[JsonValue] = []
    for value in values:
        if isinstance(value, list):
            result += value
        else:
            result.append(value)
    return result


def length(values: list[JsonValue]) -> JsonValue:
    """`length` of an array or a text."""
    if len(values) == 1:
        if isinstance(values[0], list):
            return len(values[0])
        if isinstance(values[0], str):
            return utf16_length(values[0])
    raise EvaluationError(f"Unexpected input to length, got {render_list(values)}")


def unique(values: list[JsonValue]) -> JsonValue:
    """`unique`: the first of each set of strictly equal elements."""
    first: dict[tuple[object, ...], JsonValue] = {}
    for item in _only_array("unique", values):
        first.setdefault(identity(item), item)
    return list(first.values())


def reverse(values: list[JsonValue]) -> JsonValue:
    """`reverse`"""
    return _only_array("reverse", values)[::-1]


def flatten(values: list[JsonValue]) -> JsonValue:
    """`flatten`: one level."""
    return spliced(_only_array("flatten", values))


def _only_array(op: str, values: list[JsonValue]) -> list[JsonValue]:
    if len(values) == 1 and isinstance(values[0], list):
        return values[0]
    raise EvaluationError(f"Unexpected input to {op}, got {render_list(values)}")


def slice_(values: list[JsonValue]) -> JsonValue:
    """`slice` (array, start[, end]): negatives count from the end, the end is exclusive."""
    if not 2 <= len(values) <= 3 or not isinstance(values[0], list) or not all(type(v) is int for v in values[1:]):
        raise EvaluationError(f"Unexpected input to slice, got {render_list(values)}")
    items = values[0]
    start = to_int32(values[1], "slice start")
    end = to_int32(values[2], "slice end") if len(values) == 3 else len(items)
    return items[_position(start, len(items)) : _position(end, len(items))]


def _position(index: int, size: int) -> int:
    return max(0, size + index) if index < 0 else index


OPERATIONS = {
    "merge": merge,
    "length": length,
    "unique": unique,
    "reverse": reverse,
    "flatten": flatten,
    "slice": slice_,
}
