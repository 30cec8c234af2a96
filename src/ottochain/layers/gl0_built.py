"""What comes out of building a global snapshot."""

from dataclasses import dataclass, field
from typing import Final

from ottochain.layers.binary_errors import BinaryError
from ottochain.layers.gl0_state import Gl0State
from ottochain.ledger.block_rules import DEFAULT_TERMS, BlockTerms
from ottochain.model.currency_snapshot import SnapshotText
from ottochain.model.header import Header, Trigger

BINARY_BYTES_MAX: Final = 512_000
"""The reference's limit for one binary. A deployment may set both ends higher."""
EVENTS_BYTES_MAX: Final = 20 * 1024 * 1024
"""How much content one snapshot takes in."""


@dataclass(frozen=True, slots=True)
class Gl0Rules:
    """What all validators of the global layer must have in common, beside the chain itself."""

    binary_bytes_max: int = BINARY_BYTES_MAX
    events_bytes_max: int = EVENTS_BYTES_MAX
    terms: BlockTerms = DEFAULT_TERMS


DEFAULT_RULES: Final = Gl0Rules()


@dataclass(frozen=True, slots=True)
class Included:
    """A binary that a snapshot holds, and the metagraph's snapshot inside it. ``key`` is the delivery's."""

    key: str
    address: str
    binary_hash: str
    ordinal: int
    snapshot_hash: str


@dataclass(frozen=True, slots=True)
class Dropped:
    """A binary that will never be included, and why. ``key`` is the delivery's."""

    key: str
    address: str
    binary_hash: str
    error: BinaryError


@dataclass(frozen=True, slots=True)
class Gl0Built:
    """A global snapshot, the state after it, and what happened to every binary that was handed in.

    ``waiting`` are the keys of deliveries whose parent is not here yet.
    """

    ordinal: int
    trigger: Trigger
    text: SnapshotText = field(repr=False)
    header: Header
    proposal: bytes = field(repr=False)
    state: Gl0State = field(repr=False)
    included: tuple[Included, ...]
    dropped: tuple[Dropped, ...] = ()
    waiting: tuple[str, ...] = ()

    @property
    def hash(self) -> str:
        """The hash of the snapshot, which its signers sign once it is final."""
        return self.text.hash

    @property
    def body_hash(self) -> str:
        """What the validators vote for."""
        return self.header.body_hash

    @property
    def done(self) -> tuple[str, ...]:
        """The keys of the deliveries that a commit takes out of the pool."""
        return (*(each.key for each in self.included), *(each.key for each in self.dropped))


@dataclass(frozen=True, slots=True)
class CheckFailed:
    """Why a proposal gets no vote."""

    reason: str
