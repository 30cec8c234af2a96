"""The binaries that wait at GL0: for the next snapshot, or for their parent.

A binary on top of its metagraph's newest one is checked to the last when it comes. One whose parent is not here can't
be: so only validators of its metagraph may bring such, and not many, else whoever likes could fill the pool for good.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

from ottochain.layers.delivery import Delivery
from ottochain.layers.metagraph import Metagraph

BINARIES_WAITING_MAX: Final = 4_096
BYTES_WAITING_MAX: Final = 512 * 1024 * 1024

AHEAD_MAX: Final = 64
"""How many of one metagraph may wait for their parents. A metagraph of ours has four under way."""


class WaitingBinaries:
    """In the order of their arrival. All of them are durable; this is their decoded form.

    A binary is *idle* when its parent was not there. It is tried again when a snapshot took anything in.
    """

    def __init__(self) -> None:
        self._deliveries: dict[str, Delivery] = {}
        self._bytes = 0
        self._idle: set[str] = set()

    def __len__(self) -> int:
        return len(self._deliveries)

    def __contains__(self, key: str) -> bool:
        return key in self._deliveries

    @property
    def full(self) -> bool:
        """Has it as many as it takes?"""
        return len(self._deliveries) >= BINARIES_WAITING_MAX or self._bytes >= BYTES_WAITING_MAX

    @property
    def any_ready(self) -> bool:
        """Is there one that was not found waiting for its parent?"""
        return len(self._deliveries) > len(self._idle)

    def all(self) -> list[Delivery]:
        """Every one of them."""
        return list(self._deliveries.values())

    def add(self, delivery: Delivery) -> None:
        """Puts a binary in the queue; one that is there stays where it is."""
        if delivery.key not in self._deliveries:
            self._deliveries[delivery.key] = delivery
            self._bytes += len(delivery.signed.binary.content)

    def remove(self, keys: Iterable[str]) -> None:
        """Takes out binaries that were included, or never will be."""
        for key in keys:
            delivery = self._deliveries.pop(key, None)
            if delivery is not None:
                self._bytes -= len(delivery.signed.binary.content)
                self._idle.discard(key)

    def mark_idle(self, keys: Iterable[str]) -> None:
        """These, and no others, were found waiting for their parent, or for room."""
        self._idle = {key for key in keys if key in self._deliveries}

    def state_changed(self) -> None:
        """A snapshot took something in: parents may be there now, and room."""
        self._idle.clear()

    def may_come(self, delivery: Delivery, metagraph: Metagraph | None) -> bool:
        """May this binary, which was found to be in order by itself, wait here?"""
        binary = delivery.signed.binary
        if binary.is_genesis or (metagraph is not None and binary.last_snapshot_hash == metagraph.binary_hash):
            return True
        waiting = [each for each in self._deliveries.values() if each.address == delivery.address]
        signers = {proof.id for proof in delivery.signed.proofs}
        return len(waiting) < AHEAD_MAX and not signers.isdisjoint(_may_sign(metagraph, waiting))


def _may_sign(metagraph: Metagraph | None, waiting: Iterable[Delivery]) -> set[str]:
    """The validators of a metagraph; of one that is not founded yet, the signers of its genesis."""
    if metagraph is not None:
        return {*metagraph.validators.next, *metagraph.validators.after_next}
    return {proof.id for each in waiting if each.signed.binary.is_genesis for proof in each.signed.proofs}
