"""Validators on a false clock, network and disk, driven by one seed.

Every step of every validator goes through the checkers. A crash happens between two effects: what was persisted stays,
the rest of the effects and all memory is gone. Everything that could vary is drawn from one random generator, so a
seed replays a run exactly.
"""

import heapq
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from random import Random
from typing import Any

from consensus.checkers import Checkers
from consensus.kit import GENESIS, config, digest, names
from ottochain.consensus import core
from ottochain.consensus.effects import (
    Boot,
    Broadcast,
    Build,
    Built,
    CancelTimer,
    Commit,
    Committed,
    Diverged,
    Effect,
    Equivocated,
    Event,
    Hot,
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
)
from ottochain.consensus.journal import encode_line
from ottochain.consensus.votes import Certificate, Decided, Message


@dataclass
class Faults:
    """What goes wrong, as probabilities; delays in milliseconds. Nothing goes wrong after `until`."""

    drop: float = 0.0
    duplicate: float = 0.0
    delay: tuple[int, int] = (1, 5)
    crash: float = 0.0
    down: tuple[int, int] = (50, 1500)
    until: int = 10_000


@dataclass
class Disk:
    """What survives a crash."""

    chain: list[tuple[str, Certificate | None, str]] = field(default_factory=lambda: [(GENESIS, None, "")])
    records: list[Record] = field(default_factory=list)
    accusations: list[Equivocated] = field(default_factory=list)

    @property
    def height(self) -> int:
        return len(self.chain) - 1


class Validator:
    """One node: its core, its disk, and the shell's bookkeeping."""

    def __init__(self, me: str, network: "FalseNetwork") -> None:
        self.me = me
        self.network = network
        self.disk = Disk()
        self.life = 0
        self.up = False
        self.state = core.initial(config(me, timeout_ms=network.timeout_ms))
        self.timers: dict[str, int] = {}
        self.journals: list[list[bytes]] = []
        self.built = 0

    def start(self) -> None:
        self.up = True
        self.timers = {}
        self.journals.append([])
        self.state = core.initial(self.state.config)
        block, proof, _ = self.disk.chain[-1]
        records = tuple(self.disk.records)
        hot = "event" if self.network.wanted > self.disk.height else None
        members = self.network.members
        self.handle(Boot(self.disk.height, block, proof, members, members, records, True, hot))

    def crash(self) -> None:
        self.up = False
        self.life += 1

    def handle(self, event: Event) -> None:
        """Step, then carry out the effects in order; die between two of them if the dice say so."""
        before = self.state
        self.state, effects = core.step(before, event)
        self.journals[-1].append(encode_line(event, effects))
        self.network.checkers.after_step(self.me, before, self.state, event, effects)
        for effect in effects:
            if self.network.strikes():
                self.network.kill(self)
                return
            self.carry_out(effect)

    def later(self, milliseconds: int, event: Event) -> None:
        life = self.life
        self.network.after(milliseconds, lambda: self.handle(event) if self.up and self.life == life else None)

    def carry_out(self, effect: Effect) -> None:
        network = self.network
        match effect:
            case Persist(records):
                self.disk.records += [record for record in records if not isinstance(record, Equivocated)]
                self.disk.accusations += [record for record in records if isinstance(record, Equivocated)]
                network.checkers.persisted(self.me, records)
            case Broadcast(message):
                for peer in network.members:
                    if peer != self.me:
                        network.send(self.me, peer, message)
            case Send(to, message):
                network.send(self.me, to, message)
            case Serve(to, first, last):
                for height in range(first, last + 1):
                    _, proof, body = self.disk.chain[height]
                    if proof is not None:
                        network.send(self.me, to, Decided(proof, body))
            case SetTimer(name, height, view, milliseconds):
                self.set_timer(name, TimerFired(name, height, view), milliseconds)
            case CancelTimer(name):
                self.timers[name] = self.timers.get(name, 0) + 1
            case Build():
                self.build(effect)
            case Validate(proposal):
                verdict = Validated(proposal.height, proposal.view, proposal.hash, not proposal.body.startswith("bad"))
                self.later(network.dice.randint(0, 3), verdict)
            case Commit():
                self.commit(effect)
            case Diverged():
                network.checkers.complain(f"{self.me} diverged at height {effect.height}")

    def set_timer(self, name: str, fired: TimerFired, milliseconds: int) -> None:
        count = self.timers[name] = self.timers.get(name, 0) + 1
        life = self.life

        def fire() -> None:
            if self.up and self.life == life and self.timers[name] == count:
                self.handle(fired)

        self.network.after(milliseconds, fire)

    def build(self, order: Build) -> None:
        self.built += 1
        block = digest("block", order.height, order.parent, self.me, self.life, self.built)
        self.later(
            self.network.dice.randint(0, 3), Built(order.height, order.view, block, f"body {block}", order.trigger)
        )

    def commit(self, order: Commit) -> None:
        """Store, then answer a little later; a crash in between leaves the block stored."""
        self.disk.chain.append((order.hash, order.certificate, order.body))
        self.disk.records = []
        self.network.checkers.committed(self.me, order)
        hot = "event" if self.network.wanted > order.height else None
        members = self.network.members
        self.later(self.network.dice.randint(0, 2), Committed(order.height, order.hash, members, members, hot))


class FalseNetwork:
    """`n` validators that are wanted to decide `wanted` heights."""

    def __init__(
        self,
        n: int,
        seed: int,
        *,
        wanted: int = 5,
        faults: Faults | None = None,
        hints: bool = True,
        timeout_ms: int = 100,
    ) -> None:
        self.members = names(n)
        self.dice = Random(seed)
        self.faults = faults or Faults(until=0)
        self.wanted = wanted
        self.hints = hints
        self.timeout_ms = timeout_ms
        self.now = 0
        self.queue: list[tuple[int, int, Callable[[], None]]] = []
        self.count = 0
        self.sent = 0
        self.checkers = Checkers(self.members)
        self.cut: Callable[[str, str, Message], bool] = lambda _from, _to, _message: False
        self.forge: Callable[[str, str, Message], Iterable[Message]] = lambda _from, _to, message: (message,)
        self.nodes = {member: Validator(member, self) for member in self.members}

    def after(self, milliseconds: int, action: Callable[[], None]) -> None:
        self.count += 1
        heapq.heappush(self.queue, (self.now + milliseconds, self.count, action))

    @property
    def stormy(self) -> bool:
        return self.now < self.faults.until

    def strikes(self) -> bool:
        return self.stormy and self.dice.random() < self.faults.crash

    def kill(self, node: Validator) -> None:
        node.crash()
        self.tell_others(node.me, PeerDown(node.me))
        self.after(self.dice.randint(*self.faults.down), lambda: self.revive(node))

    def revive(self, node: Validator) -> None:
        node.start()
        if not node.up:
            return
        self.tell_others(node.me, PeerUp(node.me))
        for peer in self.members:
            if self.hints and peer != node.me and self.nodes[peer].up:
                node.later(1, PeerUp(peer))

    def tell_others(self, about: str, event: Event) -> None:
        for peer in self.members:
            if self.hints and peer != about:
                self.nodes[peer].later(1, event)

    def send(self, sender: str, to: str, message: Message) -> None:
        self.checkers.sending(sender, message)
        self.sent += 1
        if to not in self.nodes or self.cut(sender, to, message):
            return
        for forged in self.forge(sender, to, message):
            copies = 2 if self.stormy and self.dice.random() < self.faults.duplicate else 1
            for _ in range(copies):
                if self.stormy and self.dice.random() < self.faults.drop:
                    continue
                self.deliver(to, forged, self.dice.randint(*self.faults.delay) if self.stormy else 1)

    def deliver(self, to: str, message: Message, milliseconds: int) -> None:
        node = self.nodes[to]
        self.after(milliseconds, lambda: node.handle(Received(message)) if node.up else None)

    def start(self) -> None:
        for node in self.nodes.values():
            self.after(self.dice.randint(0, 5), node.start)

    def heat(self) -> None:
        """Tell every node that there is something to propose."""
        for node in self.nodes.values():
            if node.up:
                node.handle(Hot("event"))

    def run(self, limit_ms: int, *, until: Callable[[], bool] | None = None) -> bool:
        """Run until the goal (all nodes at the wanted height) or the end of time; tell whether it was reached."""
        goal = until or self.is_done
        while self.queue and not goal():
            if self.queue[0][0] > limit_ms:
                break
            self.now, _, action = heapq.heappop(self.queue)
            action()
        return goal()

    def is_done(self) -> bool:
        return all(node.up and node.disk.height >= self.wanted for node in self.nodes.values())

    def heights(self) -> dict[str, int]:
        return {member: node.disk.height for member, node in self.nodes.items()}

    def state_of(self, member: str) -> Any:
        return self.nodes[member].state
