"""One data block against the state: applied as a whole, or refused with the updates that are to blame.

Validation looks at the state *before* the snapshot, whatever other blocks of the same snapshot did; combining works
on the running state (Tessellation, ``DataApplicationSnapshotAcceptanceManager``).
"""

from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum
from typing import Final, TypeAlias

from ottochain.fibers import (
    DEFAULT_RULES,
    CombineError,
    ExecutionRules,
    FiberState,
    SignedUpdate,
    SnapshotContext,
    combine,
    in_combining_order,
    target_sequence_number_of,
    validate_update,
)
from ottochain.layers.update_block import UpdateBlock
from ottochain.layers.verified import VerifiedProofs

REASON_CHARACTERS_MAX: Final = 1000
"""Texts of rules can quote what a client sent; the header keeps this much of them."""


class Fault(StrEnum):
    """Why an update is to blame for its block."""

    DECIDED = "AlreadyDecided"
    REPEATED = "RepeatedInBlock"
    SIGNATURE = "InvalidSignature"
    INVALID = "Invalid"
    COMBINE = "CombineFailed"
    TOO_LARGE = "SnapshotTooLarge"
    FEE = "InvalidFee"
    BLOCK = "InvalidBlock"
    INTERNAL = "InternalError"


@dataclass(frozen=True, slots=True)
class Guilty:
    """An update that a block can't be applied with. ``early``: the same update may be applied later."""

    key: str
    hash: str
    fault: Fault
    reason: str
    early: bool = False


@dataclass(frozen=True, slots=True)
class Applied:
    """The state after the block."""

    state: FiberState


@dataclass(frozen=True, slots=True)
class Refused:
    """The block leaves the state as it was. All of ``guilty`` fail on their own, or one of them in this company."""

    guilty: tuple[Guilty, ...]


Verdict: TypeAlias = Applied | Refused


@dataclass(frozen=True, slots=True)
class Judge:
    """What a block is judged by, the same for all blocks of a snapshot."""

    before: FiberState
    at: SnapshotContext
    is_decided: Callable[[str, int], bool]
    verified: VerifiedProofs
    rules: ExecutionRules = DEFAULT_RULES

    def verdict(self, block: UpdateBlock, running: FiberState) -> Verdict:
        """Apply ``block`` to ``running``, or say why not."""
        guilty = self._guilty_alone(block)
        if guilty:
            return Refused(guilty)
        try:
            return Applied(combine(running, block.updates, self.at, self.rules))
        except Exception as error:
            return Refused((self._guilty_in_company(block, running, failure_text(error)),))

    def _guilty_alone(self, block: UpdateBlock) -> tuple[Guilty, ...]:
        """The updates that no company would make acceptable in this snapshot."""
        seen: set[str] = set()
        guilty = []
        for update in block.updates:
            found = self._blame(update, block.after_of(update.key), repeated=update.key in seen)
            if found is not None:
                guilty.append(found)
            seen.add(update.key)
        return tuple(guilty)

    def _blame(self, update: SignedUpdate, after: int, repeated: bool) -> Guilty | None:
        if self.is_decided(update.key, after):
            return Guilty(update.key, update.hash, Fault.DECIDED, "this update is decided already")
        if repeated:
            return Guilty(update.key, update.hash, Fault.REPEATED, "this update stands in its block more than once")
        if not self.verified.hold(update):
            return Guilty(
                update.key, update.hash, Fault.SIGNATURE, "InvalidSignature: a proof does not sign the update"
            )
        try:
            rejections = validate_update(self.before, update)
        except Exception as error:
            return Guilty(update.key, update.hash, Fault.INTERNAL, failure_text(error))
        if not rejections:
            return None
        reason = bounded("; ".join(f"{each.code}: {each.message}" for each in rejections))
        return Guilty(update.key, update.hash, Fault.INVALID, reason, self._is_early(update))

    def _guilty_in_company(self, block: UpdateBlock, running: FiberState, reason: str) -> Guilty:
        """The update at which combining fails: the last one of the shortest beginning that fails."""
        updates = in_combining_order(block.updates)
        fine, fails = 0, len(updates)
        while fails - fine > 1:
            middle = (fine + fails) // 2
            text = self._failure(running, updates[:middle])
            if text is None:
                fine = middle
            else:
                fails, reason = middle, text
        culprit = updates[fails - 1]
        return Guilty(culprit.key, culprit.hash, Fault.COMBINE, bounded(reason), self._is_early(culprit))

    def _failure(self, running: FiberState, updates: list[SignedUpdate]) -> str | None:
        try:
            combine(running, updates, self.at, self.rules)
        except Exception as error:
            return failure_text(error)
        return None

    def _is_early(self, update: SignedUpdate) -> bool:
        """The update aims ahead of where its fiber stood before this snapshot: its turn may come."""
        target = target_sequence_number_of(update.message)
        commit = self.before.on_chain.fiber_commits.get(update.fiber_id)
        return target is not None and commit is not None and target > commit.sequence_number


def failure_text(error: Exception) -> str:
    """What is said of an update that ends in this.

    Anything but a ``CombineError`` is a fault of ours. It must not stop the chain, or whoever knows such an update
    could: the update is rejected, as every node with the same code will find it.
    """
    return str(error) if isinstance(error, CombineError) else f"{Fault.INTERNAL}: {type(error).__name__}"


def bounded(text: str) -> str:
    """The text as a header can hold it: of bounded length, and with a canonical form."""
    return text[:REASON_CHARACTERS_MAX].encode("utf-8", "replace").decode("utf-8")
