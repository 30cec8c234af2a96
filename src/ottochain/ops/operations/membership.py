"""Nodes and their cluster: ``node join``, ``node leave``, ``node reset``.

Reset is the guide's answer to a node that won't rejoin and, for a whole L1 layer, to diverged state.
"""

from __future__ import annotations

import time

from ottochain.ops.inventory.deployment import Deployment
from ottochain.ops.inventory.targets import nodes_of
from ottochain.ops.plan.request import Request, Verb


def membership_request(
    deployment: Deployment, verb: Verb, target: str, *, layer: bool = False, accept_pause: bool = False
) -> Request:
    """What was asked for. A name is a node's; with ``layer`` it is that of a layer, all of whose nodes are meant."""
    nodes = nodes_of(deployment, [target], only_nodes=not layer)
    stamp = time.strftime("%Y%m%dT%H%M%SZ", time.gmtime())
    shown = f"{target} --layer" if layer else target
    return Request(verb, tuple(node.name for node in nodes), shown, accept_pause=accept_pause, stamp=stamp)
