"""What is wrong in a deployment file: each fault names its line, what stands there, and how to mend it. Pure."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import TypeVar

from ottochain.ops.inventory.lines import line_of

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Fault:
    """One thing wrong: ``where`` is the key as one would write it, ``fix`` a sentence or a line to type."""

    line: int | None
    where: str
    problem: str
    fix: str

    def __str__(self) -> str:
        place = f"line {self.line}: {self.where}" if self.line else self.where
        return f"{place}: {self.problem} Fix: {self.fix}"


class Reader:
    """Takes values out of a parsed file, and collects everything that is wrong instead of stopping at the first."""

    def __init__(self, text: str) -> None:
        self._text = text
        self.faults: list[Fault] = []

    def fault(self, path: tuple[str, ...], problem: str, fix: str) -> None:
        self.faults.append(Fault(line_of(self._text, path), spelled(path), problem, fix))

    def table(self, parent: Mapping[str, object], path: tuple[str, ...]) -> Mapping[str, object]:
        """The table at ``path``, whose last part is a key of ``parent``; empty when it is absent or no table."""
        found = parent.get(path[-1], {})
        if isinstance(found, dict):
            return found
        self.fault(path, f"a table is needed here, found {found!r}.", f"write it as [{'.'.join(path)}]")
        return {}

    def only(self, table: Mapping[str, object], path: tuple[str, ...], known: Collection[str]) -> None:
        """Every key must be one we know: a misspelt key must not be silently without effect."""
        for key in table:
            if key not in known:
                self.fault(
                    (*path, key), f"there is no such setting; known are {', '.join(known)}.", self._meant(key, known)
                )

    def value(self, table: Mapping[str, object], path: tuple[str, ...], kind: type[T], default: T, need: str = "") -> T:
        """The value at the last part of ``path``, of exactly that type; the default when absent or of another."""
        found = table.get(path[-1], default)
        if type(found) is kind:
            return found
        words = {int: "a whole number", str: "a text", dict: "a table", bool: "true or false"}
        self.fault(
            path,
            f"{need or words.get(kind, kind.__name__)} is needed, found {found!r}.",
            f"{path[-1]} = {example(default)}",
        )
        return default

    def number(self, table: Mapping[str, object], path: tuple[str, ...], default: int, least: int, most: int) -> int:
        """A whole number within bounds."""
        found = self.value(table, path, int, default)
        if least <= found <= most:
            return found
        self.fault(path, f"it must lie between {least} and {most}, found {found}.", f"{path[-1]} = {default}")
        return default

    def texts(self, table: Mapping[str, object], path: tuple[str, ...]) -> dict[str, str]:
        """A table of texts, such as an environment."""
        found = self.value(table, path, dict, {})
        for key, value in found.items():
            if not isinstance(value, str):
                self.fault((*path, str(key)), f"a text is needed, found {value!r}.", f'{key} = "{value}"')
        return {str(key): value for key, value in found.items() if isinstance(value, str)}

    def _meant(self, key: str, known: Collection[str]) -> str:
        import difflib

        close = difflib.get_close_matches(key, list(known), 1)
        return f"write {close[0]}" if close else "remove it"


def spelled(path: tuple[str, ...]) -> str:
    """A path as one would write it in the file: ``[nodes.dl1] keystore``."""
    return f"[{'.'.join(path[:-1])}] {path[-1]}" if len(path) > 1 else f"[{path[0]}]"


def example(value: object) -> str:
    """A value as TOML writes it."""
    if isinstance(value, str):
        return f'"{value}"'
    return "{}" if value == {} else str(value).lower() if isinstance(value, bool) else str(value)
