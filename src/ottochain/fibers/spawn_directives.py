"""Reading ``_spawn`` out of an effect *expression*.

Children are declared, not computed: the effect must itself be a map literal with an array literal under ``_spawn``.
What can't be parsed is dropped without a word, as in the reference (``EffectExtractor``, ``ExpressionParser``). Its
second parser, for constant maps, needs no twin here: decoded JSON never holds a constant map except ``{}``.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Final

from ottochain.codec.exact_json import JsonValue
from ottochain.fibers.definitions import State, StateMachineDefinition, Transition
from ottochain.fibers.scala_order import uuid_set
from ottochain.fibers.uuids import parse_uuid
from ottochain.jlvm import ArrayOf, Const, Expression, MapOf, Program, compile_expression

__all__ = ["SpawnDirective", "spawn_directives"]

_REMEMBERED_MAX: Final = 256


@dataclass(frozen=True, slots=True, eq=False)
class SpawnDirective:
    """A child to be: its plan, and the expressions for its id, its data and (if given) its owners."""

    child_id: Expression
    definition: StateMachineDefinition
    initial_data: Expression
    owners: Expression | None
    _programs: dict[str, Program] = field(default_factory=dict, init=False, repr=False)

    def program(self, name: str) -> Program:
        """The compiled expression of the field `name`."""
        program = self._programs.get(name)
        if program is None:
            program = self._programs[name] = compile_expression(getattr(self, name))
        return program


class _UnparseableError(Exception):
    """This directive is to be dropped."""


@lru_cache(maxsize=_REMEMBERED_MAX)
def spawn_directives(effect: Expression) -> tuple[SpawnDirective, ...]:
    """The children that an effect declares, without those that can't be parsed."""
    spawns = effect.get("_spawn") if isinstance(effect, MapOf) else None
    if not isinstance(spawns, ArrayOf):
        return ()
    directives = []
    for item in spawns.items:
        try:
            directives.append(_directive(item))
        except _UnparseableError:
            continue
    return tuple(directives)


def _directive(item: Expression) -> SpawnDirective:
    members = _members(item)
    return SpawnDirective(
        _required(members, "childId"),
        _definition(_members(_required(members, "definition"))),
        _required(members, "initialData"),
        members.get("owners"),
    )


def _definition(members: Mapping[str, Expression]) -> StateMachineDefinition:
    states = _members(_required(members, "states"))
    initial_state = _name(_required(members, "initialState"))
    transitions = _required(members, "transitions")
    if not isinstance(transitions, ArrayOf):
        raise _UnparseableError
    return StateMachineDefinition(
        {key: _state(key, _members(state)) for key, state in states.items()},
        initial_state,
        tuple(_transition(_members(transition)) for transition in transitions.items),
        _constant(members.get("metadata")),
    )


def _state(key: str, members: Mapping[str, Expression]) -> State:
    is_final = _constant(members.get("isFinal"))
    return State(key, is_final if isinstance(is_final, bool) else False, _constant(members.get("metadata")))


def _transition(members: Mapping[str, Expression]) -> Transition:
    dependencies = members.get("dependencies")
    texts = [_constant(item) for item in dependencies.items] if isinstance(dependencies, ArrayOf) else []
    uuids = [parse_uuid(text) for text in texts if isinstance(text, str)]
    return Transition(
        _name(_required(members, "from")),
        _name(_required(members, "to")),
        _name(_required(members, "eventName")),
        _required(members, "guard"),
        _required(members, "effect"),
        uuid_set(uuid for uuid in uuids if uuid is not None),
    )


def _members(item: Expression) -> Mapping[str, Expression]:
    if isinstance(item, MapOf):  # `{}` is a constant and no map expression: it fails, too
        return dict(item.entries)
    raise _UnparseableError


def _required(members: Mapping[str, Expression], key: str) -> Expression:
    if key not in members:
        raise _UnparseableError
    return members[key]


def _name(item: Expression) -> str:
    """A name written ``"x"`` or, as older documents do, ``{"value": "x"}``."""
    text = _constant(item.get("value") if isinstance(item, MapOf) else item)
    if isinstance(text, str):
        return text
    raise _UnparseableError


def _constant(item: Expression | None) -> JsonValue:
    return item.value if isinstance(item, Const) else None
