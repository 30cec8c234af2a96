"""What an evaluation costs (metakit 1.7.0-rc.9: GasMetering, GasAwareSemantics)."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, fields
from decimal import Decimal
from typing import ClassVar

from ottochain.jlvm.operators import BY_TAG
from ottochain.jlvm.text import utf16_length
from ottochain.jlvm.values import JsonValue

UNLIMITED = 2**63 - 1
"""A gas limit that no evaluation reaches."""


@dataclass(frozen=True, slots=True, repr=False)
class GasConfig:
    """Prices in gas: one per operator, then what a look-up, a level of nesting and an element cost.

    `if_else`, `missing` and `const` are part of the reference's configuration but never charged.
    """

    if_else: int = 10
    default: int = 5
    not_: int = 1
    double_not: int = 1
    or_: int = 2
    and_: int = 2
    eq: int = 3
    eq_strict: int = 2
    neq: int = 3
    neq_strict: int = 2
    lt: int = 3
    leq: int = 3
    gt: int = 3
    geq: int = 3
    add: int = 5
    minus: int = 5
    times: int = 8
    div: int = 10
    modulo: int = 10
    max: int = 5
    min: int = 5
    abs: int = 2
    round: int = 3
    floor: int = 3
    ceil: int = 3
    pow: int = 20
    map: int = 10
    filter: int = 10
    reduce: int = 15
    merge: int = 5
    all: int = 10
    some: int = 10
    none: int = 10
    find: int = 10
    count: int = 5
    in_: int = 8
    intersect: int = 15
    unique: int = 20
    slice: int = 5
    reverse: int = 5
    flatten: int = 10
    cat: int = 5
    substr: int = 8
    lower: int = 3
    upper: int = 3
    join: int = 10
    split: int = 15
    trim: int = 5
    starts_with: int = 5
    ends_with: int = 5
    map_values: int = 5
    map_keys: int = 5
    get: int = 3
    has: int = 3
    entries: int = 10
    length: int = 1
    exists: int = 5
    missing: int = 10
    missing_some: int = 15
    type_of: int = 1
    const: int = 0
    var_access: int = 2
    depth_penalty_multiplier: int = 5
    collection_size_multiplier: int = 1

    DEFAULT: ClassVar[GasConfig]
    DEV: ClassVar[GasConfig]
    MAINNET: ClassVar[GasConfig]

    def __repr__(self) -> str:
        """Only what differs from the usual prices."""
        named = ((field.name, getattr(self, field.name)) for field in fields(self) if field.init)
        usual = {field.name: field.default for field in fields(self)}
        return f"GasConfig({', '.join(f'{name}={price}' for name, price in named if price != usual[name])})"

    def base(self, op: str) -> int:
        """What applying `op` costs before anything else; 0 for `noop`."""
        price = BY_TAG[op].price
        return 0 if price is None else int(getattr(self, price))

    def with_prices(self, overrides: Mapping[str, int]) -> GasConfig:
        """A copy with other prices, named as the reference names them (`ifElse`, `depthPenaltyMultiplier`).

        Raises ValueError for a name that is no price or a price that is no whole number of at least 0.
        """
        changed = {field.name: getattr(self, field.name) for field in fields(self)}
        for name, price in overrides.items():
            field = _FIELD_BY_REFERENCE_NAME.get(name)
            if field is None:
                raise ValueError(f"no gas price is called {name!r}")
            if type(price) is not int or price < 0:
                raise ValueError(f"the gas price {name!r} must be a whole number of at least 0, found {price!r}")
            changed[field] = price
        return GasConfig(**changed)


def _reference_name(field: str) -> str:
    head, *tail = field.rstrip("_").split("_")
    return head + "".join(part.capitalize() for part in tail)


_FIELD_BY_REFERENCE_NAME = {_reference_name(field.name): field.name for field in fields(GasConfig)}

GasConfig.DEFAULT = GasConfig()
GasConfig.DEV = GasConfig(map=5, filter=5, reduce=8)
GasConfig.MAINNET = GasConfig(pow=50, unique=30, split=25, reduce=20, depth_penalty_multiplier=10)

PRESETS: Mapping[str, GasConfig] = {
    "default": GasConfig.DEFAULT,
    "dev": GasConfig.DEV,
    "mainnet": GasConfig.MAINNET,
}


def path_cost(segment_count: int, config: GasConfig) -> int:
    """Cost of a look-up along a path of so many segments."""
    return config.var_access + segment_count


def size_cost(op: str, values: list[JsonValue], result: JsonValue, config: GasConfig) -> int:
    """The part of an operator's cost that grows with what it was given or made.

    `values` are the evaluated arguments; a callback's place in them may hold anything.
    """
    measure = MEASURES.get(op)
    return 0 if measure is None else measure(values, result) * size_price(op, config)


def size_price(op: str, config: GasConfig) -> int:
    """What one unit of an operator's size costs; the reference adds the exponent of `pow` as it is."""
    return 1 if op == "pow" else config.collection_size_multiplier


def _exponent(values: list[JsonValue], _result: JsonValue) -> int:
    exponent = values[1]
    if isinstance(exponent, (int, Decimal)) and not isinstance(exponent, bool):
        return abs(int(exponent))
    return 0


def _result_length(_values: list[JsonValue], result: JsonValue) -> int:
    if isinstance(result, str):
        return utf16_length(result)
    return len(result) if isinstance(result, (list, dict)) else 0


def _twice_result(_values: list[JsonValue], result: JsonValue) -> int:
    return 2 * len(result) if isinstance(result, list) else 0


def _only_array(values: list[JsonValue], _result: JsonValue) -> int:
    return len(values[0]) if len(values) == 1 and isinstance(values[0], list) else 0


def _operands(values: list[JsonValue], _result: JsonValue) -> int:
    if len(values) == 1:
        return len(values[0]) if isinstance(values[0], list) else 0
    return max(len(values) - 1, 0)


def _candidates(values: list[JsonValue], _result: JsonValue) -> int:
    if len(values) == 1 and isinstance(values[0], list):
        return len(values[0])
    return len(values)


def _first_array(values: list[JsonValue], _result: JsonValue) -> int:
    return len(values[0]) if values and isinstance(values[0], list) else 0


def _haystack(values: list[JsonValue], _result: JsonValue) -> int:
    if len(values) != 2:
        return 0
    if isinstance(values[1], list):
        return len(values[1])
    return utf16_length(values[1]) // 10 if isinstance(values[1], str) else 0


def _both_arrays(values: list[JsonValue], _result: JsonValue) -> int:
    if len(values) == 2 and isinstance(values[0], list) and isinstance(values[1], list):
        return len(values[0]) + len(values[1])
    return 0


def _only_map(values: list[JsonValue], _result: JsonValue) -> int:
    return len(values[0]) if len(values) == 1 and isinstance(values[0], dict) else 0


MEASURES: Mapping[str, Callable[[list[JsonValue], JsonValue], int]] = {
    "pow": _exponent,
    "cat": _result_length,
    "join": _result_length,
    "substr": _result_length,
    "merge": _result_length,
    "flatten": _result_length,
    "slice": _result_length,
    "split": _twice_result,
    "entries": _twice_result,
    "unique": _only_array,
    "reverse": _only_array,
    "+": _operands,
    "*": _operands,
    "-": _operands,
    "max": _candidates,
    "min": _candidates,
    "map": _first_array,
    "filter": _first_array,
    "all": _first_array,
    "none": _first_array,
    "some": _first_array,
    "find": _first_array,
    "count": _first_array,
    "reduce": _first_array,
    "in": _haystack,
    "intersect": _both_arrays,
    "values": _only_map,
    "keys": _only_map,
}
"""How large what an operator was given or made is, for those whose price depends on it."""
