"""From an expression to a Python function that evaluates and meters it.

The function is written as text, flat: one assignment per operator, ordinary kinds of arguments handled in place.
It does not watch the limit counter. It adds up what a run deducts, most of it known beforehand, and compares once,
for deductions only grow; loops whose rounds differ compare in each round. Whatever is not plain success (an error,
a limit too low, data that is no map, a callback's context) is left to the interpreter, which runs the same
evaluation again and finds the exact answer. So the function only has to be right where it is sure.
"""

from __future__ import annotations

from collections.abc import Callable
from types import CodeType, FunctionType
from typing import Any

from ottochain.jlvm.compiler.nodes import Nodes
from ottochain.jlvm.compiler.support import Unsure
from ottochain.jlvm.compiler.writer import TooComplexError, Writer
from ottochain.jlvm.errors import EvaluationError
from ottochain.jlvm.expression import Expression
from ottochain.jlvm.gas import UNLIMITED, GasConfig
from ottochain.jlvm.values import ABSENT

DEPTH_MAX = 100
SIZE_MAX = 4_000
"""Deeper or larger expressions stay with the interpreter."""

_HEADER = """\
def run(data, *, context, gas_limit, config):
    if context is not ABSENT or config is not CONFIG or type(data) is not dict:
        return interpret(data, context=context, gas_limit=gas_limit, config=config)
    try:
"""
_FOOTER = """\
    except UNSURE:
        pass
    return interpret(data, context=context, gas_limit=gas_limit, config=config)
"""


def compile_function(
    expression: Expression, config: GasConfig, interpret: Callable[..., Any], outcome: type
) -> Callable[..., Any] | None:
    """A function that does what `interpret` does, faster, at the prices of `config`.

    None if the expression is too deep or too large. `outcome` is the class of the results (a named tuple).
    """
    globals_ = _globals(config, interpret, outcome)
    source = source_of(expression, config, globals_)
    if source is None:
        return None
    module = compile(source, "<expression>", "exec", dont_inherit=True, optimize=2)
    code = next(constant for constant in module.co_consts if isinstance(constant, CodeType))
    function = FunctionType(code, globals_)
    function.__kwdefaults__ = {"context": ABSENT, "gas_limit": UNLIMITED, "config": config}
    return function


def source_of(expression: Expression, config: GasConfig, globals_: dict[str, object]) -> str | None:
    """The text of the function; puts what it refers to into `globals_`."""
    writer = Writer(globals_)
    try:
        Nodes(writer, config).program(expression)
    except (TooComplexError, RecursionError):  # the compiler recurses; its caller may have used up most of the stack
        return None
    return _HEADER + "\n".join(writer.block.text()) + "\n" + _FOOTER


_BUILTINS: tuple[Callable[..., Any], ...] = (abs, bool, dict, int, len, list, max, min, str, type)
"""All that a generated function can reach of Python."""


def _globals(config: GasConfig, interpret: Callable[..., Any], outcome: type) -> dict[str, object]:
    return {
        "__builtins__": {kind.__name__: kind for kind in _BUILTINS},
        "ABSENT": ABSENT,
        "CONFIG": config,
        "Outcome": outcome,
        "UNSURE": (EvaluationError, Unsure),
        "Unsure": Unsure,
        "interpret": interpret,
        "new": tuple.__new__,
    }
