"""What an L1 node knows: where each undecided item is, and the blocks that are not done."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Literal, TypeAlias

from msgspec import Struct

from ottochain.consensus.l1_effects import L1Effect, Offer
from ottochain.consensus.l1_items import Block, Item
from ottochain.consensus.quorum import rank
from ottochain.consensus.votes import Chain, Signature, SignFunction, VerifyFunction

Stage: TypeAlias = Literal["offered", "signed", "certified"]
L1Move: TypeAlias = tuple["L1State", tuple[L1Effect, ...]]


class L1Error(Exception):
    """The shell broke the contract of ``step``. The node must stop."""


class L1Config(Struct, frozen=True):
    """What stays the same for the life of a process.

    `text` is what signers of a block sign. Made for data blocks; CL1 gives the hash of its token block. At most
    `rounds_max` own blocks are not done, and `offered_max` of them wait for a first answer: arrivals gather meanwhile.
    """

    me: str
    chain: Chain
    sign: SignFunction
    verify: VerifyFunction
    text: Callable[[Block], str] = Block.text
    items_max: int = 256
    rounds_max: int = 12
    offered_max: int = 2
    retry_ms: int = 500
    retry_max_ms: int = 10_000
    signer_submit_ms: int = 2_000
    patience_ms: int = 30_000

    def backoff(self, attempt: int) -> int:
        """Return how long to wait after attempt number `attempt`, counted from 0."""
        return self.retry_max_ms if attempt > 16 else min(self.retry_max_ms, self.retry_ms << attempt)


class Round(Struct, frozen=True):
    """A block that is not done, as this node sees it. `mine` are the keys this node must bring through itself."""

    block: Block
    stage: Stage
    undecided: frozenset[str]
    mine: frozenset[str]
    signatures: tuple[Signature, ...]
    attempts: int = 0
    declined: frozenset[str] = frozenset()


class L1State(Struct, frozen=True):
    """An L1 node between two events. Made by ``initial``; changed only by ``step``.

    Every undecided item is in exactly one place: `waiting` (this node proposes it), `held` (another node should), or
    `placed` in one of the `rounds`. `decided_meanwhile` are keys decided while a peer's block is in validation: the
    answer may not know of them.
    """

    config: L1Config
    boot: int = -1
    number: int = 0
    peers: tuple[str, ...] = ()
    threshold: int = 1
    waiting: dict[str, Item] = {}
    held: dict[str, Item] = {}
    placed: dict[str, str] = {}
    rounds: dict[str, Round] = {}
    apart: tuple[tuple[str, ...], ...] = ()
    sequences: dict[str, int] = {}
    validating: dict[str, Offer] = {}
    decided_meanwhile: frozenset[str] = frozenset()
    impatient: frozenset[str] = frozenset()
    orphans: frozenset[str] = frozenset()
    basis: str = ""

    def knows(self, key: str) -> bool:
        return key in self.placed or key in self.waiting or key in self.held

    def copy_of(self, key: str) -> Item | None:
        """Return the item of this key as this node knows it."""
        item = self.waiting.get(key) or self.held.get(key)
        if item is None and (place := self.placed.get(key)) is not None:
            item = next(other for other in self.rounds[place].block.items if other.key == key)
        return item

    @property
    def undecided(self) -> int:
        """How many items have no decision yet."""
        return len(self.waiting) + len(self.held) + len(self.placed)

    @property
    def own_rounds(self) -> int:
        """How many blocks of this node are not done."""
        return sum(1 for known in self.rounds.values() if known.block.proposer == self.config.me)

    @property
    def may_propose(self) -> bool:
        """Whether a round is free. A block that had to be offered again holds up no other."""
        own = [known for known in self.rounds.values() if known.block.proposer == self.config.me]
        fresh = sum(1 for known in own if known.stage == "offered" and not known.attempts and not known.declined)
        return len(own) < self.config.rounds_max and fresh < self.config.offered_max

    def pool(self) -> Iterator[Item]:
        """Yield every undecided item, some perhaps twice."""
        yield from self.waiting.values()
        yield from self.held.values()
        for known in self.rounds.values():
            yield from (item for item in known.block.items if item.key in known.undecided)

    def apart_keys(self) -> set[str]:
        return {key for group in self.apart for key in group}

    def turn(self, proposer: str, seed: str) -> int:
        """Return this node's turn among those that are not the proposer: 0 acts first."""
        others = [member for member in (self.config.me, *self.peers) if member != proposer]
        return rank(seed, others).index(self.config.me)


def in_place(known: Round, name: str, placed: dict[str, str]) -> list[Item]:
    """Return the undecided items whose place is the round `known`, called `name`."""
    return [item for item in known.block.items if item.key in known.undecided and placed.get(item.key) == name]
