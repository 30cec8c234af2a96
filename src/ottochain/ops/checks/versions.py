"""Expected against actual: what each node runs, and what it should. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final

from ottochain.model.versions import APPLICATION_VERSION, ENGINE_VERSION, TESSELLATION_VERSION
from ottochain.ops.checks.finding import names
from ottochain.ops.engine import RUN_VALIDATOR
from ottochain.ops.facts.observation import NodeFacts, Observation
from ottochain.ops.inventory.deployment import Deployment

COLUMNS: Final = ("protocol", "engine", "application", "artifact", "environment", "token", "mode")
SHORT: Final = {"artifact": 12}
"""How many digits of a long value name it well enough."""

_WHY: Final[Mapping[str, str]] = {
    "protocol": "nodes of different versions refuse each other's handshake",
    "engine": "it was started before this tool was updated, or by another one",
    "application": "two sets of rules would run side by side",
    "artifact": "the code was replaced after it was started, or it was started from another copy",
    "environment": "the deployment file was changed after it was started",
    "token": "it serves another chain than this deployment's",
}


@dataclass(frozen=True, slots=True)
class Difference:
    """One value of one node that is not what it should be."""

    node: str
    what: str
    expected: str
    found: str


@dataclass(frozen=True, slots=True)
class Versions:
    """All of it: what is expected, what each node says (None: not told), and where they differ."""

    expected: Mapping[str, str | None]
    nodes: Mapping[str, Mapping[str, str | None]]
    differences: tuple[Difference, ...]
    founders: tuple[str, ...]
    """A sentence for each layer that more than one node founded: those are several clusters."""
    unseen: tuple[str, ...]
    """The nodes that do not tell."""

    @property
    def agree(self) -> bool:
        """What could not be seen has not been compared."""
        return not (self.differences or self.founders or self.unseen)

    def sentences(self) -> Iterator[str]:
        """A sentence for each wrong value, with the nodes that have it."""
        together: dict[tuple[str, str, str], list[str]] = {}
        for one in self.differences:
            together.setdefault((one.what, one.found, one.expected), []).append(one.node)
        for (what, found, expected), nodes in together.items():
            values = f"{what} {shortened(what, found)}, expected {shortened(what, expected)}"
            yield f"{names(nodes)}: {values}: {_WHY[what]}"
        yield from self.founders

    def to_json(self) -> dict[str, Any]:
        return {
            "agree": self.agree,
            "expected": dict(self.expected),
            "nodes": [{"node": name, **values} for name, values in self.nodes.items()],
            "differences": [
                {"node": one.node, "what": one.what, "expected": one.expected, "found": one.found}
                for one in self.differences
            ],
            "founders": list(self.founders),
            "unseen": list(self.unseen),
        }


def compare(deployment: Deployment, observation: Observation, token: str | None, artifact: str) -> Versions:
    """``token``: of the chain record, None while nothing was founded. ``artifact``: the code as it is on disk now."""
    expected: dict[str, str | None] = {
        "protocol": TESSELLATION_VERSION,
        "engine": ENGINE_VERSION,
        "application": APPLICATION_VERSION,
        "artifact": artifact,
        "environment": deployment.environment,
        "token": token,
        "mode": None,
    }
    nodes = {name: _values(facts) for name, facts in observation.nodes.items()}
    return Versions(
        expected=expected,
        nodes=nodes,
        differences=tuple(_differences(expected, nodes)),
        founders=tuple(_founders(deployment, observation)),
        unseen=tuple(name for name, facts in observation.nodes.items() if not facts.answers),
    )


def _values(facts: NodeFacts) -> dict[str, str | None]:
    own = facts.own if facts.answers else None
    return {
        "protocol": facts.info.version if facts.info and facts.answers else None,
        "engine": own.engine_version if own else None,
        "application": own.app_version if own else None,
        "artifact": own.artifact if own else None,
        "environment": own.environment if own else None,
        "token": own.metagraph_id if own else None,
        "mode": own.mode if own else None,
    }


def _differences(
    expected: Mapping[str, str | None], nodes: Mapping[str, Mapping[str, str | None]]
) -> Iterator[Difference]:
    for name, values in nodes.items():
        for what, found in values.items():
            wanted = expected[what]
            if found is not None and wanted is not None and found != wanted:
                yield Difference(name, what, wanted, found)


def _founders(deployment: Deployment, observation: Observation) -> Iterator[str]:
    for layer in deployment.engine.layers:
        founders = [
            facts.name
            for facts in observation.ready(layer)
            if facts.own and facts.own.mode not in (None, RUN_VALIDATOR)
        ]
        sessions = {facts.info.cluster_session for facts in observation.ready(layer) if facts.info}
        if len(founders) > 1 and len(sessions) > 1:
            yield f"{layer} was founded by {names(founders)}: these are {len(sessions)} clusters"


def shortened(what: str, value: str | None) -> str:
    """A value as the table shows it."""
    if value is None:
        return "-"
    return value[: SHORT[what]] if what in SHORT else value
