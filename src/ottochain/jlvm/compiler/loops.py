"""Callback operators as loops."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from ottochain.jlvm.compiler.cost import Cost, variable
from ottochain.jlvm.compiler.paths import Context, Element, Reduction
from ottochain.jlvm.compiler.writer import Block, Code, Writer
from ottochain.jlvm.expression import Expression

CompileCallback = Callable[[Expression, Context, bool], Code]


@dataclass(slots=True)
class Loop:
    """A loop that was written: the operator's result and what its rounds cost together."""

    value: Code
    rounds: str = "0"
    cost: Cost = field(default_factory=Cost)
    ops: Cost = field(default_factory=Cost)
    depth: int | str = 0


def require_array(writer: Writer, items: Code) -> bool:
    """Leave the run to the interpreter unless the first argument is an array. False if it never is."""
    if items.kind not in ("list", ""):
        writer.line("raise Unsure")
        return False
    if not items.kind:
        writer.line(f"if type({items.atom}) is not list: raise Unsure")
    return True


def write_loop(
    writer: Writer, op: str, args: list[Code], callback: Expression, level: int, compile_callback: CompileCallback
) -> Loop:
    """Write the rounds of `op` over its array. `args` are the arguments without the callback; the first is an array."""
    if op == "reduce":
        return _reduce(writer, args, callback, level, compile_callback)
    item, target = writer.fresh("x"), writer.fresh("t")
    start, each = _ROUNDS[op]
    writer.line(f"{target} = {start}")
    keeps_metrics = op in ("map", "all", "none")
    with writer.nested(is_loop=True) as body:
        code = compile_callback(callback, Element(level + 1, item), keeps_metrics)
        rounds = _Rounds(writer, body, code, level, keeps_metrics)
        for line in each:
            writer.line(line.format(target=target, item=item, value=code.atom))
    count = writer.fresh("n") if op == "find" else f"len({args[0].atom})"
    if op == "find":
        rounds.counted_by(count)
    rounds.write(f"for {item} in {args[0].atom}:", body, count)
    return rounds.loop(Code(target, _RESULT_KINDS.get(op, "")), count)


_RESULT_KINDS = {"map": "list", "filter": "list", "all": "bool", "none": "bool", "some": "bool", "count": "int"}

_ROUNDS: Mapping[str, tuple[str, tuple[str, ...]]] = {
    "map": ("[]", ("{target}.append({value})",)),
    "filter": ("[]", ("if {value}: {target}.append({item})",)),
    "count": ("0", ("if {value}: {target} += 1",)),
    "some": ("0", ("if {value}: {target} += 1",)),
    "all": ("True", ("if not {value}: {target} = False",)),
    "none": ("True", ("if {value}: {target} = False",)),
    "find": ("None", ("if {value}:", "    {target} = {item}", "    break")),
}
"""The result before the first round, and what each round does to it with the callback's value."""


def _reduce(
    writer: Writer, args: list[Code], callback: Expression, level: int, compile_callback: CompileCallback
) -> Loop:
    item, accumulator, items = writer.fresh("x"), writer.fresh("t"), args[0].atom
    if len(args) == 2:
        initial = args[1].atom
        if args[1].kind in ("null", "list", "dict"):
            writer.line("raise Unsure")
        elif not args[1].kind:
            writer.line(f"if {initial} is None or type({initial}) is list or type({initial}) is dict: raise Unsure")
        writer.line(f"{accumulator} = {initial}")
    else:
        rest = writer.fresh("r")
        writer.line(f"{accumulator} = {items}[0] if {items} else None")
        writer.line(f"{rest} = {items}[1:]")
        items = rest
    with writer.nested(is_loop=True) as body:
        code = compile_callback(callback, Reduction(level + 1, item, accumulator), True)
        rounds = _Rounds(writer, body, code, level, keeps_metrics=True)
        writer.line(f"{accumulator} = {code.atom}")
    rounds.write(f"for {item} in {items}:", body, f"len({items})")
    return rounds.loop(Code(accumulator), f"len({items})")


class _Rounds:
    """The gas of a loop: what every round costs alike is multiplied afterwards, what differs is added up."""

    def __init__(self, writer: Writer, body: Block, code: Code, level: int, keeps_metrics: bool) -> None:
        self._writer = writer
        self._limit = body.limit
        self._cost = code.cost if keeps_metrics else Cost()
        self._ops = code.ops if keeps_metrics else Cost()
        self._entry_depth = level + 2
        self._depth: int | str = 0
        self._before: list[str] = []
        self._sums: dict[str, str] = {}
        self._count = ""
        self._sum("limit", self._limit)
        self._sum("cost", self._cost)
        self._sum("ops", self._ops)
        if keeps_metrics:
            self._watch_depth(code.depth)
        if "limit" in self._sums:
            writer.line(f"if {self._sums['limit']} > gas_limit: raise Unsure")

    def _sum(self, what: str, cost: Cost) -> None:
        if not cost.is_static:
            name = self._sums[what] = self._writer.fresh("m")
            self._before.append(f"{name} = 0")
            self._writer.line(f"{name} += {cost.variable_part.text()}")

    def _watch_depth(self, depth: int | str) -> None:
        if isinstance(depth, int):
            self._depth = max(depth, self._entry_depth)
            return
        self._depth = name = self._writer.fresh("d")
        self._before.append(f"{name} = {self._entry_depth}")
        self._writer.line(f"if {depth} > {name}: {name} = {depth}")

    def counted_by(self, name: str) -> None:
        """Count the rounds, because the loop may end early. Must be called before the loop is written."""
        self._count = name

    def write(self, header: str, body: Block, count: str) -> None:
        """Write the loop itself."""
        writer = self._writer
        for line in self._before:
            writer.line(line)
        if self._count:
            writer.line(f"{self._count} = 0")
            body.lines.insert(0, " " * body.indent + f"{self._count} += 1")
        elif self._limit.constant:
            writer.line(f"if {self._limit.constant} * {count} > gas_limit: raise Unsure")
        writer.line(header)
        writer.paste(body)

    def loop(self, value: Code, count: str) -> Loop:
        """What the loop came to. Deducts the rounds' work from the limit counter."""
        writer = self._writer
        rounds = count
        if not self._count:
            rounds = writer.fresh("n")
            writer.line(f"{rounds} = {count}")
        writer.charge(self._total("limit", self._limit, rounds))
        ops = self._total("ops", self._ops, rounds) + variable(rounds)
        return Loop(value, rounds, self._total("cost", self._cost, rounds), ops, self._depth)

    def _total(self, what: str, cost: Cost, rounds: str) -> Cost:
        total = variable(rounds, cost.constant) if cost.constant else Cost()
        return total + variable(self._sums[what]) if what in self._sums else total
