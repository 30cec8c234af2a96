"""The only chance there is: everything that a run decides by lot, decided by its seed.

A lot is drawn for a thing by its name: this message from here to there, that effect of that node. Its number follows
from the seed, the name, and how often the same name was drawn before, and from nothing else. So a fault that is left
out changes no other lot, only what comes of it; that is what makes runs shrink.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from hashlib import blake2b
from random import Random
from typing import Final, TypeVar
from zlib import crc32

from ottochain.sim.faults import KINDS, Allowed

T = TypeVar("T")

BITS: Final = 64
MASK: Final = (1 << BITS) - 1
MULTIPLIER: Final = 0x9E37_79B9_7F4A_7C15
ANOTHER: Final = 0xBF58_476D_1CE4_E5B9
NAME_BITS: Final = 24
"""A fault is called by so many bits of its lot: enough to tell a run's faults apart."""


class Dice:
    """All lots of one run. `fired` are the faults that struck, by kind."""

    def __init__(self, seed: int, rates: Mapping[str, float], allowed: Allowed) -> None:
        self.calm = False
        """Faults are over."""
        self.fired: dict[str, list[int]] = {name: [] for name in KINDS}
        self.clients = stream(seed, "clients")
        self._salt = hashed(f"{seed} names")
        self._allowed = allowed
        self._times: dict[str, int] = {}
        self._limits = {name: int(rate * (1 << BITS)) for name, rate in rates.items() if rate}
        self._salts = {name: hashed(f"{seed} {name}") for name in KINDS}
        self._looks: dict[str, Random] = {}

    def any_of(self, *kinds: str) -> bool:
        """Whether faults of these kinds may strike in this run at all."""
        return any(kind in self._limits for kind in kinds)

    def lot(self, name: str) -> int:
        """Draws for a thing: a number of 64 bits."""
        times = self._times[name] = self._times.get(name, 0) + 1
        return stirred(crc32(name.encode(), self._salt & 0xFFFF_FFFF) + (times << 32) ^ self._salt)

    def strikes(self, kind: str, lot: int) -> bool:
        """Whether a fault of this kind happens to the thing that the lot was drawn for."""
        limit = self._limits.get(kind)
        if limit is None or self.calm:
            return False
        mixed = ((lot ^ self._salts[kind]) * MULTIPLIER) & MASK
        if mixed >= limit or not self._allowed.has(kind, lot >> (BITS - NAME_BITS)):
            return False
        self.fired[kind].append(lot >> (BITS - NAME_BITS))
        self._looks[kind] = Random(mixed)  # noqa: S311
        return True

    def of(self, kind: str) -> Random:
        """Chance about how the fault of this kind looks that struck last."""
        return self._looks[kind]

    def between(self, bounds: tuple[int, int], name: str) -> int:
        """A number from the first to the last of `bounds`."""
        return bounds[0] + self.lot(name) % (bounds[1] - bounds[0] + 1)

    def choice(self, things: Sequence[T], name: str) -> T:
        """One of these."""
        return things[self.lot(name) % len(things)]


def stirred(number: int) -> int:
    """Another number of 64 bits: two that differ a little become two that have nothing in common."""
    number = (number * MULTIPLIER) & MASK
    number = ((number ^ number >> 29) * ANOTHER) & MASK
    return number ^ number >> 32


def hashed(name: str) -> int:
    return int.from_bytes(blake2b(name.encode(), digest_size=8).digest(), "big")


def stream(seed: int, purpose: str) -> Random:
    """A generator of its own for each purpose; the same in every process, whatever its hash seed."""
    return Random(f"{seed} {purpose}")  # noqa: S311  not for secrets: to be repeated
