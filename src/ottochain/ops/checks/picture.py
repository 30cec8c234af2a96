"""An observation as the plain data that ``status --json`` prints. Unknown values are null. Pure."""

from __future__ import annotations

from typing import Any

from ottochain.ops.checks.progress import layer_advances
from ottochain.ops.engine import Layer
from ottochain.ops.facts.observation import NodeFacts, Observation
from ottochain.ops.inventory.deployment import Deployment


def describe(deployment: Deployment, observation: Observation) -> dict[str, Any]:
    """The whole picture: the deployment's name, its nodes, its layers."""
    return {
        "deployment": deployment.name,
        "nodes": [_node(deployment, facts) for facts in observation.nodes.values()],
        "layers": [_layer(deployment, observation, layer) for layer in deployment.engine.layers],
    }


def _node(deployment: Deployment, facts: NodeFacts) -> dict[str, Any]:
    info = facts.info if facts.answers else None
    return {
        "node": facts.name,
        "layer": facts.layer,
        "host": deployment.by_name[facts.name].host,
        "process": None if facts.process == "unknown" else facts.process,
        "state": facts.state,
        "ordinal": facts.ordinal,
        "cluster_size": None if facts.members is None else len(facts.members),
        "engine_version": info.version if info else None,
        "app_version": facts.own.app_version if facts.own else None,
        "release": facts.own.release if facts.own else None,
        "session": info.session if info else None,
        "pid": facts.pid,
    }


def _layer(deployment: Deployment, observation: Observation, layer: Layer) -> dict[str, Any]:
    ordinals = [facts.ordinal for facts in observation.layer(layer) if facts.ordinal is not None]
    return {
        "layer": layer,
        "ready": len(observation.ready(layer)),
        "need": deployment.need(layer),
        "ordinal": max(ordinals, default=None),
        "advancing": layer_advances(observation, layer),
    }
