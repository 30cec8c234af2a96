"""Restarting layers: ``start``, ``stop``, ``restart`` of a node, a layer or the stack.

What the guide does by hand for GL0, ML0, the CL1 and DL1 clusters, a single L1 node and the entire stack.
"""

from __future__ import annotations

from ottochain.ops.errors import UsageError
from ottochain.ops.inventory.deployment import Deployment
from ottochain.ops.inventory.targets import STACK, nodes_of
from ottochain.ops.plan.request import How, Request, Verb


def request_for(
    deployment: Deployment,
    verb: Verb,
    target: str,
    *,
    only_node: bool = False,
    how: How = "",
    accept_pause: bool = False,
) -> Request:
    """What was asked for. A restart is rolling where its target has several nodes of one layer, unless it is said
    otherwise; of the stack it is full."""
    nodes = nodes_of(deployment, [target], only_nodes=only_node)
    shown = f"{target} --node" if only_node and target in deployment.engine.layers else target
    if verb != "restart":
        if how:
            raise UsageError(f"{verb} knows no --{how}: only a restart does.")
        return Request(verb, tuple(node.name for node in nodes), shown)
    return Request(
        verb, tuple(node.name for node in nodes), shown, how or ("full" if target == STACK else "rolling"), accept_pause
    )
