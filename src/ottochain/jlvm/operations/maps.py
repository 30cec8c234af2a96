"""Maps."""

from __future__ import annotations

from ottochain.jlvm.errors import EvaluationError
from ottochain.jlvm.map_order import iteration_order, keys_order
from ottochain.jlvm.rendering import first_keys, render_list
from ottochain.jlvm.values import JsonValue


def map_values(values: list[JsonValue]) -> JsonValue:
    """`values`; null of null."""
    entries = _map_or_null("values", values)
    return None if entries is None else [entries[key] for key in iteration_order(entries)]


def map_keys(values: list[JsonValue]) -> JsonValue:
    """`keys`; null of null."""
    entries = _map_or_null("keys", values)
    return None if entries is None else list(keys_order(entries))


def _map_or_null(op: str, values: list[JsonValue]) -> dict[str, JsonValue] | None:
    if len(values) == 1 and (values[0] is None or isinstance(values[0], dict)):
        return values[0]
    raise EvaluationError(f"Unexpected input for `{op}' got {render_list(values)}")


def map_entries(values: list[JsonValue]) -> JsonValue:
    """`entries`: pairs of key and value."""
    if len(values) == 1 and isinstance(values[0], dict):
        entries = values[0]
        return [[key, entries[key]] for key in iteration_order(entries)]
    raise EvaluationError(f"Unexpected input to entries, got {render_list(values)}")


def get(values: list[JsonValue]) -> JsonValue:
    """`get`: the value under a key that must be there."""
    entries, key = _map_and_key("get", values)
    if key not in entries:
        raise EvaluationError(f"Could not find key '{key}' in map with keys: [{first_keys(entries)}]")
    return entries[key]


def has(values: list[JsonValue]) -> JsonValue:
    """`has`"""
    entries, key = _map_and_key("has", values)
    return key in entries


def _map_and_key(op: str, values: list[JsonValue]) -> tuple[dict[str, JsonValue], str]:
    if len(values) == 2 and isinstance(values[0], dict) and isinstance(values[1], str):
        return values[0], values[1]
    raise EvaluationError(f"Unexpected input to {op}, got {render_list(values)}")


OPERATIONS = {"values": map_values, "keys": map_keys, "entries": map_entries, "get": get, "has": has}
