"""The L1 blocks that wait at ML0: which the next snapshot takes, and whose are taken at all."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Final

from ottochain.consensus.quorum import l1_threshold
from ottochain.layers.update_block import BlockRule, UpdateBlock

UPDATES_PER_SNAPSHOT_MAX: Final = 1_000
"""A snapshot takes whole blocks until this many updates; the others wait for the next."""

BLOCKS_WAITING_MAX: Final = 10_000

EARLY_PATIENCE_SECONDS: Final = 2.0
"""How long a block of one early update waits for its predecessor before it is decided against."""


class WaitingBlocks:
    """The blocks in the order of their arrival. All of them are durable; this is their decoded form.

    ``clock`` gives seconds and only ever grows.
    """

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock = clock
        self._blocks: dict[str, UpdateBlock] = {}
        self._since: dict[str, float] = {}
        self._early: set[str] = set()

    def __len__(self) -> int:
        return len(self._blocks)

    def __contains__(self, round_id: str) -> bool:
        return round_id in self._blocks

    @property
    def full(self) -> bool:
        """Has it as many as it takes?"""
        return len(self._blocks) >= BLOCKS_WAITING_MAX

    @property
    def any_in_time(self) -> bool:
        """Is there a block that is not just waiting for its predecessor?"""
        return len(self._blocks) > len(self._early)

    @property
    def any_early(self) -> bool:
        """Is there one that is?"""
        return bool(self._early)

    def add(self, block: UpdateBlock) -> None:
        """Puts a block in the queue; one that is there stays where it is."""
        if block.round_id not in self._blocks:
            self._blocks[block.round_id] = block
            self._since[block.round_id] = self._clock()

    def remove(self, round_ids: Iterable[str]) -> None:
        """Takes out blocks that were decided, or went back to their L1."""
        for round_id in round_ids:
            self._blocks.pop(round_id, None)
            self._since.pop(round_id, None)
            self._early.discard(round_id)

    def named(self, round_ids: Iterable[str]) -> list[UpdateBlock]:
        """Those of these that wait."""
        return [self._blocks[round_id] for round_id in round_ids if round_id in self._blocks]

    def next(self) -> list[UpdateBlock]:
        """The oldest blocks, as many as one snapshot takes and always one."""
        chosen: list[UpdateBlock] = []
        updates = 0
        for block in self._blocks.values():
            if chosen and updates + len(block.updates) > UPDATES_PER_SNAPSHOT_MAX:
                break
            chosen.append(block)
            updates += len(block.updates)
        return chosen

    def mark_early(self, round_ids: Iterable[str]) -> None:
        """These, and no others, were found waiting for their predecessor."""
        self._early = {round_id for round_id in round_ids if round_id in self._blocks}

    def impatient(self) -> set[str]:
        """The early ones that have waited long enough to be decided."""
        due = self._clock() - EARLY_PATIENCE_SECONDS
        return {round_id for round_id in self._early if self._since[round_id] <= due}

    def holds_update(self, update_hash: str) -> bool:
        """Does an update of this hash wait in any block?"""
        return any(update.hash == update_hash for block in self._blocks.values() for update in block.updates)


def block_rule(peers_file: Path | None, threshold: int | None) -> Callable[[], BlockRule]:
    """Whose blocks are taken, asked anew for each block: the file of L1 peer ids may change while the node runs."""
    if peers_file is None:
        return lambda: BlockRule(threshold or 1)
    known: tuple[int, BlockRule] | None = None

    def current() -> BlockRule:
        nonlocal known
        changed = peers_file.stat().st_mtime_ns
        if known is None or known[0] != changed:
            members = frozenset(line.strip() for line in peers_file.read_text().splitlines() if line.strip())
            known = (changed, BlockRule(threshold or l1_threshold(len(members)), members))
        return known[1]

    return current
