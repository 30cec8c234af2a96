"""Expressions to straight-line Python: one assignment per operator, gas as constants wherever it is constant."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from ottochain.jlvm.compiler import paths, shortcuts
from ottochain.jlvm.compiler.cost import FREE, Cost, variable
from ottochain.jlvm.compiler.loops import Loop, require_array, write_loop
from ottochain.jlvm.compiler.paths import Context, Root
from ottochain.jlvm.compiler.support import Unsure
from ottochain.jlvm.compiler.writer import Block, Code, Writer
from ottochain.jlvm.errors import EvaluationError
from ottochain.jlvm.expression import Apply, ArrayOf, Const, Expression, MapOf, Var
from ottochain.jlvm.gas import GasConfig, path_cost, size_cost, size_price
from ottochain.jlvm.lookup import look_up, path_segments
from ottochain.jlvm.map_order import iteration_order
from ottochain.jlvm.numeric import WideDecimal
from ottochain.jlvm.operations import OPERATIONS
from ottochain.jlvm.operators import CALLBACK_OPS
from ottochain.jlvm.values import Absent, JsonValue

NOTHING = Code("None", "null")


class Nodes:
    """Compiles expressions into the current block of a writer.

    `wanted` tells whether the metrics of a result will be looked at; where they are discarded none are computed.
    """

    def __init__(self, writer: Writer, config: GasConfig) -> None:
        self._writer = writer
        self._config = config

    # -- whole programs

    def program(self, expression: Expression) -> None:
        """Write the program and its return. Branches of an outermost `if` return on their own."""
        if isinstance(expression, Apply) and expression.op == "if" and len(expression.args) >= 2:
            self._returning_choice(expression.args)
        else:
            self._return(self.node(expression, Root(), wanted=True))

    def _returning_choice(self, args: Sequence[Expression]) -> None:
        for at in range(0, len(args) - 1, 2):
            condition = self.node(args[at], Root(), wanted=False)
            so_far = self._writer.block.limit
            self._writer.line(f"if {condition.atom}:")
            with self._writer.nested() as arm:
                arm.limit = so_far
                self.program(args[at + 1])
            self._writer.paste(arm)
        if len(args) % 2:
            self.program(args[-1])
        else:
            self._return(self._writer.literal(None))

    def _return(self, code: Code) -> None:
        writer = self._writer
        depth = str(max(code.depth, 1)) if isinstance(code.depth, int) else f"max(1, {code.depth})"
        outcome = f"({code.atom}, {code.cost.text()}, {depth}, {(code.ops + 1).text()})"
        writer.line(f"if {writer.block.limit.text()} <= gas_limit:")
        writer.line(f"    return new(Outcome, {outcome})")
        writer.line("raise Unsure")

    # -- nodes

    def node(self, expression: Expression, context: Context, wanted: bool) -> Code:
        """Write the evaluation of any expression."""
        if isinstance(expression, Const):
            return self._writer.literal(expression.value)
        if isinstance(expression, Var):
            return self._variable(expression, context, wanted)
        if isinstance(expression, ArrayOf):
            return self._array(expression, context, wanted)
        if isinstance(expression, MapOf):
            return self._map(expression, context)
        assert isinstance(expression, Apply)
        if expression.op == "if":
            return self._choice(expression.args, context, wanted)
        if expression.op == "noop" and expression.args:
            key = self.node(expression.args[0], context, wanted=False)
            return self._dynamic_look_up(key, Var(""), context, wanted)
        return self._application(expression.op, expression.args, context, wanted)

    def _variable(self, var: Var, context: Context, wanted: bool) -> Code:
        if not isinstance(var.path, str):
            return self._dynamic_look_up(self.node(var.path, context, wanted=False), var, context, wanted)
        cost = Cost(path_cost(len(path_segments(var.path)), self._config))
        if not var.path:
            return Code(
                paths.context_text(context), "dict" if not isinstance(context, paths.Element) else "", cost=cost
            )
        if var.path.endswith("."):
            return (
                Code("None", "null", cost=cost)
                if isinstance(var.default, Absent)
                else self._writer.literal(var.default)
            )
        found = paths.look_up(self._writer, var.path, context)
        if isinstance(var.default, Absent):
            return Code(found, cost=cost)
        return self._defaulted(found, self._writer.literal(var.default), cost, wanted)

    def _defaulted(self, found: str, default: Code, cost: Cost, wanted: bool) -> Code:
        writer = self._writer
        name = writer.fresh("t")
        writer.line(f"{name} = {default.atom} if {found} is None else {found}")
        if not wanted:
            return Code(name)
        price = writer.fresh("c")
        writer.line(f"{price} = 0 if {found} is None else {cost.text()}")
        return Code(name, cost=variable(price))

    def _dynamic_look_up(self, key: Code, var: Var, context: Context, wanted: bool) -> Code:
        writer = self._writer
        name, price = writer.fresh("t"), writer.fresh("c")
        look_up = writer.reference(_looker(var.default, self._config), writer.fresh("look_up"))
        seen = "ABSENT" if isinstance(context, Root) else paths.context_text(context)
        writer.line(f"{name}, {price} = {look_up}({key.atom}, data, {seen})")
        return Code(name, cost=variable(price) if wanted else Cost())

    def _array(self, array: ArrayOf, context: Context, wanted: bool) -> Code:
        items = [self.node(item, context, wanted) for item in array.items]
        literals = [item.literal for item in items]
        if any(isinstance(literal, Absent) for literal in literals):
            code = Code(self._assigned(f"[{', '.join(item.atom for item in items)}]"), "list")
        else:
            code = self._writer.literal(literals)
        if not wanted:
            return code
        cost, ops = _sum_of([item.cost for item in items]), _sum_of([item.ops for item in items])
        return Code(code.atom, "list", code.literal, cost, self._deepest(items), ops)

    def _map(self, literal: MapOf, context: Context) -> Code:
        expressions = dict(literal.entries)
        codes = {key: self.node(expressions[key], context, wanted=False) for key in iteration_order(expressions)}
        values = {key: codes[key].literal for key in expressions}
        if not any(isinstance(value, Absent) for value in values.values()):
            return self._writer.literal(values)
        entries = (f"{self._writer.literal(key).atom}: {codes[key].atom}" for key in expressions)
        return Code(self._assigned(f"{{{', '.join(entries)}}}"), "dict")

    def _assigned(self, text: str) -> str:
        name = self._writer.fresh("t")
        self._writer.line(f"{name} = {text}")
        return name

    def _deepest(self, codes: Sequence[Code]) -> int | str:
        known = max((code.depth for code in codes if isinstance(code.depth, int)), default=0)
        open_ = list(dict.fromkeys(code.depth for code in codes if isinstance(code.depth, str)))
        if not open_:
            return known
        name = self._writer.fresh("d")
        self._writer.line(f"{name} = max({', '.join([str(known), *open_])})")
        return name

    # -- choices

    def _choice(self, args: Sequence[Expression], context: Context, wanted: bool) -> Code:
        if len(args) < 2:
            self._writer.line("raise Unsure")
            return NOTHING
        first = self.node(args[0], context, wanted=False)
        if not isinstance(first.literal, Absent):
            return self._settled_choice(bool(first.literal), args, context, wanted)
        return _Choice(self, self._writer, context, wanted).write(first, args)

    def _settled_choice(self, truth: bool, args: Sequence[Expression], context: Context, wanted: bool) -> Code:
        """An `if` whose first condition is constant."""
        if truth:
            return self.node(args[1], context, wanted)
        rest = args[2:]
        if len(rest) >= 2:
            return self._choice(rest, context, wanted)
        return self.node(rest[0], context, wanted) if rest else self._writer.literal(None)

    # -- operators

    def _application(self, op: str, args: Sequence[Expression], context: Context, wanted: bool) -> Code:
        if op in CALLBACK_OPS and not (op == "count" and len(args) == 1):
            return self._callback_operator(op, args, context)
        codes = [self.node(arg, context, wanted=True) for arg in args]
        cost, ops = _sum_of([code.cost for code in codes]), _sum_of([code.ops for code in codes])
        depth = self._deeper(self._deepest(codes))
        folded = self._folded(op, codes)
        if folded is not None:
            value, size = folded
        elif op == "count":
            if not require_array(self._writer, codes[0]):
                return NOTHING
            name = self._assigned(f"len({codes[0].atom})")
            value, size = Code(name, "int"), variable(name, self._config.collection_size_multiplier)
            cost, ops = FREE, FREE  # like with a callback, what the argument cost is dropped
        else:
            target = self._writer.fresh("t")
            kind, measure = shortcuts.apply(self._writer, op, codes, target)
            value, size = Code(target, kind), _times(measure, size_price(op, self._config))
        total = self._total(op, cost, depth, size)
        self._writer.charge(total)
        return Code(value.atom, value.kind, value.literal, total, depth, ops)

    def _folded(self, op: str, codes: Sequence[Code]) -> tuple[Code, Cost] | None:
        """The result of an operator whose arguments are all constant."""
        values: list[JsonValue] = [code.literal for code in codes if not isinstance(code.literal, Absent)]
        if len(values) < len(codes) or op not in OPERATIONS or op == "count":
            return None
        try:
            result = OPERATIONS[op](values)
        except EvaluationError:
            return None
        if isinstance(result, WideDecimal):
            return None
        return self._writer.literal(result), Cost(size_cost(op, values, result, self._config))

    def _deeper(self, depth: int | str) -> int | str:
        if isinstance(depth, int):
            return depth + 1
        return self._assigned_depth(f"{depth} + 1")

    def _assigned_depth(self, text: str) -> str:
        name = self._writer.fresh("d")
        self._writer.line(f"{name} = {text}")
        return name

    def _total(self, op: str, of_args: Cost, depth: int | str, size: Cost) -> Cost:
        penalty = self._config.depth_penalty_multiplier
        of_depth = Cost(penalty * depth) if isinstance(depth, int) else variable(depth, penalty)
        return of_args + self._config.base(op) + of_depth + size

    def _callback_operator(self, op: str, args: Sequence[Expression], context: Context) -> Code:
        writer = self._writer
        count_max = 3 if op in ("reduce", "some") else 2
        if not 2 <= len(args) <= count_max:
            for arg in (*args[:1], *args[2:]):
                self.node(arg, context, wanted=False)
            writer.line("raise Unsure")
            return NOTHING
        codes = [self.node(arg, context, wanted=True) for arg in (args[0], *args[2:])]
        if not require_array(writer, codes[0]):
            return NOTHING
        paths.prepare(writer, args[1])
        loop = write_loop(writer, op, codes, args[1], context.level, self.node)
        value = self._thresholded(loop.value, codes) if op == "some" else loop.value
        cost, depth, ops = self._kept_metrics(op, codes, loop)
        size = writer.fresh("e")
        writer.line(f"{size} = len({codes[0].atom})")
        own_depth = self._deeper(self._deepest(codes))
        total = self._total(op, cost, own_depth, variable(size, self._config.collection_size_multiplier))
        writer.charge(total)
        return Code(value.atom, value.kind, cost=total, depth=self._loop_depth(own_depth, depth, loop), ops=ops)

    def _thresholded(self, truthy: Code, codes: Sequence[Code]) -> Code:
        if len(codes) == 1:
            return Code(self._assigned(f"{truthy.atom} >= 1"), "bool")
        wanted = codes[1].atom
        if codes[1].kind not in ("int", ""):
            self._writer.line("raise Unsure")
            return NOTHING
        self._writer.line(f"if type({wanted}) is not int or not -2147483648 <= {wanted} <= 2147483647: raise Unsure")
        return Code(self._assigned(f"{truthy.atom} >= {wanted}"), "bool")

    def _kept_metrics(self, op: str, codes: Sequence[Code], loop: Loop) -> tuple[Cost, int | str, Cost]:
        if op in ("map", "reduce", "none"):
            return loop.cost, loop.depth, loop.ops
        if op == "all":
            return codes[0].cost + loop.cost, loop.depth, codes[0].ops + loop.ops
        return Cost(), 0, Cost()

    def _loop_depth(self, own: int | str, of_rounds: int | str, loop: Loop) -> int | str:
        if of_rounds == 0 or (isinstance(own, int) and isinstance(of_rounds, int) and of_rounds <= own):
            return own
        return self._assigned_depth(f"max({own}, {of_rounds}) if {loop.rounds} else {own}")


class _Choice:
    """An `if` whose outcome is put into variables: the value, and what differs between its branches.

    It is written as a loop that runs once and is left by `break`, so that a long chain does not nest.
    """

    def __init__(self, nodes: Nodes, writer: Writer, context: Context, wanted: bool) -> None:
        self._nodes = nodes
        self._writer = writer
        self._context = context
        self._wanted = wanted
        self._arms: list[tuple[Block, Code, Cost]] = []

    def write(self, first: Code, args: Sequence[Expression]) -> Code:
        """Write all branches; `first` is the first condition, already evaluated."""
        writer = self._writer
        writer.line("while True:")
        with writer.nested(is_loop=True) as chain:
            self._arm(args[1], chain, first)
            rest = _continued(args[2:])
            while len(rest) >= 2:
                condition = self._nodes.node(rest[0], self._context, wanted=False)
                self._arm(rest[1], chain, condition)
                rest = _continued(rest[2:])
            last = self._nodes.node(rest[0], self._context, self._wanted) if rest else writer.literal(None)
            self._arms.append((chain, last, chain.limit))
        writer.paste(chain)
        return self._settled()

    def _arm(self, branch: Expression, chain: Block, condition: Code) -> None:
        self._writer.line(f"if {condition.atom}:")
        with self._writer.nested() as arm:
            code = self._nodes.node(branch, self._context, self._wanted)
        self._writer.paste(arm)
        self._arms.append((arm, code, chain.limit + arm.limit))

    def _settled(self) -> Code:
        """Let each branch assign its value, and those metrics that are not the same in all."""
        writer = self._writer
        target = writer.fresh("t")
        for block, code, _ in self._arms:
            block.line(f"{target} = {code.atom}")
        writer.charge(self._common("l", [limit for _, _, limit in self._arms]))
        cost, ops, depth = Cost(), Cost(), 0  # type: tuple[Cost, Cost, int | str]
        if self._wanted:
            cost = self._common("c", [code.cost for _, code, _ in self._arms])
            ops = self._common("o", [code.ops for _, code, _ in self._arms])
            depth = self._common_depth([code.depth for _, code, _ in self._arms])
        for block, _, _ in self._arms:
            block.line("break")
        kinds = {code.kind for _, code, _ in self._arms}
        return Code(target, kinds.pop() if len(kinds) == 1 else "", cost=cost, depth=depth, ops=ops)

    def _common(self, prefix: str, costs: list[Cost]) -> Cost:
        if all(cost.is_static and cost.constant == costs[0].constant for cost in costs):
            return Cost(costs[0].constant)
        name = self._writer.fresh(prefix)
        for (block, _, _), cost in zip(self._arms, costs, strict=True):
            block.line(f"{name} = {cost.text()}")
        return variable(name)

    def _common_depth(self, depths: list[int | str]) -> int | str:
        if all(isinstance(depth, int) and depth == depths[0] for depth in depths):
            return depths[0]
        name = self._writer.fresh("d")
        for (block, _, _), depth in zip(self._arms, depths, strict=True):
            block.line(f"{name} = {depth}")
        return name


def _continued(rest: Sequence[Expression]) -> Sequence[Expression]:
    """An `if` in the place of the last alternative continues the chain."""
    while len(rest) == 1 and isinstance(rest[0], Apply) and rest[0].op == "if" and len(rest[0].args) >= 2:
        rest = rest[0].args
    return rest


def _sum_of(costs: Sequence[Cost]) -> Cost:
    total = Cost()
    for cost in costs:
        total += cost
    return total


def _times(cost: Cost, factor: int) -> Cost:
    return Cost(cost.constant * factor, {name: times * factor for name, times in cost.terms.items()})


def _looker(
    default: JsonValue | Absent, config: GasConfig
) -> Callable[[JsonValue, JsonValue, JsonValue | Absent], object]:
    """The look-up of a `var` whose key is computed: from key, data and context to value and cost."""

    def look_up_key(key: JsonValue, data: JsonValue, context: JsonValue | Absent) -> tuple[JsonValue, int]:
        path = key[0] if isinstance(key, list) and key else key
        if not isinstance(path, str):
            raise Unsure
        value = look_up(path, data, context)
        if value is None and path and not isinstance(default, Absent):
            return default, 0
        return value, path_cost(len(path_segments(path)), config)

    return look_up_key
