"""One validator of GL0 or ML0: ``step(state, event) -> (state, effects)``.

The manual for the shell
------------------------
Make ``state = initial(Config(...))`` and feed ``Boot`` first. Then, one event at a time::

    state, effects = step(state, event)
    for effect in effects:        # in order; never start an effect before the one above it is done
        ...

What the shell owes for each effect:

    Persist(records)     one transaction, synced, before anything else. At most one per step, and first. A failed
                         write ends the process. ``Voted`` of a Proposal and ``Valued`` name a body: store its bytes
                         in the same transaction. Records of a height may be deleted once it is committed.
                         When nothing but Commit follows (always so with one validator) both may share a transaction.
    Broadcast, Send      hand to the peers' queues and go on; losing them is allowed, ``Ask`` repairs it.
                         A Proposal and a Decided travel with their body.
    Serve                send the peer one Decided per height from the chain store, in order, with bodies.
    SetTimer             one timer per name; a new one replaces the old. Feed TimerFired(name, height, view).
    CancelTimer          stop it. A late TimerFired does no harm.
    Build                answer Built (what you built is taken as valid) or NotBuilt. Wait here to batch.
    Validate             execute the body and compare with the hash; answer Validated. The answer may take long.
    Commit               store block, certificate and state in one transaction, publish, answer Committed with the
                         validators of the next height(s) and, if something is left to propose, ``hot``. It may come
                         for a value that was never validated here, or was before a crash: execute it then. If the
                         body does not give the hash it was the wrong body: answer CommitFailed (`lost`, when it was let
                         go of: then it is taken when it comes again). If a body that this very process had validated
                         fails, or the replay of its own chain, the node has diverged: stop.
    Diverged             two certified blocks at one height. The core has stopped; show it and stop.

What the shell tells unasked:

    Hot(trigger)         events wait in the pool, or the time trigger is due. Tell it whenever an event arrives while
                         nothing is being decided; telling it again does no harm. Spreading events to the other
                         validators, so that any leader can propose them, is the shell's work.
    Received(message)    from ``decode_message``. The shell gives a Proposal or Decided only with its body at hand, and
                         has checked that the body's digest is ``message.body``. Signatures are checked here, through
                         ``config.verify``: caching there is welcome.
    PeerUp, PeerDown     a connection to a validator stands or is lost. PeerUp makes both sides exchange what they
                         missed. PeerDown gives up the views of a dead leader after 20 ms instead of a timeout.

A learner follows: ``may_vote`` False, or an id outside the validators. It votes never, and commits what it is sent:
push it a Decided after each Commit. Once a Committed names it among the validators it votes, if ``may_vote``.

With one validator a height is: Hot → Build; Built → Persist, Commit; Committed. No message, no timer.

Crash at any point, and Boot with what was persisted: votes of the height are sent again, never changed.
"""

from __future__ import annotations

from msgspec.structs import replace

from ottochain.consensus.effects import (
    Boot,
    Broadcast,
    Built,
    CancelTimer,
    CommitFailed,
    Committed,
    Effect,
    Event,
    Hot,
    NotBuilt,
    PeerDown,
    PeerUp,
    Persist,
    Received,
    Send,
    TimerFired,
    Validated,
    Valued,
    Voted,
)
from ottochain.consensus.inbox import hear_authentic, hear_decided, keep, receive
from ottochain.consensus.quorum import check_change, validator_set
from ottochain.consensus.rules import (
    ask,
    cast_precommit,
    cast_prevote,
    enter_view,
    propose,
    settle,
    start_timer,
)
from ottochain.consensus.state import STEPS, Config, ConsensusError, Move, Phase, State, Value, at_height, initial
from ottochain.consensus.votes import Ballot, Proposal, Trigger

__all__ = ["Config", "ConsensusError", "State", "initial", "step"]


def step(state: State, event: Event) -> tuple[State, tuple[Effect, ...]]:
    """Take one event, return the new state and what is to be done, in order.

    Raises ConsensusError when the shell breaks the contract, MembershipError when it commits a change of validators
    that may not be. A peer can cause neither.
    """
    if state.phase == "halted":
        return state, ()
    moved, effects = handle(state, event)
    if moved is state and not effects:
        return state, ()  # nothing is new, and every step ends settled
    state, more = settle(moved)
    return state, gather(effects + more)


def handle(state: State, event: Event) -> Move:
    """Turn one event into facts."""
    match event:
        case Received():
            return receive(state, event.message)
        case Hot():
            return on_hot(state, event.trigger)
        case Built():
            return on_built(state, event)
        case NotBuilt():
            return on_not_built(state, event)
        case Validated():
            return on_validated(state, event), ()
        case Committed():
            return on_committed(state, event)
        case CommitFailed():
            return on_commit_failed(state, event)
        case TimerFired():
            return on_timer(state, event)
        case PeerUp():
            return on_peer_up(state, event.id)
        case PeerDown():
            return on_peer_down(state, event.id)
        case Boot():
            return on_boot(state, event)


def gather(effects: tuple[Effect, ...]) -> tuple[Effect, ...]:
    """Return the effects with all that is to be written in one Persist in front: one sync per step, before any send."""
    records = [record for effect in effects if isinstance(effect, Persist) for record in effect.records]
    if not records:
        return effects
    rest = tuple(effect for effect in effects if not isinstance(effect, Persist))
    return (Persist(tuple(records)), *rest)


# -- what the shell tells ----------------------------------------------------------------------------------------------


def stronger(one: Trigger | None, other: Trigger | None) -> Trigger | None:
    """Return the trigger that wins: time over event over none."""
    return "time" if "time" in (one, other) else one or other


def on_hot(state: State, trigger: Trigger) -> Move:
    building = state.building
    if building == "asked":
        building = "asked again"
    elif building == "empty":
        building = "no"
    return replace(state, trigger=stronger(state.trigger, trigger), building=building), ()


def on_built(state: State, built: Built) -> Move:
    if not is_awaited(state, built.height, built.view):
        return state, ()
    return propose(replace(state, building="no"), built.hash, built.body, built.trigger, None)


def on_not_built(state: State, answer: NotBuilt) -> Move:
    if not is_awaited(state, answer.height, answer.view):
        return state, ()
    if state.building == "asked again":
        return replace(state, building="no"), ()
    if state.view > 0 or state.inbox:
        return replace(state, building="empty"), ()
    stop = tuple(CancelTimer(name) for name in sorted(state.armed))
    return replace(state, phase="cold", trigger=None, building="no", armed=frozenset()), stop


def is_awaited(state: State, height: int, view: int) -> bool:
    """Tell whether this node still waits for the answer to a Build."""
    asked = state.building in ("asked", "asked again")
    return asked and state.phase == "propose" and (height, view) == (state.height, state.view)


def on_validated(state: State, answer: Validated) -> State:
    if answer.height != state.height or (not answer.ok and answer.view != state.view):
        return state
    proposal = state.slot(state.leader(answer.view), answer.view).proposal
    if proposal is None or proposal.hash != answer.hash:
        return state
    return replace(state, judged={**state.judged, (proposal.hash, proposal.body): answer.ok})


def on_committed(state: State, done: Committed) -> Move:
    certificate = state.certificate
    expected = (state.height, None if certificate is None else certificate.hash)
    if state.phase != "committing" or (done.height, done.hash) != expected:
        raise ConsensusError(f"Committed must answer a Commit: expected {expected}, found {(done.height, done.hash)}")
    validators, following = validator_set(done.validators), validator_set(done.following or done.validators)
    check_change(state.validators, validators)
    check_change(validators, following)
    moved = at_height(state, done.height + 1, done.hash, certificate, validators, following)
    moved = replace(moved, trigger=stronger(state.trigger, done.hot))
    effects: tuple[Effect, ...] = ()
    for _, views in sorted(state.later.items()):
        for _, slot in sorted(views.items()):
            for ballot in slot.ballots():
                moved, more = hear_authentic(moved, ballot)
                effects += more
    return catch_up(moved, effects)


def catch_up(state: State, effects: tuple[Effect, ...]) -> Move:
    """Use what is known of this height already; ask a validator that is past it when nothing is."""
    decided = state.ahead.get(state.height)
    state = replace(state, ahead={height: known for height, known in state.ahead.items() if height > state.height})
    if decided is not None:
        state, more = hear_decided(state, decided)
        effects += more
    if state.certificate is None and state.phase != "halted":
        past = sorted(peer for peer, height in state.heights.items() if height > state.height)
        effects += tuple(Send(peer, ask(state)) for peer in past[:1])
    return state, effects


def on_commit_failed(state: State, failed: CommitFailed) -> Move:
    certificate = state.certificate
    if state.phase != "committing" or certificate is None or failed.height != state.height:
        raise ConsensusError(f"CommitFailed must answer a Commit, found it for height {failed.height}")
    if state.alone:
        raise ConsensusError(f"nobody else can have another body for height {failed.height}: {failed.reason}")
    body = state.body_of(certificate.hash)
    lost, wrong = state.lost_bodies, state.wrong_bodies
    if failed.lost and body is not None:
        lost |= {body}
    elif body is not None:
        wrong |= {(certificate.hash, body)}
    phase: Phase = "precommit" if state.voting else "cold"
    moved = replace(state, phase=phase, decided=None, lost_bodies=lost, wrong_bodies=wrong)
    return moved, (Broadcast(ask(moved)),)


# -- timers and connections --------------------------------------------------------------------------------------------


def on_timer(state: State, fired: TimerFired) -> Move:
    if fired.name not in state.armed or fired.height != state.height:
        return state, ()
    if fired.name == "repair":
        asking = replace(state, asked=state.asked + 1, armed=state.armed - {"repair"})
        return asking, (Broadcast(ask(asking)),)
    if fired.view != state.view:
        return state, ()
    spent = replace(state, armed=state.armed - {fired.name})
    if fired.name == "propose" and state.phase == "propose":
        return cast_prevote(spent, None)
    if fired.name == "prevote" and state.phase == "prevote":
        return cast_precommit(spent, None)
    if fired.name == "precommit" and state.phase in STEPS:
        return enter_view(spent, state.view + 1)
    return spent, ()


def on_peer_up(state: State, peer: str) -> Move:
    up = replace(state, down=state.down - {peer})
    if not state.validators or peer == state.config.me:
        return up, ()
    return up, (Send(peer, ask(up)),)


def on_peer_down(state: State, peer: str) -> Move:
    if peer not in state.validators or peer == state.config.me or peer in state.down:
        return state, ()
    down = replace(state, down=state.down | {peer})
    if state.phase == "propose" and state.leader(state.view) == peer and state.proposal() is None:
        return start_timer(down, "propose", state.config.leader_down_ms)
    return down, ()


# -- boot --------------------------------------------------------------------------------------------------------------


def on_boot(state: State, boot: Boot) -> Move:
    """Begin a life: at the height after the last committed one, with the votes this node gave there."""
    if state.validators:
        raise ConsensusError("Boot is the first event of a life, found a second one")
    validators, following = validator_set(boot.validators), validator_set(boot.following or boot.validators)
    check_change(validators, following)
    fresh = at_height(state, boot.height + 1, boot.hash, boot.certificate, validators, following)
    previous = validator_set(boot.previous or boot.validators)
    fresh = replace(fresh, may_vote=boot.may_vote, trigger=boot.hot, previous=previous)
    effects: tuple[Effect, ...] = ()
    if fresh.voting:
        for record in boot.records:
            fresh = restored(fresh, record.message) if isinstance(record, Voted) else revalued(fresh, record)
        fresh, effects = resumed(fresh)
    if not fresh.alone:
        effects += (Broadcast(ask(fresh)),)
    return fresh, effects


def restored(state: State, ballot: Ballot) -> State:
    """Return `state` with one ballot of its own from before the crash."""
    if ballot.height != state.height or ballot.sender != state.config.me:
        raise ConsensusError(
            f"a vote record must be of {state.config.me} at height {state.height},"
            f" found {ballot.sender} at height {ballot.height}"
        )
    given = (ballot.view, STEPS.index(ballot.kind))
    if given <= state.signed:
        raise ConsensusError(f"vote records must rise, found step {given} after {state.signed}")
    judged = {**state.judged, (ballot.hash, ballot.body): True} if isinstance(ballot, Proposal) else state.judged
    return keep(replace(state, signed=given, view=ballot.view, judged=judged), ballot)


def revalued(state: State, record: Valued) -> State:
    """Return `state` with a valid value, and lock, from before the crash."""
    value = Value(record.polka, record.body, record.trigger)
    judged = {**state.judged, (record.polka.hash, record.body): True}
    return replace(state, valid=value, lock=value if record.locked else state.lock, judged=judged)


def resumed(state: State) -> Move:
    """Go on in the view and phase of the last own vote, and say again what was said in it."""
    view, index = state.signed
    if index < 0:
        return state, ()
    moved = replace(state, phase="propose" if index == 0 else "prevote" if index == 1 else "precommit")
    if state.alone:
        return moved, ()
    again = tuple(Broadcast(ballot) for ballot in state.slot(state.config.me, view).ballots())
    if index > 0:
        return moved, again
    moved, timer = start_timer(moved, "propose", state.config.timeout(view))
    return moved, again + timer
