"""Does a chain go on? Told from one look: how long ago a node saw its head move, against when that was due. Pure.

Without events GL0 and ML0 make a snapshot each ``time_trigger_seconds``; the L1 layers follow ML0.
"""

from __future__ import annotations

from typing import Final

from ottochain.ops.engine import Layer
from ottochain.ops.facts.observation import NodeFacts, Observation

SLACK_SECONDS: Final = 15.0
"""How late a snapshot may be: a view or two may fail, and a laptop may be busy."""


def due_seconds(facts: NodeFacts) -> float | None:
    """After this long the head must have moved; None when the node does not say how often it moves."""
    trigger = facts.own.trigger_seconds if facts.own else None
    return None if trigger is None else trigger + SLACK_SECONDS


def advances(facts: NodeFacts) -> bool | None:
    """Does this node's head move? None: unknown, or the node is not there long enough to tell."""
    due = due_seconds(facts)
    if due is None or facts.own is None or not facts.is_ready:
        return None
    if facts.own.ordinal_seconds is not None:
        return facts.own.ordinal_seconds <= due
    uptime = facts.own.uptime_seconds
    return False if uptime is not None and uptime > due else None


def layer_advances(observation: Observation, layer: Layer) -> bool | None:
    """Does any node's head move? A layer of which no node runs stands still; else what is not known stays unknown."""
    nodes = observation.layer(layer)
    found = [advances(facts) for facts in nodes]
    if True in found:
        return True
    if all(facts.process == "stopped" and not facts.answers for facts in nodes):
        return False
    return False if False in found and None not in [advances(facts) for facts in nodes if facts.is_ready] else None
