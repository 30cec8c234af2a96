"""The operators as functions from evaluated arguments to a result.

Each takes the list of argument values and returns a value, or raises EvaluationError with the reference's text.
Operators with callbacks are not here: how a callback is run is the evaluator's business, what is done with its
results is told in `operations.callbacks`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

from ottochain.jlvm.operations import arithmetic, arrays, comparison, logic, maps, strings
from ottochain.jlvm.values import JsonValue

Operation = Callable[[list[JsonValue]], JsonValue]

OPERATIONS: Mapping[str, Operation] = {
    **logic.OPERATIONS,
    **comparison.OPERATIONS,
    **arithmetic.OPERATIONS,
    **strings.OPERATIONS,
    **arrays.OPERATIONS,
    **maps.OPERATIONS,
}
"""Operators that need nothing but their arguments; `operations.presence` has the two that also need the data."""
