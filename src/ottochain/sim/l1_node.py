"""A DL1 node: acknowledges items of clients, and brings them into ML0's snapshots through the real L1 core."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from msgspec import Struct
from msgspec.structs import replace

from ottochain.consensus import l1_block
from ottochain.consensus.l1_effects import (
    Arrived,
    BlockRefused,
    Decisions,
    KeepItems,
    L1Boot,
    L1CancelTimer,
    L1Message,
    L1Received,
    L1Send,
    L1SetTimer,
    L1TimerFired,
    L1Validate,
    L1Validated,
    Ml0Up,
    Offer,
    PeersChanged,
    Release,
    Submit,
)
from ottochain.consensus.l1_items import Block, Item
from ottochain.sim.application import CHAINS, Body, Facts
from ottochain.sim.feed import Feed
from ottochain.sim.parcels import Acknowledged, L1Said, Parcel, Refused, Requested, Submitted, Told, TurnedAway
from ottochain.sim.process import Process
from ottochain.sim.writes import Booked, Kept, L1Tables, Started, read

if TYPE_CHECKING:
    from ottochain.sim.validator import Validator
    from ottochain.sim.world import World

ITEMS_PER_BLOCK_MAX = 8
ROUNDS_MAX = 3
ATTEMPTS_UNTIL_ANEW = 2
LOOK_MS = (0, 20)


class L1Node(Process):
    """`tables` are the durable pool, and how far ML0's feed was read; `sequences` what that feed said of fibers."""

    layer = "dl1"

    def __init__(self, world: World, name: str) -> None:
        super().__init__(world, name)
        self.config = l1_block.L1Config(
            me=name,
            chain=CHAINS["dl1"],
            sign=world.signer(name),
            verify=world.cores.verify or world.verify,
            items_max=ITEMS_PER_BLOCK_MAX,
            rounds_max=ROUNDS_MAX,
        )
        self.state = l1_block.initial(self.config)
        self.tables = L1Tables()
        self.sequences: Mapping[str, int] = {}
        self.feed = Feed(world, self, "ml0")

    def boot(self) -> None:
        self.tables = L1Tables()
        read(self.disk.records, self.tables)
        self.world.checks.items.booted(self)
        self.state = l1_block.initial(self.config)
        self.sequences = {}
        self.write(Started())
        items = tuple(self.tables.pool.values())
        boot = L1Boot(self.tables.starts + 1, items, {}, self.peers(), self.world.l1_threshold)
        self.queue.append(boot)
        self.feed.begin()

    def peers(self) -> tuple[str, ...]:
        """The other nodes that can be reached."""
        network = self.world.network
        return tuple(
            name
            for name in self.world.layers[self.layer]
            if name != self.name and self.world.is_up(name) and network.connected(name, self.name)
        )

    def peers_changed(self, name: str, up: bool) -> None:
        self.tell(PeersChanged(self.peers(), self.world.l1_threshold))

    # -- the core ------------------------------------------------------------------------------------------------------

    def step(self, event: Any) -> tuple[Struct, ...]:
        self.state, effects = self.world.cores.l1(self.state, event)
        self.world.stepped(self, event, effects)
        self.world.checks.places.after_step(self)
        return effects

    def carry_out(self, effect: Any) -> None:
        match effect:
            case KeepItems(_, items):
                self.keep(items)
            case L1Send(to, message):
                self.send(to, message)
            case L1Validate(block):
                self.look_at(block)
            case Submit():
                self.submit(effect)
            case Release():
                pass  # the pool let go of them when their outcome was booked
            case L1SetTimer(name, block, milliseconds):
                self.set_timer((name, block), milliseconds, L1TimerFired(name, block))
            case L1CancelTimer(name, block):
                self.stop_timer((name, block))

    def look_at(self, block: Block) -> None:
        """Checks a peer's items, and answers when that is done."""
        delay = self.world.dice.between(LOOK_MS, f"{self.name} looks at {block.proposer} {block.boot} {block.number}")
        self.later(delay, lambda: self.queue.append(self.judged(block)))

    def send(self, to: str, message: L1Message) -> None:
        if not (isinstance(message, Offer) and self.is_given_up(message.block)):
            self.world.checks.places.sending(self, message)
            self.world.network.send(self.name, to, L1Said(message))

    def keep(self, items: tuple[Item, ...]) -> None:
        """Writes a peer's items; not those that are here, or were decided."""
        fresh = tuple(item for item in items if item.key not in self.tables.pool and not self.is_decided(item))
        if fresh:
            write = Kept(fresh)
            self.write(write, then=lambda: self.tables.take(write))

    def is_decided(self, item: Item) -> bool:
        return self.tables.decided.get(item.key, 0) > item.after

    def judged(self, block: Block) -> L1Validated:
        pool = self.tables.pool
        guilty = tuple(item.key for item in block.items if item.key not in pool and self.is_decided(item))
        return L1Validated(block.id(), not guilty, guilty, "decided already" if guilty else "")

    def submit(self, effect: Submit) -> None:
        """Posts a block to one ML0 node, another one each attempt; one that is decided in part is given up."""
        if self.is_given_up(effect.block):
            return
        doors = self.world.layers["ml0"]
        turn = effect.attempt + self.world.layers[self.layer].index(self.name)
        self.world.network.send(
            self.name, doors[turn % len(doors)], Submitted(effect.block, effect.signatures, effect.attempt)
        )

    def is_given_up(self, block: Block) -> bool:
        """A block can't go on when a part of it was decided in another one."""
        gone = tuple(item.key for item in block.items if item.key not in self.tables.pool)
        if gone:
            self.queue.append(BlockRefused(block.id(), gone, "decided already"))
        return bool(gone)

    # -- what comes ----------------------------------------------------------------------------------------------------

    def hear(self, sender: str, parcel: Parcel) -> None:
        match parcel:
            case L1Said(message):
                self.tell(L1Received(message))
            case Requested(item):
                self.tell(lambda: self.acknowledge(item, sender))
            case Refused(name, guilty):
                self.tell(BlockRefused(name, guilty, "does not follow"))
            case TurnedAway(name, attempt):
                if attempt >= ATTEMPTS_UNTIL_ANEW:
                    self.tell(BlockRefused(name, (), "too few signatures", again=True))
            case Told(outcomes):
                heights = {key: outcome.height for key, outcome in outcomes.items()}
                self.tell(lambda: self.decide(heights, {}, self.tables.position))

    def acknowledge(self, item: Item, client: str) -> None:
        """A client's item: durable first, then answered."""
        mine = replace(item, origin=self.name, arrival=self.tables.arrivals + 1, after=self.tables.position)
        if mine.key in self.tables.pool:
            self.answer(mine, client)
            return
        write = Kept((mine,))
        self.write(write, then=lambda: self.acknowledged(write, client))

    def acknowledged(self, write: Kept, client: str) -> None:
        self.tables.take(write)
        (item,) = write.items
        at = self.sequences.get(item.fiber)
        self.queue.append(Arrived((item,), {} if at is None else {item.fiber: at}))
        self.answer(item, client)

    def answer(self, item: Item, client: str) -> None:
        self.world.checks.items.acknowledged(self, item)
        self.world.network.send(self.name, client, Acknowledged(item.key))

    # -- ML0 -----------------------------------------------------------------------------------------------------------

    def connected(self, source: Validator) -> int:
        self.tell(Ml0Up())
        return self.tables.position

    def follows(self, facts: Facts, body: Body) -> None:
        """One more snapshot of ML0: what it decided, and where the fibers stand now."""
        decided = {
            item.key: facts.height
            for block in body.blocks
            for item in block.items
            if facts.outcomes[item.key].height == facts.height
        }
        self.tell(lambda: self.decide(decided, facts.sequences, facts.height))

    def decide(self, heights: Mapping[str, int], sequences: Mapping[str, int], position: int) -> None:
        """Books what became of items before the core may forget them."""
        pool = self.tables.pool
        found = {key: at for key, at in heights.items() if key in pool and at > pool[key].after}
        position = max(position, self.tables.position)
        moved = {fiber: at for fiber, at in sequences.items() if self.sequences.get(fiber) != at}

        if sequences:
            self.sequences = sequences

        def booked() -> None:
            self.tables.take(write)
            if found or moved:
                self.queue.append(Decisions(tuple(found), moved))

        write = Booked(found, position)
        if found:
            self.world.checks.items.released(self, found)
            self.write(write, then=booked)
        else:
            # To read a part of the feed again costs less than a write for each snapshot.
            booked()
