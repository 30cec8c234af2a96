"""The terms between an L0 node's shell and its layer."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Protocol

from ottochain.consensus.votes import Trigger
from ottochain.layers.validators import Chain, Validators
from ottochain.model.currency_snapshot import SnapshotText
from ottochain.model.header import Header
from ottochain.node.service import StartRefused
from ottochain.store.chain import Committed as StoredSnapshot


class ChainProblem(StartRefused):
    """The data directory does not hold what the run mode needs; the text says what to do."""


class LayerState(Protocol):
    """What the shell reads of a layer's state."""

    @property
    def ordinal(self) -> int: ...
    @property
    def hash(self) -> str: ...
    @property
    def validators(self) -> Validators: ...
    @property
    def chain(self) -> Chain: ...


class LayerBuilt(Protocol):
    """What the shell reads of a built snapshot."""

    @property
    def ordinal(self) -> int: ...
    @property
    def trigger(self) -> Trigger: ...
    @property
    def text(self) -> SnapshotText: ...
    @property
    def header(self) -> Header: ...
    @property
    def proposal(self) -> bytes: ...
    @property
    def body_hash(self) -> str: ...


@dataclass(frozen=True, slots=True)
class Head:
    """The newest committed snapshot as it is served."""

    ordinal: int
    hash: str
    parent: str
    signed: bytes = field(repr=False)
    header: Header = field(repr=False)


def stored_snapshot(built: LayerBuilt, signed: bytes, header: Header, *, goes_to_global: bool = True) -> StoredSnapshot:
    """A built snapshot as the chain store keeps it."""
    return StoredSnapshot.of(
        built.ordinal, built.text.hash, signed, header.to_bytes(), built.proposal, goes_to_global=goes_to_global
    )
