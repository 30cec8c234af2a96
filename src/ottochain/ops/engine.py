"""Engines as data: what the operator must know of the program that a node runs. Pure.

Run modes are Tessellation's, the same for this package's nodes and for the JARs: GL0 ``run-genesis``, ``run-rollback
HASH``, ``run-validator``; ML0 ``create-genesis``, ``run-genesis``, ``run-rollback``, ``run-validator``; the L1 layers
``run-initial-validator`` and ``run-validator``.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final, Literal, TypeAlias

from ottochain.ops.errors import Refused

Layer: TypeAlias = Literal["gl0", "ml0", "cl1", "dl1"]

LAYERS: Final[tuple[Layer, ...]] = ("gl0", "ml0", "cl1", "dl1")
"""Parents before children: the order of starting. Stopping goes the other way."""

L1_LAYERS: Final[tuple[Layer, ...]] = ("cl1", "dl1")
"""The layers that bring blocks to ML0."""

RUN_GENESIS: Final = "run-genesis"
CREATE_GENESIS: Final = "create-genesis"
RUN_ROLLBACK: Final = "run-rollback"
RUN_INITIAL_VALIDATOR: Final = "run-initial-validator"
RUN_VALIDATOR: Final = "run-validator"

VALIDATORS_MAX: Final = 7
"""Validators of one L0 layer of the embedded engine: what its consensus is made and tested for."""

PORTS_PER_NODE: Final = 10
PORT_MAX: Final = 32767
"""Above it most systems hand out ports to outgoing connections, which could then hold one of ours."""


@dataclass(frozen=True, slots=True)
class LayerRules:
    """What an engine fixes for one layer."""

    parent: Layer | None
    port_base: int
    modes: tuple[str, ...]
    rollback_takes_hash: bool = False
    nodes_max: int | None = None
    """The most nodes the engine runs in this layer; None: as many as fit."""

    @property
    def keeps_chain(self) -> bool:
        """True for the layers whose data is the chain itself: without it there is nothing to start from."""
        return RUN_ROLLBACK in self.modes


@dataclass(frozen=True, slots=True)
class Engine:
    """A program that nodes run."""

    name: str
    layers: Mapping[Layer, LayerRules]
    waits_for_parents: bool
    """Whether a node ends when the layer above it is not there. One that does not may start beside its parents."""

    def rules(self, layer: Layer) -> LayerRules:
        return self.layers[layer]

    def floor(self, layer: Layer, nodes: int) -> int:
        """How many of a layer's ``nodes`` must be Ready for it to go on: a majority."""
        return nodes // 2 + 1

    def check_mode(self, layer: Layer, mode: str) -> None:
        """Raises ``Refused`` for a run mode that the layer does not have."""
        if mode not in self.layers[layer].modes:
            raise Refused(
                f"{layer} has no run mode {mode!r}; it has {', '.join(self.layers[layer].modes)}.",
                next_step="use one of those.",
            )


EMBEDDED: Final = Engine(
    "embedded",
    {
        "gl0": LayerRules(
            None, 9000, (RUN_GENESIS, RUN_ROLLBACK, RUN_VALIDATOR), rollback_takes_hash=True, nodes_max=VALIDATORS_MAX
        ),
        "ml0": LayerRules(
            "gl0", 9200, (CREATE_GENESIS, RUN_GENESIS, RUN_ROLLBACK, RUN_VALIDATOR), nodes_max=VALIDATORS_MAX
        ),
        "cl1": LayerRules("ml0", 9300, (RUN_INITIAL_VALIDATOR, RUN_VALIDATOR)),
        "dl1": LayerRules("ml0", 9400, (RUN_INITIAL_VALIDATOR, RUN_VALIDATOR)),
    },
    waits_for_parents=False,
)
"""This package's own nodes, ``python -m ottochain.node``."""

ENGINES: Final[Mapping[str, Engine]] = {EMBEDDED.name: EMBEDDED}


def layer_of(text: str) -> Layer | None:
    """The layer of that name, if it is one."""
    return next((layer for layer in LAYERS if layer == text), None)


def node_name(layer: Layer, index: int) -> str:
    """The guide's names: ``cl1``, ``cl1-1``, ``cl1-2``."""
    return layer if index == 0 else f"{layer}-{index}"
