"""Programs: expressions made ready to be run many times."""

from __future__ import annotations

from functools import lru_cache
from typing import NamedTuple

from ottochain.jlvm.expression import Expression
from ottochain.jlvm.gas import UNLIMITED, GasConfig
from ottochain.jlvm.interpreter import interpret
from ottochain.jlvm.syntax import decode
from ottochain.jlvm.values import ABSENT, Absent, JsonValue


class Outcome(NamedTuple):
    """What a run gave: the value, the gas it is charged, the depth of its operators, the number of evaluations."""

    value: JsonValue
    gas: int
    depth: int
    ops: int


class Program:
    """An expression, ready to be run."""

    def __init__(self, expression: Expression) -> None:
        self.expression = expression

    def run(
        self,
        data: JsonValue,
        *,
        context: JsonValue | Absent = ABSENT,
        gas_limit: int = UNLIMITED,
        config: GasConfig = GasConfig.DEFAULT,
    ) -> Outcome:
        """Evaluate on `data`, spending at most `gas_limit`.

        `context` is what a callback would see as its element. Raises EvaluationError or GasExhausted.
        """
        value, metrics = interpret(self.expression, data, context, gas_limit, config)
        return Outcome(value, *metrics)


def compile_expression(source: Expression | JsonValue) -> Program:
    """The program of an expression, or of the JSON that stands for one. Equal expressions share a program."""
    return _program(source if isinstance(source, Expression) else decode(source))


@lru_cache(maxsize=4096)
def _program(expression: Expression) -> Program:
    return Program(expression)
