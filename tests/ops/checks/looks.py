"""Looks at a deployment for the tests of the checks: a healthy one, and what one changes in it."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from tests.ops.worlds import NAMES, TOKEN, id_of, ready

from ottochain.client.readings import Outbox, OwnFacts
from ottochain.ops.facts.health import Comparison, HealthFacts, MachineFacts
from ottochain.ops.facts.observation import NodeFacts, Observation
from ottochain.ops.runtimes.resources import Memory

HASH = "ab" * 32
OTHER_HASH = "cd" * 32
ALL = tuple(name for name in NAMES if name != "operator")


def own(**changes: Any) -> OwnFacts:
    """What a healthy node tells of itself."""
    facts: dict[str, Any] = {
        "ordinal": 7, "hash": HASH, "release": None, "app_version": "0.6.0", "state_seconds": 100.0,
        "metagraphs": {TOKEN: 7}, "all": {}, "ordinal_seconds": 3.0, "trigger_seconds": 43.0, "uptime_seconds": 100.0,
        "metagraph_id": TOKEN, "confirmed": 7, "diverged": False, "outbox": Outbox(0, None, None),
        "environment": "dev", "artifact": HASH, "engine_version": "0.1.0", "mode": "run-validator",
    }  # fmt: skip
    return OwnFacts(**{**facts, **changes})


def healthy() -> Observation:
    """Every node Ready at ordinal 7, each seen by all of its layer."""
    return Observation({name: replace(facts, own=own()) for name, facts in ready(*ALL).items()})


def with_node(observation: Observation, name: str, **changes: Any) -> Observation:
    """The same, with one node seen differently."""
    return Observation({**observation.nodes, name: replace(observation[name], **changes)})


def with_nodes(observation: Observation, *facts: NodeFacts) -> Observation:
    """The same, with these in the place of what was seen of them."""
    return Observation({**observation.nodes, **{one.name: one for one in facts}})


def telling(observation: Observation, name: str, **changes: Any) -> Observation:
    """The same, with one node telling something else of itself."""
    told = observation[name].own
    assert told is not None
    told = replace(told, **changes)
    return with_node(observation, name, own=told, ordinal=told.ordinal)


def without_member(observation: Observation, name: str, missing: str) -> Observation:
    """The same, with one node that does not see another."""
    seen = tuple(one for one in observation[name].members or () if one.id != id_of(missing))
    return with_node(observation, name, members=seen)


def a_look(observation: Observation | None = None, **changes: Any) -> HealthFacts:
    """A healthy look at a machine with room for everything."""
    machine = MachineFacts(
        memory=Memory(16_000_000_000, 8_000_000_000, 0), disk_free=80_000_000_000, disk_total=100_000_000_000,
        clock_kept=True, resident={"gl0": 60_000_000}, files={"gl0": (30, 8192)},
    )  # fmt: skip
    same = {"cl1": HASH, "cl1-1": HASH, "cl1-2": HASH, "ml0": HASH}
    facts: dict[str, Any] = {
        "observation": observation or healthy(),
        "comparisons": {"cl1": (Comparison(7, same),), "dl1": (Comparison(7, {"dl1": HASH, "ml0": HASH}),)},
        "machine": machine,
        "backup_seconds": 3600.0,
        "operation": None,
    }
    return HealthFacts(**{**facts, **changes})
