"""An ML0 validator: blocks of L1 items wait on its disk, and its binaries go to GL0 through the real outbox."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from msgspec import Struct
from msgspec.structs import replace

from ottochain.consensus import outbox
from ottochain.consensus.effects import Hot
from ottochain.consensus.l1_effects import signatures_hold
from ottochain.consensus.l1_items import Block
from ottochain.consensus.outbox import (
    Binary,
    Enqueued,
    Gl0Up,
    Included,
    OutboxBoot,
    OutboxCancelTimer,
    OutboxConfig,
    OutboxSetTimer,
    OutboxTimerFired,
    Remove,
    SendBinary,
    SendDone,
)
from ottochain.sim.application import Body, Facts, Posted, choose_blocks
from ottochain.sim.feed import Feed
from ottochain.sim.parcels import Delivered, Parcel, Refused, SpreadBlock, Submitted, Taken, Told, TurnedAway
from ottochain.sim.validator import Validator
from ottochain.sim.writes import Chained, Pooled, Unboxed, Unpooled

if TYPE_CHECKING:
    from ottochain.sim.world import World

ANSWER_MS = 1_000
"""After this long a POST counts as failed."""
OUTBOX_EVENTS = (Enqueued, Gl0Up, Included, OutboxBoot, OutboxTimerFired, SendDone)


class MetagraphNode(Validator):
    """`submitters` are the L1 nodes that wait to hear of a block."""

    layer = "ml0"

    def __init__(self, world: World, name: str, begin: Facts) -> None:
        super().__init__(world, name, begin)
        self.outbox = outbox.initial(OutboxConfig(name, begin.validators))
        self.submitters: dict[str, str] = {}
        self.unanswered: set[tuple[int, int]] = set()
        self.feed = Feed(world, self, "gl0")

    def boot(self) -> None:
        self.submitters, self.unanswered = {}, set()
        super().boot()
        self.world.checks.pools.booted(self)
        self.outbox = outbox.initial(OutboxConfig(self.name, self.facts.validators))
        self.queue.append(OutboxBoot(tuple(self.binary(write) for write in self.tables.boxed.values())))
        self.feed.begin()

    def binary(self, write: Chained) -> Binary:
        before = self.begin.hash if write.height == 1 else self.tables.chain[write.height - 2].hash
        return Binary(write.height, write.hash, before)

    # -- the cores -----------------------------------------------------------------------------------------------------

    def step(self, event: Any) -> tuple[Struct, ...]:
        if not isinstance(event, OUTBOX_EVENTS):
            return super().step(event)
        before = self.outbox
        self.outbox, effects = self.world.cores.outbox(before, event)
        self.world.stepped(self, event, effects)
        return effects

    def carry_out(self, effect: Any) -> None:
        match effect:
            case SendBinary(ordinal, attempt):
                self.deliver(ordinal, attempt)
            case OutboxSetTimer(ordinal, milliseconds):
                self.set_timer(("outbox", str(ordinal)), milliseconds, OutboxTimerFired(ordinal))
            case OutboxCancelTimer(ordinal):
                self.stop_timer(("outbox", str(ordinal)))
            case Remove(ordinals):
                self.world.checks.channel.removed(self, ordinals)
                write = Unboxed(ordinals)
                self.tables.take(write)
                self.write(write)
            case _:
                super().carry_out(effect)

    # -- GL0 -----------------------------------------------------------------------------------------------------------

    def deliver(self, ordinal: int, attempt: int) -> None:
        """Posts a binary to one GL0 node, another each attempt."""
        facts = self.history[ordinal]
        stored = self.tables.chain[ordinal - 1]
        posted = Posted(self.binary(stored), facts.content, facts.validators, stored.certificate, self.name)
        dice = self.world.dice
        if self.liar is not None and dice.strikes("forge", dice.lot(f"{self.name} posts {ordinal}")):
            posted = self.liar.forged_binary(posted)
        doors = self.world.layers["gl0"]
        self.unanswered.add((ordinal, attempt))
        self.world.network.send(self.name, doors[(attempt + len(self.name)) % len(doors)], Delivered(posted, attempt))
        self.later(ANSWER_MS, lambda: self.answered(ordinal, attempt, ok=False))

    def answered(self, ordinal: int, attempt: int, *, ok: bool) -> None:
        if (ordinal, attempt) in self.unanswered:
            self.unanswered.discard((ordinal, attempt))
            self.queue.append(SendDone(ordinal, ok, "" if ok else "no answer"))

    def connected(self, source: Validator) -> int:
        """GL0 tells how far it holds this chain; what it included since then comes by the feed."""
        tip = source.facts.tip
        assert tip is not None
        self.tell(Gl0Up(), Included(tip.hash))
        return source.facts.height

    def follows(self, facts: Facts, body: Body) -> None:
        self.tell(*(Included(posted.binary.hash, leads=posted.sender == self.name) for posted in body.binaries))

    def announce(self, write: Chained, before: Facts) -> None:
        self.world.checks.pools.committed(self, write.done)
        self.queue.append(Enqueued(self.binary(write)))
        super().announce(write, before)

    # -- the pool ------------------------------------------------------------------------------------------------------

    def pool_has_work(self) -> bool:
        return bool(self.tables.pool)

    def fill(self, body: Body) -> Body:
        """Takes the oldest blocks; refused ones go back to their L1 node at once."""
        chosen = choose_blocks(self.facts, self.tables.pool.values())
        for block, guilty in chosen.refused:
            self.refuse(block, guilty)
        for block in chosen.done:
            self.tell_decided(block, self.submitters.get(block.id(), ""))
        gone = tuple(block.id() for block in (*(block for block, _ in chosen.refused), *chosen.done))
        if gone:
            self.world.checks.pools.sent_back(self, gone, chosen)
            write = Unpooled(gone)
            self.tables.take(write)
            self.write(write)
        return replace(body, blocks=chosen.blocks)

    def done_by(self, body: Body) -> tuple[str, ...]:
        return tuple(block.id() for block in body.blocks)

    def hear(self, sender: str, parcel: Parcel) -> None:
        match parcel:
            case Submitted(block, _, attempt):
                if self.is_signed(parcel):
                    self.tell(lambda: self.take(block, sender))
                else:
                    self.tell(lambda: self.turn_away(block, sender, attempt))
            case SpreadBlock(block):
                self.tell(lambda: self.take(block))
            case Taken(ordinal, attempt):
                self.tell(lambda: self.answered(ordinal, attempt, ok=True))
            case _:
                super().hear(sender, parcel)

    def is_signed(self, parcel: Submitted) -> bool:
        """Whether enough L1 nodes hold the block."""
        members, block = self.world.layers["dl1"], parcel.block
        needed = self.world.l1_threshold
        held = signatures_hold(block, block.text(), parcel.signatures, set(members), needed, self.world.verify)
        self.world.checks.items.submitted(parcel, held)
        return held

    def take(self, block: Block, submitter: str = "") -> None:
        """Makes a block durable and gives it to the other validators, or says what became of it."""
        name = block.id()
        if submitter:
            self.submitters[name] = submitter
        if not any(self.facts.pending(item) for item in block.items):
            self.tell_decided(block, submitter)
            return
        if name in self.tables.pool:
            return
        self.write(Pooled(block), then=lambda: self.pooled(block, submitter))

    def pooled(self, block: Block, submitter: str) -> None:
        self.tables.pool[block.id()] = block
        self.world.checks.pools.entered(self, block)
        self.queue.append(Hot("event"))
        for peer in self.world.layers[self.layer] if submitter else ():
            if peer != self.name:
                self.world.network.send(self.name, peer, SpreadBlock(block))

    def turn_away(self, block: Block, submitter: str, attempt: int) -> None:
        """Too few hold the block, so it can't be taken; but what is decided is told to whoever asks."""
        if any(self.facts.pending(item) for item in block.items):
            self.world.network.send(self.name, submitter, TurnedAway(block.id(), attempt))
        self.tell_decided(block, submitter)

    def refuse(self, block: Block, guilty: tuple[str, ...]) -> None:
        for node in self.world.layers["dl1"]:
            self.world.network.send(self.name, node, Refused(block.id(), guilty))

    def tell_decided(self, block: Block, submitter: str) -> None:
        """The L1 node that still asks for decided items may have missed what became of them."""
        found = {item.key: self.facts.outcomes[item.key] for item in block.items if not self.facts.pending(item)}
        if found and submitter:
            self.world.network.send(self.name, submitter, Told(found))
