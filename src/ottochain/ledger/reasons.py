"""Why something is not taken, in the reference's words and shapes.

A reason is printed three ways: as L1 routes answer (``Name{field=value}``; derevo's ``Show``), as texts with a Scala
case class in them (``Name(value)``), and as JSON. Hexadecimal signers and signatures are shortened to 8 digits in the
first form, as the reference does.
"""

from dataclasses import dataclass
from typing import Any, TypeAlias

Shown: TypeAlias = "str | int | Product | Some | tuple[Shown, ...] | None"


@dataclass(frozen=True, slots=True)
class Some:
    """A value of an option that is there; one that is not is ``None``."""

    value: "Shown"


@dataclass(frozen=True, slots=True)
class Product:
    """A case class: a name, and fields in their order."""

    name: str
    fields: tuple[tuple[str, Shown], ...] = ()

    def shown(self) -> str:
        """``Name{field1=v,field2=v}``."""
        return f"{self.name}{{{','.join(f'{name}={_shown(value)}' for name, value in self.fields)}}}"

    def printed(self) -> str:
        """``Name(v,v)``, or the bare name where there are no fields."""
        return f"{self.name}({','.join(_printed(value) for _, value in self.fields)})" if self.fields else self.name

    def to_json(self) -> dict[str, Any]:
        """The fields."""
        return {name: _json(value) for name, value in self.fields}


@dataclass(frozen=True, slots=True)
class Reason(Product):
    """A case class that is one of several: its JSON names it."""

    def to_json(self) -> dict[str, Any]:
        """``{"Name": {…}}``."""
        return {self.name: {name: _json(value) for name, value in self.fields}}

    def __str__(self) -> str:
        return self.shown()


@dataclass(frozen=True, slots=True)
class Shortened:
    """Hexadecimal digits of which eight are enough to know them by."""

    digits: str


def reason(name: str, **fields: Any) -> Reason:
    """A reason with its fields in the order given."""
    return Reason(name, tuple(fields.items()))


def product(name: str, **fields: Any) -> Product:
    """A case class with its fields in the order given."""
    return Product(name, tuple(fields.items()))


def _shown(value: Any) -> str:
    if isinstance(value, Product):
        return value.shown()
    if isinstance(value, Some):
        return f"Some({_shown(value.value)})"
    if isinstance(value, tuple):
        return f"List({', '.join(map(_shown, value))})"
    if isinstance(value, Shortened):
        return value.digits[:8]
    return str(value)


def _printed(value: Any) -> str:
    if isinstance(value, Product):
        return value.printed()
    if isinstance(value, Some):
        return f"Some({_printed(value.value)})"
    if isinstance(value, tuple):
        return f"List({', '.join(map(_printed, value))})"
    return value.digits if isinstance(value, Shortened) else str(value)


def _json(value: Any) -> Any:
    if isinstance(value, Product):
        return value.to_json()
    if isinstance(value, Some):
        return _json(value.value)
    if isinstance(value, tuple):
        return [_json(each) for each in value]
    return value.digits if isinstance(value, Shortened) else value
