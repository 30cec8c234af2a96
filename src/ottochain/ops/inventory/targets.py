"""What a command's TARGET means: a node, a layer, or the whole stack. Pure."""

from __future__ import annotations

from collections.abc import Sequence

from ottochain.ops.errors import UsageError
from ottochain.ops.inventory.deployment import Deployment, Node

STACK = "stack"


def nodes_of(deployment: Deployment, targets: Sequence[str], *, only_nodes: bool = False) -> tuple[Node, ...]:
    """The nodes that the targets name, each once, in the order of starting. Raises ``UsageError``.

    ``cl1`` is a node and a layer: the layer is meant, for it holds the node, unless ``only_nodes``.
    """
    named: set[str] = set()
    for target in targets:
        found = [node.name for node in deployment.nodes if _is_meant(node, target, only_nodes)]
        if not found:
            raise UsageError(
                f"there is no {'node' if only_nodes else 'node or layer'} {target!r} in this deployment.",
                next_step=f"one of {', '.join(node.name for node in deployment.nodes)}"
                + ("." if only_nodes else f", a layer, or {STACK}."),
            )
        named.update(found)
    return tuple(node for node in deployment.nodes if node.name in named)


def _is_meant(node: Node, target: str, only_nodes: bool) -> bool:
    if only_nodes:
        return node.name == target
    return target == STACK or target in (node.name, node.layer)
