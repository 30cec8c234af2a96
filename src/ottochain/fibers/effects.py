"""What an effect's result means: changes of the state, triggers, a script call, events for the outside.

Keys that begin with ``_`` never reach the state. Side effects that are malformed are dropped without a word
(the reference's ``EffectExtractor`` and ``StateMerger``).
"""

from dataclasses import dataclass
from typing import Any, Final

from ottochain.codec.exact_json import JsonValue
from ottochain.fibers.execution import Abort, Transaction
from ottochain.fibers.failures import EFFECT, evaluation_error
from ottochain.fibers.receipts import EmittedEvent
from ottochain.fibers.scala_order import map_items
from ottochain.fibers.uuids import parse_uuid
from ottochain.fibers.values import class_name
from ottochain.jlvm import ABSENT, ArrayOf, Const, Expression, MapOf, Var, compile_expression
from ottochain.jlvm.rendering import render

__all__ = ["Trigger", "emitted_events_of", "expression_of", "merged", "triggers_of"]

_SMALL_MAP_MAX: Final = 4


@dataclass(frozen=True, slots=True)
class Trigger:
    """An event for the machine `target`, or a method for the script `target`, caused by the fiber `source`."""

    target: str
    key: str
    content: JsonValue
    source: str


def merged(state: dict[str, Any], result: JsonValue) -> dict[str, Any]:
    """`state` overlaid with an effect's result: a map, or an array of ``[key, value]`` pairs.

    Nothing is ever deleted; null stores null. Raises ``Abort`` for any other result.
    """
    if isinstance(result, dict):
        return _overlaid(state, result)
    if not isinstance(result, list):
        raise Abort(evaluation_error(EFFECT, f"Effect must return MapValue or ArrayValue, got: {class_name(result)}"))
    changed = dict(state)
    for pair in result:
        if not (isinstance(pair, list) and len(pair) == 2 and isinstance(pair[0], str)):
            text = f"Invalid effect update format, expected [key, value] array: {render(pair)}"
            raise Abort(evaluation_error(EFFECT, text))
        if not pair[0].startswith("_"):
            changed[pair[0]] = pair[1]
    return changed


def _overlaid(state: dict[str, Any], result: dict[str, Any]) -> dict[str, Any]:
    changed = dict(state)
    for key, value in result.items():
        if not key.startswith("_"):
            changed[key] = value
    if len(changed) > _SMALL_MAP_MAX or len(result) <= _SMALL_MAP_MAX:
        return changed
    # A large result leaves few keys: they are added in the order in which the large map is walked.
    return {**state, **{key: value for key, value in map_items(result) if not key.startswith("_")}}


def triggers_of(transaction: Transaction, result: JsonValue, context: dict[str, Any], source: str) -> list[Trigger]:
    """The triggers of an effect's result, the script call last. Charges what evaluating their contents costs."""
    triggers = []
    for item in _array_under(result, "_triggers"):
        if isinstance(item, dict) and "payload" in item:
            target, key = item.get("targetMachineId"), item.get("eventName")
            triggers.append(_trigger(transaction, target, key, item["payload"], context, source))
    call = _value_under(result, "_oracleCall")
    if isinstance(call, dict) and "args" in call:
        triggers.append(_trigger(transaction, call.get("fiberId"), call.get("method"), call["args"], context, source))
    return [trigger for trigger in triggers if trigger is not None]


def emitted_events_of(result: JsonValue) -> tuple[EmittedEvent, ...]:
    """The events under ``_emit``."""
    events = []
    for item in _array_under(result, "_emit"):
        if isinstance(item, dict) and isinstance(item.get("name"), str) and "data" in item:
            destination = item.get("destination")
            events.append(
                EmittedEvent(item["name"], item["data"], destination if isinstance(destination, str) else None)
            )
    return tuple(events)


def expression_of(value: JsonValue) -> Expression:
    """The expression that a value is read as when it is evaluated again: only ``{"var": …}`` means something."""
    if isinstance(value, dict):
        if len(value) == 1 and "var" in value:
            return _variable(value["var"])
        return MapOf(tuple([(key, expression_of(member)) for key, member in value.items()]))
    if isinstance(value, list):
        return ArrayOf(tuple([expression_of(item) for item in value]))
    return Const(value)


def _trigger(
    transaction: Transaction, target: Any, key: Any, content: JsonValue, context: dict[str, Any], source: str
) -> Trigger | None:
    fiber_id = parse_uuid(target) if isinstance(target, str) else None
    if fiber_id is None or not isinstance(key, str):
        return None
    try:
        return Trigger(fiber_id, key, _evaluated_again(transaction, content, context), source)
    except Abort:
        return None


def _evaluated_again(transaction: Transaction, content: JsonValue, context: dict[str, Any]) -> JsonValue:
    """The content of a trigger: the effect has evaluated it once, and the reference does so once more.

    Data that hold ``{"var": …}`` are thus looked up. Without such a map the second evaluation gives the same value
    for no gas, so it is spared.
    """
    if not _holds_variable(content):
        return content
    outcome = transaction.evaluate(compile_expression(expression_of(content)), context, EFFECT)
    transaction.gas_used += outcome.gas
    return outcome.value


def _holds_variable(value: JsonValue) -> bool:
    pending: list[Any] = [value]
    while pending:
        item = pending.pop()
        if isinstance(item, dict):
            if len(item) == 1 and "var" in item:
                return True
            pending.extend(item.values())
        elif isinstance(item, list):
            pending.extend(item)
    return False


def _variable(key: Any) -> Expression:
    if isinstance(key, str):
        return Var(key)
    if isinstance(key, list) and key and isinstance(key[0], str) and len(key) <= 2:
        return Var(key[0], key[1] if len(key) == 2 else ABSENT)
    return Var(expression_of(key))


def _value_under(result: JsonValue, key: str) -> Any:
    if isinstance(result, dict):
        return result.get(key)
    if isinstance(result, list):
        for pair in result:
            if isinstance(pair, list) and len(pair) == 2 and pair[0] == key:
                return pair[1]
    return None


def _array_under(result: JsonValue, key: str) -> list[Any]:
    value = _value_under(result, key)
    return value if isinstance(value, list) else []
