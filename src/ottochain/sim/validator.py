"""A validator of GL0 or ML0: the real core in a false shell.

The shell owes the core what the manual in ``consensus/core.py`` says. Answers to Build and Validate come later than in
a real node, with other events between them: the core must bear that, and real nodes do a part of it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar

from msgspec import Struct

from ottochain.consensus import core
from ottochain.consensus.effects import (
    Boot,
    Broadcast,
    Build,
    Built,
    CancelTimer,
    Commit,
    CommitFailed,
    Committed,
    Diverged,
    Hot,
    NotBuilt,
    PeerDown,
    PeerUp,
    Persist,
    Received,
    Record,
    Send,
    Serve,
    SetTimer,
    TimerFired,
    Validate,
    Validated,
    Valued,
    Voted,
)
from ottochain.consensus.votes import Decided, Message, Proposal, Trigger
from ottochain.sim.application import CHAINS, Body, Change, Facts, encoded, may_change
from ottochain.sim.liar import Liar
from ottochain.sim.parcels import Parcel, Said, SpreadChange
from ottochain.sim.process import Process
from ottochain.sim.writes import Chained, Ordered, RecordLost, ValidatorTables, Voting, read

if TYPE_CHECKING:
    from ottochain.sim.world import World

TIMEOUT_MS = 100
ASK_AGAIN_MS = 1_000
BODIES_KEPT_MAX = 20
"""Fewer than a real node keeps, so that those who are far behind lose some."""
CALM_TRIGGER_MS = 6_000
SLOW_MS = (50, 1_200)


class Validator(Process):
    """What both L0 layers share; the subclasses know what waits in the pool."""

    layer: ClassVar[str]

    def __init__(self, world: World, name: str, begin: Facts) -> None:
        super().__init__(world, name)
        self.begin = begin
        self.facts = begin
        self.history = [begin]
        self.liar = Liar(self) if name in world.plan.liars else None
        self.config = core.Config(
            me=name,
            chain=CHAINS[self.layer],
            sign=world.signer(name),
            verify=world.cores.verify or world.verify,
            fault_model=world.plan.fault_model,
            timeout_ms=TIMEOUT_MS,
        )
        self.state = core.initial(self.config)
        self.tables = ValidatorTables()
        self.bodies: dict[str, bytes] = {}
        self.change: Change | None = None
        self.time_due = False
        self.built = 0
        self.asked = (-1, 0)
        self.unsynced: tuple[Record, ...] = ()

    # -- life ----------------------------------------------------------------------------------------------------------

    def boot(self) -> None:
        self.tables = ValidatorTables()
        read(self.disk.records, self.tables)
        self.history = self.world.checks.replay.booted(self)
        self.facts = self.history[-1]
        self.bodies = dict(self.tables.bodies)
        self.unsynced = ()
        self.found_on_disk()
        self.change = self.tables.change
        self.state = core.initial(self.config)
        last = self.tables.chain[-1] if self.tables.chain else None
        self.world.coverage.booted(self.tables)
        self.await_time()
        self.queue.append(
            Boot(
                height=self.facts.height,
                hash=self.facts.hash,
                certificate=None if last is None else last.certificate,
                validators=self.facts.validators,
                following=self.facts.following,
                records=tuple(self.tables.votes),
                may_vote=not self.tables.record_lost,
                hot=self.trigger(),
                previous=self.history[-2].validators if last is not None else (),
            )
        )

    def found_on_disk(self) -> None:
        """Tells the checkers of what was written when the process died before it could go on."""
        checks = self.world.checks
        for write, facts in zip(self.tables.chain, self.history[1:], strict=True):
            if write.height > checks.agreement.heads.get(self.name, 0):
                checks.committed(self, write, facts, self.body_at(write.height))
        checks.persisted(self, tuple(self.tables.votes))

    def await_time(self) -> None:
        """The time trigger. In the calm it is slow, at last it is off, so that silence can be seen."""
        world, self.time_due = self.world, False
        if not world.quiet:
            delay = CALM_TRIGGER_MS if world.dice.calm else world.plan.time_trigger_ms
            self.set_timer(("time",), delay, self.time_is_due)

    def time_is_due(self) -> None:
        if not self.world.quiet:
            self.time_due = True
            self.queue.append(Hot("time"))

    def trigger(self) -> Trigger | None:
        """Why the next height should be decided now. What is due outweighs what waits."""
        return "time" if self.time_due else "event" if self.has_work() else None

    # -- the core ------------------------------------------------------------------------------------------------------

    def step(self, event: Any) -> tuple[Struct, ...]:
        before = self.state
        self.state, effects = self.world.cores.validator(before, event)
        self.world.stepped(self, event, effects)
        self.world.checks.validator_stepped(self, before, event)
        return effects

    def carry_out(self, effect: Any) -> None:
        match effect:
            case Persist():
                self.persist(effect)
            case Broadcast(message):
                for peer in self.state.validators:
                    if peer != self.name:
                        self.say(peer, message)
            case Send(to, message):
                self.say(to, message)
            case Serve(to, first, last):
                for stored in self.tables.chain[max(0, first - 1) : last]:
                    self.say(to, Decided(stored.certificate, stored.reference), stored.body.encode())
            case SetTimer(name, height, view, milliseconds):
                self.set_timer((name,), milliseconds, TimerFired(name, height, view))
            case CancelTimer(name):
                self.stop_timer((name,))
            case Build():
                self.later(self.work_ms(effect.height, effect.view), self.build(effect))
            case Validate(proposal):
                self.later(self.work_ms(proposal.height, proposal.view), self.judged(proposal))
            case Commit():
                self.commit(effect)
            case Diverged():
                self.world.checks.agreement.diverged(self, effect)

    def work_ms(self, height: int, view: int) -> int:
        dice, lot = self.world.dice, self.world.dice.lot(f"{self.name} works at {height} {view}")
        return dice.of("slow-work").randint(*SLOW_MS) if dice.strikes("slow-work", lot) else lot % 4

    def body(self, reference: str) -> bytes | None:
        """A body in memory, or among the vote records."""
        return self.bodies.get(reference) or self.tables.bodies.get(reference)

    def keep_body(self, reference: str, text: bytes) -> None:
        """In memory, where the oldest makes room."""
        if reference not in self.bodies and len(self.bodies) >= BODIES_KEPT_MAX:
            del self.bodies[next(iter(self.bodies))]
        self.bodies[reference] = text

    # -- votes ---------------------------------------------------------------------------------------------------------

    def persist(self, effect: Persist) -> None:
        """Writes the records. A commit that is all that follows shares the sync, as in a real shell."""
        named = [reference for record in effect.records if (reference := body_named(record)) is not None]
        bodies = {ref: body.decode() for ref in named if (body := self.bodies.get(ref)) is not None}
        write = Voting(self.facts.height + 1, effect.records, bodies)
        self.tables.take(write)
        self.unsynced += effect.records
        shared = len(self.pending) == 1 and isinstance(self.pending[0], Commit)
        self.write(write, then=self.votes_synced, sync=not shared)

    def votes_synced(self) -> None:
        records, self.unsynced = self.unsynced, ()
        self.world.checks.persisted(self, records)

    # -- building and checking -----------------------------------------------------------------------------------------

    def has_work(self) -> bool:
        """Whether something waits that the next body could take."""
        return self.due_change() is not None or self.pool_has_work()

    def pool_has_work(self) -> bool:
        raise AssertionError("each layer has its own")

    def fill(self, body: Body) -> Body:
        """The body with what waits in the pool."""
        raise AssertionError("each layer has its own")

    def due_change(self) -> Change | None:
        return self.change if self.change is not None and may_change(self.facts, self.change) else None

    def build(self, ask: Build) -> Built | NotBuilt:
        if (ask.height, ask.parent) != (self.facts.height + 1, self.facts.hash):
            return NotBuilt(ask.height, ask.view, "another height is built on")
        self.built += 1
        salt = f"{self.name} {self.life} {self.built}"
        body = self.fill(Body(self.facts.hash, ask.trigger, salt, self.due_change()))
        if ask.trigger == "event" and not (body.change or body.blocks or body.binaries):
            return NotBuilt(ask.height, ask.view, "nothing waits")
        reference, text = encoded(body)
        facts = self.world.application.executed(self.facts, reference, text)
        assert not isinstance(facts, str), facts
        self.keep_body(reference, text)
        return Built(ask.height, ask.view, facts.hash, reference, ask.trigger)

    def judged(self, proposal: Proposal) -> Validated:
        text = self.body(proposal.body)
        found = "its body is not at hand"
        if text is not None and proposal.height == self.facts.height + 1:
            facts = self.world.application.executed(self.facts, proposal.body, text)
            if isinstance(facts, str):
                found = facts
            elif facts.hash != proposal.hash:
                found = "its body gives another hash"
            elif (facts.epoch > self.facts.epoch) != (proposal.trigger == "time"):
                found = "its body has another trigger"
            else:
                found = ""
        return Validated(proposal.height, proposal.view, proposal.hash, not found, found)

    # -- commits -------------------------------------------------------------------------------------------------------

    def commit(self, order: Commit) -> None:
        text = self.body(order.body)
        found = (
            "its body is not at hand" if text is None else self.world.application.executed(self.facts, order.body, text)
        )
        if text is None or isinstance(found, str) or found.hash != order.hash:
            mark = "a decided body was not at hand any more" if text is None else "a wrong body came with a decision"
            self.world.coverage.marks[mark] += 1
            self.write(then=self.votes_synced)
            reason = found if isinstance(found, str) else "its body gives another hash"
            self.later(0, CommitFailed(order.height, order.hash, reason, lost=text is None))
            return
        facts = found
        done = self.done_by(self.world.application.body(order.body, text))
        write = Chained(order.height, order.hash, order.certificate, order.body, text.decode(), done)
        self.write(write, then=lambda: self.is_final(write, facts))

    def done_by(self, body: Body) -> tuple[str, ...]:
        """The blocks that leave the durable pool by this commit."""
        return ()

    def is_final(self, write: Chained, facts: Facts) -> None:
        """The height is durable: now it may be told."""
        self.votes_synced()
        body = self.world.application.body(write.reference, write.body.encode())
        self.world.checks.committed(self, write, facts, body)
        before, self.facts = self.facts, facts
        self.history.append(facts)
        self.tables.take(write)
        if facts.epoch > before.epoch:
            self.await_time()
        for peer in self.world.layers[self.layer]:
            if peer not in before.validators and peer != self.name:
                self.say(peer, Decided(write.certificate, write.reference), write.body.encode())
        self.announce(write, before)
        self.later(
            self.world.dice.between((0, 2), f"{self.name} told of {write.height}"),
            Committed(write.height, write.hash, facts.validators, facts.following, self.trigger()),
        )

    def announce(self, write: Chained, before: Facts) -> None:
        """Tells whoever follows this layer."""
        self.world.grown(self)

    def body_at(self, height: int) -> Body:
        """What was decided at a height."""
        stored = self.tables.chain[height - 1]
        return self.world.application.body(stored.reference, stored.body.encode())

    # -- messages ------------------------------------------------------------------------------------------------------

    def say(self, to: str, message: Message, body: bytes | None = None) -> None:
        """Sends a message. One that names a body which is gone can't be sent."""
        if self.liar is None:
            self.world.checks.sending(self, message)
            self.post(to, message, body)
        else:
            for word in self.liar.words(to, message):
                self.post(to, word, body if word is message else None)

    def post(self, to: str, message: Message, body: bytes | None = None) -> None:
        if isinstance(message, Proposal | Decided):
            body = self.bodies.get(message.body) if body is None else body
            if body is None:
                self.world.coverage.marks["a message named a body that was gone"] += 1
                return
        self.world.network.send(self.name, to, Said(message, "" if body is None else body.decode()))

    def hear(self, sender: str, parcel: Parcel) -> None:
        match parcel:
            case Said(message, body):
                if isinstance(message, Proposal | Decided):
                    self.keep_body(message.body, body.encode())
                if self.liar is not None:
                    self.liar.hears(message)
                self.tell(Received(message))
                if isinstance(message, Decided):
                    self.close_gap(sender, message.certificate.height)
            case SpreadChange(change):
                self.tell(lambda: self.take_change(change))

    def close_gap(self, sender: str, decided: int) -> None:
        """A height beyond the next one is decided: something was missed, and who told of it has it."""
        now, height = self.world.agenda.now, self.state.height
        if decided > height and (height != self.asked[0] or now - self.asked[1] > ASK_AGAIN_MS):
            self.asked = (height, now)
            self.tell(PeerUp(sender))

    def peers_changed(self, name: str, up: bool) -> None:
        self.tell(PeerUp(name) if up else PeerDown(name))

    # -- the operator --------------------------------------------------------------------------------------------------

    def take_change(self, change: Change, *, spread: bool = False) -> None:
        """Keeps a change of validators that may be made, and wakes the core."""
        if change == self.change or not may_change(self.facts, change):
            return
        self.change = change

        def kept() -> None:
            self.queue.append(Hot("event"))
            for peer in self.world.layers[self.layer] if spread else ():
                if peer != self.name:
                    self.world.network.send(self.name, peer, SpreadChange(change))

        self.write(Ordered(change), then=kept)

    def vote_again(self) -> None:
        """The operator says that a committed change made this node a validator anew, after it lost its record."""
        write = RecordLost(False)
        self.write(write, then=lambda: self.tables.take(write))


def body_named(record: Record) -> str | None:
    """The body that a vote record names."""
    if isinstance(record, Valued):
        return record.body
    if isinstance(record, Voted) and isinstance(record.message, Proposal):
        return record.message.body
    return None
