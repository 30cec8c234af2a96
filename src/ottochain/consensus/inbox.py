"""Taking in what peers say: who may say it, whether they said it, and how much of it is kept.

Each function returns a move (state, effects). A message that should not be believed changes nothing.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from msgspec.structs import replace

from ottochain.consensus.effects import Diverged, Effect, Equivocated, Persist, Send, Serve, SetTimer
from ottochain.consensus.quorum import quorum
from ottochain.consensus.state import (
    CATCH_UP_HEIGHTS_MAX,
    EMPTY_SLOT,
    VIEWS_KEPT_MAX,
    Inbox,
    Move,
    Slot,
    State,
)
from ottochain.consensus.votes import (
    Ask,
    Ballot,
    Certificate,
    Decided,
    Message,
    Precommit,
    Proposal,
    authentic,
    certify,
)


def receive(state: State, message: Message) -> Move:
    """Take in one message from a peer. A body that it names is at hand, also if it was let go of before."""
    if isinstance(message, Decided | Proposal) and message.body in state.lost_bodies:
        state = replace(state, lost_bodies=state.lost_bodies - {message.body})
    if isinstance(message, Decided):
        return hear_decided(state, message)
    if message.sender == state.config.me:
        return state, ()
    if isinstance(message, Ask):
        return hear_ask(state, message)
    if message.height == state.height:
        return hear_ballot(state, message)
    if message.height > state.height:
        return hear_from_ahead(state, message)
    return hear_from_behind(state, message)


# -- ballots of this height --------------------------------------------------------------------------------------------


def hear_ballot(state: State, ballot: Ballot) -> Move:
    """Keep a ballot of this height, or accuse who signed another one for the same step."""
    if state.phase == "committing" or state.slot(ballot.sender, ballot.view).get(ballot.kind) == ballot:
        return state, ()
    if ballot.sender not in state.validators or not authentic(ballot, state.config.chain, state.config.verify):
        return state, ()
    return hear_authentic(state, ballot)


def hear_authentic(state: State, ballot: Ballot) -> Move:
    """Go on with a ballot of this height whose signature holds."""
    if ballot.sender not in state.validators:
        return state, ()
    known = state.slot(ballot.sender, ballot.view).get(ballot.kind)
    if known is not None:
        return accuse(state, known, ballot)
    if isinstance(ballot, Proposal):
        if ballot.sender != state.leader(ballot.view):
            return state, ()
        if ballot.parent != state.parent:
            return doubt(state, ballot)
        if not credible(state, ballot):
            return state, ()
    return keep(state, ballot), ()


def credible(state: State, proposal: Proposal) -> bool:
    """Tell whether the certificates inside a proposal hold."""
    parent = proposal.parent_certificate
    if parent is None:
        if state.parent_certificate is not None:
            return False
    elif parent != state.parent_certificate and not is_final(state, parent, state.height - 1, state.previous):
        return False
    polka = proposal.polka
    if polka is None:
        return True
    return (
        polka.kind == "prevote"
        and polka.hash == proposal.hash
        and polka.height == state.height
        and polka.view < proposal.view
        and polka.holds(state.config.chain, state.validators, state.needed, state.config.verify)
    )


def is_final(state: State, certificate: Certificate, height: int, validators: Sequence[str]) -> bool:
    """Tell whether `certificate` makes some block of `height` final."""
    needed = quorum(len(validators), state.config.fault_model)
    return (
        certificate.kind == "precommit"
        and certificate.height == height
        and certificate.holds(state.config.chain, validators, needed, state.config.verify)
    )


def keep(state: State, ballot: Ballot) -> State:
    """Return `state` knowing an accepted ballot of this height, and the certificate it may complete."""
    slot = state.slot(ballot.sender, ballot.view).put(ballot)
    changed = replace(state, inbox=stored(state.inbox, ballot.sender, ballot.view, slot, state.view))
    if ballot.sender != state.config.me and ballot.view > state.views.get(ballot.sender, -1):
        changed = replace(changed, views={**state.views, ballot.sender: ballot.view})
    if isinstance(ballot, Precommit) and ballot.hash is not None and changed.certificate is None:
        same = changed.majority("precommit", ballot.view)
        if same and same[0].hash is not None:
            changed = replace(changed, certificate=certify(same))
    return changed


def stored(inbox: Inbox, sender: str, view: int, slot: Slot, current: int) -> Inbox:
    """Return `inbox` with `slot`; of a sender that fills more views than are kept, the oldest goes."""
    views = {**inbox.get(sender, {}), view: slot}
    if len(views) > VIEWS_KEPT_MAX:
        del views[min(kept for kept in views if kept != current)]
    return {**inbox, sender: views}


def accuse(state: State, first: Ballot, second: Ballot) -> Move:
    """Record that a validator signed two different ballots for one step: once per validator and height."""
    chain = state.config.chain
    if first.sender in state.accused or first.text(chain) == second.text(chain):
        return state, ()
    accused = replace(state, accused=state.accused | {first.sender})
    return accused, (Persist((Equivocated(first, second),)),)


def doubt(state: State, proposal: Proposal) -> Move:
    """Stop when a proposal stands on another block than ours and a quorum certified that block."""
    parent = proposal.parent_certificate
    if parent is None or parent.hash != proposal.parent:
        return state, ()
    if not is_final(state, parent, state.height - 1, state.previous):
        return state, ()
    return diverge(state, state.height - 1, state.parent, parent)


def diverge(state: State, height: int, ours: str, theirs: Certificate) -> Move:
    return replace(state, phase="halted"), (Diverged(height, ours, theirs),)


# -- other heights -----------------------------------------------------------------------------------------------------


def hear_from_ahead(state: State, ballot: Ballot) -> Move:
    """Keep a ballot of the next height, learn of our own from its parent certificate, and hurry to catch up."""
    following = state.following or state.validators
    if ballot.sender not in following or not authentic(ballot, state.config.chain, state.config.verify):
        return state, ()
    state = claims(state, ballot.sender, ballot.height)
    if ballot.height == state.height + 1:
        slot = state.later.get(ballot.sender, {}).get(ballot.view, EMPTY_SLOT)
        if slot.get(ballot.kind) is None:
            state = replace(state, later=stored(state.later, ballot.sender, ballot.view, slot.put(ballot), -1))
        if isinstance(ballot, Proposal) and ballot.parent_certificate is not None:
            moved, effects = hear_certificate(state, ballot.parent_certificate)
            if effects:
                return moved, effects
            state = moved
    return hurry(state)


def claims(state: State, sender: str, height: int) -> State:
    """Return `state` knowing that a validator says it decides `height`."""
    if height <= state.heights.get(sender, -1):
        return state
    return replace(state, heights={**state.heights, sender: height})


def hurry(state: State) -> Move:
    """Ask soon, not at the pace of a quiet height: others are past this one. Once per height."""
    if state.urged or state.phase == "committing" or has_body(state):
        return state, ()
    timer = SetTimer("repair", state.height, state.view, state.config.behind_ms)
    return replace(state, urged=True, armed=state.armed | {"repair"}), (timer,)


def has_body(state: State) -> bool:
    return state.certificate is not None and state.body_of(state.certificate.hash) is not None


def hear_from_behind(state: State, ballot: Ballot) -> Move:
    """Help a validator that still decides a height committed here.

    Votes of the last height that come in after the quorum are no cry for help, unless their view is a later one.
    """
    last = state.parent_certificate
    if ballot.height == state.height - 1 and last is not None and ballot.view <= last.view:
        return state, ()
    if ballot.sender not in state.validators or not authentic(ballot, state.config.chain, state.config.verify):
        return state, ()
    return state, serve(state, ballot.sender, ballot.height)


def serve(state: State, to: str, first: int) -> tuple[Effect, ...]:
    return (Serve(to, first, min(state.height - 1, first + CATCH_UP_HEIGHTS_MAX - 1)),)


# -- certificates ------------------------------------------------------------------------------------------------------


def hear_certificate(state: State, certificate: Certificate) -> Move:
    """Take in a certificate of the height being decided."""
    if certificate == state.certificate or certificate.height != state.height:
        return state, ()
    if state.certificate is not None and certificate.hash == state.certificate.hash:
        return state, ()
    if not is_final(state, certificate, state.height, state.validators):
        return state, ()
    if state.certificate is not None:
        return diverge(state, state.height, state.certificate.hash, certificate)
    return replace(state, certificate=certificate), ()


def hear_decided(state: State, decided: Decided) -> Move:
    """Take in a decided height: this one, or one of the next few while catching up."""
    height = decided.certificate.height
    if height == state.height and state.phase != "committing":
        moved, effects = hear_certificate(state, decided.certificate)
        known = moved.certificate
        if known is not None and known.hash == decided.certificate.hash and not has_body(moved):
            moved = replace(moved, decided=decided)
        return moved, effects
    if state.height < height < state.height + CATCH_UP_HEIGHTS_MAX and height not in state.ahead:
        return replace(state, ahead={**state.ahead, height: decided}), ()
    return state, ()


# -- repair ------------------------------------------------------------------------------------------------------------


def hear_ask(state: State, ask: Ask) -> Move:
    """Answer a peer that wants what it lacks. Learners may ask too; only a validator's word is remembered."""
    if not authentic(ask, state.config.chain, state.config.verify):
        return state, ()
    if ask.height < state.height:
        return state, serve(state, ask.sender, ask.height)
    member = ask.sender in state.validators
    if ask.height > state.height:
        return hurry(claims(state, ask.sender, ask.height)) if member else (state, ())
    if member and ask.view > state.views.get(ask.sender, -1):
        state = replace(state, views={**state.views, ask.sender: ask.view})
    return state, tuple(Send(ask.sender, message) for message in missing(state, ask))


def missing(state: State, ask: Ask) -> list[Message]:
    """Return what this node holds and the asker does not, of the asker's view and of its own, where that is later.

    The asker may not be able to leave its view without a vote that was lost on the way to it: this node's own, when
    just a quorum is alive.
    """
    if state.phase == "committing" and state.certificate is not None:
        body = state.body_of(state.certificate.hash)
        return [] if body is None else [Decided(state.certificate, body)]
    found: list[Message] = []
    for view in (view for view in sorted({ask.view, state.view}) if view <= state.view):
        for sender in state.validators:
            if sender != ask.sender:
                found += unheard(state.slot(sender, view), ask if view == ask.view else None, sender)
    return found


def unheard(slot: Slot, ask: Ask | None, sender: str) -> Iterator[Message]:
    """Yield what `sender` said in one view and the asker, in that view, has not heard."""
    if slot.proposal is not None and not (ask is not None and ask.has_proposal):
        yield slot.proposal
    if slot.prevote is not None and not (ask is not None and sender in ask.prevotes):
        yield slot.prevote
    if slot.precommit is not None and not (ask is not None and sender in ask.precommits):
        yield slot.precommit
