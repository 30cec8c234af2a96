"""Writing the body of a generated function: lines, names, constants, blocks and what is known in them."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

from ottochain.jlvm.compiler.cost import FREE, Cost
from ottochain.jlvm.values import ABSENT, Absent, JsonValue

LOOPS_MAX = 18
INDENT_MAX = 4 * 90
"""Python's own limits are 20 blocks of loops and `try` within each other, and 100 indentations."""


class TooComplexError(Exception):
    """The expression is better left to the interpreter."""


@dataclass(slots=True)
class Block:
    """An indented piece of the function.

    `limit` is what its operators deduct from the limit counter; `known` names the variables that already hold the
    value of a look-up, and dies with the block.
    """

    indent: int
    loops: int = 0
    lines: list[str | Block] = field(default_factory=list)
    limit: Cost = field(default_factory=Cost)
    known: dict[tuple[str, ...], str] = field(default_factory=dict)

    def line(self, text: str) -> None:
        """Append a line."""
        self.lines.append(" " * self.indent + text)

    def text(self) -> Iterator[str]:
        """The lines of the block and of those pasted into it."""
        if not self.lines:
            yield " " * self.indent + "pass"
        for line in self.lines:
            if isinstance(line, Block):
                yield from line.text()
            else:
                yield line


@dataclass(frozen=True, slots=True)
class Code:
    """What a compiled expression left behind: where its value is and what its result costs.

    `atom` is a variable or a literal; `kind` its type where known ("int", "str", "bool", "list", "dict", else "");
    `literal` its value where that is constant. `depth` is a number or a variable.
    """

    atom: str
    kind: str = ""
    literal: JsonValue | Absent = ABSENT
    cost: Cost = FREE
    depth: int | str = 0
    ops: Cost = FREE


class Writer:
    """A function's text in the making."""

    def __init__(self, constants: dict[str, object]) -> None:
        self.constants = constants
        self._names = 0
        self._named: dict[int, str] = {}
        self._blocks = [Block(indent=8)]

    @property
    def block(self) -> Block:
        """The block that is being written."""
        return self._blocks[-1]

    def line(self, text: str) -> None:
        """Append a line to the current block."""
        self.block.line(text)

    def fresh(self, prefix: str) -> str:
        """A name that is not yet used."""
        self._names += 1
        return f"{prefix}{self._names}"

    @contextmanager
    def nested(self, *, is_loop: bool = False) -> Iterator[Block]:
        """Write into a new block, which is not yet part of anything."""
        outer = self.block
        block = Block(indent=outer.indent + 4, loops=outer.loops + is_loop)
        if block.loops > LOOPS_MAX or block.indent > INDENT_MAX:
            raise TooComplexError
        self._blocks.append(block)
        try:
            yield block
        finally:
            self._blocks.pop()

    def paste(self, block: Block) -> None:
        """Append a block to the current one; it may still grow."""
        self.block.lines.append(block)

    def charge(self, cost: Cost) -> None:
        """Deduct from the limit counter."""
        self.block.limit += cost

    def known(self, key: tuple[str, ...]) -> str | None:
        """The variable that holds a look-up's value, if this block or one around it has made it."""
        for block in reversed(self._blocks):
            if key in block.known:
                return block.known[key]
        return None

    def remember(self, key: tuple[str, ...], name: str) -> None:
        """Note that a variable holds a look-up's value, within this block."""
        self.block.known[key] = name

    def reference(self, thing: object, name: str) -> str:
        """The name under which the function finds a Python object."""
        known = self._named.get(id(thing))
        if known is None:
            known = name if name not in self.constants else self.fresh(name)
            self.constants[known] = thing
            self._named[id(thing)] = known
        return known

    def literal(self, value: JsonValue) -> Code:
        """A constant."""
        return Code(self._literal_text(value), kind_of(value), value)

    def _literal_text(self, value: JsonValue) -> str:
        if value is None or value is True or value is False:
            return repr(value)
        if type(value) is int and abs(value) < 2**63:
            return repr(value) if value >= 0 else f"({value!r})"
        if type(value) is str and len(value) < 200 and value.isascii():
            return repr(value)
        return self.reference(value, self.fresh("k"))


def kind_of(value: JsonValue) -> str:
    """The kind of a constant, as in `Code.kind`."""
    for kind in (bool, int, str, list, dict):
        if type(value) is kind:
            return kind.__name__
    return "null" if value is None else "float"
