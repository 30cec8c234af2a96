"""Amounts of gas that are known in part when an expression is compiled.

Most of what an evaluation costs does not depend on the data. What does (lengths, branches, defaults) is held in
local variables of the generated function, and always enters linearly: `35 + 2*e1 + c3`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class Cost:
    """A constant plus multiples of local variables."""

    constant: int = 0
    terms: Mapping[str, int] = field(default_factory=dict)

    def __add__(self, other: Cost | int) -> Cost:
        if isinstance(other, int):
            return Cost(self.constant + other, self.terms)
        terms = dict(self.terms)
        for name, factor in other.terms.items():
            terms[name] = terms.get(name, 0) + factor
        return Cost(self.constant + other.constant, terms)

    @property
    def is_static(self) -> bool:
        """Whether no local variable takes part."""
        return not any(self.terms.values())

    @property
    def variable_part(self) -> Cost:
        """The cost without its constant."""
        return Cost(0, self.terms)

    def text(self) -> str:
        """The cost as a Python expression."""
        parts = [str(self.constant)] if self.constant or self.is_static else []
        for name, factor in self.terms.items():
            if factor:
                parts.append(name if factor == 1 else f"{factor} * {name}")
        return " + ".join(parts)


def variable(name: str, factor: int = 1) -> Cost:
    """`factor` times a local variable."""
    return Cost(0, {name: factor})


FREE = Cost()
"""No gas."""
