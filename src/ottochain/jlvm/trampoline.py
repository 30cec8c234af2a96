"""Recursion without a stack: a generator yields the generators it depends on.

Expressions and values may nest as deep as a message can carry them, so nothing that walks them may lean on
Python's or C's stack. A recursive rule is written as a generator; where it would call itself it says
`result = yield rule(part)`, and `run` keeps the pending calls in a list.
"""

from __future__ import annotations

from collections.abc import Generator
from typing import Any, TypeVar

T = TypeVar("T")
Step = Generator[Any, Any, T]


def run(step: Step[T]) -> T:
    """Drive `step`, and every step it yields, to the value it returns."""
    pending: list[Step[Any]] = [step]
    answer: Any = None
    while True:
        try:
            deeper = pending[-1].send(answer)
        except StopIteration as done:
            pending.pop()
            answer = done.value
            if not pending:
                return answer  # type: ignore[no-any-return]
        else:
            pending.append(deeper)
            answer = None
