"""One L1 node's pool and blocks: ``step(state, event) -> (state, effects)``.

An item is durable at the node that acknowledged it (its origin). That node offers it in a block to all peers; peers
check it, keep it on disk and co-sign; at the threshold the block goes to ML0, again and again until ML0's feed says
what became of each item. Availability is all that L1 decides: order and validity are ML0's, so an item may travel in
two blocks and no harm is done.

The life of a block at one node, and what moves it:

    stage      entered by                             left by
    offered    own items wait, a round is free        threshold of co-signatures -> certified
                                                      too many declines, several items -> gone, items wait again
    signed     a peer's offer was valid, and kept     Certified -> certified
                                                      its proposer is gone, or patience passed -> gone, items adopted
    certified  threshold reached, or Certified heard  all items decided -> gone
                                                      refused by ML0 -> gone, the guilty apart, the others wait again

The manual for the shell
------------------------
* Make ``state = initial(L1Config(...))``, feed ``L1Boot`` first, then one event at a time; do the effects in order,
  each before the next. ``KeepItems`` must be synced before the ``Cosign`` that follows it.
* Arrived comes after the items are synced (that sync is what HTTP 200 says). Batching is yours: one Arrived for all
  that shared a sync. No other batching is needed: while `rounds_max` blocks are undecided, arrivals gather.
* Feed ML0's snapshots in their order: Decisions for each, BlockRefused for a block it refused. One Decisions may come
  before the item arrives here (a peer's block): answer the L1Validate of an item known as decided with ok False and
  the item among `guilty`.
* Timers run only while something is undecided.
* With no peers the threshold is 1: Arrived answers with Submit at once.
"""

from __future__ import annotations

from typing import Literal, TypeAlias

from msgspec import Struct
from msgspec.structs import replace

from ottochain.consensus.l1_effects import (
    Arrived,
    BlockRefused,
    Certified,
    Cosign,
    Decisions,
    Decline,
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
    Offer,
    PeersChanged,
    Release,
    Submit,
    signatures_hold,
)
from ottochain.consensus.l1_items import Block, Item, choose, in_order, orphaned
from ottochain.consensus.quorum import l1_threshold, rank
from ottochain.consensus.votes import Chain, Signature, SignFunction, VerifyFunction

Stage: TypeAlias = Literal["offered", "signed", "certified"]
L1Move: TypeAlias = tuple["L1State", tuple[L1Effect, ...]]

OFFERS_PER_PEER_MAX = 16
"""Blocks of one peer that may be in validation here at once; more are dropped and offered again."""


class L1Error(Exception):
    """The shell broke the contract of ``step``. The node must stop."""


class L1Config(Struct, frozen=True):
    """What stays the same for the life of a process."""

    me: str
    chain: Chain
    sign: SignFunction
    verify: VerifyFunction
    items_max: int = 256
    rounds_max: int = 4
    retry_ms: int = 500
    retry_max_ms: int = 10_000
    signer_submit_ms: int = 2_000
    patience_ms: int = 30_000

    def backoff(self, attempt: int) -> int:
        """Return how long to wait after attempt number `attempt`, counted from 0."""
        return self.retry_max_ms if attempt > 16 else min(self.retry_max_ms, self.retry_ms << attempt)


class Entry(Struct, frozen=True):
    """An undecided item: whether this node is the one to propose it, and the block it is in ("" when in none)."""

    item: Item
    mine: bool
    block: str = ""


class Round(Struct, frozen=True):
    """A block that is not done, as this node sees it."""

    block: Block
    stage: Stage
    undecided: frozenset[str]
    signatures: tuple[Signature, ...]
    attempts: int = 0
    declined: frozenset[str] = frozenset()


class L1State(Struct, frozen=True):
    """An L1 node between two events. Made by ``initial``; changed only by ``step``."""

    config: L1Config
    boot: int = -1
    number: int = 0
    peers: tuple[str, ...] = ()
    threshold: int = 1
    entries: dict[str, Entry] = {}
    waiting: dict[str, Item] = {}
    rounds: dict[str, Round] = {}
    apart: tuple[tuple[str, ...], ...] = ()
    sequences: dict[str, int] = {}
    validating: dict[str, Offer] = {}
    impatient: frozenset[str] = frozenset()
    orphans: frozenset[str] = frozenset()

    @property
    def own_rounds(self) -> int:
        """How many blocks of this node are not decided."""
        return sum(1 for known in self.rounds.values() if known.block.proposer == self.config.me)


def initial(config: L1Config) -> L1State:
    """Return the state before L1Boot."""
    return L1State(config)


def step(state: L1State, event: L1Event) -> tuple[L1State, tuple[L1Effect, ...]]:
    """Take one event, return the new state and what is to be done, in order. A peer can raise nothing here."""
    if state.boot < 0 and not isinstance(event, L1Boot):
        raise L1Error(f"L1Boot is the first event of a life, found {type(event).__name__}")
    state, effects = handle(state, event)
    state, offers = propose(state)
    state, timers = watch(state)
    return state, effects + offers + timers


def handle(state: L1State, event: L1Event) -> L1Move:
    """Turn one event into facts."""
    match event:
        case Arrived():
            return on_arrived(state, event), ()
        case L1Received():
            return on_message(state, event.message)
        case L1Validated():
            return on_validated(state, event)
        case Decisions():
            return on_decisions(state, event)
        case BlockRefused():
            return on_refused(state, event)
        case PeersChanged():
            return on_peers(state, event)
        case L1TimerFired():
            return on_timer(state, event)
        case L1Boot():
            return on_boot(state, event), ()


# -- the pool ----------------------------------------------------------------------------------------------------------


def on_boot(state: L1State, boot: L1Boot) -> L1State:
    if state.boot >= 0:
        raise L1Error("L1Boot is the first event of a life, found a second one")
    me = state.config.me
    entries = {item.key: Entry(item, mine=item.origin == me) for item in in_order(boot.items)}
    return replace(
        state,
        boot=boot.boot,
        peers=boot.peers,
        threshold=boot.threshold or l1_threshold(len(boot.peers) + 1),
        entries=entries,
        waiting={key: entry.item for key, entry in entries.items() if entry.mine},
        sequences=dict(boot.sequences),
    )


def on_arrived(state: L1State, arrived: Arrived) -> L1State:
    entries, waiting = dict(state.entries), dict(state.waiting)
    for item in arrived.items:
        known = entries.get(item.key)
        entries[item.key] = Entry(item, mine=True) if known is None else replace(known, mine=True)
        if not entries[item.key].block:
            waiting[item.key] = item
    return replace(state, entries=entries, waiting=waiting, sequences={**state.sequences, **arrived.sequences})


def on_decisions(state: L1State, decisions: Decisions) -> L1Move:
    state = replace(state, sequences={**state.sequences, **decisions.sequences})
    return decided(state, tuple(key for key in decisions.keys if key in state.entries))


def decided(state: L1State, keys: tuple[str, ...], rejected: str | None = None) -> L1Move:
    """Let decided items go, and the blocks that have no others."""
    if not keys:
        return prune(state), ()
    gone = frozenset(keys)
    entries = {key: entry for key, entry in state.entries.items() if key not in gone}
    waiting = {key: item for key, item in state.waiting.items() if key not in gone}
    rounds: dict[str, Round] = {}
    effects: list[L1Effect] = []
    for name, known in state.rounds.items():
        if not gone.isdisjoint(known.undecided):
            known = replace(known, undecided=known.undecided - gone)
        if known.undecided:
            rounds[name] = known
        else:
            effects += stop_timer(known, name)
    state = replace(state, entries=entries, waiting=waiting, rounds=rounds)
    return prune(state), (Release(keys, rejected), *effects)


def prune(state: L1State) -> L1State:
    """Forget the sequences of fibers that no item is about."""
    if not state.sequences:
        return state
    fibers = {entry.item.fiber for entry in state.entries.values()}
    return replace(state, sequences={fiber: at for fiber, at in state.sequences.items() if fiber in fibers})


def stop_timer(known: Round, name: str) -> tuple[L1Effect, ...]:
    if known.stage == "signed":
        return ()
    return (L1CancelTimer("offer" if known.stage == "offered" else "submit", name),)


# -- own blocks --------------------------------------------------------------------------------------------------------


def propose(state: L1State) -> L1Move:
    """Offer blocks of waiting items while rounds are free: those to be kept apart take at most every second one."""
    effects: tuple[L1Effect, ...] = ()
    while state.waiting and state.own_rounds < state.config.rounds_max:
        items, state = next_items(state)
        if not items:
            break
        state, more = offer(state, items)
        effects += more
    return state, effects


def next_items(state: L1State) -> tuple[tuple[Item, ...], L1State]:
    """Return the next block's items (none when all must wait), and the state without the group they were apart in."""
    groups = [tuple(key for key in group if key in state.waiting) for group in state.apart]
    groups = [group for group in groups if group]
    kept_apart = {key for group in groups for key in group}
    free = [item for key, item in state.waiting.items() if key not in kept_apart]
    choice = choose(free, state.sequences, state.config.items_max)
    groups += [(item.key,) for item in choice.stale]
    if groups and (not choice.block or state.number % 2 == 0):
        items = in_order(state.waiting[key] for key in groups[0])
        return tuple(items), replace(state, apart=tuple(groups[1:]))
    return choice.block, replace(state, apart=tuple(groups))


def offer(state: L1State, items: tuple[Item, ...]) -> L1Move:
    """Open a round: sign the block, send it to every peer; certify at once when this node is enough."""
    config = state.config
    block = Block(config.me, state.boot, state.number, items)
    name = block.id()
    mine = Signature(config.me, config.sign(block.text()))
    keys = frozenset(item.key for item in items)
    opened = Round(block, "offered", keys, (mine,))
    entries = {**state.entries, **{key: replace(state.entries[key], block=name) for key in sorted(keys)}}
    waiting = {key: item for key, item in state.waiting.items() if key not in keys}
    rounds = {**state.rounds, name: opened}
    state = replace(state, number=state.number + 1, entries=entries, waiting=waiting, rounds=rounds)
    effects = tuple(L1Send(peer, Offer(block, mine.signature)) for peer in state.peers)
    state, more = certify(state, name)
    if not more:
        more = (L1SetTimer("offer", name, config.backoff(0)),)
    return state, effects + more


def certify(state: L1State, name: str) -> L1Move:
    """Submit an offered block that has enough signatures, and tell its signers."""
    known = state.rounds[name]
    if known.stage != "offered" or len(known.signatures) < state.threshold:
        return state, ()
    signatures = tuple(sorted(known.signatures))
    certified = replace(known, stage="certified", signatures=signatures, attempts=1)
    state = replace(state, rounds={**state.rounds, name: certified})
    told = tuple(L1Send(peer, Certified(name, signatures)) for peer in state.peers)
    stop = (L1CancelTimer("offer", name),) if len(signatures) > 1 else ()
    submit = Submit(known.block, signatures, 0)
    return state, (submit, *told, *stop, L1SetTimer("submit", name, state.config.backoff(0)))


def on_refused(state: L1State, refused: BlockRefused) -> L1Move:
    """Take back a refused block: a single item is decided; else the guilty go apart, the others wait together."""
    known = state.rounds.get(refused.block)
    if known is None:
        return state, ()
    if len(known.block.items) == 1:
        return decided(state, (known.block.items[0].key,), refused.reason)
    effects = stop_timer(known, refused.block)
    return take_back(state, refused.block, frozenset(refused.guilty)), effects


def take_back(state: L1State, name: str, guilty: frozenset[str]) -> L1State:
    """Return `state` without a round: its own items wait again, apart from each other where one is guilty.

    When it is not known which is guilty, each half goes apart: in the end the guilty one is alone.
    """
    known = state.rounds[name]
    rounds = {other: kept for other, kept in state.rounds.items() if other != name}
    mine = [item for item in known.block.items if is_mine_in(state, item.key, name)]
    entries = dict(state.entries)
    for item in known.block.items:
        if item.key in entries and entries[item.key].block == name:
            entries[item.key] = replace(entries[item.key], block="")
    keys = [item.key for item in mine]
    if guilty:
        groups: list[tuple[str, ...]] = [(key,) for key in keys if key in guilty]
    else:
        half = (len(keys) + 1) // 2
        groups = [tuple(part) for part in (keys[:half], keys[half:]) if part]
    waiting = {**state.waiting, **{item.key: item for item in mine}}
    return replace(state, rounds=rounds, entries=entries, waiting=waiting, apart=(*state.apart, *groups))


def is_mine_in(state: L1State, key: str, name: str) -> bool:
    entry = state.entries.get(key)
    return entry is not None and entry.mine and entry.block == name


# -- peers -------------------------------------------------------------------------------------------------------------


def on_message(state: L1State, message: L1Message) -> L1Move:
    match message:
        case Offer():
            return hear_offer(state, message)
        case Cosign():
            return hear_cosign(state, message)
        case Decline():
            return hear_decline(state, message)
        case Certified():
            return hear_certified(state, message), ()


def hear_offer(state: L1State, offered: Offer) -> L1Move:
    """Have a peer's block checked; say again what was said of a known one."""
    block, config = offered.block, state.config
    name = block.id()
    if block.proposer not in state.peers or name in state.validating:
        return state, ()
    if not config.verify(block.proposer, block.text(), offered.signature):
        return state, ()
    if name in state.rounds:
        return state, (L1Send(block.proposer, cosign(state, block, name)),)
    busy = sum(1 for other in state.validating.values() if other.block.proposer == block.proposer)
    if busy >= OFFERS_PER_PEER_MAX or len({item.key for item in block.items}) < len(block.items):
        return state, ()
    return replace(state, validating={**state.validating, name: offered}), (L1Validate(block),)


def cosign(state: L1State, block: Block, name: str) -> Cosign:
    return Cosign(name, state.config.me, state.config.sign(block.text()))


def on_validated(state: L1State, answer: L1Validated) -> L1Move:
    """Keep a good block's items and co-sign; decline a bad one."""
    offered = state.validating.get(answer.block)
    if offered is None:
        return state, ()
    block, name, me = offered.block, answer.block, state.config.me
    rest = {other: waiting for other, waiting in state.validating.items() if other != name}
    state = replace(state, validating=rest)
    if not answer.ok:
        no = Decline(name, me, answer.guilty, answer.reason, "")
        no = replace(no, signature=state.config.sign(no.text(state.config.chain)))
        return state, (L1Send(block.proposer, no),)
    fresh = tuple(item for item in block.items if item.key not in state.entries)
    entries, waiting = dict(state.entries), dict(state.waiting)
    for item in block.items:
        entry = entries.get(item.key) or Entry(item, mine=False)
        entries[item.key] = entry if entry.block else replace(entry, block=name)
        waiting.pop(item.key, None)
    keys = frozenset(item.key for item in block.items)
    signatures = (Signature(block.proposer, offered.signature),)
    rounds = {**state.rounds, name: Round(block, "signed", keys, signatures)}
    state = replace(state, entries=entries, waiting=waiting, rounds=rounds)
    written = (KeepItems(name, fresh),) if fresh else ()
    return state, (*written, L1Send(block.proposer, cosign(state, block, name)))


def hear_cosign(state: L1State, word: Cosign) -> L1Move:
    """Count a co-signature of an offered block; tell a late signer that it is certified."""
    known = state.rounds.get(word.block)
    if known is None or known.block.proposer != state.config.me or word.sender not in state.peers:
        return state, ()
    if not state.config.verify(word.sender, known.block.text(), word.signature):
        return state, ()
    if known.stage == "certified":
        return state, (L1Send(word.sender, Certified(word.block, known.signatures)),)
    if any(proof.id == word.sender for proof in known.signatures):
        return state, ()
    signatures = (*known.signatures, Signature(word.sender, word.signature))
    counted = replace(known, signatures=signatures, declined=known.declined - {word.sender})
    return certify(replace(state, rounds={**state.rounds, word.block: counted}), word.block)


def hear_decline(state: L1State, word: Decline) -> L1Move:
    """Give up a block of several items that can't reach the threshold; a single item is offered again later."""
    known = state.rounds.get(word.block)
    if known is None or known.stage != "offered" or word.sender not in state.peers:
        return state, ()
    if not state.config.verify(word.sender, word.text(state.config.chain), word.signature):
        return state, ()
    known = replace(known, declined=known.declined | {word.sender})
    state = replace(state, rounds={**state.rounds, word.block: known})
    possible = 1 + len([peer for peer in state.peers if peer not in known.declined])
    if possible >= state.threshold or len(known.block.items) == 1:
        return state, ()
    guilty = frozenset(word.guilty) & frozenset(item.key for item in known.block.items)
    return take_back(state, word.block, guilty), stop_timer(known, word.block)


def hear_certified(state: L1State, word: Certified) -> L1State:
    """Be ready to submit a co-signed block, should its proposer not get it through. ``watch`` starts the timer."""
    known = state.rounds.get(word.block)
    if known is None or known.stage != "signed":
        return state
    config = state.config
    members = {config.me, *state.peers}
    if not signatures_hold(known.block, word.signatures, members, state.threshold, config.verify):
        return state
    certified = replace(known, stage="certified", signatures=word.signatures, attempts=-1)
    return replace(state, rounds={**state.rounds, word.block: certified})


def on_peers(state: L1State, change: PeersChanged) -> L1Move:
    """Offer what is open to the new peers, and certify what now has enough signatures."""
    new = [peer for peer in change.peers if peer not in state.peers]
    threshold = change.threshold or l1_threshold(len(change.peers) + 1)
    state = replace(state, peers=change.peers, threshold=threshold)
    effects: tuple[L1Effect, ...] = ()
    for name, known in tuple(state.rounds.items()):
        if known.stage != "offered":
            continue
        effects += tuple(L1Send(peer, Offer(known.block, known.signatures[0].signature)) for peer in new)
        state, more = certify(state, name)
        effects += more
    return state, effects


# -- timers ------------------------------------------------------------------------------------------------------------


def on_timer(state: L1State, fired: L1TimerFired) -> L1Move:
    match fired.name:
        case "offer":
            return offer_again(state, fired.block)
        case "submit":
            return submit_again(state, fired.block)
        case "patience":
            return lose_patience(state), ()
        case "orphans":
            return adopt(state), ()


def offer_again(state: L1State, name: str) -> L1Move:
    """Offer a block again to the peers that have not co-signed it; those that declined are asked afresh."""
    known = state.rounds.get(name)
    if known is None or known.stage != "offered":
        return state, ()
    known = replace(known, attempts=known.attempts + 1, declined=frozenset())
    signers = {proof.id for proof in known.signatures}
    message = Offer(known.block, known.signatures[0].signature)
    offers = tuple(L1Send(peer, message) for peer in state.peers if peer not in signers)
    timer = L1SetTimer("offer", name, state.config.backoff(known.attempts))
    return replace(state, rounds={**state.rounds, name: known}), (*offers, timer)


def submit_again(state: L1State, name: str) -> L1Move:
    """Submit a certified block whose items are still undecided."""
    known = state.rounds.get(name)
    if known is None or known.stage != "certified":
        return state, ()
    attempt = known.attempts
    known = replace(known, attempts=attempt + 1)
    timer = L1SetTimer("submit", name, state.config.backoff(attempt))
    return replace(state, rounds={**state.rounds, name: known}), (
        Submit(known.block, known.signatures, attempt),
        timer,
    )


def lose_patience(state: L1State) -> L1State:
    """Send the items whose predecessor never came each alone: ML0 will say what is wrong with them."""
    late = [key for key in sorted(state.impatient) if key in state.waiting]
    gap = {item.key for item in gaps(state)}
    apart = tuple((key,) for key in late if key in gap)
    return replace(state, impatient=frozenset(), apart=(*state.apart, *apart))


def gaps(state: L1State) -> tuple[Item, ...]:
    """Return the waiting items whose predecessor is nowhere in the pool."""
    kept_apart = {key for group in state.apart for key in group}
    free = [item for key, item in state.waiting.items() if key not in kept_apart]
    early = choose(free, state.sequences, len(free) + 1).early
    return orphaned(early, (entry.item for entry in state.entries.values()), state.sequences)


def adopt(state: L1State) -> L1State:
    """Take over the items of others that were long in no certified block: this node proposes them now."""
    entries, waiting, rounds = dict(state.entries), dict(state.waiting), dict(state.rounds)
    for key in sorted(state.orphans):
        entry = entries.get(key)
        if entry is None or not is_orphan(state, entry):
            continue
        rounds.pop(entry.block, None)
        entries[key] = replace(entry, mine=True, block="")
        waiting[key] = entry.item
    return replace(state, entries=entries, waiting=waiting, rounds=rounds, orphans=frozenset())


def is_orphan(state: L1State, entry: Entry) -> bool:
    """Tell whether nobody is known to carry an item to ML0: not this node, and no certified block."""
    if not entry.block:
        return not entry.mine
    return state.rounds[entry.block].stage == "signed"


def watch(state: L1State) -> L1Move:
    """Start the timers that the state calls for and that do not run: none when nothing is undecided."""
    if not state.entries:
        return replace(state, impatient=frozenset(), orphans=frozenset()), ()
    config = state.config
    effects: list[L1Effect] = []
    rounds = dict(state.rounds)
    for name, known in state.rounds.items():
        if known.attempts < 0:
            turn = 1 + place(state, known.block.proposer, name)
            effects.append(L1SetTimer("submit", name, config.signer_submit_ms * turn))
            rounds[name] = replace(known, attempts=0)
    state = replace(state, rounds=rounds)
    if not state.impatient and state.waiting and (late := gaps(state)):
        state = replace(state, impatient=frozenset(item.key for item in late))
        effects.append(L1SetTimer("patience", "", config.patience_ms))
    if not state.orphans and (lost := [entry for entry in state.entries.values() if is_orphan(state, entry)]):
        state = replace(state, orphans=frozenset(entry.item.key for entry in lost))
        effects.append(L1SetTimer("orphans", "", orphan_delay(state, lost)))
    return state, tuple(effects)


def place(state: L1State, proposer: str, seed: str) -> int:
    """Return this node's turn among the nodes that are not the proposer: 0 acts first, the others later."""
    others = [member for member in (state.config.me, *state.peers) if member != proposer]
    return rank(seed, others).index(state.config.me)


def orphan_delay(state: L1State, lost: list[Entry]) -> int:
    """Return how long to wait for the owners of lost items: not long once one of them is gone."""
    owners = sorted({carrier(state, entry) for entry in lost})
    if all(owner in state.peers for owner in owners):
        return state.config.patience_ms
    return state.config.signer_submit_ms * (1 + place(state, "", owners[0]))


def carrier(state: L1State, entry: Entry) -> str:
    return state.rounds[entry.block].block.proposer if entry.block else entry.item.origin
