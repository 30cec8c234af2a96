"""`missing` and `missing_some`: names that the data has no value for. A callback's context is never consulted."""

from __future__ import annotations

from decimal import Decimal

from ottochain.jlvm.errors import EvaluationError
from ottochain.jlvm.lookup import look_up
from ottochain.jlvm.numeric import number_text
from ottochain.jlvm.operations.strings import to_int32
from ottochain.jlvm.rendering import render_list
from ottochain.jlvm.values import ABSENT, JsonValue


def missing(values: list[JsonValue], data: JsonValue) -> JsonValue:
    """`missing`: the names among the arguments, or in the only argument, whose look-up gives null."""
    names = values[0] if len(values) == 1 and isinstance(values[0], list) else values
    return _missing(names, data)


def missing_some(values: list[JsonValue], data: JsonValue) -> JsonValue:
    """`missing_some` ([at least,] names): nothing if that many are there, else the missing ones."""
    if len(values) == 1 and isinstance(values[0], list):
        return _unless_enough(1, values[0], data)
    if len(values) == 2 and type(values[0]) is int and isinstance(values[1], list) and values[0] > 0:
        return _unless_enough(to_int32(values[0], "missing_some min"), values[1], data)
    raise EvaluationError(f"Unexpected input for `missing_some' got {render_list(values)}")


def _unless_enough(needed: int, names: list[JsonValue], data: JsonValue) -> list[JsonValue]:
    absent = _missing(names, data)
    return [] if len(names) - len(absent) >= needed else absent


def _missing(names: list[JsonValue], data: JsonValue) -> list[JsonValue]:
    return [name for name in names if _is_missing(name, data)]


def _is_missing(name: JsonValue, data: JsonValue) -> bool:
    if isinstance(name, str):
        return look_up(name, data, ABSENT) is None
    if isinstance(name, (int, Decimal)) and not isinstance(name, bool):
        return look_up(number_text(name), data, ABSENT) is None
    return True  # what is no name is missing


DATA_OPERATIONS = {"missing": missing, "missing_some": missing_some}
