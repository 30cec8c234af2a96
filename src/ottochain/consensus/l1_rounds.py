"""The blocks of an L1 node: offered to peers, co-signed, certified, submitted until decided."""

from __future__ import annotations

from collections.abc import Iterable

from msgspec.structs import replace

from ottochain.consensus.l1_effects import (
    Certified,
    Cosign,
    Decline,
    KeepItems,
    L1CancelTimer,
    L1Effect,
    L1Message,
    L1Send,
    L1SetTimer,
    L1Validate,
    L1Validated,
    Offer,
    PeersChanged,
    Submit,
    signatures_hold,
)
from ottochain.consensus.l1_items import Block, Item, choose, in_order
from ottochain.consensus.l1_pool import stop_timer, take_back
from ottochain.consensus.l1_state import L1Move, L1State, Round
from ottochain.consensus.quorum import l1_threshold
from ottochain.consensus.votes import Signature

OFFERS_PER_PEER_MAX = 16
"""Blocks of one peer that may be in validation here at once; more are dropped, and offered again by the peer."""


# -- own blocks --------------------------------------------------------------------------------------------------------


def propose(state: L1State) -> L1Move:
    """Offer blocks of waiting items while rounds are free."""
    effects: tuple[L1Effect, ...] = ()
    while state.waiting and state.may_propose:
        items, state = next_items(state)
        if not items:
            break
        state, more = offer(state, items)
        effects += more
    return state, effects


def next_items(state: L1State) -> tuple[tuple[Item, ...], L1State]:
    """Return the next block's items (none when all must wait), and the state without the group they stood apart in.

    Groups that stand apart take every second block, so that neither they nor the others can starve.
    """
    groups = [tuple(key for key in group if key in state.waiting) for group in state.apart]
    groups = [group for group in groups if group]
    standing_apart = {key for group in groups for key in group}
    free = [item for key, item in state.waiting.items() if key not in standing_apart]
    choice = choose(free, state.sequences, state.config.items_max)
    groups += [(item.key,) for item in choice.stale]
    if groups and (not choice.block or state.number % 2 == 0):
        items = in_order(state.waiting[key] for key in groups[0])
        return tuple(items), replace(state, apart=tuple(groups[1:]))
    return choice.block, replace(state, apart=tuple(groups))


def offer(state: L1State, items: tuple[Item, ...]) -> L1Move:
    """Open a round: sign the block and send it to as many peers as must sign; certify it at once when this node is
    enough. Peers take turns; the others are asked when the first do not answer, decline, or are gone."""
    config = state.config
    block = Block(config.me, state.boot, state.number, items, state.basis)
    name = block.id()
    mine = Signature(config.me, config.sign(config.text(block)))
    keys = frozenset(item.key for item in items)
    state = replace(
        state,
        number=state.number + 1,
        waiting={key: item for key, item in state.waiting.items() if key not in keys},
        placed={**state.placed, **{item.key: name for item in items}},
        rounds={**state.rounds, name: Round(block, "offered", keys, keys, (mine,))},
    )
    if state.threshold == 1:
        return certify(state, name)
    turn = block.number % max(1, len(state.peers))
    asked = (state.peers[turn:] + state.peers[:turn])[: state.threshold - 1]
    offers = tuple(L1Send(peer, Offer(block, mine.signature)) for peer in asked)
    return state, (*offers, L1SetTimer("offer", name, config.backoff(0)))


def certify(state: L1State, name: str) -> L1Move:
    """Submit an offered block that has enough signatures, and tell its signers."""
    known = state.rounds[name]
    if known.stage != "offered" or len(known.signatures) < state.threshold:
        return state, ()
    signatures = tuple(sorted(known.signatures))
    certified = replace(known, stage="certified", signatures=signatures, attempts=1)
    signers = {proof.id for proof in signatures}
    told = tuple(L1Send(peer, Certified(name, signatures)) for peer in state.peers if peer in signers)
    stop = (L1CancelTimer("offer", name),) if state.threshold > 1 else ()
    wait = L1SetTimer("submit", name, state.config.backoff(0))
    state = replace(state, rounds={**state.rounds, name: certified})
    return state, (Submit(known.block, signatures, 0), *told, *stop, wait)


def offer_again(state: L1State, name: str) -> L1Move:
    """Offer a block again to the peers that have not co-signed it; those that declined are asked afresh."""
    known = state.rounds.get(name)
    if known is None or known.stage != "offered":
        return state, ()
    known = replace(known, attempts=known.attempts + 1, declined=frozenset())
    offers = offers_of(known, state.peers)
    wait = L1SetTimer("offer", name, state.config.backoff(known.attempts))
    return replace(state, rounds={**state.rounds, name: known}), (*offers, wait)


def offers_of(known: Round, peers: Iterable[str]) -> tuple[L1Effect, ...]:
    """Offer a block to those of `peers` that have neither co-signed nor declined it."""
    done = {*known.declined, *(proof.id for proof in known.signatures)}
    message = Offer(known.block, known.signatures[0].signature)
    return tuple(L1Send(peer, message) for peer in peers if peer not in done)


def submit_again(state: L1State, name: str) -> L1Move:
    """Submit a certified block whose items are still undecided."""
    known = state.rounds.get(name)
    if known is None or known.stage != "certified":
        return state, ()
    submit = Submit(known.block, known.signatures, known.attempts)
    wait = L1SetTimer("submit", name, state.config.backoff(known.attempts))
    again = replace(known, attempts=known.attempts + 1)
    return replace(state, rounds={**state.rounds, name: again}), (submit, wait)


def on_ml0_up(state: L1State) -> L1Move:
    """Submit every own block that waits for its decision again, as if it were the first time."""
    effects: tuple[L1Effect, ...] = ()
    for name, known in state.rounds.items():
        if known.stage == "certified" and known.block.proposer == state.config.me:
            state = replace(state, rounds={**state.rounds, name: replace(known, attempts=0)})
            state, more = submit_again(state, name)
            effects += more
    return state, effects


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
            return hear_certified(state, message)


def hear_offer(state: L1State, offered: Offer) -> L1Move:
    """Have a peer's block checked; say again what was said of a known one."""
    block, config = offered.block, state.config
    name = block.id()
    if block.proposer not in state.peers or name in state.validating:
        return state, ()
    if not config.verify(block.proposer, config.text(block), offered.signature):
        return state, ()
    if name in state.rounds:
        return state, (L1Send(block.proposer, cosign(state, block, name)),)
    busy = sum(1 for other in state.validating.values() if other.block.proposer == block.proposer)
    if busy >= OFFERS_PER_PEER_MAX or len({item.key for item in block.items}) < len(block.items):
        return state, ()
    return replace(state, validating={**state.validating, name: offered}), (L1Validate(block),)


def cosign(state: L1State, block: Block, name: str) -> Cosign:
    return Cosign(name, state.config.me, state.config.sign(state.config.text(block)))


def on_validated(state: L1State, answer: L1Validated) -> L1Move:
    """Keep a good block's items and co-sign; decline a bad one."""
    offered = state.validating.get(answer.block)
    if offered is None:
        return state, ()
    late = tuple(item.key for item in offered.block.items if item.key in state.decided_meanwhile)
    if late and answer.ok:
        answer = L1Validated(answer.block, False, late, "decided already")
    rest = {name: other for name, other in state.validating.items() if name != answer.block}
    meanwhile = state.decided_meanwhile if rest else frozenset()
    state = replace(state, validating=rest, decided_meanwhile=meanwhile)
    return hold(state, offered) if answer.ok else decline(state, offered, answer)


def decline(state: L1State, offered: Offer, answer: L1Validated) -> L1Move:
    no = Decline(answer.block, state.config.me, answer.guilty, answer.reason, "")
    no = replace(no, signature=state.config.sign(no.text(state.config.chain)))
    return state, (L1Send(offered.block.proposer, no),)


def hold(state: L1State, offered: Offer) -> L1Move:
    """Keep a peer's items on disk, then co-sign. Items of this node's own that are among them need no other block,
    unless they were sent again after the peer's copy was decided."""
    block = offered.block
    name = block.id()
    copies = {item.key: state.copy_of(item.key) for item in block.items}
    # Of an earlier submission the disk may have let go already, and the news of its decision be under way to here.
    fresh = tuple(item for item in block.items if (copy := copies[item.key]) is None or copy.after < item.after)
    later = {item.key for item in block.items if (copy := copies[item.key]) is not None and copy.after > item.after}
    free = [item.key for item in block.items if item.key not in state.placed and item.key not in later]
    keys = frozenset(item.key for item in block.items)
    mine = frozenset(key for key in free if key in state.waiting)
    signed = Round(block, "signed", keys, mine, (Signature(block.proposer, offered.signature),))
    state = replace(
        state,
        waiting={key: item for key, item in state.waiting.items() if key not in mine},
        held={key: item for key, item in state.held.items() if key not in keys or key in later},
        placed={**state.placed, **dict.fromkeys(free, name)},
        rounds={**state.rounds, name: signed},
    )
    written = (KeepItems(name, fresh),) if fresh else ()
    return state, (*written, L1Send(block.proposer, cosign(state, block, name)))


def hear_cosign(state: L1State, word: Cosign) -> L1Move:
    """Count a co-signature of an offered block; tell a late signer that it is certified."""
    known = state.rounds.get(word.block)
    if known is None or known.block.proposer != state.config.me or word.sender not in state.peers:
        return state, ()
    if not state.config.verify(word.sender, state.config.text(known.block), word.signature):
        return state, ()
    if known.stage == "certified":
        return state, (L1Send(word.sender, Certified(word.block, known.signatures)),)
    if any(proof.id == word.sender for proof in known.signatures):
        return state, ()
    signatures = (*known.signatures, Signature(word.sender, word.signature))
    counted = replace(known, signatures=signatures, declined=known.declined - {word.sender})
    return certify(replace(state, rounds={**state.rounds, word.block: counted}), word.block)


def hear_decline(state: L1State, word: Decline) -> L1Move:
    """Give up a block of several items that can't reach the threshold. ML0 is asked about a single item, and it is
    offered again later."""
    known = state.rounds.get(word.block)
    if known is None or known.stage != "offered" or word.sender not in state.peers:
        return state, ()
    if not state.config.verify(word.sender, word.text(state.config.chain), word.signature):
        return state, ()
    asked = bool(known.declined) and not can_certify(state, known)
    known = replace(known, declined=known.declined | {word.sender})
    state = replace(state, rounds={**state.rounds, word.block: known})
    if can_certify(state, known):
        return state, offers_of(known, state.peers)
    if len(known.block.items) > 1:
        return take_back(state, word.block, frozenset(word.guilty)), stop_timer(known, word.block)
    # Perhaps it is decided, and this node took it over from a late offer: ML0 tells whoever submits it.
    return state, () if asked else (Submit(known.block, known.signatures, known.attempts),)


def can_certify(state: L1State, known: Round) -> bool:
    """Tell whether enough peers are left that have not declined an offered block."""
    return 1 + sum(1 for peer in state.peers if peer not in known.declined) >= state.threshold


def hear_certified(state: L1State, word: Certified) -> L1Move:
    """Be ready to submit a co-signed block when its turn comes, should its proposer not get it through."""
    known = state.rounds.get(word.block)
    if known is None or known.stage != "signed":
        return state, ()
    config = state.config
    members, text = {config.me, *state.peers}, config.text(known.block)
    if not signatures_hold(known.block, text, word.signatures, members, state.threshold, config.verify):
        return state, ()
    certified = replace(known, stage="certified", signatures=word.signatures)
    turn = 1 + state.turn(known.block.proposer, word.block)
    wait = L1SetTimer("submit", word.block, config.signer_submit_ms * turn)
    return replace(state, rounds={**state.rounds, word.block: certified}), (wait,)


def on_peers(state: L1State, change: PeersChanged) -> L1Move:
    """Offer what is open to the new peers, and to all when one is gone that may have been asked; certify what has
    enough signatures now, and look afresh who is lost."""
    gone = any(peer not in change.peers for peer in state.peers)
    asked = [peer for peer in change.peers if gone or peer not in state.peers]
    threshold = change.threshold or l1_threshold(len(change.peers) + 1)
    state = replace(state, peers=change.peers, threshold=threshold, orphans=frozenset())
    effects: tuple[L1Effect, ...] = ()
    for name, known in state.rounds.items():
        if known.stage == "offered":
            effects += offers_of(known, asked)
            state, more = certify(state, name)
            effects += more
    return state, effects
