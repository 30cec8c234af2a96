"""The operators of metakit 1.7.0-rc.9 in the order of its enumeration, with their prices' names.

The order is observable: some error texts print the whole enumeration (see `rendering.all_operators`).
"""

from __future__ import annotations

from typing import NamedTuple


class Operator(NamedTuple):
    """An operator: the tag that JSON uses, the reference's name for it, the field of GasConfig that prices it."""

    tag: str
    name: str
    price: str | None


OPERATORS: tuple[Operator, ...] = (
    Operator("noop", "NoOp", None),
    Operator("if", "IfElseOp", "if_else"),
    Operator("default", "DefaultOp", "default"),
    Operator("!", "NotOp", "not_"),
    Operator("!!", "NOp", "double_not"),
    Operator("or", "OrOp", "or_"),
    Operator("and", "AndOp", "and_"),
    Operator("==", "EqOp", "eq"),
    Operator("===", "EqStrictOp", "eq_strict"),
    Operator("!=", "NEqOp", "neq"),
    Operator("!==", "NEqStrictOp", "neq_strict"),
    Operator("<", "Lt", "lt"),
    Operator("<=", "Leq", "leq"),
    Operator(">", "Gt", "gt"),
    Operator(">=", "Geq", "geq"),
    Operator("+", "AddOp", "add"),
    Operator("-", "MinusOp", "minus"),
    Operator("*", "TimesOp", "times"),
    Operator("/", "DivOp", "div"),
    Operator("%", "ModuloOp", "modulo"),
    Operator("max", "MaxOp", "max"),
    Operator("min", "MinOp", "min"),
    Operator("abs", "AbsOp", "abs"),
    Operator("round", "RoundOp", "round"),
    Operator("floor", "FloorOp", "floor"),
    Operator("ceil", "CeilOp", "ceil"),
    Operator("pow", "PowOp", "pow"),
    Operator("map", "MapOp", "map"),
    Operator("filter", "FilterOp", "filter"),
    Operator("reduce", "ReduceOp", "reduce"),
    Operator("merge", "MergeOp", "merge"),
    Operator("all", "AllOp", "all"),
    Operator("some", "SomeOp", "some"),
    Operator("none", "NoneOp", "none"),
    Operator("find", "FindOp", "find"),
    Operator("count", "CountOp", "count"),
    Operator("in", "InOp", "in_"),
    Operator("intersect", "IntersectOp", "intersect"),
    Operator("unique", "UniqueOp", "unique"),
    Operator("slice", "SliceOp", "slice"),
    Operator("reverse", "ReverseOp", "reverse"),
    Operator("flatten", "FlattenOp", "flatten"),
    Operator("cat", "CatOp", "cat"),
    Operator("substr", "SubStrOp", "substr"),
    Operator("lower", "LowerOp", "lower"),
    Operator("upper", "UpperOp", "upper"),
    Operator("join", "JoinOp", "join"),
    Operator("split", "SplitOp", "split"),
    Operator("trim", "TrimOp", "trim"),
    Operator("startsWith", "StartsWithOp", "starts_with"),
    Operator("endsWith", "EndsWithOp", "ends_with"),
    Operator("values", "MapValuesOp", "map_values"),
    Operator("keys", "MapKeysOp", "map_keys"),
    Operator("get", "GetOp", "get"),
    Operator("has", "HasOp", "has"),
    Operator("entries", "EntriesOp", "entries"),
    Operator("length", "LengthOp", "length"),
    Operator("exists", "ExistsOp", "exists"),
    # The reference charges `missing` at the price of `exists`; the configured price of `missing` is never read.
    Operator("missing", "MissingNoneOp", "exists"),
    Operator("missing_some", "MissingSomeOp", "missing_some"),
    Operator("typeof", "TypeOfOp", "type_of"),
)

BY_TAG: dict[str, Operator] = {operator.tag: operator for operator in OPERATORS}

TAGS: frozenset[str] = frozenset(BY_TAG)
"""Every operator tag (`var` is not an operator)."""

CALLBACK_OPS: frozenset[str] = frozenset({"map", "filter", "all", "some", "none", "find", "count", "reduce"})
"""Operators whose second argument is not evaluated but kept, to be evaluated once per element."""
