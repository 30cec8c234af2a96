"""The checked deployment: frozen nouns, with everything that is derived from the file already in them. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from ottochain.ops.engine import L1_LAYERS, LAYERS, Engine, Layer
from ottochain.ops.inventory.profiles import Profile
from ottochain.ops.inventory.secrets import Secret


@dataclass(frozen=True, slots=True)
class Ports:
    """A node's three listeners. The cli one is on the loopback address only."""

    public: int
    p2p: int
    cli: int

    def __iter__(self) -> Iterator[int]:
        return iter((self.public, self.p2p, self.cli))


@dataclass(frozen=True, slots=True, kw_only=True)
class Key:
    """Where a node's key is kept. ``peer_id`` is None while no key has been made."""

    keystore: Path
    alias: str
    password: Secret
    peer_id: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Node:
    """One process of one layer."""

    name: str
    layer: Layer
    index: int
    host: str
    ports: Ports
    key: Key
    data_dir: Path
    log_file: Path
    error_file: Path
    env: Mapping[str, str]
    """What the file adds to the derived environment."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Places:
    """Where a deployment keeps its state: all of it under ``.ottochain/`` beside the file."""

    file: Path

    @property
    def state(self) -> Path:
        return self.file.parent / ".ottochain"

    @property
    def keys(self) -> Path:
        return self.state / "keys"

    @property
    def wallets(self) -> Path:
        return self.state / "wallets"

    @property
    def data(self) -> Path:
        return self.state / "data"

    @property
    def logs(self) -> Path:
        return self.state / "logs"

    @property
    def run(self) -> Path:
        return self.state / "run"

    @property
    def gl0_genesis(self) -> Path:
        """Balances of the global ledger at its beginning."""
        return self.state / "genesis" / "gl0" / "genesis.csv"

    @property
    def ml0_genesis(self) -> Path:
        """Balances of the metagraph's token; ``create-genesis`` writes its two files beside it."""
        return self.state / "genesis" / "ml0" / "genesis.csv"

    @property
    def chain_record(self) -> Path:
        return self.state / "chain.json"

    @property
    def health_history(self) -> Path:
        return self.state / "health" / "history.jsonl"

    @property
    def lease(self) -> Path:
        return self.run / "lease"

    @property
    def operations(self) -> Path:
        """The journal: a file for each operation."""
        return self.state / "operations"

    @property
    def quarantine(self) -> Path:
        """What was moved out of the way, outside the data tree, until it is pruned."""
        return self.state / "quarantine"

    def peers_of(self, layer: Layer) -> Path:
        """The peer ids whose signatures count on a block of this L1 layer, one a line."""
        return self.run / f"{layer}-peers.txt"


@dataclass(frozen=True, kw_only=True)
class Deployment:
    """What one ``ottochain.toml`` describes."""

    name: str
    engine: Engine
    profile: Profile
    environment: str
    host: str
    port_offset: int
    time_trigger_seconds: int
    collateral: int
    places: Places
    nodes: tuple[Node, ...]
    """In the order of starting: parents before children, within a layer by index."""
    operator: Key

    @cached_property
    def by_name(self) -> Mapping[str, Node]:
        return {node.name: node for node in self.nodes}

    def layer(self, layer: Layer) -> tuple[Node, ...]:
        """The layer's nodes by index."""
        return tuple(node for node in self.nodes if node.layer == layer)

    def parent_of(self, node: Node) -> Node | None:
        """The node of the layer above that this one reads from: siblings are spread over the parents."""
        parent = self.engine.rules(node.layer).parent
        above = self.layer(parent) if parent else ()
        return above[node.index % len(above)] if above else None

    def need(self, layer: Layer) -> int:
        """How many of the layer's nodes must be Ready for it to go on."""
        if layer in L1_LAYERS and self.profile.l1_signatures is not None:
            return self.profile.l1_signatures
        return self.engine.floor(layer, len(self.layer(layer)))

    @property
    def start_order(self) -> tuple[tuple[Node, ...], ...]:
        """Layer by layer, parents first."""
        return tuple(self.layer(layer) for layer in LAYERS)

    @property
    def stop_order(self) -> tuple[tuple[Node, ...], ...]:
        """Layer by layer, children first, and within a layer from the highest index."""
        return tuple(tuple(reversed(layer)) for layer in reversed(self.start_order))
