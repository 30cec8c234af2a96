"""What can go wrong in an evaluation.

JlvmError
├── EvaluationError   the expression has no value for this data; the text reaches receipts, so it is the reference's
└── GasExhausted      the limit could not pay for the next charge
"""

from __future__ import annotations


class JlvmError(Exception):
    """An evaluation that ended without a value. `str()` is the reference's text."""


class EvaluationError(JlvmError):
    """An operator was given arguments it has no rule for (metakit 1.7.0-rc.9, JsonLogicException)."""


class GasExhausted(JlvmError):  # noqa: N818 - the word of receipts and of the reference
    """A charge of `required` gas met a counter holding only `available` (GasExhaustedException)."""

    def __init__(self, required: int, available: int) -> None:
        super().__init__(f"Gas exhausted: required {required}, available {available}")
        self.required = required
        self.available = available

    def __reduce__(self) -> tuple[type[GasExhausted], tuple[int, int]]:
        return (GasExhausted, (self.required, self.available))
