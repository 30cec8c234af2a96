"""Looking up variables: dotted paths through data and callback context (metakit 1.7.0-rc.9, getVar)."""

from __future__ import annotations

import re
from decimal import Decimal

from ottochain.jlvm.values import Absent, JsonValue

_INDEX = re.compile(r"[+-]?\d+")


def path_segments(path: str) -> list[str]:
    """The path cut at its dots as Java's split does: empty pieces at the end are dropped, others kept."""
    segments = path.split(".")
    if path:
        while segments and not segments[-1]:
            segments.pop()
    return segments


def look_up(path: str, data: JsonValue, context: JsonValue | Absent) -> JsonValue:
    """The value at `path`, or null.

    "" is the context if there is one, else the data. A path that ends with a dot leads nowhere. Otherwise the path
    starts from the data, overlaid with the context (see `overlaid`).
    """
    if not path:
        return data if isinstance(context, Absent) else context
    if path.endswith("."):
        return None
    segments = path.split(".")
    value: JsonValue = first_step(segments[0], data, context)
    for segment in segments[1:]:
        value = step(value, segment)
    return value


def first_step(segment: str, data: JsonValue, context: JsonValue | Absent) -> JsonValue:
    """`step` from the data overlaid with the context, without building the overlay."""
    if isinstance(context, dict) and isinstance(data, dict):
        found: JsonValue = context[segment] if segment in context else data.get(segment)
        return found
    if isinstance(context, list) and isinstance(data, list):
        return step([*data, *context], segment)
    return step(context if isinstance(context, (dict, list)) else data, segment)


def step(parent: JsonValue, segment: str) -> JsonValue:
    """One segment down: an element by its index, an entry by its key; null for whatever is not there."""
    if isinstance(parent, dict):
        return parent.get(segment)
    if isinstance(parent, list):
        index = _index(segment)
        return parent[index] if 0 <= index < len(parent) else None
    return None


def _index(segment: str) -> int:
    """The index that a segment names, -1 if it is no integer (sign, leading zeros and any script's digits count)."""
    if len(segment) > 40 or not _INDEX.fullmatch(segment):
        return -1
    return int(segment)


def number_path(number: int | Decimal) -> str:
    """The path that a number stands for, as in {"var": 1}."""
    return str(number) if isinstance(number, int) else format(number, "f")
