"""Truth. Python's own truth of None, bool, int, Decimal, str, list and dict is the virtual machine's."""

from __future__ import annotations

from ottochain.jlvm.errors import EvaluationError
from ottochain.jlvm.rendering import ALL_OPERATORS, render_list
from ottochain.jlvm.values import JsonValue, type_tag


def negated(values: list[JsonValue]) -> JsonValue:
    """`!`"""
    return not _only(values)


def affirmed(values: list[JsonValue]) -> JsonValue:
    """`!!`"""
    return bool(_only(values))


def _only(values: list[JsonValue]) -> JsonValue:
    if len(values) != 1:  # the reference reports `!` under the name of `!!` too
        raise EvaluationError(f"Unexpected input for `!!' got {render_list(values)}")
    return values[0]


def conjunction(values: list[JsonValue]) -> JsonValue:
    """`and`: the first falsy value, else the last; true without any."""
    return next((value for value in values if not value), values[-1]) if values else True


def disjunction(values: list[JsonValue]) -> JsonValue:
    """`or`: the first truthy value, else the last; false without any."""
    return next((value for value in values if value), values[-1]) if values else False


def first_truthy(values: list[JsonValue]) -> JsonValue:
    """`default`: the first truthy value, else null."""
    return next((value for value in values if value), None)


def exists(values: list[JsonValue]) -> JsonValue:
    """`exists`: whether no argument (or no element of the only argument) is null."""
    if len(values) == 1 and isinstance(values[0], list):
        values = values[0]
    return all(value is not None for value in values)


def type_of(values: list[JsonValue]) -> JsonValue:
    """`typeof`"""
    if len(values) != 1:
        raise EvaluationError(f"Unexpected input to typeof, got {render_list(values)}")
    return type_tag(values[0])


def no_operation(_values: list[JsonValue]) -> JsonValue:
    """`noop` without arguments; with some it is a look-up."""
    raise EvaluationError("Got unexpected NoOp!")


def printed_operators(op: str) -> EvaluationError:
    """The error of an operator whose message prints the enumeration instead of its arguments."""
    return EvaluationError(f"Unexpected input to {op}, got {ALL_OPERATORS}")


OPERATIONS = {
    "!": negated,
    "!!": affirmed,
    "and": conjunction,
    "or": disjunction,
    "default": first_truthy,
    "exists": exists,
    "typeof": type_of,
    "noop": no_operation,
}
