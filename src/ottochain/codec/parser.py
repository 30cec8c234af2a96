"""Reads JSON of any nesting depth, with exact numbers and errors that say where.

The strict grammar of RFC 8259: no NaN, no byte order mark, no trailing comma. The last of several members with
one key wins. Escapes of lone surrogates are taken as they are, since a text may hold them; what is made of them
is for the reader to decide. This is the plain way behind ``exact_json.loads``; it uses no stack of the
interpreter.
"""

import re
from decimal import Decimal
from json import JSONDecodeError
from json.decoder import scanstring  # type: ignore[attr-defined]
from typing import Any, NoReturn

from ottochain.codec.errors import JsonError
from ottochain.codec.numbers import MAX_UNFOLDED_DIGITS, int_from_text, number_from_text

_SPACE = re.compile(r"[ \t\n\r]*")
_NUMBER = re.compile(r"(-?(?:0|[1-9][0-9]*))((?:\.[0-9]+)?(?:[eE][+-]?[0-9]+)?)")
_LITERALS: dict[str, tuple[str, bool | None]] = {"t": ("true", True), "f": ("false", False), "n": ("null", None)}
_MISSING = object()


def parse(text: str, max_depth: int | None = None) -> Any:
    """The value of the JSON `text`; ``JsonError`` if there is none or if it is nested deeper than `max_depth`."""
    return _Parser(text, max_depth).document()


class _Parser:
    def __init__(self, text: str, max_depth: int | None) -> None:
        self.text = text
        self.position = 0
        self.max_depth = max_depth
        self.zeros_left = MAX_UNFOLDED_DIGITS
        # Open containers, outermost first, each with the key whose value is being read (objects only).
        self.open: list[tuple[Any, str | None]] = []

    def document(self) -> Any:
        self.skip_space()
        while True:
            value = self.start_value()
            if value is _MISSING:
                continue
            value = self.close_containers(value)
            if value is not _MISSING:
                break
        self.skip_space()
        if self.position != len(self.text):
            self.fail("expected the end of the text")
        return value

    def start_value(self) -> Any:
        """Read a scalar or an empty container; open a container and answer ``_MISSING`` otherwise."""
        character = self.peek()
        if character == '"':
            return self.string()
        if character == "{":
            return self.open_object()
        if character == "[":
            return self.open_array()
        if character in _LITERALS:
            return self.literal(*_LITERALS[character])
        return self.number()

    def open_object(self) -> Any:
        self.descend()
        if self.peek() == "}":
            self.position += 1
            return {}
        self.open.append(({}, self.key()))
        return _MISSING

    def open_array(self) -> Any:
        self.descend()
        if self.peek() == "]":
            self.position += 1
            return []
        self.open.append(([], None))
        return _MISSING

    def descend(self) -> None:
        if self.max_depth is not None and len(self.open) >= self.max_depth:
            self.fail(f"nested deeper than {self.max_depth} levels")
        self.position += 1
        self.skip_space()

    def close_containers(self, value: Any) -> Any:
        """Put `value` into the innermost open container and close all that end here.

        Answers the document when the outermost is closed, ``_MISSING`` when another value follows.
        """
        while self.open:
            container, key = self.open[-1]
            if key is None:
                container.append(value)
            else:
                container[key] = value
            self.skip_space()
            character = self.peek()
            if character == ",":
                self.position += 1
                self.skip_space()
                if key is not None:
                    self.open[-1] = (container, self.key())
                return _MISSING
            if character != ("]" if key is None else "}"):
                self.fail("expected ',' or ']'" if key is None else "expected ',' or '}'")
            self.position += 1
            self.open.pop()
            value = container
        return value

    def key(self) -> str:
        if self.peek() != '"':
            self.fail("expected a key in double quotes")
        key = self.string()
        self.skip_space()
        if self.peek() != ":":
            self.fail("expected ':' after a key")
        self.position += 1
        self.skip_space()
        return key

    def string(self) -> str:
        try:
            value, self.position = scanstring(self.text, self.position + 1, True)
        except JSONDecodeError as error:
            self.position = error.pos
            self.fail((error.msg[:1].lower() + error.msg[1:]).removesuffix(" at"))
        assert isinstance(value, str)
        return value

    def literal(self, word: str, value: bool | None) -> bool | None:
        if not self.text.startswith(word, self.position):
            self.fail("expected a value")
        self.position += len(word)
        return value

    def number(self) -> int | Decimal:
        match = _NUMBER.match(self.text, self.position)
        if match is None:
            self.fail("expected a value")
        try:
            number = self.unfold(match[0]) if match[2] else int_from_text(match[1])
        except JsonError as error:
            self.fail(str(error))
        self.position = match.end()
        return number

    def unfold(self, text: str) -> int | Decimal:
        number = number_from_text(text, self.zeros_left)
        if isinstance(number, int):
            digits = number.bit_length() * 3 // 10
            self.zeros_left -= max(0, digits - len(text))
        return number

    def peek(self) -> str:
        return self.text[self.position : self.position + 1]

    def skip_space(self) -> None:
        match = _SPACE.match(self.text, self.position)
        assert match is not None
        self.position = match.end()

    def fail(self, reason: str) -> NoReturn:
        line = self.text.count("\n", 0, self.position) + 1
        column = self.position - self.text.rfind("\n", 0, self.position)
        where = f"line {line}, column {column} (character {self.position})"
        if self.position >= len(self.text):
            where += ", the end of the text"
        raise JsonError(f"not JSON: {reason} at {where}")
