"""What the load consists of: fibers of a small machine, and signed messages that drive them. Pure but for the keys.

The machine keeps a tally: each ``add`` passes a guard and merges two values into its state, and it never ends, so a
fiber can be driven as long as one likes. Each message is signed by the fiber's owner, as a client would sign it.
"""

from __future__ import annotations

import uuid
from collections.abc import Mapping
from typing import Any, Final

import orjson

from ottochain.codec.canonical import canonical_bytes
from ottochain.codec.hashing import data_update_hash
from ottochain.crypto.keys import PrivateKey

OWNERS: Final = 20
"""Keys that the fibers belong to in turn."""

DEFINITION: Final[Mapping[str, Any]] = {
    "states": {"open": {"id": "open", "isFinal": False, "metadata": None}},
    "initialState": "open",
    "transitions": [
        {
            "from": "open",
            "to": "open",
            "eventName": "add",
            "guard": {">": [{"var": "event.amount"}, 0]},
            "effect": {
                "merge": [
                    {"var": "state"},
                    {
                        "total": {"+": [{"var": "state.total"}, {"var": "event.amount"}]},
                        "last": {"var": "event.amount"},
                    },
                ]
            },
            "dependencies": [],
        }
    ],
    "metadata": {"name": "Tally"},
}
INITIAL: Final[Mapping[str, Any]] = {"total": 0, "last": None}


class Signed:
    """A message ready to be posted: its hash, and the body."""

    __slots__ = ("body", "hash")

    def __init__(self, message: Mapping[str, Any], key: PrivateKey) -> None:
        canonical = canonical_bytes(message)
        self.hash = data_update_hash(canonical)
        proof = {"id": key.peer_id, "signature": key.sign_hash(self.hash)}
        self.body = b'{"value":%b,"proofs":[%b]}' % (canonical, orjson.dumps(proof))


class Fiber:
    """One machine, and the messages that were signed for it ahead of time."""

    def __init__(self, key: PrivateKey) -> None:
        self.id = str(uuid.uuid4())
        self.sequence_number = 0
        """What the next message aims at."""
        self._key = key
        self._ready: dict[int, Signed] = {}

    def creation(self) -> Signed:
        """The message that founds it."""
        create = {"fiberId": self.id, "definition": DEFINITION, "initialData": INITIAL, "parentFiberId": None}
        return Signed({"CreateStateMachine": create}, self._key)

    def prepare(self, count: int) -> None:
        """Sign the next ``count`` messages now."""
        for number in range(self.sequence_number, self.sequence_number + count):
            if number not in self._ready:
                self._ready[number] = self._transition(number)

    def next(self) -> Signed:
        """The next message; signed on the spot when none is ready."""
        number = self.sequence_number
        self.sequence_number += 1
        return self._ready.pop(number, None) or self._transition(number)

    def _transition(self, number: int) -> Signed:
        transition = {
            "fiberId": self.id,
            "eventName": "add",
            "payload": {"amount": number % 97 + 1},
            "targetSequenceNumber": number,
        }
        return Signed({"TransitionStateMachine": transition}, self._key)


def fibers(count: int) -> list[Fiber]:
    """New fibers, their owners in turn."""
    keys = [PrivateKey.generate() for _ in range(min(OWNERS, count))]
    return [Fiber(keys[number % len(keys)]) for number in range(count)]
