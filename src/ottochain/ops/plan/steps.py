"""Steps as plain data. Pure.

Every step asks first whether it is already done, so that a plan may be run again after an interruption; `after` names
the steps that must be done before it, and steps that wait for nobody run at the same time.

There are plans of two sizes. A *procedure* is what an operator approves, and what the journal keeps: stop this node,
bring up those, see that all is as promised. What ``BringUp`` does for its nodes is planned in smaller steps when its
turn comes, from what is found then: a run mode that was decided earlier could be the wrong one by now.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypeAlias

from ottochain.ops.chain_record import ChainRecord
from ottochain.ops.engine import Layer


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
    """Stop a node's process; done when it is stopped, or runs in another life than ``life``."""

    node: str
    life: str | None = None
    """The run of its process that is meant (``ProcessFact.life``); None: whichever runs."""
    may_pause: bool = True
    """Whether its layer may fall below its floor by this. If not, that is looked at again when its turn comes."""


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
    """Wait until these nodes of a layer are all Ready, in one cluster with its other Ready nodes, and all see one
    another."""

    layer: Layer
    nodes: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class AwaitConfirmed:
    """Wait until GL0 holds a snapshot of the metagraph, and record that the chain is founded."""

    node: str


@dataclass(frozen=True, slots=True)
class BringUp:
    """Start what is stopped of these nodes, each in the run mode that fits what is found then, parents first, join
    them, and wait until all are Ready members. Founds a chain only where ``may_found``."""

    nodes: tuple[str, ...]
    may_found: bool = False


@dataclass(frozen=True, slots=True)
class Head:
    """Where a node's chain ended when the plan was made."""

    node: str
    ordinal: int
    hash: str


@dataclass(frozen=True, slots=True)
class Verify:
    """See that the cluster is what it was: these nodes Ready members, in these cluster sessions where they had to
    live on, with the chains continued from these heads, and the L1 nodes following."""

    nodes: tuple[str, ...]
    sessions: tuple[tuple[Layer, str], ...] = ()
    heads: tuple[Head, ...] = ()


@dataclass(frozen=True, slots=True)
class Leave:
    """Let the node leave its cluster; done when no Ready peer sees it Ready, or it runs no more in this life."""

    node: str
    life: str | None


@dataclass(frozen=True, slots=True)
class HandOver:
    """Give what waits in the pool of the stopped L1 node to a Ready peer; done when each item is known there, waiting
    or decided. ``place``: where the data goes next; once it is there, this is done."""

    node: str
    place: str = ""


@dataclass(frozen=True, slots=True)
class Quarantine:
    """Move the data folder of the stopped node out of the data tree, to ``place`` in the quarantine."""

    node: str
    place: str
    ordinal: int | None
    """How far the node was when the plan was made: another Ready node must hold as much. None: not known."""


@dataclass(frozen=True, slots=True)
class PutBack:
    """Move the data folder back from the quarantine, unless the node has begun anew."""

    node: str
    place: str


SmallAction: TypeAlias = Record | CreateGenesis | Start | Stop | AwaitReady | Join | Enrol | AwaitWhole | AwaitConfirmed
"""What bringing nodes up is made of."""

Action: TypeAlias = SmallAction | BringUp | Verify | Leave | HandOver | Quarantine | PutBack


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
