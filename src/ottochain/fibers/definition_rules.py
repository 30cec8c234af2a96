"""What validation asks of a definition (the reference's ``FiberRules.L1``).

The answer depends on the definition alone, so it is remembered: a thousand machines of one kind are checked once.
"""

from collections import Counter, defaultdict
from collections.abc import Iterable
from functools import lru_cache
from typing import Final

from ottochain.fibers.definitions import StateMachineDefinition, Transition
from ottochain.fibers.limits import (
    EXPRESSION_DEPTH_MAX,
    STATES_MAX,
    TRANSITIONS_MAX,
    TRANSITIONS_PER_STATE_MAX,
)
from ottochain.fibers.rejections import (
    Rejection,
    ambiguous_transitions,
    duplicate_transitions,
    expression_too_deep,
    initial_state_not_found,
    no_states,
    reserved_operator_as_field_name,
    too_many_states,
    too_many_transitions,
    too_many_transitions_per_state,
    transition_from_invalid_state,
    transition_to_invalid_state,
)
from ottochain.fibers.scala_order import pair_hash, set_of
from ottochain.jlvm import TAGS, Const, Expression, MapOf, children, static_depth, walk
from ottochain.jlvm.text import java_hash

__all__ = ["definition_rejections", "depth_rejections"]

_REMEMBERED_MAX: Final = 256


@lru_cache(maxsize=_REMEMBERED_MAX)
def definition_rejections(definition: StateMachineDefinition) -> tuple[Rejection, ...]:
    """Everything that is wrong with a definition, in the reference's order."""
    return (
        *_structure(definition),
        *_limits(definition),
        *_depths(definition),
        *_reserved_names(definition),
    )


def depth_rejections(expression: Expression, where: str) -> list[Rejection]:
    """The rejection of an expression nested too deep; the reference stops counting at the first level too many."""
    if static_depth(expression) <= EXPRESSION_DEPTH_MAX:
        return []
    return [expression_too_deep(where, EXPRESSION_DEPTH_MAX + 1, EXPRESSION_DEPTH_MAX)]


def _structure(definition: StateMachineDefinition) -> Iterable[Rejection]:
    if not definition.states:
        yield no_states()
    if definition.initial_state not in definition.states:
        yield initial_state_not_found(definition.initial_state)
    for transition in definition.transitions:
        if transition.source not in definition.states:
            yield transition_from_invalid_state(transition.source)
        if transition.target not in definition.states:
            yield transition_to_invalid_state(transition.target)
    if len({_identity(transition) for transition in definition.transitions}) < len(definition.transitions):
        yield duplicate_transitions()
    if _is_ambiguous(definition):
        yield ambiguous_transitions()


def _identity(transition: Transition) -> tuple[object, ...]:
    return (
        transition.source,
        transition.target,
        transition.event_name,
        transition.guard,
        transition.effect,
        frozenset(transition.dependencies),
    )


def _is_ambiguous(definition: StateMachineDefinition) -> bool:
    guards: defaultdict[tuple[str, str], list[Expression]] = defaultdict(list)
    for transition in definition.transitions:
        guards[transition.source, transition.event_name].append(transition.guard)
    return any(
        len(group) > 1 and any(isinstance(guard, Const) and guard.value is True for guard in group)
        for group in guards.values()
    )


def _limits(definition: StateMachineDefinition) -> Iterable[Rejection]:
    if len(definition.states) > STATES_MAX:
        yield too_many_states(len(definition.states), STATES_MAX)
    if len(definition.transitions) > TRANSITIONS_MAX:
        yield too_many_transitions(len(definition.transitions), TRANSITIONS_MAX)
    most = max(Counter(transition.source for transition in definition.transitions).values(), default=0)
    if most > TRANSITIONS_PER_STATE_MAX:
        yield too_many_transitions_per_state(most, TRANSITIONS_PER_STATE_MAX)


def _depths(definition: StateMachineDefinition) -> Iterable[Rejection]:
    for index, transition in enumerate(definition.transitions):
        yield from depth_rejections(transition.guard, f"transition[{index}].guard")
    for index, transition in enumerate(definition.transitions):
        yield from depth_rejections(transition.effect, f"transition[{index}].effect")


def _reserved_names(definition: StateMachineDefinition) -> Iterable[Rejection]:
    """At most one: the first collision of the first transition that has any, in the order of Scala's sets."""
    for index, transition in enumerate(definition.transitions):
        collisions = set_of(
            [
                *_collisions(transition.guard, f"transition[{index}].guard"),
                *_collisions(transition.effect, f"transition[{index}].effect"),
            ],
            _pair_hash,
        )
        if collisions:
            yield reserved_operator_as_field_name(*collisions[0])
            return


def _collisions(expression: Expression, where: str) -> tuple[tuple[str, str], ...]:
    if not any(key in TAGS for part, _ in walk(expression) if isinstance(part, MapOf) for key, _ in part.entries):
        return ()
    return set_of([(where, key) for key in _map_keys(expression) if key in TAGS], _pair_hash)


def _map_keys(expression: Expression) -> tuple[str, ...]:
    """All keys of map literals, as the reference's sets of them unite."""
    own: list[str] = []
    if isinstance(expression, MapOf):
        own = [key for key, _ in expression.entries]
        own = list(set_of(own, java_hash))
    inner: list[str] = []
    for child in children(expression):
        inner += _map_keys(child)
    return set_of([*own, *set_of(inner, java_hash)], java_hash)


def _pair_hash(pair: tuple[str, str]) -> int:
    return pair_hash(java_hash(pair[0]), java_hash(pair[1]))
