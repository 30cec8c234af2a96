"""Programs: expressions made ready to be run many times."""

from __future__ import annotations

import math
from functools import lru_cache
from typing import NamedTuple

from ottochain.jlvm.compiler import DEPTH_MAX, SIZE_MAX, compile_function
from ottochain.jlvm.expression import Expression, identity_of, size, static_depth
from ottochain.jlvm.gas import UNLIMITED, GasConfig
from ottochain.jlvm.interpreter import Evaluation
from ottochain.jlvm.syntax import decode
from ottochain.jlvm.values import ABSENT, Absent, JsonValue

COMPILING_COST = 4.5
"""Compiling one node of an expression takes about as long as interpreting so many operators."""


class Outcome(NamedTuple):
    """What a run gave: the value, the gas it is charged, the depth of its operators, the number of evaluations."""

    value: JsonValue
    gas: int
    depth: int
    ops: int


class Program:
    """An expression, ready to be run.

    Runs are interpreted until that has taken about as long as compiling would; then `run` is the compiled function.
    """

    def __init__(self, expression: Expression) -> None:
        self.expression = expression
        self._patience = COMPILING_COST * size(expression)

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
        evaluation = Evaluation(data, gas_limit, config)
        try:
            value, metrics = evaluation.run(self.expression, context)
        finally:
            self._patience -= evaluation.applications
            if self._patience < 0:
                self._patience = math.inf
                self.compile()
        return Outcome(value, *metrics)

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
        value, metrics = Evaluation(data, gas_limit, config).run(self.expression, context)
        return Outcome(value, *metrics)


def compile_expression(source: Expression | JsonValue) -> Program:
    """The program of an expression, or of the JSON that stands for one.

    Expressions that are equal, with their maps in the same order, share a program.
    """
    expression = source if isinstance(source, Expression) else decode(source)
    program = getattr(expression, "program", None)
    if not isinstance(program, Program):
        program = _shared_program(_Written(expression))
        object.__setattr__(expression, "program", program)
    return program


class _Written:
    """An expression as it is written: equal to another one only if maps have the same order, too."""

    __slots__ = ("_hash", "_key", "expression")

    def __init__(self, expression: Expression) -> None:
        self.expression = expression
        self._key = identity_of(expression, ordered=True)
        self._hash = hash(self._key)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, _Written) and self._key == other._key

    def __hash__(self) -> int:
        return self._hash


@lru_cache(maxsize=1024)
def _shared_program(written: _Written) -> Program:
    return Program(written.expression)
