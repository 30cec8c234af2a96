"""What comes out of building a metagraph's snapshot."""

from dataclasses import dataclass, field
from typing import Any

from ottochain.layers.judging import Guilty
from ottochain.layers.ml0_state import Ml0State
from ottochain.layers.token_event import TokenEvent
from ottochain.layers.update_block import UpdateBlock
from ottochain.ledger.reasons import Reason
from ottochain.model.currency_snapshot import SnapshotText
from ottochain.model.header import Header, RejectedUpdate, Trigger


@dataclass(frozen=True, slots=True)
class Decision:
    """What became of an update: accepted when ``reason`` is None."""

    key: str
    hash: str
    reason: str | None = None


@dataclass(frozen=True, slots=True)
class RefusedBlock:
    """A block that can't be applied as it is; none of its updates is decided. For the L1 that sent it.

    Without ``guilty`` the block as a whole is at fault: ``reason`` says how. ``again``: its items are not, and are to
    be brought again in another block.
    """

    round_id: str
    guilty: tuple[Guilty, ...]
    reason: str
    again: bool = False


@dataclass(frozen=True, slots=True)
class Built:
    """A snapshot, the state after it, and what happened to every block that was handed in.

    ``accepted``, ``tokens`` (accepted too) and the ``rejecting`` (round ids of the blocks behind ``rejections``) are in
    the proposal. ``refused`` go back to their L1, ``dropped`` held only what is decided already. ``waiting`` stay in
    the pool because their one update is early, ``later`` because this snapshot had no room: the next one takes them.
    """

    ordinal: int
    trigger: Trigger
    text: SnapshotText = field(repr=False)
    header: Header
    proposal: bytes = field(repr=False)
    state: Ml0State = field(repr=False)
    accepted: tuple[UpdateBlock, ...]
    tokens: tuple[TokenEvent, ...]
    rejecting: tuple[str, ...]
    refused: tuple[RefusedBlock, ...] = ()
    dropped: tuple[str, ...] = ()
    waiting: tuple[str, ...] = ()
    later: tuple[str, ...] = ()
    faults: tuple[tuple[str, Reason], ...] = ()

    @property
    def hash(self) -> str:
        """The hash of the snapshot, which its signers sign once it is final."""
        return self.text.hash

    @property
    def body_hash(self) -> str:
        """What the validators vote for."""
        return self.header.body_hash

    @property
    def rejections(self) -> tuple[RejectedUpdate, ...]:
        """The updates that this snapshot rejects."""
        return self.header.rejections

    @property
    def change(self) -> dict[str, Any] | None:
        """The signed change of validators that this snapshot commits."""
        return self.header.change

    @property
    def decides(self) -> bool:
        """Whether anything is in it that did not wait for the next snapshot by time."""
        return bool(self.accepted or self.tokens or self.rejections or self.change)

    @property
    def done(self) -> tuple[str, ...]:
        """The round ids that a commit takes out of the pool."""
        accepted = [*(block.round_id for block in self.accepted), *(event.round_id for event in self.tokens)]
        return (*accepted, *self.rejecting, *self.dropped)

    def decisions(self) -> tuple[Decision, ...]:
        """Every update, fee and item that this snapshot decides."""
        accepted = [Decision(update.key, update.hash) for block in self.accepted for update in block.updates]
        paid = [Decision(fee.key, fee.hash) for block in self.accepted for fee in block.fees]
        moved = [Decision(item.key, item.hash) for event in self.tokens for item in event.updates]
        return (*accepted, *paid, *moved, *(Decision(each.key, each.hash, each.reason) for each in self.rejections))


@dataclass(frozen=True, slots=True)
class CheckFailed:
    """Why a proposal gets no vote."""

    reason: str
