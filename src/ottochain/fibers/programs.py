"""Script programs: one expression each, shared between equal scripts like definitions between machines."""

from dataclasses import dataclass, field
from functools import lru_cache
from typing import Final

from ottochain.codec.canonical import canonical_bytes
from ottochain.codec.exact_json import JsonValue, dumps, loads
from ottochain.jlvm import Expression, Program, compile_expression, decode, encode

__all__ = ["ScriptProgram", "decode_program"]

_SHARED_MAX: Final = 256
_SHARED_BYTES_MAX: Final = 32_768


@dataclass(frozen=True, slots=True, eq=False)
class ScriptProgram:
    """The expression that a script runs on ``{method, args, state}``."""

    expression: Expression
    _json: JsonValue = field(init=False, repr=False)
    _cache: list[Program] = field(default_factory=list, init=False, repr=False)
    _canonical: bytes | None = field(default=None, init=False, repr=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "_json", encode(self.expression))

    def to_json(self) -> JsonValue:
        """The expression in normal form; a shared object, not to be changed."""
        return self._json

    @property
    def canonical(self) -> bytes:
        """The canonical JSON; ``CanonicalError`` if a number or a string in it has none."""
        canonical = self._canonical
        if canonical is None:
            canonical = canonical_bytes(self._json)
            object.__setattr__(self, "_canonical", canonical)
        return canonical

    @property
    def program(self) -> Program:
        """The compiled expression."""
        if not self._cache:
            self._cache[:] = [compile_expression(self.expression)]
        return self._cache[0]


def decode_program(value: JsonValue) -> ScriptProgram:
    """The program of a JSON value (any JSON is an expression); the same object while it is remembered."""
    text = dumps(value)
    return ScriptProgram(decode(value)) if len(text) > _SHARED_BYTES_MAX else _shared(text)


@lru_cache(maxsize=_SHARED_MAX)
def _shared(text: bytes) -> ScriptProgram:
    return _shared_by_normal_form(dumps(encode(decode(loads(text)))))


@lru_cache(maxsize=_SHARED_MAX)
def _shared_by_normal_form(text: bytes) -> ScriptProgram:
    return ScriptProgram(decode(loads(text)))
