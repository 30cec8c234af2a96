"""L1 nodes and a false ML0 on a false clock and network, driven by one seed.

ML0 here takes blocks one by one: it refuses one with an item that can't follow, names the guilty, and announces every
decision in a feed that all nodes read. The invariants are checked as things happen.
"""

import heapq
from collections.abc import Callable, Iterable
from random import Random

from consensus.false_network import Faults
from consensus.kit import CHAIN, names, sign_as, verify
from ottochain.consensus.journal import encode_line
from ottochain.consensus.l1_block import L1Config, initial, step
from ottochain.consensus.l1_effects import (
    Arrived,
    BlockRefused,
    Cosign,
    Decisions,
    KeepItems,
    L1Boot,
    L1CancelTimer,
    L1Effect,
    L1Event,
    L1Message,
    L1Received,
    L1Send,
    L1SetTimer,
    L1TimerFired,
    L1Validate,
    L1Validated,
    PeersChanged,
    Release,
    Submit,
    signatures_hold,
)
from ottochain.consensus.l1_items import Block, Item


class FalseMl0:
    """Applies items in sequence, refuses blocks with one that does not follow, and keeps a feed of it all."""

    def __init__(self) -> None:
        self.sequences: dict[str, int] = {}
        self.decided: dict[str, bool] = {}
        self.feed: list[L1Event] = []
        self.refused: set[str] = set()
        self.blocks = 0

    def take(self, block: Block) -> None:
        name = block.id()
        self.blocks += 1
        if name in self.refused:
            return
        guilty = self.guilty(block)
        fresh = [item for item in block.items if item.key not in self.decided]
        if guilty and len(block.items) > 1:
            self.refused.add(name)
            self.feed.append(BlockRefused(name, guilty, "does not follow"))
            return
        for item in fresh:
            self.decided[item.key] = not guilty
            if item.sequence is not None and not guilty:
                self.sequences[item.fiber] = self.sequences.get(item.fiber, 0) + 1
        self.feed.append(Decisions(tuple(item.key for item in block.items), dict(self.sequences)))

    def guilty(self, block: Block) -> tuple[str, ...]:
        at = dict(self.sequences)
        found = []
        for item in block.items:
            if item.key in self.decided or item.sequence is None:
                continue
            if item.sequence != at.get(item.fiber, 0):
                found.append(item.key)
            else:
                at[item.fiber] = item.sequence + 1
        return tuple(found)


class L1Node:
    """One node: its core, its durable pool, and the shell's bookkeeping."""

    def __init__(self, me: str, network: "FalseL1") -> None:
        self.me = me
        self.network = network
        self.pool: dict[str, Item] = {}
        self.boots = 0
        self.up = False
        self.read = 0
        self.timers: dict[tuple[str, str], int] = {}
        self.journals: list[list[bytes]] = []
        config = L1Config(me, CHAIN, lambda text: sign_as(me, text), verify, items_max=8, rounds_max=3)
        self.state = initial(config)

    def start(self) -> None:
        self.boots += 1
        self.up = True
        self.read = 0
        self.timers = {}
        self.journals.append([])
        self.state = initial(self.state.config)
        threshold = len(self.network.members) // 2 + 1
        peers = self.network.reachable(self.me)
        self.handle(L1Boot(self.boots, tuple(self.pool.values()), dict(self.network.ml0.sequences), peers, threshold))

    def acknowledge(self, item: Item) -> None:
        """A client's request: durable, then answered, then told to the core."""
        self.pool[item.key] = item
        self.network.acknowledged[item.key] = item
        self.handle(Arrived((item,), {item.fiber: self.network.ml0.sequences.get(item.fiber, 0)}))

    def handle(self, event: L1Event) -> None:
        self.state, effects = step(self.state, event)
        self.journals[-1].append(encode_line(event, effects))
        self.network.check(self)
        for effect in effects:
            if self.network.strikes():
                self.network.kill(self)
                return
            self.carry_out(effect)

    def later(self, milliseconds: int, event: L1Event) -> None:
        boots = self.boots
        self.network.after(milliseconds, lambda: self.handle(event) if self.up and self.boots == boots else None)

    def carry_out(self, effect: L1Effect) -> None:
        match effect:
            case KeepItems(_, items):
                self.pool.update((item.key, item) for item in items)
            case L1Send(to, message):
                self.network.send(self.me, to, message)
            case L1Validate(block):
                self.later(self.network.dice.randint(0, 60), self.verdict(block))
            case Submit(block, signatures, _):
                self.network.submit(block, signatures)
            case Release(keys):
                for key in keys:
                    self.pool.pop(key, None)
            case L1SetTimer(name, block, milliseconds):
                self.set_timer(name, block, milliseconds)
            case L1CancelTimer(name, block):
                self.timers.pop((name, block), None)

    def verdict(self, block: Block) -> L1Validated:
        """What this node's reading of the feed says: items decided there are not held any more."""
        known = {
            key for event in self.network.ml0.feed[: self.read] if isinstance(event, Decisions) for key in event.keys
        }
        guilty = tuple(item.key for item in block.items if item.key in known)
        return L1Validated(block.id(), not guilty, guilty, "decided" if guilty else "")

    def set_timer(self, name: str, block: str, milliseconds: int) -> None:
        count = self.network.tick()
        self.timers[name, block] = count
        boots = self.boots

        def fire() -> None:
            if self.up and self.boots == boots and self.timers.get((name, block)) == count:
                del self.timers[name, block]
                self.handle(L1TimerFired(name, block))  # type: ignore[arg-type]

        self.network.after(milliseconds, fire)

    def follow(self) -> None:
        """Read one more entry of the feed."""
        if self.up and self.read < len(self.network.ml0.feed):
            self.read += 1
            self.handle(self.network.ml0.feed[self.read - 1])


class FalseL1:
    """`n` nodes, clients that send to random ones, and an ML0 that may be away."""

    def __init__(self, n: int, seed: int, faults: Faults, *, ml0_away: tuple[int, int] = (0, 0)) -> None:
        self.members = names(n)
        self.dice = Random(seed)
        self.faults = faults
        self.ml0 = FalseMl0()
        self.ml0_away = ml0_away
        self.now = 0
        self.count = 0
        self.queue: list[tuple[int, int, Callable[[], None]]] = []
        self.acknowledged: dict[str, Item] = {}
        self.nodes = {member: L1Node(member, self) for member in self.members}
        for node in self.nodes.values():
            node.up = True
        for node in self.nodes.values():
            node.start()

    # -- time ----------------------------------------------------------------------------------------------------------

    def tick(self) -> int:
        self.count += 1
        return self.count

    def after(self, milliseconds: int, action: Callable[[], None]) -> None:
        heapq.heappush(self.queue, (self.now + milliseconds, self.tick(), action))

    def run(self, until_ms: int, goal: Callable[[], bool] = lambda: False) -> bool:
        while self.queue and self.queue[0][0] <= until_ms and not goal():
            self.now, _, action = heapq.heappop(self.queue)
            action()
        return goal()

    @property
    def stormy(self) -> bool:
        return self.now < self.faults.until

    def strikes(self) -> bool:
        return self.stormy and self.dice.random() < self.faults.crash

    # -- nodes that come and go ----------------------------------------------------------------------------------------

    def reachable(self, me: str) -> tuple[str, ...]:
        return tuple(peer for peer in self.members if peer != me and self.nodes[peer].up)

    def kill(self, node: L1Node) -> None:
        node.up = False
        self.announce()
        self.after(self.dice.randint(*self.faults.down), lambda: self.revive(node))

    def revive(self, node: L1Node) -> None:
        node.start()
        self.announce()
        for _ in self.ml0.feed:
            self.after(self.dice.randint(0, 5), node.follow)

    def announce(self) -> None:
        threshold = len(self.members) // 2 + 1
        for node in self.nodes.values():
            if node.up:
                node.later(self.dice.randint(0, 20), PeersChanged(self.reachable(node.me), threshold))

    # -- messages ------------------------------------------------------------------------------------------------------

    def send(self, sender: str, to: str, message: L1Message) -> None:
        if isinstance(message, Cosign) and message.sender == sender:
            self.check_kept(self.nodes[sender], message)
        copies = 2 if self.stormy and self.dice.random() < self.faults.duplicate else 1
        for _ in range(copies):
            if self.stormy and self.dice.random() < self.faults.drop:
                continue
            self.after(self.dice.randint(*self.faults.delay) if self.stormy else 1, lambda: self.deliver(to, message))

    def deliver(self, to: str, message: L1Message) -> None:
        if self.nodes[to].up:
            self.nodes[to].handle(L1Received(message))

    def submit(self, block: Block, signatures: Iterable[object]) -> None:
        needed = len(self.members) // 2 + 1
        assert signatures_hold(block, block.text(), tuple(signatures), set(self.members), needed, verify)  # type: ignore[arg-type]
        away = self.ml0_away[0] <= self.now < self.ml0_away[1]
        if away or (self.stormy and self.dice.random() < self.faults.drop):
            return
        self.after(self.dice.randint(1, 30), lambda: self.take(block))

    def take(self, block: Block) -> None:
        before = len(self.ml0.feed)
        self.ml0.take(block)
        for _ in range(len(self.ml0.feed) - before):
            for node in self.nodes.values():
                self.after(self.dice.randint(1, 40), node.follow)

    # -- what must hold ------------------------------------------------------------------------------------------------

    def check_kept(self, node: L1Node, word: Cosign) -> None:
        """A co-signature says: on my disk. Decided items may be gone again."""
        known = node.state.rounds.get(word.block)
        if known is None:
            return
        for item in known.block.items:
            assert item.key in node.pool or item.key not in known.undecided, (
                f"{node.me} co-signed what it does not keep"
            )

    def check(self, node: L1Node) -> None:
        state = node.state
        places = [*state.waiting, *state.held, *state.placed]
        assert len(places) == len(set(places)), f"{node.me} has an item in two places"
        own = [key for known in state.rounds.values() if known.block.proposer == node.me for key in known.undecided]
        assert len(own) == len(set(own)), f"{node.me} has an item in two blocks of its own"
        assert state.own_rounds <= state.config.rounds_max
        for key, name in state.placed.items():
            assert key in state.rounds[name].undecided
        for known in state.rounds.values():
            assert known.undecided, f"{node.me} keeps a block that is done"

    def lost(self) -> list[str]:
        """Return acknowledged items that are neither decided nor in any durable pool."""
        kept = {key for node in self.nodes.values() for key in node.pool}
        return [key for key in self.acknowledged if key not in self.ml0.decided and key not in kept]

    def is_done(self) -> bool:
        settled = all(node.up and node.state.undecided == 0 and not node.pool for node in self.nodes.values())
        return settled and all(key in self.ml0.decided for key in self.acknowledged)
