"""Programs: expressions made ready to be run many times."""

from __future__ import annotations

from functools import lru_cache
from typing import NamedTuple

from ottochain.jlvm.compiler import DEPTH_MAX, SIZE_MAX, compile_function
from ottochain.jlvm.expression import Expression, size, static_depth
from ottochain.jlvm.gas import UNLIMITED, GasConfig
from ottochain.jlvm.interpreter import interpret
from ottochain.jlvm.syntax import decode
from ottochain.jlvm.values import ABSENT, Absent, JsonValue

COLD_RUNS = 8
"""Runs after which compiling (as long as some twenty interpreted runs) is likely to pay."""


class Outcome(NamedTuple):
    """What a run gave: the value, the gas it is charged, the depth of its operators, the number of evaluations."""

    value: JsonValue
    gas: int
    depth: int
    ops: int


class Program:
    """An expression, ready to be run. After a few runs it is compiled, and `run` is the compiled function."""

    def __init__(self, expression: Expression) -> None:
        self.expression = expression
        self._runs = 0

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
        self._runs += 1
        if self._runs == COLD_RUNS:
            self.compile()
        return self.interpret(data, context=context, gas_limit=gas_limit, config=config)

    def compile(self, config: GasConfig = GasConfig.DEFAULT) -> bool:
        """Compile now, for the prices of `config`; other prices are interpreted. False if it can't be done."""
        if size(self.expression) > SIZE_MAX or static_depth(self.expression) > DEPTH_MAX:
            return False
        function = compile_function(self.expression, config, self.interpret, Outcome)
        if function is None:
            return False
        self.__dict__["run"] = function
        return True

    def interpret(self, data: JsonValue, *, context: JsonValue | Absent, gas_limit: int, config: GasConfig) -> Outcome:
        """`run` by the rules themselves, as slow and exact as they are written."""
        value, metrics = interpret(self.expression, data, context, gas_limit, config)
        return Outcome(value, *metrics)


def compile_expression(source: Expression | JsonValue) -> Program:
    """The program of an expression, or of the JSON that stands for one. Equal expressions share a program."""
    expression = source if isinstance(source, Expression) else decode(source)
    program = getattr(expression, "program", None)
    if not isinstance(program, Program):
        program = _program(expression)
        object.__setattr__(expression, "program", program)
    return program


@lru_cache(maxsize=1024)
def _program(expression: Expression) -> Program:
    return Program(expression)
