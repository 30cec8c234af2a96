"""One kind of items on its way into ML0's snapshots: a core that makes blocks of them, and what it asks for.

DL1 has one lane, for updates; CL1 has three. Lanes of a node share its pool, its links and its peers, and nothing else.
What is particular to a kind is its ``Cargo``.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Iterable, Mapping
from typing import Final, Protocol

import aiohttp

from ottochain.consensus.l1_block import L1Config, initial
from ottochain.consensus.l1_effects import (
    Arrived,
    BlockRefused,
    Decisions,
    KeepItems,
    L1Boot,
    L1Message,
    L1Received,
    L1Send,
    L1Validate,
    L1Validated,
    Ml0Up,
    Offer,
    PeersChanged,
    Release,
    Submit,
)
from ottochain.consensus.l1_items import Block, Item
from ottochain.consensus.l1_state import L1State
from ottochain.consensus.votes import Chain
from ottochain.layers.certificates import verify_statement
from ottochain.node.l1_copies import Copies
from ottochain.node.l1_messages import Offers, enveloped, same_name
from ottochain.node.l1_pool import Content, Held, L1Pool
from ottochain.node.l1_shell import L1Shell
from ottochain.node.node import Node
from ottochain.node.upstream import RefusedBlock

log = logging.getLogger(__name__)

SUBMIT_SECONDS: Final = 10.0
BLOCK_BYTES_MAX: Final = 1024 * 1024
"""The contents of one block, unless it holds but one item."""

ATTEMPTS_UNTIL_ANEW: Final = 2
"""How often a block that ML0's door refuses is sent as it is before it is made anew."""

TEXTS_KEPT_MAX: Final = 4096
"""Blocks whose signed text is remembered: it may be asked for when their contents are decided and gone."""

Contents = Callable[[str], bytes | None]
"""The content of an item by its key; None when it is not at hand."""


class Cargo(Protocol):
    """What is particular to a kind of items."""

    name: str
    """Tells the lanes of a layer apart in what nodes send each other."""

    door: str
    """The path at ML0 that takes the blocks."""

    items_max: int
    """How many items go into one block."""

    def owns(self, item: Item) -> bool:
        """Is it of this kind?"""

    def read(self, raw: bytes) -> tuple[Content, bytes] | None:
        """The item of its wire JSON and the JSON to keep, when it is sound whatever the state."""

    def text(self, block: Block, contents: Contents) -> str | None:
        """What the signers of a block sign; None when that takes a content that is not at hand."""

    def name_at_ml0(self, block: Block, text: str | None) -> str:
        """Under which name ML0 speaks of the block."""

    def wire(self, ask: Submit, contents: Contents) -> bytes:
        """The signed block as ML0 takes it."""


class Lane:
    """Runs one core, and does what it asks for. ``boot`` comes before everything else."""

    def __init__(
        self,
        node: Node,
        pool: L1Pool,
        cargo: Cargo,
        metagraph_id: str,
        parent_url: Callable[[], str],
        look_at_rule: Callable[[], None],
    ) -> None:
        """``look_at_rule`` is called whenever the core has done something; it may call ``peers_changed``."""
        self.cargo = cargo
        self.booted = False
        self._node = node
        self._pool = pool
        self._parent_url = parent_url
        self._look_at_rule = look_at_rule
        self._texts: dict[str, str] = {}
        config = L1Config(
            me=node.id,
            chain=Chain(metagraph_id, 0, node.config.layer),
            sign=node.key.sign_hash,
            verify=verify_statement,
            text=self._text,
            items_max=cargo.items_max,
        )
        self.shell = L1Shell(initial(config), self, beat=self._beat)
        self._offers = Offers(cargo.read)
        self.copies = Copies(self, node.id, pool, node.links.send, cargo.read, cargo.owns, cargo.name)
        self._arrived: list[Item] = []
        self._peers: tuple[str, ...] = ()
        self._triggered: asyncio.TimerHandle | None = None
        self._sequences_of: Callable[[Iterable[str]], Mapping[str, int]] = lambda _: {}

    def _beat(self) -> None:
        self._node.supervisor.beat(self._loop_name)
        self._look_at_rule()

    @property
    def state(self) -> L1State:
        """What the core knows."""
        return self.shell.state

    @property
    def _loop_name(self) -> str:
        return f"blocks {self.cargo.name}".strip()

    def stop(self) -> None:
        """Cancels what is under way beside the core's own loop."""
        self.copies.stop()
        if self._triggered is not None:
            self._triggered.cancel()

    # What the node tells.

    def boot(
        self,
        boots: int,
        peers: Iterable[str],
        threshold: int,
        sequences_of: Callable[[Iterable[str]], Mapping[str, int]],
        basis: str = "",
    ) -> None:
        """Begins with what waits in the pool. ``sequences_of`` gives on-chain sequences of fibers, now and later.

        A ``threshold`` of 0 is a majority of whoever is there.
        """
        items = tuple(held.item for held in self._pool.held.values() if self.cargo.owns(held.item))
        if items:
            log.info("%d acknowledged items wait in the pool %s", len(items), self.cargo.name)
        self._sequences_of = sequences_of
        self.booted, self._peers = True, tuple(peers)
        sequences = dict(sequences_of(item.fiber for item in items))
        self.shell.tell(L1Boot(boots, items, sequences, tuple(peers), threshold, basis))
        self._node.supervisor.loop(self._loop_name, self.shell.run())

    def arrived(self, item: Item) -> None:
        """Everything that became durable in this tick, or since the last block was due, goes to the core at once."""
        self._arrived.append(item)
        self.copies.watch([item.key])
        if len(self._arrived) == 1:
            loop, interval = asyncio.get_running_loop(), self._node.config.l1_block_interval_seconds
            if interval:
                self._triggered = loop.call_at((loop.time() // interval + 1) * interval, self._tell_arrived)
            else:
                loop.call_soon(self._tell_arrived)

    def _tell_arrived(self) -> None:
        arrived, self._arrived = self._arrived, []
        # What was decided while it was written must not come to the core behind its decision. What comes before the
        # core has begun is in the pool that it begins with.
        items = tuple(item for item in arrived if item.key in self._pool.held)
        if items and self.booted:
            self.shell.tell(Arrived(items, dict(self._sequences_of(item.fiber for item in items))))

    def decided(self, keys: tuple[str, ...], sequences: Mapping[str, int], basis: str | None = None) -> None:
        """ML0 decided these, or sequences moved, or blocks stand on something else now."""
        if self.booted and (keys or sequences or basis is not None):
            self.shell.tell(Decisions(keys, dict(sequences), basis))
            self.copies.sequences_moved(sequences)

    def refused(self, refused: RefusedBlock) -> None:
        """ML0 refused a block, perhaps one of this lane."""
        for name, known in self.shell.state.rounds.items():
            if self.cargo.name_at_ml0(known.block, self._texts.get(name)) == refused.round_id:
                self.shell.tell(BlockRefused(name, refused.guilty, refused.reason, refused.again))
                return

    def ml0_up(self) -> None:
        """ML0 can be reached again."""
        if self.booted:
            self.shell.tell(Ml0Up())

    def peers_changed(self, peers: tuple[str, ...], threshold: int) -> None:
        """Who can be reached, and how many of all must sign a block."""
        if self.booted:
            before, self._peers = self._peers, peers
            self.shell.tell(PeersChanged(peers, threshold))
            if not set(peers) <= set(before):
                self.copies.watch(self.state.waiting)
            self.copies.owners_left((peer for peer in before if peer not in peers), peers)

    def hear(self, sender: str, message: L1Message, contents: Iterable[bytes]) -> None:
        """A peer's message, with the contents that came beside it."""
        if not self.booted:
            return
        if isinstance(message, Offer) and message.block.proposer == sender:
            self._offers.take(message, contents, self._pool.held)
        self.shell.tell(L1Received(message))

    # What the core asks for.

    async def keep(self, ask: KeepItems) -> None:
        """Writes a peer's items with their contents; those a client brought here meanwhile are durable already."""
        contents = self._offers.claim(ask.block)
        missing = [item for item in ask.items if item.key not in self._pool.held]
        undecided = [item for item in missing if not self._pool.outcomes.is_decided(item.key, item.after)]
        await self._pool.keep([contents[item.key] for item in undecided])

    def validate(self, ask: L1Validate) -> L1Validated:
        """Every item must be what its name says, signed by whom it says, and undecided; and they must make a block."""
        block = ask.block.id()
        contents = self._offers.of(block)
        guilty = tuple(item.key for item in ask.block.items if not self._is_good(item, contents.get(item.key)))
        self._text(ask.block)
        reason = "" if block in self._texts else "no block can be made of it"
        if guilty:
            reason = "not at hand, not signed, or decided already"
        self._offers.judged(block, good=not reason)
        return L1Validated(block, not reason, guilty, reason)

    def _is_good(self, item: Item, offered: Held | None) -> bool:
        held = self._pool.held.get(item.key)
        if held is not None:
            return same_name(held.item, item)
        return (
            offered is not None
            and same_name(offered.item, item)
            and not self._pool.outcomes.is_decided(item.key, item.after)
        )

    async def release(self, ask: Release) -> None:
        """The pool let go of them when their outcome was booked; there is nothing left to delete."""

    def send(self, ask: L1Send) -> None:
        """Queues a message on the peer's link; what is lost is offered again."""
        if isinstance(ask.message, Offer) and self._is_given_up(ask.message.block):
            return
        self._node.links.send(ask.to, enveloped(ask.message, self._contents_for(ask.message), self.cargo.name))

    def _contents_for(self, message: L1Message) -> list[bytes]:
        return [self._pool.held[item.key].signed for item in message.block.items] if isinstance(message, Offer) else []

    def submit(self, ask: Submit) -> None:
        """Posts a block to ML0."""
        if not self._is_given_up(ask.block):
            self._node.supervisor.background("submit", self._submit(ask, self.cargo.wire(ask, self._content)))

    def _is_given_up(self, block: Block) -> bool:
        """A block can't go on when a part of it was decided in another one, or when it is too heavy for links and ML0's
        door: then it is proposed again in halves. One of a single item is never too heavy.
        """
        gone = tuple(item.key for item in block.items if item.key not in self._pool.held)
        if gone:
            self.shell.tell(BlockRefused(block.id(), gone, "decided already"))
            return True
        size = sum(len(self._pool.held[item.key].signed) for item in block.items)
        if size > BLOCK_BYTES_MAX and len(block.items) > 1:
            self.shell.tell(BlockRefused(block.id(), (), f"{size} bytes are too many for one block"))
            return True
        return False

    def _content(self, key: str) -> bytes | None:
        held = self._pool.held.get(key)
        return None if held is None else held.signed

    def _text(self, block: Block) -> str:
        """What signers of the block sign. Where the contents never came here it is something that nobody signs."""
        name = block.id()
        text = self._texts.get(name)
        if text is None:
            offered = self._offers.of(name)

            def content(key: str) -> bytes | None:
                found = offered.get(key)
                return self._content(key) if found is None else found.signed

            text = self.cargo.text(block, content)
            if text is None:
                return name
            if len(self._texts) >= TEXTS_KEPT_MAX:
                del self._texts[next(iter(self._texts))]
            self._texts[name] = text
        return text

    async def _submit(self, ask: Submit, body: bytes) -> None:
        headers = {"Content-Type": "application/json"}
        timeout = aiohttp.ClientTimeout(total=SUBMIT_SECONDS)
        url = f"{self._parent_url()}{self.cargo.door}"
        try:
            async with self._node.http.post(url, data=body, headers=headers, timeout=timeout) as response:
                status = response.status
        except (aiohttp.ClientError, TimeoutError, OSError) as error:
            log.info("ML0 did not take a block: %s; it will be sent again", type(error).__name__)
            return
        if status != 200:
            log.warning("ML0 answered %d to a block; it will be sent again", status)
        if status == 400 and ask.attempt >= ATTEMPTS_UNTIL_ANEW:
            # Its signatures are not those that ML0 asks for now, after a change of nodes: others have to be gathered.
            self.shell.tell(BlockRefused(ask.block.id(), (), "ML0 asks for other signatures", again=True))


def round_id_of(block: str) -> str:
    """The UUID under which a block travels to ML0: the first half of its name."""
    return f"{block[:8]}-{block[8:12]}-{block[12:16]}-{block[16:20]}-{block[20:32]}"
