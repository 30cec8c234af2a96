"""What a node tells beyond the reference: ``GET /ottochain/node``. A value that is not known is null."""

from __future__ import annotations

from typing import Any, Final

from ottochain.artifact import artifact_digest
from ottochain.model.versions import APPLICATION_VERSION, ENGINE_VERSION
from ottochain.node.node import Node

LAYER_FACTS: Final = (
    "ordinal",
    "ordinalSeconds",
    "hash",
    "height",
    "view",
    "waitingFor",
    "validators",
    "quorum",
    "diverged",
    "outbox",
    "pool",
    "metagraphId",
)
"""The members that a layer's service fills as far as it knows them; it may add others after them."""


def facts(node: Node) -> dict[str, Any]:
    """The body, members in their order."""
    of_layer = node.service.facts()
    return {
        "layer": node.config.layer,
        "release": node.config.release_digest,
        "engineVersion": ENGINE_VERSION,
        "appVersion": APPLICATION_VERSION,
        "artifact": artifact_digest(),
        "mode": node.config.mode,
        "environment": node.config.environment,
        "timeTriggerSeconds": node.config.time_trigger_seconds,
        "uptimeSeconds": round(node.seconds_alive, 3),
        "state": node.lifecycle.state,
        "stateSeconds": round(node.lifecycle.seconds_in_state, 3),
        **dict.fromkeys(LAYER_FACTS),
        "loops": node.supervisor.heartbeats(),
        **of_layer,
    }
