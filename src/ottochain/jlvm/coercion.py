"""From any value to a number, and loose equality (metakit 1.7.0-rc.9: NumericOps, CoercionOps)."""

from __future__ import annotations

from decimal import Decimal
from typing import cast

from ottochain.jlvm.errors import EvaluationError
from ottochain.jlvm.map_order import iteration_order
from ottochain.jlvm.numeric import Number, comparable, parse_number, parse_short_decimal, parse_short_int
from ottochain.jlvm.rendering import render_bracketed, render_list, render_map
from ottochain.jlvm.values import JsonValue


def to_number(value: JsonValue) -> Number:
    """The number that arithmetic takes a value for. Raises EvaluationError where there is none."""
    while True:
        if isinstance(value, bool):
            return int(value)
        if isinstance(value, (int, Decimal)):
            return value
        if value is None:
            return 0
        if isinstance(value, str):
            return _text_to_number(value)
        if not value:
            return 0
        if len(value) > 1:
            raise EvaluationError(_many_elements(value))
        value = value[0] if isinstance(value, list) else next(iter(value.values()))


def _text_to_number(text: str) -> Number:
    if not text:
        return 0
    number = parse_number(text)
    if number is None:
        raise EvaluationError(f"Cannot convert string '{text}' to number")
    return number


def _many_elements(value: list[JsonValue] | dict[str, JsonValue]) -> str:
    if isinstance(value, list):
        return f"Cannot convert multi-element array {render_bracketed(value)} to number"
    return f"Cannot convert multi-key object with keys {','.join(iteration_order(value))} to number"


def to_primitive(value: JsonValue) -> JsonValue:
    """The null, bool, number or text that `==` takes a value for; integer literals become integers."""
    while True:
        if isinstance(value, str):
            if not value:
                return 0
            number = parse_short_int(value)
            return value if number is None else number
        if isinstance(value, list):
            if len(value) > 1:
                raise EvaluationError(f"Cannot coerce multi-element array {render_list(value)} to a single primitive")
            if not value:
                return 0
            value = value[0]
        elif isinstance(value, dict):
            if len(value) > 1:
                raise EvaluationError(f"Cannot coerce multi-key object {render_map(value)} to a single primitive")
            if not value:
                return 0
            value = next(iter(value.values()))
        else:
            return value


def loosely_equal(left: JsonValue, right: JsonValue) -> bool:
    """The operator `==`."""
    a, b = to_primitive(left), to_primitive(right)
    if a is None or b is None:
        return a is b
    if isinstance(a, str):
        return a == b if isinstance(b, str) else _equals_text(b, a)
    if isinstance(b, str):
        return _equals_text(a, b)
    one, other = comparable([cast("Number", a), cast("Number", b)])  # a bool counts as 0 or 1 here
    return one == other


def _equals_text(value: JsonValue, text: str) -> bool:
    if isinstance(value, bool):
        wanted = "TRUE" if value else "FALSE"
        return len(text) == len(wanted) and text.upper() == wanted
    if isinstance(value, int):
        return parse_short_int(text) == value
    return parse_short_decimal(text) == value
