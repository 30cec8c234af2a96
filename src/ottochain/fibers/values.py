"""Looking at and tidying the JSON values that fibers hold.

Values are shared between records, contexts and results, and never changed in place.
"""

from collections.abc import Iterable
from decimal import Decimal
from typing import Any, Final

from ottochain.codec.exact_json import JsonValue
from ottochain.codec.numbers import number_from_text
from ottochain.codec.values import nesting
from ottochain.fibers.limits import NESTING_MAX

__all__ = ["as_reloaded", "class_name", "is_too_deep"]

_CONTAINERS: Final = (dict, list)

_CLASS_NAMES: Final = {
    type(None): "NullValue$",
    bool: "BoolValue",
    int: "IntValue",
    Decimal: "FloatValue",
    str: "StrValue",
    list: "ArrayValue",
    dict: "MapValue",
}


def is_too_deep(value: JsonValue) -> bool:
    """Whether containers are nested deeper than ``NESTING_MAX`` in `value`. Stack-safe."""
    # Two levels cover most values; only what goes on is measured.
    if type(value) is dict:
        children: Iterable[Any] = value.values()
    elif type(value) is list:
        children = value
    else:
        return False
    return any(type(child) in _CONTAINERS for child in children) and nesting(value) > NESTING_MAX


def as_reloaded(value: Any) -> Any:
    """`value` as it is read back after an exact JSON round trip: whole decimals become integers.

    Parts that stay the same are shared, and so is the whole if nothing changes. `value` may be nested up to
    ``NESTING_MAX``.
    """
    # Plain loops: one stack frame a level, on every version of Python.
    kind = type(value)
    if kind is dict:
        members = value
        for key, old in value.items():
            new = as_reloaded(old)
            if new is not old:
                members = dict(members) if members is value else members
                members[key] = new
        return members
    if kind is list:
        items = value
        for index, old in enumerate(value):
            new = as_reloaded(old)
            if new is not old:
                items = list(items) if items is value else items
                items[index] = new
        return items
    if kind is Decimal:
        _, digits, exponent = value.as_tuple()
        if exponent >= 0 or digits[-1] == 0:
            return number_from_text(str(value))
    return value


def class_name(value: JsonValue) -> str:
    """The name of the reference's class for a value, as Java's ``getSimpleName`` gives it."""
    return _CLASS_NAMES[type(value)]
