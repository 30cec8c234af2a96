"""The JSON logic virtual machine: expressions over JSON values, with gas.

It behaves as metakit 1.7.0-rc.9 does (values, errors, gas, order of map entries) and knows no chain.

Glossary:

* *value*: null, bool, int, float (a Decimal), text, array or map; never a Python float.
* *expression*: a constant, an array or map of expressions, an operator applied to expressions, or a look-up.
* *normal form*: the one way in which `encode` writes an expression; what signatures cover.
* *data*: the root value that look-ups start from. *Context*: what a callback sees on top of it, its element.
* *callback*: the second argument of `map`, `filter`, `reduce`, `all`, `some`, `none`, `find` and `count`.
* *gas*: what a run is charged. *Limit*: what it may deduct before it is stopped; nested work is deducted more than
  once, so a run may need a limit above the gas it reports. *Price*: an entry of GasConfig.
* *depth* and *ops* of an outcome: the nesting of its operators; how many evaluations (program and callbacks) it holds.
* *program*: an expression made ready to run many times.
"""

from ottochain.jlvm.errors import EvaluationError, GasExhausted, JlvmError
from ottochain.jlvm.expression import (
    Apply,
    ArrayOf,
    Const,
    Expression,
    MapOf,
    Var,
    children,
    static_depth,
    walk,
)
from ottochain.jlvm.gas import UNLIMITED, GasConfig
from ottochain.jlvm.operators import TAGS
from ottochain.jlvm.program import Outcome, Program, compile_expression
from ottochain.jlvm.syntax import decode, encode
from ottochain.jlvm.values import ABSENT, JsonValue

__all__ = [
    "ABSENT",
    "TAGS",
    "UNLIMITED",
    "Apply",
    "ArrayOf",
    "Const",
    "EvaluationError",
    "Expression",
    "GasConfig",
    "GasExhausted",
    "JlvmError",
    "JsonValue",
    "MapOf",
    "Outcome",
    "Program",
    "Var",
    "children",
    "compile_expression",
    "decode",
    "encode",
    "static_depth",
    "walk",
]
