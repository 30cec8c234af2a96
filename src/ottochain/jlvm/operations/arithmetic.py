"""Arithmetic. How results are typed and rounded is told in `numeric`."""

from __future__ import annotations

import operator
from collections.abc import Callable
from decimal import ROUND_CEILING, ROUND_FLOOR, ROUND_HALF_UP, Decimal

from ottochain.jlvm import numeric
from ottochain.jlvm.coercion import to_number
from ottochain.jlvm.errors import EvaluationError
from ottochain.jlvm.numeric import Number, as_decimal
from ottochain.jlvm.power import EXPONENT_MAX, integer_power, power
from ottochain.jlvm.rendering import render_list
from ottochain.jlvm.values import JsonValue


def add(values: list[JsonValue]) -> JsonValue:
    """`+` of the arguments or of the only argument's elements; a lone text is converted."""
    operands = _operands("+", values)
    if len(operands) == 1 and isinstance(operands[0], str):
        return to_number(operands[0])
    return numeric.reduced([to_number(value) for value in operands], numeric.add, operator.add)


def multiply(values: list[JsonValue]) -> JsonValue:
    """`*` of the arguments or of the only argument's elements."""
    return numeric.reduced([to_number(value) for value in _operands("*", values)], numeric.multiply, operator.mul)


def greatest(values: list[JsonValue]) -> JsonValue:
    """`max` of the arguments or of the only argument's elements."""
    return _extreme([to_number(value) for value in _operands("max", values)], max)


def least(values: list[JsonValue]) -> JsonValue:
    """`min` of the arguments or of the only argument's elements."""
    return _extreme([to_number(value) for value in _operands("min", values)], min)


def _operands(op: str, values: list[JsonValue]) -> list[JsonValue]:
    if len(values) == 1 and isinstance(values[0], list):
        values = values[0]
    if not values:
        raise EvaluationError(f"Unexpected input for `{op}`: list cannot be empty")
    return values


def _extreme(numbers: list[Number], choose: Callable[[list[Number]], Number]) -> Number:
    of_integers = not any(isinstance(number, Decimal) for number in numbers)
    return numeric.typed(as_decimal(choose(numbers)), of_integers=of_integers)


def subtract(values: list[JsonValue]) -> JsonValue:
    """`-`: negation of one, difference of two."""
    if len(values) == 1:
        return numeric.combined(to_number(values[0]), 0, numeric.negate)
    return numeric.reduced(list(_two("-", values)), numeric.subtract, operator.sub)


def divide(values: list[JsonValue]) -> JsonValue:
    """`/`"""
    left, right = _two("/", values)
    if not right:
        raise EvaluationError("Division by zero")
    return numeric.combined(left, right, numeric.divide)


def modulo(values: list[JsonValue]) -> JsonValue:
    """`%`: truncated, with the sign of the dividend."""
    left, right = _two("%", values)
    if not right:
        raise EvaluationError("Division by zero in modulo operation")
    return numeric.combined(left, right, numeric.remainder)


def _two(op: str, values: list[JsonValue]) -> tuple[Number, Number]:
    if len(values) != 2:
        raise EvaluationError(f"Unexpected input for `{op}' got {render_list(values)}")
    return to_number(values[0]), to_number(values[1])


def absolute(values: list[JsonValue]) -> JsonValue:
    """`abs`"""
    number = _one("abs", values)
    if isinstance(number, Decimal):
        return numeric.negate(number) if number < 0 else number
    return abs(number)


def round_half_up(values: list[JsonValue]) -> JsonValue:
    """`round`: halves away from zero."""
    return _rounded("round", values, ROUND_HALF_UP)


def floor(values: list[JsonValue]) -> JsonValue:
    """`floor`"""
    return _rounded("floor", values, ROUND_FLOOR)


def ceiling(values: list[JsonValue]) -> JsonValue:
    """`ceil`"""
    return _rounded("ceil", values, ROUND_CEILING)


def _rounded(op: str, values: list[JsonValue], rounding: str) -> Number:
    number = _one(op, values)
    return numeric.rounded(number, rounding) if isinstance(number, Decimal) else number


def _one(op: str, values: list[JsonValue]) -> Number:
    if len(values) != 1:
        raise EvaluationError(f"Unexpected input to {op}, got {render_list(values)}")
    return to_number(values[0])


def raise_to_power(values: list[JsonValue]) -> JsonValue:
    """`pow`"""
    if len(values) != 2:
        raise EvaluationError(f"Unexpected input to pow, got {render_list(values)}")
    base, exponent = values
    if type(base) is int and type(exponent) is int:
        if exponent > EXPONENT_MAX:
            raise EvaluationError(
                f"Exponent {numeric.number_text(exponent)} exceeds maximum safe value {EXPONENT_MAX}"
                " for integer exponentiation"
            )
        if exponent >= 0:
            return integer_power(base, exponent)
    return power(to_number(base), to_number(exponent))


OPERATIONS = {
    "+": add,
    "-": subtract,
    "*": multiply,
    "/": divide,
    "%": modulo,
    "max": greatest,
    "min": least,
    "abs": absolute,
    "round": round_half_up,
    "floor": floor,
    "ceil": ceiling,
    "pow": raise_to_power,
}
