"""Equality, order and membership."""

from __future__ import annotations

from decimal import Decimal
from itertools import pairwise

from ottochain.jlvm.coercion import loosely_equal, to_number
from ottochain.jlvm.errors import EvaluationError
from ottochain.jlvm.numeric import comparable, number_text
from ottochain.jlvm.rendering import render_list
from ottochain.jlvm.text import contains_text
from ottochain.jlvm.values import JsonValue, contains, identity, strictly_equal, type_tag


def equal(values: list[JsonValue]) -> JsonValue:
    """`==`"""
    if len(values) != 2:
        raise EvaluationError(f"Unexpected input for `==` got {render_list(values)}")
    return loosely_equal(values[0], values[1])


def not_equal(values: list[JsonValue]) -> JsonValue:
    """`!=`"""
    if len(values) != 2:
        raise _unexpected("!=", values)
    return not loosely_equal(values[0], values[1])


def strict_equal(values: list[JsonValue]) -> JsonValue:
    """`===`: two values of one kind and equal; everything else is false, never an error."""
    return len(values) == 2 and strictly_equal(values[0], values[1])


def strict_not_equal(values: list[JsonValue]) -> JsonValue:
    """`!==`: two values of one kind, not null, and different. *Not* the negation of `===`."""
    if len(values) != 2 or values[0] is None or type_tag(values[0]) != type_tag(values[1]):
        return False
    return not strictly_equal(values[0], values[1])


def less(values: list[JsonValue]) -> JsonValue:
    """`<` of two, or of three in a row."""
    numbers = comparable([to_number(value) for value in _two_or_three("<", values)])
    return all(a < b for a, b in pairwise(numbers))


def less_or_equal(values: list[JsonValue]) -> JsonValue:
    """`<=` of two, or of three in a row."""
    numbers = comparable([to_number(value) for value in _two_or_three("<=", values)])
    return all(a <= b for a, b in pairwise(numbers))


def greater(values: list[JsonValue]) -> JsonValue:
    """`>` of exactly two."""
    if len(values) != 2:
        raise _unexpected(">", values)
    left, right = comparable([to_number(value) for value in values])
    return left > right


def greater_or_equal(values: list[JsonValue]) -> JsonValue:
    """`>=` of exactly two."""
    if len(values) != 2:
        raise _unexpected(">=", values)
    left, right = comparable([to_number(value) for value in values])
    return left >= right


def _two_or_three(op: str, values: list[JsonValue]) -> list[JsonValue]:
    if len(values) not in (2, 3):
        raise _unexpected(op, values)
    return values


def _unexpected(op: str, values: list[JsonValue]) -> EvaluationError:
    return EvaluationError(f"Unexpected input for `{op}' got {render_list(values)}")


def is_in(values: list[JsonValue]) -> JsonValue:
    """`in`: part of a text, or strictly equal to an element; null is in nothing."""
    if len(values) == 2:
        needle, haystack = values
        if needle is None:
            return False
        if isinstance(haystack, list):
            return contains(haystack, needle)
        if isinstance(haystack, str) and not isinstance(needle, (list, dict)):
            return contains_text(haystack, primitive_text(needle))
    raise EvaluationError(f"Unexpected input to `in` got {render_list(values)}")


def primitive_text(value: str | bool | int | Decimal) -> str:
    """A primitive as `cat`, `join` and `in` write it."""
    if isinstance(value, str):
        return value
    if isinstance(value, bool):
        return "true" if value else "false"
    return number_text(value)


def is_subset(values: list[JsonValue]) -> JsonValue:
    """`intersect`: despite its name, whether every element of the first array is in the second."""
    if len(values) == 2:
        subset, superset = values
        if subset is None:
            return True
        if isinstance(subset, list) and superset is None:
            return False
        if isinstance(subset, list) and isinstance(superset, list):
            known = {identity(item) for item in superset}
            return all(identity(item) in known for item in subset)
    raise EvaluationError(f"Unexpected input to `intersect`: expected two arrays, got {render_list(values)}")


OPERATIONS = {
    "==": equal,
    "!=": not_equal,
    "===": strict_equal,
    "!==": strict_not_equal,
    "<": less,
    "<=": less_or_equal,
    ">": greater,
    ">=": greater_or_equal,
    "in": is_in,
    "intersect": is_subset,
}
