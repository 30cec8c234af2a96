"""One L1 node's pool and blocks: ``step(state, event) -> (state, effects)``.

An item is durable at the node that acknowledged it (its origin). That node offers it in a block to as many peers as
must sign, and to the others when those do not; peers check it, keep it on disk and co-sign; at the threshold the block
goes to ML0, again and again until ML0's feed says what became of each item. Availability is all that L1 decides: order
and validity are ML0's, so an item may travel in two blocks and no harm is done.

The life of a block at one node, and what moves it:

    stage      entered by                             left by
    offered    own items wait, a round is free        threshold of co-signatures -> certified
                                                      too many declines, several items -> gone, items wait again
    signed     a peer's offer was valid, and kept     Certified -> certified
                                                      its proposer is gone, or patience passed -> gone, items adopted
    certified  threshold reached, or Certified heard  all items decided -> gone
                                                      refused by ML0 -> gone, the guilty apart, the others wait again

And of an item:

    waiting    this node proposes it                  its turn -> placed; decided -> gone
    held       another node should propose it         an offer holds it -> placed; its owner is gone -> waiting
    placed     in one of the blocks above             the block is gone -> waiting or held; decided -> gone

The manual for the shell
------------------------
* Make ``state = initial(L1Config(...))``, feed ``L1Boot`` first, then one event at a time; do the effects in order,
  each before the next. ``KeepItems`` must be synced before the ``Cosign`` that follows it.
* Arrived comes after the items are synced (that sync is what HTTP 200 says). Batching is yours: one Arrived for all
  that shared a sync. No other batching is needed: while `offered_max` blocks wait for their first answer, or
  `rounds_max` are undecided, arrivals gather.
* Give the on-chain sequence of each arriving item's fiber with it, and again in Decisions when it moves. A fiber not
  given is unknown: its items are never early and never stale.
* L1Validate checks keys, hashes, fibers and sequences against the contents, as for a client's request. An item that
  ML0 is known to have decided makes the answer not ok, with the item among `guilty`.
* Feed ML0's snapshots in their order: Decisions for each, BlockRefused for each block it refused. Tell BlockRefused
  also when ML0's door refuses a block for good; not when it is unreachable or busy.
* Decisions must name every item that is decided, also the one of a refused single-item block: only nodes that hold that
  very block learn it from BlockRefused. After a restart feed what ML0 decided since the durable pool was last cleaned.
* Ml0Up when ML0 can be reached again: blocks need not wait for their timers then.
* Timers run only while something is undecided.
* With threshold 1 Arrived answers with Submit at once: no message, no waiting.
"""

from __future__ import annotations

from ottochain.consensus.l1_effects import (
    Arrived,
    BlockRefused,
    Decisions,
    L1Boot,
    L1Effect,
    L1Event,
    L1Received,
    L1TimerFired,
    L1Validated,
    Ml0Up,
    PeersChanged,
)
from ottochain.consensus.l1_pool import adopt, lose_patience, on_arrived, on_boot, on_decisions, on_refused, watch
from ottochain.consensus.l1_rounds import (
    offer_again,
    on_message,
    on_ml0_up,
    on_peers,
    on_validated,
    propose,
    submit_again,
)
from ottochain.consensus.l1_state import L1Config, L1Error, L1Move, L1State, Round

__all__ = ["L1Config", "L1Error", "L1State", "Round", "initial", "step"]


def initial(config: L1Config) -> L1State:
    """Return the state before L1Boot."""
    return L1State(config)


def step(state: L1State, event: L1Event) -> tuple[L1State, tuple[L1Effect, ...]]:
    """Take one event, return the new state and what is to be done, in order.

    Raises L1Error when the shell breaks the contract. A peer can't cause it.
    """
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
        case Ml0Up():
            return on_ml0_up(state)
        case L1Boot():
            return on_boot(state, event), ()


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
