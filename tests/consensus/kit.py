"""What every test of this room starts from: ids, hashes, signatures that cost nothing, one validator in the hand."""

import hashlib
from typing import Any, TypeVar

from ottochain.consensus import core
from ottochain.consensus.core import Config
from ottochain.consensus.effects import (
    Boot,
    Broadcast,
    Effect,
    Equivocated,
    Event,
    Persist,
    Received,
    TimerFired,
    TimerName,
    Validated,
    Valued,
    Voted,
)
from ottochain.consensus.quorum import leader_order
from ottochain.consensus.votes import (
    Certificate,
    Chain,
    Message,
    Precommit,
    Prevote,
    Proposal,
    certify,
    signed,
)

T = TypeVar("T")

CHAIN = Chain("DAG0false", 0, "ml0")


def digest(*parts: object) -> str:
    return hashlib.sha256(" ".join(map(str, parts)).encode()).hexdigest()


def sign_as(member: str, text: str) -> str:
    return digest("signature", member, text)[:32]


def verify(member: str, text: str, signature: str) -> bool:
    return signature == sign_as(member, text)


def names(n: int) -> tuple[str, ...]:
    return tuple("abcdefg"[:n])


def config(me: str, **more: Any) -> Config:
    return Config(me, CHAIN, lambda text: sign_as(me, text), verify, **more)


GENESIS = digest("genesis")


def by(member: str, ballot: Any) -> Any:
    """Return `ballot` signed by `member`, in whose name it speaks."""
    return signed(ballot, CHAIN, lambda text: sign_as(member, text))


def prevote(member: str, block: str | None, view: int = 0, height: int = 1) -> Prevote:
    return by(member, Prevote(height, view, member, block))


def precommit(member: str, block: str | None, view: int = 0, height: int = 1) -> Precommit:
    return by(member, Precommit(height, view, member, block))


def polka(members: str, block: str, view: int = 0, height: int = 1) -> Certificate:
    return certify([prevote(member, block, view, height) for member in members])


def certificate(members: str, block: str, view: int = 0, height: int = 1) -> Certificate:
    return certify([precommit(member, block, view, height) for member in members])


def proposal(member: str, block: str, view: int = 0, height: int = 1, **more: Any) -> Proposal:
    facts = {
        "body": f"body of {block}",
        "trigger": "event",
        "parent": GENESIS,
        "parent_certificate": None,
        "polka": None,
        **more,
    }
    return by(member, Proposal(height=height, view=view, sender=member, hash=block, **facts))


class One:
    """One validator driven by hand. Call it with an event; it returns the effects, and remembers what it persisted."""

    def __init__(self, me: str, n: int, *, boot: Boot | None = None, **more: Any) -> None:
        self.me = me
        self.state = core.initial(config(me, **more))
        self.records: list[Voted | Valued] = []
        self.effects: tuple[Effect, ...] = ()
        self(boot or Boot(0, GENESIS, None, names(n)))

    def __call__(self, event: Event) -> tuple[Effect, ...]:
        self.state, self.effects = core.step(self.state, event)
        for effect in self.effects:
            if isinstance(effect, Persist):
                self.records += [record for record in effect.records if not isinstance(record, Equivocated)]
        return self.effects

    def hears(self, *messages: Message) -> tuple[Effect, ...]:
        """Receive messages one after the other; return all effects."""
        effects: tuple[Effect, ...] = ()
        for message in messages:
            effects += self(Received(message))
        return effects

    def judges(self, block: str, ok: bool = True) -> tuple[Effect, ...]:
        return self(Validated(self.state.height, self.state.view, block, ok))

    def times_out(self, name: TimerName) -> tuple[Effect, ...]:
        return self(TimerFired(name, self.state.height, self.state.view))

    def again(self, n: int) -> "One":
        """Return the same validator after a crash: only what was persisted is left."""
        return One(self.me, n, boot=Boot(0, GENESIS, None, names(n), records=tuple(self.records)))


def said(effects: tuple[Effect, ...]) -> list[tuple[str, str | None]]:
    """Return what was broadcast for a step: (kind, hash)."""
    messages = [effect.message for effect in effects if isinstance(effect, Broadcast)]
    return [(ballot.kind, ballot.hash) for ballot in messages if isinstance(ballot, Proposal | Prevote | Precommit)]


def only(effects: tuple[Effect, ...], kind: type[T]) -> T:
    """Return the one effect of its kind."""
    found = [effect for effect in effects if isinstance(effect, kind)]
    assert len(found) == 1, f"expected one {kind.__name__}, found {found}"
    return found[0]


def kinds(effects: tuple[Effect, ...]) -> list[str]:
    return [type(effect).__name__ for effect in effects]


def leaders(n: int) -> tuple[str, ...]:
    """Return who leads the views of height 1."""
    return leader_order(GENESIS, names(n))
