"""The transitions of a validator at one height, as one table.

After every event the rules of the current phase are tried from the top; the first that fires moves the state, and
the table is read again from the new phase, until none fires. They are Tendermint's "upon" clauses (Buchman, Kwon,
Milosevic 2018, algorithm 1) with three changes: a proposal carries the polka of an old value, so old prevotes are
never gossiped; a quorum of nil precommits ends a view at once; nothing runs while a height is cold.

                        cold -> propose -> prevote -> precommit -> committing -> (Committed) -> cold
                                   ^___________ next view ___________|

TABLE below reads: phase -> what is tried, in order. Each rule's first line says when it fires and what it does.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeAlias

from msgspec.structs import replace

from ottochain.consensus.effects import (
    Broadcast,
    Build,
    CancelTimer,
    Commit,
    Effect,
    Persist,
    Record,
    SetTimer,
    TimerName,
    Validate,
    Valued,
    Voted,
)
from ottochain.consensus.inbox import keep
from ottochain.consensus.state import STEPS, VIEWS_KEPT_MAX, ConsensusError, Judged, Move, Phase, State, Value
from ottochain.consensus.votes import (
    Ask,
    Ballot,
    Certificate,
    Message,
    Precommit,
    Prevote,
    Proposal,
    VoteKind,
    signed,
)

Rule: TypeAlias = Callable[[State], Move | None]


# -- the rules ---------------------------------------------------------------------------------------------------------


def commit(state: State) -> Move | None:
    """A certificate of this height and its body are here: commit, whatever the view."""
    certificate = state.certificate
    if certificate is None:
        return None
    body = state.body_of(certificate.hash)
    if body is None:
        return None
    stop = tuple(CancelTimer(name) for name in sorted(state.armed))
    done = Commit(state.height, certificate.view, certificate.hash, body, certificate)
    return replace(state, phase="committing", trigger=None, armed=frozenset()), (*stop, done)


def wake(state: State) -> Move | None:
    """Cold, and there is something to propose or somebody was heard: the height is hot, view 0 begins."""
    if not state.voting or (state.trigger is None and not state.inbox and state.certificate is None):
        return None
    return enter_view(state, 0)


def jump(state: State) -> Move | None:
    """f + 1 peers have reached a later view: go there."""
    far = state.far_view()
    return enter_view(state, far) if far > state.view else None


def next_view(state: State) -> Move | None:
    """A quorum precommitted nil: nothing can be decided in this view any more, so leave it at once."""
    return enter_view(state, state.view + 1) if is_nil(state, "precommit") else None


def lead(state: State) -> Move | None:
    """This node leads the view and has not proposed: the valid value again, or a new one."""
    me = state.config.me
    if state.leader(state.view) != me or state.slot(me, state.view).proposal is not None:
        return None
    if state.valid is not None:
        return propose(state, state.valid.polka.hash, state.valid.body, state.valid.trigger, state.valid.polka)
    if state.building != "no":
        return None
    order = Build(state.height, state.view, state.trigger or "event", state.parent, state.parent_certificate)
    return replace(state, building="asked"), (order,)


def judge(state: State) -> Move | None:
    """The leader's proposal came and its value is not judged: have it executed."""
    proposal = state.proposal()
    if proposal is None or (proposal.hash, proposal.body) in state.judged or state.judging == state.view:
        return None
    return replace(state, judging=state.view), (Validate(proposal),)


def prevote(state: State) -> Move | None:
    """The proposal is judged: prevote it if it is good and the lock allows it, else nil."""
    proposal = state.proposal()
    verdict = None if proposal is None else state.judged.get((proposal.hash, proposal.body))
    if proposal is None or verdict is None:
        return None
    return cast_prevote(state, proposal.hash if verdict and unlocked(state, proposal) else None)


def precommit(state: State) -> Move | None:
    """A polka for the value proposed in this view, and the value is good: lock it and precommit it."""
    value = good_polka(state)
    if value is None:
        return None
    locked = replace(state, lock=value, valid=value)
    return cast_precommit(locked, value.polka.hash, Valued(value.polka, value.body, value.trigger, locked=True))


def precommit_nil(state: State) -> Move | None:
    """A quorum prevoted nil: precommit nil."""
    return cast_precommit(state, None) if is_nil(state, "prevote") else None


def remember(state: State) -> Move | None:
    """A polka came too late to precommit in this view: it is the valid value, to be proposed again."""
    if state.valid is not None and state.valid.polka.view >= state.view:
        return None
    value = good_polka(state)
    if value is None:
        return None
    record = Valued(value.polka, value.body, value.trigger, locked=False)
    return replace(state, valid=value), (Persist((record,)),)


def wait_prevotes(state: State) -> Move | None:
    """A quorum prevoted, and not for one value: wait a little for the rest."""
    if "prevote" in state.armed or len(state.votes("prevote", state.view)) < state.needed:
        return None
    return start_timer(state, "prevote", state.config.timeout(state.view))


def wait_precommits(state: State) -> Move | None:
    """A quorum precommitted, and not for one value: wait a little for the rest."""
    if "precommit" in state.armed or len(state.votes("precommit", state.view)) < state.needed:
        return None
    return start_timer(state, "precommit", state.config.timeout(state.view))


def repair(state: State) -> Move | None:
    """The height is hot and not decided, or others are past it: be ready to ask for what is missing."""
    heard = state.phase != "cold" or bool(state.inbox) or bool(state.heights) or state.certificate is not None
    if "repair" in state.armed or state.alone or not heard:
        return None
    return start_timer(state, "repair", state.config.repair_delay(state.asked))


TABLE: dict[Phase, tuple[Rule, ...]] = {
    "cold": (commit, wake, repair),
    "propose": (commit, jump, next_view, lead, judge, prevote, wait_precommits, repair),
    "prevote": (commit, jump, next_view, judge, precommit, precommit_nil, wait_prevotes, wait_precommits, repair),
    "precommit": (commit, jump, next_view, judge, remember, wait_precommits, repair),
    "committing": (),
    "halted": (),
}


def settle(state: State) -> Move:
    """Fire rules until none fires. Every rule moves towards the commit, so this ends."""
    effects: tuple[Effect, ...] = ()
    for _ in range(200):
        for rule in TABLE[state.phase]:
            move = rule(state)
            if move is not None:
                state, more = move
                effects += more
                break
        else:
            return state, effects
    raise ConsensusError(f"the rules do not settle at height {state.height}, view {state.view}, phase {state.phase}")


# -- what the rules are made of ----------------------------------------------------------------------------------------


def is_nil(state: State, kind: VoteKind) -> bool:
    votes = state.majority(kind, state.view)
    return bool(votes) and votes[0].hash is None


def unlocked(state: State, proposal: Proposal) -> bool:
    """Tell whether the lock lets this node prevote: no lock, the same value, or a polka at least as new as the lock."""
    if state.lock is None or state.lock.polka.hash == proposal.hash:
        return True
    return proposal.polka is not None and proposal.polka.view >= state.lock.polka.view


def good_polka(state: State) -> Value | None:
    """Return the value of this view that has a polka, was proposed by the leader, and was found good."""
    proposal = state.proposal()
    if proposal is None or not state.judged.get((proposal.hash, proposal.body), False):
        return None
    polka = state.polka()
    if polka is None or polka.hash != proposal.hash:
        return None
    return Value(polka, proposal.body, proposal.trigger)


def enter_view(state: State, view: int) -> Move:
    """Begin a view. A value refused in an earlier view may be good now (its time has come), so it is judged again."""
    entered = replace(
        state,
        phase="propose",
        view=view,
        building="no",
        judging=-1,
        judged=still_judged(state),
        armed=state.armed - {"prevote", "precommit"},
    )
    if state.alone:
        return entered, ()
    down = state.leader(view) in state.down
    return start_timer(entered, "propose", state.config.leader_down_ms if down else state.config.timeout(view))


def still_judged(state: State) -> dict[Judged, bool]:
    """Return the values found good that may come again: the last few, and always the valid one."""
    good = [value for value, found_good in state.judged.items() if found_good][-VIEWS_KEPT_MAX:]
    if state.valid is not None:
        good.append((state.valid.polka.hash, state.valid.body))
    return dict.fromkeys(good, True)


def start_timer(state: State, name: TimerName, milliseconds: int) -> Move:
    if state.alone:
        return state, ()
    timer = SetTimer(name, state.height, state.view, milliseconds)
    return replace(state, armed=state.armed | {name}), (timer,)


def propose(state: State, block: str, body: str, trigger: str, polka: Certificate | None) -> Move:
    ballot = Proposal(
        height=state.height,
        view=state.view,
        sender=state.config.me,
        hash=block,
        body=body,
        trigger="time" if trigger == "time" else "event",
        parent=state.parent,
        parent_certificate=state.parent_certificate,
        polka=polka,
    )
    return cast(replace(state, judged={**state.judged, (block, body): True}), ballot)


def cast_prevote(state: State, block: str | None) -> Move:
    moved = replace(state, phase="prevote")
    return cast(moved, Prevote(state.height, state.view, state.config.me, block))


def cast_precommit(state: State, block: str | None, *records: Record) -> Move:
    moved = replace(state, phase="precommit")
    return cast(moved, Precommit(state.height, state.view, state.config.me, block), *records)


def cast(state: State, ballot: Ballot, *records: Record) -> Move:
    """Sign a ballot, record it, send it, and count it. Never two for one step, never one for an earlier step."""
    if not state.voting:
        return state, ()
    step = (ballot.view, STEPS.index(ballot.kind))
    if step <= state.signed:
        raise ConsensusError(f"already signed step {state.signed} of height {state.height}, refused to sign {step}")
    mine = signed(ballot, state.config.chain, state.config.sign)
    kept = keep(replace(state, signed=step), mine)
    written = Persist((*records, Voted(mine)))
    return kept, (written,) if state.alone else (written, Broadcast(mine))


def ask(state: State) -> Message:
    """Return this node's question for all it lacks of its view."""
    own = Ask(
        height=state.height,
        view=state.view,
        sender=state.config.me,
        has_proposal=state.proposal() is not None,
        prevotes=tuple(vote.sender for vote in state.votes("prevote", state.view)),
        precommits=tuple(vote.sender for vote in state.votes("precommit", state.view)),
    )
    return signed(own, state.config.chain, state.config.sign)
