"""A procedure as a JSON document: what ``--dry-run --json`` prints, ``--out`` saves, ``apply`` takes, and the journal
keeps. It holds no secret.

The document carries the picture that the plan was made from, as far as it matters: which run of which process, in which
state, which cluster, which members. ``differences`` says what of that has changed since.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, fields
from typing import Any, Final

from ottochain.ops.errors import Refused
from ottochain.ops.facts.observation import NodeFacts, Observation
from ottochain.ops.inventory.deployment import Deployment
from ottochain.ops.plan.pauses import pauses_of
from ottochain.ops.plan.request import Request
from ottochain.ops.plan.steps import (
    Action,
    BringUp,
    HandOver,
    Head,
    Leave,
    Plan,
    PutBack,
    Quarantine,
    Step,
    Stop,
    Verify,
)
from ottochain.ops.plan.telling import tell

FORMAT: Final = 1
ACTIONS: Final[Mapping[str, type[Any]]] = {
    "stop": Stop,
    "bring up": BringUp,
    "verify": Verify,
    "leave": Leave,
    "hand over": HandOver,
    "quarantine": Quarantine,
    "put back": PutBack,
}
"""The actions that a procedure may hold, by the word that names them in the document."""


@dataclass(frozen=True, slots=True)
class Procedure:
    """A plan with what was asked and what it was made from."""

    deployment: str
    request: Request
    made: str
    """When, in UTC."""
    facts: Mapping[str, Mapping[str, Any]]
    plan: Plan
    pauses: tuple[str, ...] = ()
    """What pauses, as sentences."""

    @property
    def fingerprint(self) -> str:
        """Of the picture and the request: two plans with the same one do the same."""
        seen = json.dumps([self.deployment, _request_json(self.request), self.facts], sort_keys=True)
        return hashlib.sha256(seen.encode()).hexdigest()[:16]


def procedure(deployment: Deployment, observation: Observation, request: Request, plan: Plan, made: str) -> Procedure:
    """The plan, with all that belongs to it."""
    pauses = tuple(pause.sentence for pause in pauses_of(deployment, observation, plan))
    return Procedure(deployment.name, request, made, what_matters(observation), plan, pauses)


def what_matters(observation: Observation) -> dict[str, dict[str, Any]]:
    """Of each node what a plan rests on. Ordinals move by themselves and are not among it."""
    return {facts.name: _matters(facts) for facts in observation.nodes.values()}


def _matters(facts: NodeFacts) -> dict[str, Any]:
    members = None if facts.members is None else [[member.id, member.state] for member in facts.members]
    return {
        "id": facts.peer_id,
        "process": facts.process,
        "life": facts.life,
        "state": facts.state,
        "clusterSession": facts.info.cluster_session if facts.info and facts.answers else None,
        "members": members,
    }


def differences(made_from: Mapping[str, Mapping[str, Any]], observation: Observation) -> list[str]:
    """What has changed since, in words; nothing when the plan still holds."""
    now = what_matters(observation)
    found = [f"{name} is not in the deployment any more" for name in made_from if name not in now]
    found += [f"{name} is new in the deployment" for name in now if name not in made_from]
    for name, facts in now.items():
        before = made_from.get(name, facts)
        found += [f"{name}: {words}" for words in _changes(before, facts)]
    return found


_SAID: Final = {
    "id": "its key",
    "process": "its process",
    "life": "the run of its process",
    "state": "its state",
    "clusterSession": "its cluster session",
    "members": "the members that it sees",
}


def _changes(before: Mapping[str, Any], now: Mapping[str, Any]) -> Iterator[str]:
    for key, said in _SAID.items():
        if before.get(key) != now[key]:
            if key in ("members", "id"):
                yield f"{said} changed"
            else:
                yield f"{said} was {before.get(key) or 'none'}, now {now[key] or 'none'}"


# To JSON and back.


def to_json(deployment: Deployment, subject: Procedure) -> dict[str, Any]:
    """The document."""
    return {
        "format": FORMAT,
        "deployment": subject.deployment,
        "made": subject.made,
        "request": _request_json(subject.request),
        "fingerprint": subject.fingerprint,
        "pauses": list(subject.pauses),
        "steps": [_step_json(deployment, step) for step in subject.plan.steps],
        "facts": subject.facts,
    }


def _request_json(request: Request) -> dict[str, Any]:
    return {
        "verb": request.verb,
        "target": request.target,
        "nodes": list(request.nodes),
        "how": request.how,
        "acceptPause": request.accept_pause,
        "stamp": request.stamp,
    }


def _step_json(deployment: Deployment, step: Step) -> dict[str, Any]:
    told = tell(deployment, step.action)
    return {
        "id": step.id,
        "sentence": step.sentence,
        "why": step.why,
        "effect": told.effect,
        "expectedSeconds": told.seconds,
        "gate": told.gate,
        "undo": told.undo or None,
        "after": list(step.after),
        "action": action_json(step.action),
    }


def action_json(action: Action) -> dict[str, Any]:
    """An action of a procedure."""
    word = next(word for word, kind in ACTIONS.items() if isinstance(action, kind))
    return {"do": word, **{field.name: _plain(getattr(action, field.name)) for field in fields(action)}}


def _plain(value: Any) -> Any:
    if isinstance(value, tuple):
        return [_plain(each) for each in value]
    if isinstance(value, Head):
        return [value.node, value.ordinal, value.hash]
    return value


def from_json(found: Any) -> Procedure:
    """The procedure that a document holds. Raises ``Refused`` for what is none, or of a newer form."""
    try:
        if found["format"] != FORMAT:
            raise Refused(f"this plan is of form {found['format']}; this tool knows {FORMAT}.", next_step="plan anew.")
        asked = found["request"]
        request = Request(
            asked["verb"],
            tuple(asked["nodes"]),
            asked["target"],
            asked["how"],
            bool(asked["acceptPause"]),
            asked["stamp"],
        )
        steps = tuple(
            Step(step["id"], step["sentence"], step["why"], _action(step["action"]), tuple(step["after"]))
            for step in found["steps"]
        )
        made = Procedure(
            found["deployment"], request, found["made"], found["facts"], Plan(steps), tuple(found["pauses"])
        )
        if made.fingerprint != found["fingerprint"]:
            raise Refused("the plan's fingerprint is not that of its content: it was edited.", next_step="plan anew.")
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise Refused(f"this is no plan: {type(error).__name__} {error}.", next_step="--out FILE writes one.") from None
    return made


def _action(found: Mapping[str, Any]) -> Action:
    kind = ACTIONS[found["do"]]
    values = {field.name: _tuples(found[field.name]) for field in fields(kind)}
    if kind is Verify:
        values["heads"] = tuple(Head(*head) for head in values["heads"])
    action: Action = kind(**values)
    return action


def _tuples(value: Any) -> Any:
    return tuple(_tuples(each) for each in value) if isinstance(value, list) else value
