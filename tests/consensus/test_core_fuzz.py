"""Whatever peers say, in whatever order, a validator neither fails nor forgets, and signs nothing twice."""

from hypothesis import given, settings
from hypothesis import strategies as st

from consensus.checkers import Checkers
from consensus.kit import GENESIS, One, by, certificate, digest, names, polka, precommit, prevote, proposal
from ottochain.consensus.effects import (
    Broadcast,
    Build,
    Built,
    Commit,
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
    Serve,
    SetTimer,
    TimerFired,
    Validate,
    Validated,
)
from ottochain.consensus.state import CATCH_UP_HEIGHTS_MAX
from ottochain.consensus.votes import Ask, Decided, Message

X, Y = digest("X"), digest("Y")
blocks = st.sampled_from([X, Y, GENESIS])
members = st.sampled_from("abcde")
heights = st.sampled_from([0, 1, 1, 1, 2, 2, 3, 17, 40])
views = st.sampled_from([0, 0, 0, 1, 1, 2, 3, 9, 2**31])
quorums = st.sampled_from(["ab", "abc", "abcd", "bcd", "abe"])
certificates = st.builds(certificate, quorums, blocks, views, heights)
polkas = st.builds(polka, quorums, blocks, views, heights)
messages: st.SearchStrategy[Message] = st.one_of(
    st.builds(prevote, members, st.none() | blocks, views, heights),
    st.builds(precommit, members, st.none() | blocks, views, heights),
    st.builds(
        proposal,
        members,
        blocks,
        views,
        heights,
        body=st.sampled_from(["body", "other"]),
        parent=blocks,
        parent_certificate=st.none() | certificates,
        polka=st.none() | polkas,
    ),
    st.builds(
        lambda who, *facts: by(who, Ask(facts[0], facts[1], who, *facts[2:])),
        members,
        heights,
        views,
        st.booleans(),
        st.sampled_from([(), ("a",)]),
        st.just(()),
    ),
    st.builds(Decided, certificates, st.sampled_from(["body", "other"])),
)
surprises: st.SearchStrategy[Event] = st.one_of(
    st.builds(Received, messages),
    st.builds(Hot, st.sampled_from(["event", "time"])),
    st.builds(PeerUp, members),
    st.builds(PeerDown, members),
    st.builds(TimerFired, st.sampled_from(["propose", "prevote", "precommit", "repair"]), heights, views),
    st.builds(Validated, heights, views, blocks, st.booleans()),
    st.builds(Built, heights, views, blocks, st.just("body"), st.just("event")),
)
answers = st.sampled_from(["answer", "refuse", "timer", "surprise", "surprise", "surprise"])


def answer(one: One, effect: Effect, good: bool) -> Event | None:
    """What a shell would say to an effect."""
    match effect:
        case Build(height, view, trigger):
            return Built(height, view, X, "body", trigger) if good else NotBuilt(height, view, "")
        case Validate(proposed):
            return Validated(proposed.height, proposed.view, proposed.hash, good)
        case Commit(height, _, block):
            return Committed(height, block, names(4), hot="event") if good else CommitFailed(height, block, "")
        case _:
            return None


@settings(max_examples=150)
@given(st.data(), st.sampled_from("abcd"))
def test_no_talk_of_peers_breaks_a_validator(data: st.DataObject, me: str) -> None:
    one = One(me, 4)
    checkers = Checkers(names(4))
    asked: list[Effect] = []
    timers: dict[str, TimerFired] = {}
    for _ in range(data.draw(st.integers(1, 60))):
        kind = data.draw(answers)
        event: Event | None = None
        if kind in ("answer", "refuse") and asked:
            event = answer(one, asked.pop(0), kind == "answer")
        elif kind == "timer" and timers:
            event = timers.pop(data.draw(st.sampled_from(sorted(timers))))
        else:
            event = data.draw(surprises)
        if event is None:
            continue
        before = one.state
        for effect in one(event):
            match effect:
                case Persist(records):
                    checkers.persisted(me, records)
                case Broadcast(message) | Send(_, message):
                    checkers.sending(me, message)
                case SetTimer(name, height, view, milliseconds):
                    assert 0 < milliseconds <= 30_000
                    timers[name] = TimerFired(name, height, view)
                case Serve(_, first, last):
                    assert first <= last < one.state.height
                case Build() | Validate() | Commit():
                    asked.append(effect)
        asked = [effect for effect in asked if not isinstance(effect, Commit) or one.state.phase == "committing"]
        checkers.after_step(me, before, one.state, event, one.effects)
        assert len(one.state.ahead) <= CATCH_UP_HEIGHTS_MAX
        assert len(one.state.heights) <= 5
        assert len(one.state.judged) <= 60
        if one.state.phase != "halted":
            assert one(TimerFired("propose", 99, 0)) == ()
