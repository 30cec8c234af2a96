"""What a layer is to the node that carries it, and the service of each layer."""

from __future__ import annotations

import importlib
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Final, Protocol, cast

from aiohttp import web

from ottochain.model.node_state import NodeState
from ottochain.node.listeners import ListenerName

if TYPE_CHECKING:
    from ottochain.node.node import Node

GLOBAL_CLUSTER_ID: Final = "6d7f1d6a-213a-4148-9d45-d7200f555ecf"
"""Cluster id of GL0 (Tessellation, ``dag-l0``)."""

METAGRAPH_CLUSTER_ID: Final = "517c3a05-9219-471b-a54c-21b7d72f4ae5"
"""Cluster id of OttoChain's three layers (OttoChain, the three ``Main.scala``)."""


class StartRefused(Exception):  # noqa: N818  what happened
    """The node can't start as it was asked to; the text says why and what to do. Nothing was changed."""


class LayerService(Protocol):
    """One layer's work on a node. The shell owns listeners, sessions and peers; the service owns the rest."""

    @property
    def layer(self) -> str: ...

    @property
    def cluster_id(self) -> str: ...

    @property
    def state_after_joining(self) -> NodeState:
        """``WaitingForDownload`` on L0 layers, ``Ready`` on L1."""
        ...

    @property
    def signs_public(self) -> bool:
        """Do answers of the public listener carry a signature? On L0 layers they do."""
        ...

    def routes(self, listener: ListenerName) -> list[web.RouteDef]:
        """The layer's own routes; those of the shell come first."""
        ...

    async def start(self, mode: str, argument: str | None) -> None:
        """Called once, when the listeners are up (``create-genesis``: without any, and the node ends after it).

        Walks the lifecycle, with ``node.found_session()`` or ``node.ready_to_join()`` at its end.
        """
        ...

    async def on_joined(self) -> None:
        """Called after a join found a peer, the node being in ``state_after_joining``."""
        ...

    async def on_leaving(self) -> None:
        """Called when the node is told to leave its cluster: take part in nothing from here on."""
        ...

    async def stop(self) -> None:
        """Called when the node ends; no new connection comes any more, open feeds must end here."""
        ...

    async def close(self) -> None:
        """Called last, when no request and no loop of the node runs any more: the store may be closed."""
        ...

    def has_collateral(self, peer_id: str) -> bool:
        """May this peer take part? A peer of unknown balance may."""
        ...

    def consensus_peers(self) -> tuple[int, frozenset[str]] | None:
        """Ordinal and facilitators of the last finished round; None where there is none (and on L1 layers)."""
        ...

    def facts(self) -> dict[str, Any]:
        """The layer's part of ``/ottochain/node``; what is left out there is null."""
        ...


ServiceFactory = Callable[["Node"], LayerService]

_MODULES: Final = {
    "gl0": "ottochain.node.gl0",
    "ml0": "ottochain.node.ml0",
    "cl1": "ottochain.node.cl1",
    "dl1": "ottochain.node.dl1",
}


def service_factory(layer: str) -> ServiceFactory:
    """The ``create(node)`` of the layer's module; only that layer's modules are imported."""
    module = importlib.import_module(_MODULES[layer])
    return cast(ServiceFactory, module.create)
