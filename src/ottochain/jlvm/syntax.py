"""Between JSON and expressions (metakit 1.7.0-rc.9, JsonLogicExpression).

`decode` reads everything the reference reads, `["+", 1, 2]` and `{"": "x"}` included. `encode` writes the normal
form, which is what a signature covers: operators always as `{"op": [arguments]}`, look-ups as `{"var": path}` or
`{"var": [path, default]}`, numeric paths as text.
"""

from __future__ import annotations

from decimal import Decimal

from ottochain.jlvm.expression import Apply, ArrayOf, Const, Expression, MapOf, Var
from ottochain.jlvm.lookup import number_path
from ottochain.jlvm.operators import TAGS
from ottochain.jlvm.trampoline import Step, run
from ottochain.jlvm.values import ABSENT, Absent, JsonValue


def decode(json: JsonValue) -> Expression:
    """The expression that a JSON value stands for. Every JSON value stands for one; any depth is fine."""
    return run(_decode(json))


def encode(expression: Expression) -> JsonValue:
    """The JSON value in normal form: `decode(encode(e)) == e` for every decoded e."""
    return run(_encode(expression))


def _decode(json: JsonValue) -> Step[Expression]:
    if isinstance(json, list):
        return (yield from _decode_array(json))
    if isinstance(json, dict) and json:
        return (yield from _decode_object(json))
    return Const(json)


def _decode_array(json: list[JsonValue]) -> Step[Expression]:
    head = json[0] if json else None
    if head == "var" and len(json) > 1:
        var: Var = yield _decode_var(json[1])
        return Var(var.path, json[2]) if len(json) > 2 else var
    if isinstance(head, str) and head in TAGS:
        return Apply(head, (yield _decode_all(json[1:])))
    return ArrayOf((yield _decode_all(json)))


def _decode_object(json: dict[str, JsonValue]) -> Step[Expression]:
    if len(json) == 1:
        ((key, value),) = json.items()
        if key in ("", "var"):
            return (yield from _decode_var(value))
        if key in TAGS:
            return Apply(key, (yield _decode_all(value if isinstance(value, list) else [value])))
    values = yield _decode_all(list(json.values()))
    return MapOf(tuple(zip(json, values, strict=True)))


def _decode_all(values: list[JsonValue]) -> Step[tuple[Expression, ...]]:
    decoded = []
    for value in values:
        decoded.append(Const(value) if not isinstance(value, (list, dict)) else (yield _decode(value)))
    return tuple(decoded)


def _decode_var(json: JsonValue) -> Step[Var]:
    key, default = json, ABSENT
    if isinstance(json, list) and json:
        key, default = json[0], json[1] if len(json) > 1 else ABSENT
    if isinstance(key, str):
        return Var(key, default)
    if isinstance(key, (int, Decimal)) and not isinstance(key, bool):
        return Var(number_path(key), default)
    return Var((yield _decode(key)), default)


def _encode(expression: Expression) -> Step[JsonValue]:
    if isinstance(expression, Const):
        return expression.value
    if isinstance(expression, ArrayOf):
        return (yield from _encode_all(expression.items))
    if isinstance(expression, Apply):
        return {expression.op: (yield _encode_all(expression.args))}
    if isinstance(expression, Var):
        path: JsonValue = expression.path if isinstance(expression.path, str) else (yield _encode(expression.path))
        return {"var": path if isinstance(expression.default, Absent) else [path, expression.default]}
    assert isinstance(expression, MapOf)
    values = yield _encode_all([item for _, item in expression.entries])
    return {key: value for (key, _), value in zip(expression.entries, values, strict=True)}


def _encode_all(expressions: tuple[Expression, ...] | list[Expression]) -> Step[list[JsonValue]]:
    encoded: list[JsonValue] = []
    for expression in expressions:
        encoded.append(expression.value if isinstance(expression, Const) else (yield _encode(expression)))
    return encoded
