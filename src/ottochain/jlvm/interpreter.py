"""The rules of evaluation and metering, run directly: the specification that the compiler is held to.

Evaluation is eager: every argument is evaluated, left to right, before its operator, `and` and `or` included. Only
`if` chooses, and only the second argument of the callback operators is kept for later.

Two counts are taken. The *limit counter* goes down: an operator's base price before it runs, and afterwards all that
its arguments cost, a penalty for its depth and the price of its size; so what is nested is deducted again at each
level. The *reported gas* is the cost of the outermost result, in which everything is counted once, and some things
(conditions, map literals, what `filter` looks at) not at all. (metakit 1.7.0-rc.9: JsonLogicRuntime.evaluate,
GasAwareSemantics.)
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import NamedTuple

from ottochain.jlvm.errors import EvaluationError, GasExhausted
from ottochain.jlvm.expression import Apply, ArrayOf, Const, Expression, MapOf, Var
from ottochain.jlvm.gas import GasConfig, path_cost, size_cost
from ottochain.jlvm.lookup import look_up, path_segments
from ottochain.jlvm.map_order import iteration_order
from ottochain.jlvm.numeric import WideDecimal, narrowed
from ottochain.jlvm.operations import OPERATIONS
from ottochain.jlvm.operations.logic import printed_operators
from ottochain.jlvm.operations.presence import DATA_OPERATIONS
from ottochain.jlvm.operations.strings import to_int32
from ottochain.jlvm.operators import CALLBACK_OPS
from ottochain.jlvm.rendering import render
from ottochain.jlvm.trampoline import Step, run
from ottochain.jlvm.values import Absent, JsonValue


class Metrics(NamedTuple):
    """What a result cost, how deep its operators nested, and how many evaluations it holds."""

    cost: int = 0
    depth: int = 0
    ops: int = 0


class Result(NamedTuple):
    """A value and the metrics it carries."""

    value: JsonValue
    metrics: Metrics


FREE = Metrics()


class Evaluation:
    """One run: its data, its prices, the limit counter, and how many operators it has applied so far."""

    def __init__(self, data: JsonValue, gas_limit: int, config: GasConfig) -> None:
        self.applications = 0
        self._data = data
        self._remaining = gas_limit
        self._config = config
        self._made_wide_decimals = False

    def run(self, expression: Expression, context: JsonValue | Absent) -> Result:
        """Evaluate the program. Raises EvaluationError or GasExhausted."""
        result = run(self.entry(expression, context, level=0))
        return Result(narrowed(result.value), result.metrics) if self._made_wide_decimals else result

    def _charge(self, amount: int) -> None:
        if amount > self._remaining:
            raise GasExhausted(required=amount, available=self._remaining)
        self._remaining -= amount

    def entry(self, expression: Expression, context: JsonValue | Absent, level: int) -> Step[Result]:
        """Evaluate a whole expression: the program (level 0), or a callback for one element (one level deeper)."""
        value, metrics = yield self._evaluate(expression, context, level)
        return Result(value, Metrics(metrics.cost, max(metrics.depth, level + 1), metrics.ops + 1))

    def _evaluate(self, expression: Expression, context: JsonValue | Absent, level: int) -> Step[Result]:
        leaf = self._leaf(expression, context)
        if leaf is not None:
            return leaf
        if isinstance(expression, Var):
            return (yield from self._variable(expression, context, level))
        if isinstance(expression, ArrayOf):
            items = yield self._all(expression.items, context, level)
            return Result([item.value for item in items], combined(items))
        if isinstance(expression, MapOf):
            return (yield from self._map_literal(expression, context, level))
        assert isinstance(expression, Apply)
        if expression.op == "if":
            return (yield from self._choice(expression.args, context, level))
        if expression.op == "noop" and expression.args:
            key = yield self._evaluate(expression.args[0], context, level)
            return self._dynamic_look_up(key.value, Var(""), context)
        return (yield from self._application(expression.op, expression.args, context, level))

    def _leaf(self, expression: Expression, context: JsonValue | Absent) -> Result | None:
        """The result of a constant or of a look-up along a constant path; None for everything else."""
        if isinstance(expression, Const):
            return Result(expression.value, FREE)
        if isinstance(expression, Var) and isinstance(expression.path, str):
            return self._look_up(expression.path, expression, context)
        return None

    def _all(self, items: Iterable[Expression], context: JsonValue | Absent, level: int) -> Step[list[Result]]:
        results = []
        for item in items:
            leaf = self._leaf(item, context)
            results.append((yield self._evaluate(item, context, level)) if leaf is None else leaf)
        return results

    def _variable(self, var: Var, context: JsonValue | Absent, level: int) -> Step[Result]:
        assert isinstance(var.path, Expression)
        key = yield self._evaluate(var.path, context, level)
        return self._dynamic_look_up(key.value, var, context)

    def _dynamic_look_up(self, key: JsonValue, var: Var, context: JsonValue | Absent) -> Result:
        if isinstance(key, str):
            return self._look_up(key, var, context)
        if isinstance(key, list) and key and isinstance(key[0], str):
            return self._look_up(key[0], var, context)
        raise EvaluationError(f"Got non-string input: {render(key)}")

    def _look_up(self, path: str, var: Var, context: JsonValue | Absent) -> Result:
        value = look_up(path, self._data, context)
        if value is None and path and not isinstance(var.default, Absent):
            return Result(var.default, FREE)
        return Result(value, Metrics(path_cost(len(path_segments(path)), self._config)))

    def _map_literal(self, literal: MapOf, context: JsonValue | Absent, level: int) -> Step[Result]:
        expressions = dict(literal.entries)
        values: dict[str, JsonValue] = {}
        for key in iteration_order(expressions):
            values[key] = (yield self._evaluate(expressions[key], context, level)).value
        return Result({key: values[key] for key in expressions}, FREE)

    def _choice(self, args: Sequence[Expression], context: JsonValue | Absent, level: int) -> Step[Result]:
        if len(args) < 2:
            raise EvaluationError(f"Invalid arguments for if/else operation: expected at least 2 args, got {len(args)}")
        for at in range(0, len(args) - 1, 2):
            condition: Result = yield self._evaluate(args[at], context, level)
            if condition.value:
                chosen: Result = yield self._evaluate(args[at + 1], context, level)
                return chosen
        if len(args) % 2:
            last: Result = yield self._evaluate(args[-1], context, level)
            return last
        return Result(None, FREE)

    def _application(
        self, op: str, args: Sequence[Expression], context: JsonValue | Absent, level: int
    ) -> Step[Result]:
        callback = args[1] if op in CALLBACK_OPS and len(args) > 1 else None
        evaluated = args if callback is None else [args[0], Const(None), *args[2:]]
        results = yield from self._all(evaluated, context, level)
        self.applications += 1
        base = self._config.base(op)
        self._charge(base)
        values = [result.value for result in results]
        if op in CALLBACK_OPS:
            value, metrics = yield self._callback_operator(op, values, callback, combined(results), level)
        else:
            handler = DATA_OPERATIONS.get(op)
            value = OPERATIONS[op](values) if handler is None else handler(values, self._data)
            metrics = combined(results)
            self._made_wide_decimals |= type(value) is WideDecimal
        depth = 1 + max((result.metrics.depth for result in results), default=0)
        extra = self._config.depth_penalty_multiplier * depth + size_cost(op, values, value, self._config)
        self._charge(metrics.cost + extra)
        return Result(value, Metrics(metrics.cost + base + extra, max(metrics.depth, depth), metrics.ops))

    def _callback_operator(
        self, op: str, values: list[JsonValue], callback: Expression | None, of_args: Metrics, level: int
    ) -> Step[Result]:
        """What a callback operator makes of its array, and which metrics it keeps."""
        items = values[0] if values else None
        if callback is None:
            if op == "count" and len(values) == 1 and isinstance(items, list):
                return Result(len(items), FREE)
            raise printed_operators(op)
        if op == "all" and items is None and len(values) == 2:
            return Result(False, of_args)
        if not isinstance(items, list):
            raise printed_operators(op)
        if op == "reduce":
            return (yield from self._reduce(items, callback, values[2:], level))
        threshold = _threshold(op, values)
        if op == "find":
            return (yield from self._find(items, callback, level))
        outcomes = []
        for item in items:
            outcomes.append((yield self.entry(callback, item, level + 1)))
        if op == "map":
            return Result([outcome.value for outcome in outcomes], combined(outcomes))
        if op == "filter":
            return Result([item for item, outcome in zip(items, outcomes, strict=True) if outcome.value], FREE)
        truthy = sum(1 for outcome in outcomes if outcome.value)
        if op == "all":
            return Result(truthy == len(items), _added(of_args, combined(outcomes)))
        if op == "none":
            return Result(not truthy, combined(outcomes))
        return Result(truthy, FREE) if op == "count" else Result(truthy >= threshold, FREE)

    def _find(self, items: list[JsonValue], callback: Expression, level: int) -> Step[Result]:
        for item in items:
            outcome = yield self.entry(callback, item, level + 1)
            if outcome.value:
                return Result(item, FREE)
        return Result(None, FREE)

    def _reduce(
        self, items: list[JsonValue], callback: Expression, initial: list[JsonValue], level: int
    ) -> Step[Result]:
        if len(initial) > 1 or (initial and (initial[0] is None or isinstance(initial[0], (list, dict)))):
            raise printed_operators("reduce")
        if not initial and not items:
            return Result(None, FREE)
        accumulator, rest = (initial[0], items) if initial else (items[0], items[1:])
        metrics = FREE
        for item in rest:
            context: JsonValue = {"current": item, "accumulator": accumulator}
            outcome: Result = yield self.entry(callback, context, level + 1)
            accumulator, metrics = outcome.value, _added(metrics, outcome.metrics)
        return Result(accumulator, metrics)


def _threshold(op: str, values: list[JsonValue]) -> int:
    """How many elements `some` wants; also refuses argument lists that are too long."""
    if len(values) == 2:
        return 1
    if op == "some" and len(values) == 3 and type(values[2]) is int:
        return to_int32(values[2], "some threshold")
    raise printed_operators(op)


def combined(results: Iterable[Result]) -> Metrics:
    """Costs and evaluations added up, the greatest depth."""
    cost = depth = ops = 0
    for _, metrics in results:
        cost, depth, ops = cost + metrics.cost, max(depth, metrics.depth), ops + metrics.ops
    return Metrics(cost, depth, ops)


def _added(a: Metrics, b: Metrics) -> Metrics:
    return Metrics(a.cost + b.cost, max(a.depth, b.depth), a.ops + b.ops)
