"""Steps as plain data. Pure.

Every step asks first whether it is already done, so that a plan may be run again after an interruption; `after` names
the steps that must be done before it, and steps that wait for nobody run at the same time.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypeAlias

from ottochain.ops.chain_record import ChainRecord


@dataclass(frozen=True, slots=True)
class Record:
    """Write the chain record."""

    record: ChainRecord


@dataclass(frozen=True, slots=True)
class CreateGenesis:
    """Let the node make the metagraph's genesis, and record the token that comes out of it."""

    node: str


@dataclass(frozen=True, slots=True)
class Start:
    """Start a stopped node in a run mode; done when its process is there."""

    node: str
    mode: str
    argument: str | None


@dataclass(frozen=True, slots=True)
class AwaitReady:
    """Wait until a node is Ready."""

    node: str


@dataclass(frozen=True, slots=True)
class Stop:
    """Stop a node's process."""

    node: str


@dataclass(frozen=True, slots=True)
class Join:
    """Let the node join its layer's cluster at any Ready member; done when every Ready member sees it Ready, or on an
    L0 layer, where it learns first, Observing."""

    node: str


@dataclass(frozen=True, slots=True)
class Enrol:
    """Make a learner of an L0 layer a validator, by a change that the operator key signs; done when it is Ready."""

    node: str


@dataclass(frozen=True, slots=True)
class AwaitWhole:
    """Wait until a layer's nodes are all Ready, in one cluster, and see one another."""

    layer: str


@dataclass(frozen=True, slots=True)
class AwaitConfirmed:
    """Wait until GL0 holds a snapshot of the metagraph, and record that the chain is founded."""

    node: str


Action: TypeAlias = Record | CreateGenesis | Start | Stop | AwaitReady | Join | Enrol | AwaitWhole | AwaitConfirmed


@dataclass(frozen=True, slots=True)
class Step:
    """One change of a plan."""

    id: str
    sentence: str
    why: str
    action: Action
    after: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Plan:
    """Steps in an order in which each comes after those it waits for."""

    steps: tuple[Step, ...]

    def __post_init__(self) -> None:
        known: set[str] = set()
        for step in self.steps:
            missing = set(step.after) - known
            if missing or step.id in known:
                raise ValueError(f"step {step.id} is there twice or waits for {sorted(missing)}, which come later")
            known.add(step.id)

    def __bool__(self) -> bool:
        return bool(self.steps)
