"""The expression tree, and walks over it that need no stack.

Equality and hashes are structural and type-strict, like those of values. Trees may be very deep, so neither
recurses: both go by a flat key.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from ottochain.jlvm.values import ABSENT, Absent, JsonValue, append_identity


class Expression:
    """One of Const, ArrayOf, MapOf, Apply, Var."""

    __slots__ = ("_cached_hash", "program")
    _cached_hash: int
    program: object
    """The program that `compile_expression` made of this very object, once it did."""

    def __eq__(self, other: object) -> bool:
        if self is other:
            return True
        if not isinstance(other, Expression):
            return NotImplemented
        return hash(self) == hash(other) and identity_of(self) == identity_of(other)

    def __hash__(self) -> int:
        try:
            return self._cached_hash
        except AttributeError:
            object.__setattr__(self, "_cached_hash", hash(identity_of(self)))
            return self._cached_hash

    def __repr__(self) -> str:
        from ottochain.jlvm.syntax import encode

        return f"<{type(self).__name__} {shortened(encode(self))}>"


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class Const(Expression):
    """A literal value. Costs nothing."""

    value: JsonValue


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class ArrayOf(Expression):
    """A list of expressions, evaluated in order."""

    items: tuple[Expression, ...]


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class MapOf(Expression):
    """A map of expressions, as (key, expression) in the order in which they were written."""

    entries: tuple[tuple[str, Expression], ...]

    def get(self, key: str) -> Expression | None:
        """The expression under `key`."""
        return next((item for name, item in self.entries if name == key), None)


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class Apply(Expression):
    """An operator (its tag) and its arguments."""

    op: str
    args: tuple[Expression, ...]


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class Var(Expression):
    """A look-up: a dotted path, or an expression that gives one; and a literal that replaces null."""

    path: str | Expression
    default: JsonValue | Absent = ABSENT


def children(expression: Expression) -> tuple[Expression, ...]:
    """The expressions directly inside: arguments, items, map values, or a dynamic key."""
    if isinstance(expression, Apply):
        return expression.args
    if isinstance(expression, ArrayOf):
        return expression.items
    if isinstance(expression, MapOf):
        return tuple(item for _, item in expression.entries)
    if isinstance(expression, Var) and isinstance(expression.path, Expression):
        return (expression.path,)
    return ()


def walk(expression: Expression) -> Iterator[tuple[Expression, int]]:
    """Every expression in the tree with its depth (the root's is 0), parents first, left to right."""
    pending = [(expression, 0)]
    while pending:
        current, depth = pending.pop()
        yield current, depth
        pending.extend((child, depth + 1) for child in reversed(children(current)))


def static_depth(expression: Expression) -> int:
    """Depth of the deepest expression in the tree; a constant is a leaf of depth 0 whatever it holds."""
    return max(depth for _, depth in walk(expression))


def size(expression: Expression) -> int:
    """Number of expressions in the tree."""
    return sum(1 for _ in walk(expression))


def identity_of(expression: Expression, *, ordered: bool = False) -> tuple[object, ...]:
    """A flat, hashable key: two expressions have the same key exactly when they are equal.

    With `ordered`, maps must also be written in the same order and floats with the same scale. Equal expressions that
    differ in that may evaluate differently: the order of a map decides which error comes first and what `keys` lists.
    """
    tokens: list[object] = []
    pending = [expression]
    while pending:
        current = pending.pop()
        if isinstance(current, Const):
            tokens.append("const")
            append_identity(current.value, tokens, ordered=ordered)
        elif isinstance(current, Apply):
            tokens += ("apply", current.op, len(current.args))
            pending.extend(current.args)
        elif isinstance(current, ArrayOf):
            tokens += ("array", len(current.items))
            pending.extend(current.items)
        elif isinstance(current, MapOf):
            entries = current.entries if ordered else sorted(current.entries, key=lambda entry: entry[0])
            tokens += ("map", len(entries), *(key for key, _ in entries))
            pending.extend(item for _, item in entries)
        elif isinstance(current, Var):
            if isinstance(current.path, Expression):
                tokens.append("dynamic")
                pending.append(current.path)
            else:
                tokens += ("var", current.path)
            if not isinstance(current.default, Absent):
                tokens.append("default")
                append_identity(current.default, tokens, ordered=ordered)
    return tuple(tokens)


def shortened(value: object, length_max: int = 80) -> str:
    """The beginning of a value's text, without recursing into what is deep."""
    depth_left = 6

    def text(item: object, left: int) -> str:
        if not left:
            return "…"
        if isinstance(item, list):
            return "[" + ", ".join(text(part, left - 1) for part in item[:4]) + (", …]" if len(item) > 4 else "]")
        if isinstance(item, dict):
            head = list(item.items())[:4]
            return "{" + ", ".join(f"{key!r}: {text(part, left - 1)}" for key, part in head) + "}"
        return repr(item)[:length_max]

    whole = text(value, depth_left)
    return whole if len(whole) <= length_max else whole[: length_max - 1] + "…"
