"""State machine definitions: states, transitions with guards and effects, and their JSON.

Equal definitions are one object: a thousand fibers of one kind share its transitions, compiled expressions and
canonical bytes. Decoding follows the reference's derived circe decoder of ``StateMachineDefinition``.
"""

from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any, Final

from ottochain.codec.canonical import canonical_bytes
from ottochain.codec.exact_json import JsonValue, dumps, loads
from ottochain.fibers.errors import DecodeError
from ottochain.fibers.scala_order import uuid_set
from ottochain.fibers.uuids import decode_uuid
from ottochain.jlvm import Expression, Program, compile_expression, decode, encode

__all__ = ["State", "StateMachineDefinition", "Transition", "decode_definition"]

_SHARED_MAX: Final = 256
_SHARED_BYTES_MAX: Final = 32_768


@dataclass(frozen=True, slots=True)
class State:
    """A state by its `id`, which nobody checks against its key. `is_final` and `metadata` have no effect."""

    id: str
    is_final: bool = False
    metadata: JsonValue = None

    def to_json(self) -> dict[str, Any]:
        """The wire form."""
        return {"id": self.id, "isFinal": self.is_final, "metadata": self.metadata}


@dataclass(frozen=True, slots=True, eq=False)
class Transition:
    """One way from a state to another on an event, if the guard says so; `dependencies` are fibers that it reads."""

    source: str
    target: str
    event_name: str
    guard: Expression
    effect: Expression
    dependencies: tuple[str, ...] = ()
    _programs: list[Program] = field(default_factory=list, init=False, repr=False)

    def to_json(self) -> dict[str, Any]:
        """The wire form, expressions in normal form."""
        return {
            "from": self.source,
            "to": self.target,
            "eventName": self.event_name,
            "guard": encode(self.guard),
            "effect": encode(self.effect),
            "dependencies": list(self.dependencies),
        }

    @property
    def guard_program(self) -> Program:
        """The compiled guard."""
        return self._compiled()[0]

    @property
    def effect_program(self) -> Program:
        """The compiled effect."""
        return self._compiled()[1]

    def _compiled(self) -> list[Program]:
        if not self._programs:  # one assignment, so that two threads at worst compile twice
            self._programs[:] = [compile_expression(self.guard), compile_expression(self.effect)]
        return self._programs


@dataclass(frozen=True, slots=True, eq=False)
class StateMachineDefinition:
    """A machine's plan. Nothing about it is checked here: spawned children and validation see broken ones, too."""

    states: dict[str, State]
    initial_state: str
    transitions: tuple[Transition, ...]
    metadata: JsonValue = None
    _json: dict[str, Any] = field(init=False, repr=False)
    _canonical: bytes | None = field(default=None, init=False, repr=False)
    _by_event: dict[tuple[str, str], tuple[Transition, ...]] = field(init=False, repr=False)

    def __post_init__(self) -> None:
        by_event: dict[tuple[str, str], list[Transition]] = {}
        for transition in self.transitions:
            by_event.setdefault((transition.source, transition.event_name), []).append(transition)
        encoded = {
            "states": {key: state.to_json() for key, state in self.states.items()},
            "initialState": self.initial_state,
            "transitions": [transition.to_json() for transition in self.transitions],
            "metadata": self.metadata,
        }
        object.__setattr__(self, "_json", encoded)
        object.__setattr__(self, "_by_event", {key: tuple(group) for key, group in by_event.items()})

    def to_json(self) -> dict[str, Any]:
        """The wire form; a shared object, not to be changed."""
        return self._json

    @property
    def canonical(self) -> bytes:
        """The canonical JSON; ``CanonicalError`` if a number or a string in it has none."""
        canonical = self._canonical
        if canonical is None:
            canonical = canonical_bytes(self._json)
            object.__setattr__(self, "_canonical", canonical)
        return canonical

    def transitions_on(self, state: str, event_name: str) -> tuple[Transition, ...]:
        """The candidates for an event in a state, in the order of the definition; empty if there are none."""
        return self._by_event.get((state, event_name), ())


def decode_definition(value: object) -> StateMachineDefinition:
    """The definition of a JSON object; the same object for the same JSON, as long as it is remembered.

    Raises ``DecodeError`` if the reference would not decode it.
    """
    if not isinstance(value, dict):
        raise DecodeError("a definition is an object")
    # Exact text, order included, and not the canonical hash: canonical text rounds large numbers, and the order of
    # a small map literal can be seen by `keys`.
    text = dumps(value)
    return _decode(value) if len(text) > _SHARED_BYTES_MAX else _shared(text)


@lru_cache(maxsize=_SHARED_MAX)
def _shared(text: bytes) -> StateMachineDefinition:
    return _shared_by_normal_form(dumps(_decode(loads(text)).to_json()))


@lru_cache(maxsize=_SHARED_MAX)
def _shared_by_normal_form(text: bytes) -> StateMachineDefinition:
    return _decode(loads(text))


def _decode(value: dict[str, Any]) -> StateMachineDefinition:
    states = value.get("states")
    transitions = value.get("transitions")
    if not isinstance(states, dict) or not isinstance(transitions, list):
        raise DecodeError("a definition has an object of states and an array of transitions")
    return StateMachineDefinition(
        {key: _decode_state(state) for key, state in states.items()},
        _text(value, "initialState"),
        tuple(_decode_transition(transition) for transition in transitions),
        value.get("metadata"),
    )


def _decode_state(value: object) -> State:
    if not isinstance(value, dict):
        raise DecodeError("a state is an object")
    is_final = value.get("isFinal", False)
    if not isinstance(is_final, bool):
        raise DecodeError("isFinal is not a boolean")
    return State(_text(value, "id"), is_final, value.get("metadata"))


def _decode_transition(value: object) -> Transition:
    if not isinstance(value, dict) or "guard" not in value or "effect" not in value:
        raise DecodeError("a transition is an object with a guard and an effect")
    dependencies = value.get("dependencies", [])
    uuids = [decode_uuid(item) for item in dependencies] if isinstance(dependencies, list) else [None]
    known = [uuid for uuid in uuids if uuid is not None]
    if len(known) < len(uuids):
        raise DecodeError("dependencies are an array of UUIDs")
    return Transition(
        _text(value, "from"),
        _text(value, "to"),
        _text(value, "eventName"),
        decode(value["guard"]),
        decode(value["effect"]),
        uuid_set(known),
    )


def _text(value: dict[str, Any], name: str) -> str:
    text = value.get(name)
    if not isinstance(text, str):
        raise DecodeError(f"{name} is not a string")
    return text
