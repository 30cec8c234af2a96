"""Operators written out for the kinds of arguments they usually get.

Each shortcut assigns the result to `target`, calling the operator itself wherever the usual kinds are not met, and
returns the result's kind (where known) and the units that its size is measured in.
"""

from __future__ import annotations

from collections.abc import Callable

from ottochain.jlvm.compiler import support
from ottochain.jlvm.compiler.cost import Cost, variable
from ottochain.jlvm.compiler.writer import Code, Writer
from ottochain.jlvm.gas import MEASURES
from ottochain.jlvm.numeric import INT64_MAX, INT64_MIN, parse_short_int
from ottochain.jlvm.operations import OPERATIONS
from ottochain.jlvm.operations.presence import DATA_OPERATIONS
from ottochain.jlvm.values import Absent, type_tag

Shortcut = Callable[[Writer, list[Code], str], tuple[str, Cost]]

NO_SIZE = Cost()
_IN_RANGE = f"{INT64_MIN} <= {{}} <= {INT64_MAX}"


def apply(writer: Writer, op: str, args: list[Code], target: str) -> tuple[str, Cost]:
    """Write the application of `op`; the result's kind and the measure of its size."""
    shortcut = _SHORTCUTS.get(op)
    found = shortcut(writer, args, target) if shortcut else None
    return found or _call(writer, op, args, target)


def _call(writer: Writer, op: str, args: list[Code], target: str) -> tuple[str, Cost]:
    values = f"[{', '.join(arg.atom for arg in args)}]"
    measure = MEASURES.get(op)
    if measure is not None:
        name = writer.fresh("a")
        writer.line(f"{name} = {values}")
        values = name
    writer.line(f"{target} = {_operator(writer, op)}({values}{', data' if op in DATA_OPERATIONS else ''})")
    if measure is None:
        return _KINDS.get(op, ""), NO_SIZE
    size = writer.fresh("e")
    writer.line(f"{size} = {writer.reference(measure, measure.__name__.strip('_'))}({values}, {target})")
    return _KINDS.get(op, ""), variable(size)


_KINDS = {"substr": "str", "join": "str", "split": "list", "entries": "list", "unique": "list", "reverse": "list",
          "flatten": "list", "slice": "list", "missing": "list", "missing_some": "list", "intersect": "bool",
          "lower": "str", "upper": "str", "trim": "str"}  # fmt: skip


def _operator(writer: Writer, op: str) -> str:
    operation = support.NARROW.get(op) or DATA_OPERATIONS.get(op) or OPERATIONS[op]
    return writer.reference(operation, f"op_{operation.__name__}")


def _slow(writer: Writer, op: str, args: list[Code]) -> str:
    return f"{_operator(writer, op)}([{', '.join(arg.atom for arg in args)}])"


def _all_ints(args: list[Code]) -> str | None:
    """The condition under which all arguments are integers; "" if they are, None if they can't be."""
    if any(arg.kind not in ("int", "") for arg in args):
        return None
    return " and ".join(dict.fromkeys(f"type({arg.atom}) is int" for arg in args if arg.kind != "int"))


def _guarded(fast: str, condition: str, slow: str) -> str:
    return f"{fast} if {condition} else {slow}" if condition else fast


# -- truth


def _not(writer: Writer, args: list[Code], target: str) -> tuple[str, Cost] | None:
    if len(args) != 1:
        return None
    writer.line(f"{target} = not {args[0].atom}")
    return "bool", NO_SIZE


def _is_true(writer: Writer, args: list[Code], target: str) -> tuple[str, Cost] | None:
    if len(args) != 1:
        return None
    writer.line(f"{target} = {args[0].atom if args[0].kind == 'bool' else f'not not {args[0].atom}'}")
    return "bool", NO_SIZE


def _chosen(word: str, end: str = "") -> Shortcut:
    def write(writer: Writer, args: list[Code], target: str) -> tuple[str, Cost]:
        kinds = {arg.kind for arg in args}
        writer.line(f"{target} = {word.join(arg.atom for arg in args)}{end}")
        return (kinds.pop() if len(kinds) == 1 and not end else ""), NO_SIZE

    return lambda writer, args, target: write(writer, args, target) if args else None  # type: ignore[return-value]


def _exists(writer: Writer, args: list[Code], target: str) -> tuple[str, Cost] | None:
    if len(args) < 2:
        return None
    tests = [f"{arg.atom} is not None" if arg.kind in ("", "null") else "True" for arg in args]
    writer.line(f"{target} = {' and '.join(tests)}")
    return "bool", NO_SIZE


# -- comparison


def _equality(negated: bool) -> Shortcut:
    op, symbol = ("!=", "!=") if negated else ("==", "==")

    def write(writer: Writer, args: list[Code], target: str) -> tuple[str, Cost] | None:
        if len(args) != 2:
            return None
        left, right = args
        slow = f"{writer.reference(support.equal, 'equal')}({left.atom}, {right.atom})"
        slow = f"not {slow}" if negated else slow
        writer.line(f"{target} = {_guarded(f'{left.atom} {symbol} {right.atom}', _plainly_comparable(args), slow)}")
        return "bool", NO_SIZE

    assert op in OPERATIONS
    return write  # type: ignore[return-value]


def _plainly_comparable(args: list[Code]) -> str:
    """A condition under which loose equality is Python's equality."""
    for this, other in (args, args[::-1]):
        if isinstance(this.literal, Absent):
            continue
        if type(this.literal) is str and this.literal and parse_short_int(this.literal) is None:
            return f"type({other.atom}) is str"  # a text that is no number equals that text alone
        if type(this.literal) is int:
            return f"type({other.atom}) is int"
        if type(this.literal) is bool:
            return f"type({other.atom}) is bool"
    return f"type({args[0].atom}) is type({args[1].atom}) is int"


def _strictly_equal(writer: Writer, args: list[Code], target: str) -> tuple[str, Cost] | None:
    if len(args) != 2:
        return None
    text = _same_literal(args, "==") or f"{writer.reference(support.same, 'same')}({args[0].atom}, {args[1].atom})"
    writer.line(f"{target} = {text}")
    return "bool", NO_SIZE


def _strictly_different(writer: Writer, args: list[Code], target: str) -> tuple[str, Cost] | None:
    text = _same_literal(args, "!=") if len(args) == 2 else None
    if text is None:
        return None
    writer.line(f"{target} = {text}")
    return "bool", NO_SIZE


def _same_literal(args: list[Code], symbol: str) -> str | None:
    """Strict comparison with a constant text or integer: same kind, and equal or not."""
    for this, other in (args, args[::-1]):
        if not isinstance(this.literal, Absent) and type_tag(this.literal) in ("string", "int"):
            kind = "str" if type(this.literal) is str else "int"
            return f"type({other.atom}) is {kind} and {other.atom} {symbol} {this.atom}"
    return None


def _ordered(op: str, count_max: int) -> Shortcut:
    def write(writer: Writer, args: list[Code], target: str) -> tuple[str, Cost] | None:
        condition = _all_ints(args) if 2 <= len(args) <= count_max else None
        if condition is None:
            return None
        fast = f" {op} ".join(arg.atom for arg in args)
        writer.line(f"{target} = {_guarded(fast, condition, _slow(writer, op, args))}")
        return "bool", NO_SIZE

    return write  # type: ignore[return-value]


def _in(writer: Writer, args: list[Code], target: str) -> tuple[str, Cost] | None:
    if len(args) != 2:
        return None
    needle, haystack = args
    if isinstance(haystack.literal, list) and all(type(item) is str for item in haystack.literal):
        items = writer.reference(frozenset(haystack.literal), writer.fresh("s"))
        writer.line(f"{target} = type({needle.atom}) is str and {needle.atom} in {items}")
        return "bool", Cost(len(haystack.literal))
    member = f"{writer.reference(support.member, 'member')}({needle.atom}, {haystack.atom})"
    found = f"{needle.atom} in {haystack.atom} if type({needle.atom}) is str else {member}"
    size = writer.fresh("e")
    length = f"{writer.reference(support.length, 'length')}({haystack.atom}) // 10"
    writer.line(f"if type({haystack.atom}) is list:")
    writer.line(f"    {target} = {found}")
    writer.line(f"    {size} = len({haystack.atom})")
    writer.line("else:")
    writer.line(f"    {target} = {_slow(writer, 'in', args)}")
    writer.line(f"    {size} = {length} if type({haystack.atom}) is str else 0")
    return "bool", variable(size)


# -- arithmetic


def _folded(op: str) -> Shortcut:
    def write(writer: Writer, args: list[Code], target: str) -> tuple[str, Cost] | None:
        condition = _all_ints(args) if 2 <= len(args) <= 4 else None
        if condition is None:
            return None
        tests = [condition] if condition else []
        total = args[0].atom
        for arg in args[1:]:
            tests.append(_IN_RANGE.format(f"({target} := {total} {op} {arg.atom})"))
            total = target
        writer.line(f"if not ({' and '.join(tests)}):")
        writer.line(f"    {target} = {_slow(writer, op, args)}")
        return "", Cost(len(args) - 1)

    return write  # type: ignore[return-value]


def _minus(writer: Writer, args: list[Code], target: str) -> tuple[str, Cost] | None:
    return _folded("-")(writer, args, target) if len(args) == 2 else None


def _divide(writer: Writer, args: list[Code], target: str) -> tuple[str, Cost] | None:
    condition = _all_ints(args) if len(args) == 2 else None
    if condition is None:
        return None
    a, b = args[0].atom, args[1].atom
    tests = [*([condition] if condition else []), b, f"not {a} % {b}", _IN_RANGE.format(f"({target} := {a} // {b})")]
    writer.line(f"if not ({' and '.join(tests)}):")
    writer.line(f"    {target} = {_slow(writer, '/', args)}")
    return "", NO_SIZE


def _modulo(writer: Writer, args: list[Code], target: str) -> tuple[str, Cost] | None:
    condition = _all_ints(args) if len(args) == 2 else None
    if condition is None:
        return None
    a, b = args[0].atom, args[1].atom
    tests = [*([condition] if condition else []), f"0 <= {a} <= {INT64_MAX}", f"{b} > 0"]
    writer.line(f"{target} = {a} % {b} if {' and '.join(tests)} else {_slow(writer, '%', args)}")
    return "", NO_SIZE


def _extreme(op: str) -> Shortcut:
    def write(writer: Writer, args: list[Code], target: str) -> tuple[str, Cost] | None:
        condition = _all_ints(args) if len(args) >= 2 else None
        if condition is None:
            return None
        values = ", ".join(arg.atom for arg in args)
        tests = [*([condition] if condition else []), _IN_RANGE.format(f"({target} := {op}({values}))")]
        writer.line(f"if not ({' and '.join(tests)}):")
        writer.line(f"    {target} = {_slow(writer, op, args)}")
        return "", Cost(len(args))

    return write  # type: ignore[return-value]


def _kept_int(op: str, fast: str) -> Shortcut:
    def write(writer: Writer, args: list[Code], target: str) -> tuple[str, Cost] | None:
        condition = _all_ints(args) if len(args) == 1 else None
        if condition is None:
            return None
        text = _guarded(fast.format(args[0].atom), condition, _slow(writer, op, args))
        writer.line(f"{target} = {text}")
        return "", NO_SIZE

    return write  # type: ignore[return-value]


# -- text, arrays, maps


def _cat(writer: Writer, args: list[Code], target: str) -> tuple[str, Cost]:
    size = writer.fresh("e")
    writer.line(f"{target} = {writer.reference(support.cat, 'cat')}([{', '.join(arg.atom for arg in args)}])")
    writer.line(f"{size} = {writer.reference(support.length, 'length')}({target})")
    return "str", variable(size)


def _length(writer: Writer, args: list[Code], target: str) -> tuple[str, Cost] | None:
    if len(args) != 1 or args[0].kind not in ("list", ""):
        return None
    condition = "" if args[0].kind == "list" else f"type({args[0].atom}) is list"
    writer.line(f"{target} = {_guarded(f'len({args[0].atom})', condition, _slow(writer, 'length', args))}")
    return "int", NO_SIZE


def _merge(writer: Writer, args: list[Code], target: str) -> tuple[str, Cost] | None:
    if not args or any(arg.kind not in ("dict", "") for arg in args):
        return None
    size = writer.fresh("e")
    condition = " and ".join(f"type({arg.atom}) is dict" for arg in args if arg.kind != "dict")
    merged = f"{{{', '.join(f'**{arg.atom}' for arg in args)}}}"
    writer.line(f"{target} = {_guarded(merged, condition, _slow(writer, 'merge', args))}")
    writer.line(f"{size} = len({target})")
    return ("" if condition else "dict"), variable(size)


def _get(writer: Writer, args: list[Code], target: str) -> tuple[str, Cost] | None:
    if len(args) != 2 or args[0].kind not in ("dict", "") or type(args[1].literal) is not str:
        return None
    entries, key = args[0].atom, args[1].atom
    fast, condition = f"{entries}[{key}]", f"type({entries}) is dict and {key} in {entries}"
    writer.line(f"{target} = {_guarded(fast, condition, _slow(writer, 'get', args))}")
    return "", NO_SIZE


def _has(writer: Writer, args: list[Code], target: str) -> tuple[str, Cost] | None:
    if len(args) != 2 or args[0].kind not in ("dict", "") or args[1].kind not in ("str", ""):
        return None
    entries, key = args[0].atom, args[1].atom
    condition = f"type({entries}) is dict" + ("" if args[1].kind == "str" else f" and type({key}) is str")
    writer.line(f"{target} = {_guarded(f'{key} in {entries}', condition, _slow(writer, 'has', args))}")
    return "bool", NO_SIZE


def _type_of(writer: Writer, args: list[Code], target: str) -> tuple[str, Cost] | None:
    if len(args) != 1:
        return None
    writer.line(f"{target} = {writer.reference(type_tag, 'type_tag')}({args[0].atom})")
    return "str", NO_SIZE


_SHORTCUTS: dict[str, Callable[[Writer, list[Code], str], tuple[str, Cost] | None]] = {
    "!": _not,
    "!!": _is_true,
    "and": _chosen(" and "),
    "or": _chosen(" or "),
    "default": _chosen(" or ", " or None"),
    "exists": _exists,
    "==": _equality(negated=False),
    "!=": _equality(negated=True),
    "===": _strictly_equal,
    "!==": _strictly_different,
    "<": _ordered("<", 3),
    "<=": _ordered("<=", 3),
    ">": _ordered(">", 2),
    ">=": _ordered(">=", 2),
    "in": _in,
    "+": _folded("+"),
    "*": _folded("*"),
    "-": _minus,
    "/": _divide,
    "%": _modulo,
    "max": _extreme("max"),
    "min": _extreme("min"),
    "abs": _kept_int("abs", "abs({})"),
    "round": _kept_int("round", "{}"),
    "floor": _kept_int("floor", "{}"),
    "ceil": _kept_int("ceil", "{}"),
    "cat": _cat,
    "length": _length,
    "merge": _merge,
    "get": _get,
    "has": _has,
    "typeof": _type_of,
}
