"""Look-ups along constant paths, each made once per block.

The data is a map here (other data is left to the interpreter). A callback's context is known by the variables that
hold it: an element, or a reduction's item and accumulator.
"""

from __future__ import annotations

from dataclasses import dataclass

from ottochain.jlvm.compiler.writer import Writer
from ottochain.jlvm.expression import Expression, Var, walk
from ottochain.jlvm.lookup import first_step, step

REDUCTION_NAMES = ("current", "accumulator")


@dataclass(frozen=True, slots=True)
class Root:
    """No context: look-ups start from the data."""

    level: int = 0


@dataclass(frozen=True, slots=True)
class Element:
    """The context is the element in the variable `name`."""

    level: int
    name: str


@dataclass(frozen=True, slots=True)
class Reduction:
    """The context is {"current": item, "accumulator": accumulator}."""

    level: int
    item: str
    accumulator: str

    @property
    def text(self) -> str:
        """The context as a Python expression."""
        return f'{{"current": {self.item}, "accumulator": {self.accumulator}}}'


Context = Root | Element | Reduction


def context_text(context: Context) -> str:
    """The value at the path "": the context, or the data where there is none."""
    if isinstance(context, Root):
        return "data"
    return context.name if isinstance(context, Element) else context.text


def look_up(writer: Writer, path: str, context: Context) -> str:
    """Write the look-up of a path that is neither empty nor ends with a dot; the variable that holds its value."""
    segments = path.split(".")
    key: tuple[str, ...] = _start(segments[0], context)
    name = _first(writer, segments[0], context, key)
    for segment in segments[1:]:
        key = (*key, segment)
        name = writer.known(key) or _further(writer, name, segment, key)
    return name


def prepare(writer: Writer, callback: Expression) -> None:
    """Before a loop, fetch from the data what every round may need."""
    for expression, _ in walk(callback):
        if isinstance(expression, Var) and isinstance(expression.path, str) and expression.path:
            segment = expression.path.split(".")[0]
            if segment not in REDUCTION_NAMES and not expression.path.endswith("."):
                _from_data(writer, segment)


def _start(segment: str, context: Context) -> tuple[str, ...]:
    if isinstance(context, Element):
        return (context.name, segment)
    if isinstance(context, Reduction) and segment in REDUCTION_NAMES:
        return (context.item, segment)
    return ("data", segment)


def _first(writer: Writer, segment: str, context: Context, key: tuple[str, ...]) -> str:
    if isinstance(context, Reduction) and segment in REDUCTION_NAMES:
        return context.item if segment == "current" else context.accumulator
    if not isinstance(context, Element):
        return _from_data(writer, segment)
    known = writer.known(key)
    if known is not None:
        return known
    element, text = context.name, _key_text(writer, segment)
    base = writer.known(("data", segment)) or f"data.get({text})"
    name = writer.fresh("v")
    otherwise = f"{writer.reference(first_step, 'first_step')}({text}, data, {element})"
    writer.line(
        f"{name} = {element}.get({text}, {base}) if type({element}) is dict"
        f" else {otherwise} if type({element}) is list else {base}"
    )
    writer.remember(key, name)
    return name


def _from_data(writer: Writer, segment: str) -> str:
    key = ("data", segment)
    known = writer.known(key)
    if known is not None:
        return known
    name = writer.fresh("v")
    writer.line(f"{name} = data.get({_key_text(writer, segment)})")
    writer.remember(key, name)
    return name


def _further(writer: Writer, parent: str, segment: str, key: tuple[str, ...]) -> str:
    name, text = writer.fresh("v"), _key_text(writer, segment)
    otherwise = f"{writer.reference(step, 'step')}({parent}, {text})"
    writer.line(f"{name} = {parent}.get({text}) if type({parent}) is dict else {otherwise}")
    writer.remember(key, name)
    return name


def _key_text(writer: Writer, segment: str) -> str:
    return writer.literal(segment).atom
