"""What waits at ML0, blocks of L1 layers and messages, and which of it the next snapshot takes."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any, Final, TypeAlias

from ottochain.codec import exact_json
from ottochain.codec.errors import JsonError
from ottochain.fibers import SignedUpdate
from ottochain.layers.token_event import TokenEvent
from ottochain.layers.update_block import UpdateBlock
from ottochain.ledger.items import SignedItem
from ottochain.model.errors import ModelError

Waiting: TypeAlias = UpdateBlock | TokenEvent

UPDATES_PER_SNAPSHOT_MAX: Final = 1_000
BYTES_PER_SNAPSHOT_MAX: Final = 4 * 1024 * 1024
"""A snapshot takes whole blocks until this many updates, or bytes of them; the others wait for the next."""

BLOCKS_WAITING_MAX: Final = 10_000
BLOCK_BYTES_WAITING_MAX: Final = 256 * 1024 * 1024
"""Blocks that wait, and their bytes; above either no more are taken, and the L1 layers keep theirs."""

EARLY_PATIENCE_SECONDS: Final = 2.0
"""How long a block of one early update waits for its predecessor before it is decided against."""


def read_waiting(text: bytes) -> Waiting:
    """What these bytes are, told by their members. Raises ``ModelError``."""
    try:
        value = exact_json.loads(text)
    except JsonError as error:
        raise ModelError(f"expected a block or a message: {error}") from None
    members = value.get("value") if isinstance(value, dict) else None
    kind: type[UpdateBlock] | type[TokenEvent] = TokenEvent
    if isinstance(members, dict) and "dataTransactions" in members:
        kind = UpdateBlock
    return kind.from_json(value, text)


class WaitingBlocks:
    """The blocks in the order of their arrival, decoded. All are on this node's disk but those that are not *kept*:
    what another validator brought, who has it on his.

    A block is *early* when its one update was found to need a predecessor. It is judged again when the state has
    changed, or its patience has ended; until then it is *idle*. ``clock`` gives seconds and only ever grows.
    """

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock = clock
        self._blocks: dict[str, Waiting] = {}
        self._bytes = 0
        self._early_since: dict[str, float] = {}
        self._idle: set[str] = set()
        self._kept_elsewhere: set[str] = set()

    def __len__(self) -> int:
        return len(self._blocks)

    def __contains__(self, round_id: str) -> bool:
        return round_id in self._blocks

    @property
    def full(self) -> bool:
        """Has it as many as it takes?"""
        return len(self._blocks) >= BLOCKS_WAITING_MAX or self._bytes >= BLOCK_BYTES_WAITING_MAX

    @property
    def any_in_time(self) -> bool:
        """Is there a block that is not just waiting for its predecessor?"""
        return len(self._blocks) > len(self._idle)

    @property
    def any_early(self) -> bool:
        """Is there one that was found waiting for it?"""
        return bool(self._early_since)

    def add(self, block: Waiting, *, kept: bool = True) -> None:
        """Puts a block in the queue; one that is there stays where it is, and may be on the disk from now on."""
        if kept:
            self._kept_elsewhere.discard(block.round_id)
        elif block.round_id not in self._blocks:
            self._kept_elsewhere.add(block.round_id)
        if block.round_id not in self._blocks:
            self._blocks[block.round_id] = block
            self._bytes += len(block.wire)

    def is_kept(self, round_id: str) -> bool:
        """Does it wait here, and is it on this node's disk?"""
        return round_id in self._blocks and round_id not in self._kept_elsewhere

    def remove(self, round_ids: Iterable[str]) -> None:
        """Takes out blocks that were decided, or went back to their L1."""
        for round_id in round_ids:
            gone = self._blocks.pop(round_id, None)
            self._bytes -= 0 if gone is None else len(gone.wire)
            self._early_since.pop(round_id, None)
            self._idle.discard(round_id)
            self._kept_elsewhere.discard(round_id)

    def named(self, round_ids: Iterable[str]) -> list[Waiting]:
        """Those of these that wait."""
        return [self._blocks[round_id] for round_id in round_ids if round_id in self._blocks]

    def next(self) -> list[Waiting]:
        """The oldest blocks, as many as one snapshot takes and always one.

        Early ones have as much room of their own: else they kept out the others, or the others kept them waiting.
        """
        in_time = [block for round_id, block in self._blocks.items() if round_id not in self._early_since]
        early = [block for round_id, block in self._blocks.items() if round_id in self._early_since]
        return _first(in_time) + _first(early)

    def mark_early(self, round_ids: Iterable[str]) -> None:
        """These, and no others, were found waiting for their predecessor."""
        self._idle = {round_id for round_id in round_ids if round_id in self._blocks}
        now = self._clock()
        for round_id in self._idle:
            self._early_since.setdefault(round_id, now)

    def state_changed(self) -> None:
        """What was early may be in time now."""
        self._idle.clear()

    def impatient(self) -> set[str]:
        """The early ones that have waited long enough to be decided."""
        due = self._clock() - EARLY_PATIENCE_SECONDS
        return {round_id for round_id, since in self._early_since.items() if since <= due}

    def holds_update(self, update_hash: str) -> bool:
        """Does an update, or another item, of this hash wait in any block?"""
        for block in self._blocks.values():
            items: Iterable[SignedUpdate | SignedItem[Any]] = block.updates
            if any(item.hash == update_hash for item in items):
                return True
        return False


def _first(blocks: Iterable[Waiting]) -> list[Waiting]:
    """As many as one snapshot takes, and always one."""
    chosen: list[Waiting] = []
    updates = size = 0
    for block in blocks:
        updates += len(block.updates)
        size += len(block.wire)
        if chosen and (updates > UPDATES_PER_SNAPSHOT_MAX or size > BYTES_PER_SNAPSHOT_MAX):
            break
        chosen.append(block)
    return chosen
