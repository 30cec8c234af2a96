"""Which updates' proofs were found to hold: signatures cost more than all the rest, so none is checked twice.

A memory, not a fact: forgetting it changes nothing but time.
"""

from typing import Final

from ottochain.crypto.proofs import verify_all
from ottochain.fibers import SignedUpdate

_KEYS_MAX: Final = 100_000


class VerifiedProofs:
    """Remembers the outcome per key, which names value and proofs together."""

    def __init__(self) -> None:
        self._young: dict[str, bool] = {}
        self._old: dict[str, bool] = {}

    def hold(self, update: SignedUpdate) -> bool:
        """Whether every proof of the update signs it."""
        key = update.key
        known = self._young.get(key)
        if known is None:
            known = self._old.get(key)
            if known is None:
                known = verify_all(update.hash, update.proofs)
            self._remember(key, known)
        return known

    def _remember(self, key: str, outcome: bool) -> None:
        # Two generations: the older half goes at once, what is asked for again stays.
        if len(self._young) >= _KEYS_MAX // 2:
            self._old, self._young = self._young, {}
        self._young[key] = outcome
