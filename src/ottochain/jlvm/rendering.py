"""Values as the reference's error texts print them: the `toString` of its Scala case classes."""

from __future__ import annotations

from collections.abc import Iterable
from decimal import Decimal

from ottochain.jlvm.map_order import INSERTION_ORDER_SIZE_MAX, iteration_order, string_set_order
from ottochain.jlvm.numeric import number_text
from ottochain.jlvm.operators import OPERATORS
from ottochain.jlvm.values import JsonValue

ALL_OPERATORS = f"Vector({', '.join(operator.name for operator in OPERATORS)})"
"""What some of the reference's messages print where they mean to print the arguments."""


def render(value: JsonValue) -> str:
    """One value, as `IntValue(1)` or `ArrayValue(List(StrValue(a), NullValue))`."""
    return _text([value])


def render_list(values: Iterable[JsonValue]) -> str:
    """A Scala list of values, as `List(IntValue(1), BoolValue(true))`."""
    return _text(["List(", *_separated(values, ", "), ")"], plain_ends=True)


def render_bracketed(values: Iterable[JsonValue]) -> str:
    """Values between brackets, as `[IntValue(1),IntValue(2)]`."""
    return _text(["[", *_separated(values, ","), "]"], plain_ends=True)


def render_map(value: dict[str, JsonValue]) -> str:
    """A Scala map of values, as `Map(a -> IntValue(1))`."""
    text = render(value)
    return text.removeprefix("MapValue(")[:-1]


def first_keys(value: dict[str, JsonValue]) -> str:
    """The up to five keys that a failed `get` names."""
    shown = string_set_order(iteration_order(value)[:5])
    return ", ".join(shown) + (", ..." if len(value) > 5 else "")


class _Plain(str):
    """Text that is printed as it is, among values that are still to be rendered."""

    __slots__ = ()


def _separated(values: Iterable[JsonValue], separator: str) -> list[JsonValue]:
    parts: list[JsonValue] = []
    for value in values:
        if parts:
            parts.append(_Plain(separator))
        parts.append(value)
    return parts


def _text(parts: list[JsonValue], *, plain_ends: bool = False) -> str:
    if plain_ends:
        parts = [_Plain(parts[0]), *parts[1:-1], _Plain(parts[-1])]
    done: list[str] = []
    pending = parts[::-1]
    while pending:
        item = pending.pop()
        if isinstance(item, _Plain):
            done.append(item)
        elif isinstance(item, list):
            pending += [_Plain("))"), *reversed(_separated(item, ", ")), _Plain("ArrayValue(List(")]
        elif isinstance(item, dict):
            pending += _map_parts(item)[::-1]
        else:
            done.append(_scalar(item))
    return "".join(done)


def _map_parts(value: dict[str, JsonValue]) -> list[JsonValue]:
    name = "Map" if len(value) <= INSERTION_ORDER_SIZE_MAX else "HashMap"
    parts: list[JsonValue] = [_Plain(f"MapValue({name}(")]
    for index, key in enumerate(iteration_order(value)):
        parts += [_Plain(f"{', ' if index else ''}{key} -> "), value[key]]
    return [*parts, _Plain("))")]


def _scalar(value: JsonValue) -> str:
    if value is None:
        return "NullValue"
    if isinstance(value, bool):
        return "BoolValue(true)" if value else "BoolValue(false)"
    if isinstance(value, int):
        return f"IntValue({number_text(value)})"
    if isinstance(value, Decimal):
        return f"FloatValue({number_text(value)})"
    return f"StrValue({value})"
