"""The pool of an L1 node: items arrive, are decided, taken back from refused blocks, waited for, adopted."""

from __future__ import annotations

from msgspec.structs import replace

from ottochain.consensus.l1_effects import (
    Arrived,
    BlockRefused,
    Decisions,
    L1Boot,
    L1CancelTimer,
    L1Effect,
    L1SetTimer,
    Release,
)
from ottochain.consensus.l1_items import Item, choose, in_order, orphaned
from ottochain.consensus.l1_state import L1Error, L1Move, L1State, Round, in_place
from ottochain.consensus.quorum import l1_threshold


def on_boot(state: L1State, boot: L1Boot) -> L1State:
    """Begin a life with the durable pool: own items wait to be proposed, those of others are held for their owners."""
    if state.boot >= 0:
        raise L1Error("L1Boot is the first event of a life, found a second one")
    me = state.config.me
    return replace(
        state,
        boot=boot.boot,
        peers=boot.peers,
        threshold=boot.threshold or l1_threshold(len(boot.peers) + 1),
        waiting={item.key: item for item in in_order(boot.items) if item.origin == me},
        held={item.key: item for item in in_order(boot.items) if item.origin != me},
        sequences=dict(boot.sequences),
        basis=boot.basis,
    )


def on_arrived(state: L1State, arrived: Arrived) -> L1State:
    """Take in items of this node's clients. One that a peer's block brought before is now this node's care too."""
    waiting, held, placed, rounds = dict(state.waiting), dict(state.held), dict(state.placed), dict(state.rounds)
    for item in arrived.items:
        place = placed.get(item.key)
        if place is not None and not speaks_of(rounds[place], item):
            del placed[item.key]
            give_up(rounds, place, item.key)
            place = None
        if place is None:
            waiting.setdefault(item.key, item)
            held.pop(item.key, None)
        else:
            rounds[place] = replace(rounds[place], mine=rounds[place].mine | {item.key})
    sequences = {**state.sequences, **arrived.sequences}
    return replace(state, waiting=waiting, held=held, placed=placed, rounds=rounds, sequences=sequences)


def speaks_of(known: Round, item: Item) -> bool:
    """Tell whether a block holds this submission of an item, and not one that was decided before it."""
    return any(other.key == item.key and other.after >= item.after for other in known.block.items)


def give_up(rounds: dict[str, Round], name: str, key: str) -> None:
    """Let a block of `rounds` bring an item through no more, and the block go when it has no other."""
    left = rounds[name].undecided - {key}
    if left:
        rounds[name] = replace(rounds[name], undecided=left, mine=rounds[name].mine - {key})
    else:
        del rounds[name]


# -- decisions ---------------------------------------------------------------------------------------------------------


def on_decisions(state: L1State, decisions: Decisions) -> L1Move:
    basis = state.basis if decisions.basis is None else decisions.basis
    state = replace(state, sequences={**state.sequences, **decisions.sequences}, basis=basis)
    if state.validating:
        state = replace(state, decided_meanwhile=state.decided_meanwhile.union(decisions.keys))
    return let_go(state, tuple(key for key in decisions.keys if state.knows(key)), None)


def let_go(state: L1State, keys: tuple[str, ...], rejected: str | None) -> L1Move:
    """Let decided items go, and the blocks that have no others."""
    if not keys:
        return prune(state), ()
    gone = frozenset(keys)
    rounds: dict[str, Round] = {}
    effects: tuple[L1Effect, ...] = ()
    for name, known in state.rounds.items():
        left = known.undecided - gone
        if left:
            rounds[name] = replace(known, undecided=left)
        else:
            effects += stop_timer(known, name)
    state = replace(
        state,
        waiting={key: item for key, item in state.waiting.items() if key not in gone},
        held={key: item for key, item in state.held.items() if key not in gone},
        placed={key: name for key, name in state.placed.items() if key not in gone},
        rounds=rounds,
    )
    return prune(state), (Release(keys, rejected), *effects)


def prune(state: L1State) -> L1State:
    """Forget, now and then, the sequences of fibers that no item is about."""
    if len(state.sequences) <= 2 * state.undecided + 16:
        return state
    fibers = {item.fiber for item in state.pool()}
    return replace(state, sequences={fiber: at for fiber, at in state.sequences.items() if fiber in fibers})


def stop_timer(known: Round, name: str) -> tuple[L1Effect, ...]:
    if known.stage == "signed":
        return ()
    return (L1CancelTimer("offer" if known.stage == "offered" else "submit", name),)


# -- refusals ----------------------------------------------------------------------------------------------------------


def on_refused(state: L1State, refused: BlockRefused) -> L1Move:
    """Take back a refused block: a single item is decided; else the guilty go apart, the others wait together.

    A block that is to come again decides nothing, and none of its items goes apart.
    """
    known = state.rounds.get(refused.block)
    if known is None:
        return state, ()
    if refused.again:
        freed = replace(take_back(state, refused.block, frozenset()), apart=state.apart)
        return freed, stop_timer(known, refused.block)
    if len(known.block.items) == 1:
        return let_go(state, (known.block.items[0].key,), refused.reason)
    return take_back(state, refused.block, frozenset(refused.guilty)), stop_timer(known, refused.block)


def take_back(state: L1State, name: str, guilty: frozenset[str]) -> L1State:
    """Return `state` without a round. The items in it wait again, or are held again for the node that must bring them.

    The guilty go apart, each in a block of its own. When it is not known which is guilty each half of the items goes
    apart, until the guilty one is alone.
    """
    known = state.rounds[name]
    items = in_place(known, name, state.placed)
    mine = [item for item in items if item.key in known.mine]
    keys = [item.key for item in mine]
    groups: list[tuple[str, ...]] = [(key,) for key in keys if key in guilty]
    if guilty.isdisjoint(item.key for item in known.block.items):
        half = (len(keys) + 1) // 2
        groups = [tuple(part) for part in (keys[:half], keys[half:]) if part]
    freed = {item.key for item in items}
    return replace(
        state,
        rounds={other: kept for other, kept in state.rounds.items() if other != name},
        placed={key: place for key, place in state.placed.items() if key not in freed},
        waiting={**state.waiting, **{item.key: item for item in mine}},
        held={**state.held, **{item.key: item for item in items if item.key not in known.mine}},
        apart=(*state.apart, *groups),
    )


# -- patience ----------------------------------------------------------------------------------------------------------


def gaps(state: L1State) -> tuple[Item, ...]:
    """Return the waiting items whose predecessor is nowhere in the pool."""
    apart = state.apart_keys()
    free = [item for key, item in state.waiting.items() if key not in apart]
    early = choose(free, state.sequences, len(free) + 1).early
    return orphaned(early, state.pool(), state.sequences)


def lose_patience(state: L1State) -> L1State:
    """Send the items whose predecessor never came each alone: ML0 will say what is wrong with them."""
    lonely = tuple((item.key,) for item in gaps(state) if item.key in state.impatient)
    return replace(state, impatient=frozenset(), apart=(*state.apart, *lonely))


def lost(state: L1State) -> dict[str, str]:
    """Return what nobody is known to carry to ML0, each with the node that should: held items, uncertified blocks."""
    found = {key: item.origin for key, item in state.held.items()}
    found.update((name, known.block.proposer) for name, known in state.rounds.items() if known.stage == "signed")
    return found


def adopt(state: L1State) -> L1State:
    """Take over what was lost for long: this node proposes it now."""
    late = state.orphans
    state = replace(state, orphans=frozenset())
    for name, known in state.rounds.items():
        if known.stage == "signed" and name in late:
            state = replace(take_back(care_for(state, name), name, frozenset()), apart=state.apart)
    adopted = {key: item for key, item in state.held.items() if key in late}
    held = {key: item for key, item in state.held.items() if key not in late}
    return replace(state, waiting={**state.waiting, **adopted}, held=held)


def care_for(state: L1State, name: str) -> L1State:
    """Return `state` where this node must bring through all items of a round."""
    known = state.rounds[name]
    return replace(state, rounds={**state.rounds, name: replace(known, mine=known.undecided)})


def watch(state: L1State) -> L1Move:
    """Keep the two timers of the pool: running while an item lacks a predecessor, or a carrier; else not."""
    effects: list[L1Effect] = []
    if state.impatient and not state.waiting:
        state = replace(state, impatient=frozenset())
        effects.append(L1CancelTimer("patience", ""))
    elif not state.impatient and state.waiting and state.may_propose and (late := gaps(state)):
        state = replace(state, impatient=frozenset(item.key for item in late))
        effects.append(L1SetTimer("patience", "", state.config.patience_ms))
    orphans = lost(state)
    if state.orphans and not orphans:
        state = replace(state, orphans=frozenset())
        effects.append(L1CancelTimer("orphans", ""))
    elif orphans and (not state.orphans or hurried(state, orphans)):
        state = replace(state, orphans=frozenset(orphans))
        effects.append(L1SetTimer("orphans", "", orphan_delay(state, orphans)))
    return state, tuple(effects)


def hurried(state: L1State, orphans: dict[str, str]) -> bool:
    """Tell whether a carrier is gone and the running wait is not for what it carried."""
    return any(owner not in state.peers and name not in state.orphans for name, owner in orphans.items())


def orphan_delay(state: L1State, orphans: dict[str, str]) -> int:
    """Return how long to wait for those who should carry: not long once one of them is gone."""
    gone = sorted({owner for owner in orphans.values() if owner not in state.peers})
    if not gone:
        return state.config.patience_ms
    return state.config.signer_submit_ms * (1 + state.turn("", gone[0]))
