"""Recording what a core was told and asked for, and replaying it.

One line per step: ``{"event": …, "effects": […]}``. A life begins with its boot event; replaying its lines through
``step`` from the initial state must give the same effects, byte for byte. The key is not needed: deterministic
signatures of this node are found in the recorded effects (``recorded_signer``).
"""

from __future__ import annotations

from collections.abc import Iterable

import msgspec
from msgspec import Struct

from ottochain.consensus.core import Config, initial, step
from ottochain.consensus.effects import Broadcast, Effect, Event, Persist, Send, Voted
from ottochain.consensus.votes import Ask, Chain, SignFunction


class JournalError(ValueError):
    """A line that is not a recorded step."""


class Line(Struct, frozen=True):
    """One step of a core."""

    event: Event
    effects: tuple[Effect, ...]


class Difference(Struct, frozen=True):
    """The first step that replays otherwise. Lines count from 1."""

    line: int
    expected: str
    found: str


_decoder: msgspec.json.Decoder[Line] = msgspec.json.Decoder(Line)


def encode_line(event: Event, effects: tuple[Effect, ...]) -> bytes:
    """Return the journal line of one step, without a newline."""
    return msgspec.json.encode(Line(event, effects))


def decode_line(data: bytes | str) -> Line:
    """Read one journal line. Raises JournalError."""
    try:
        return _decoder.decode(data)
    except (msgspec.MsgspecError, UnicodeError) as error:
        raise JournalError(f"not a journal line: {error}") from error


def replay(config: Config, lines: Iterable[bytes]) -> Difference | None:
    """Step through recorded lines of one life; return the first difference, or None when there is none.

    Raises JournalError for a line that can't be read.
    """
    state = initial(config)
    for number, line in enumerate(lines, start=1):
        event = decode_line(line).event
        state, effects = step(state, event)
        found = encode_line(event, effects)
        if found != line.strip():
            return Difference(number, line.decode().strip(), found.decode())
    return None


def recorded_signer(chain: Chain, lines: Iterable[bytes]) -> SignFunction:
    """Return a function that signs whatever the node signed in the recording, and nothing else (JournalError)."""
    known: dict[str, str] = {}
    for line in lines:
        for effect in decode_line(line).effects:
            if isinstance(effect, Persist):
                said = [record.message for record in effect.records if isinstance(record, Voted)]
                known.update((ballot.text(chain), ballot.signature) for ballot in said)
            elif isinstance(effect, Broadcast | Send) and isinstance(effect.message, Ask):
                known[effect.message.text(chain)] = effect.message.signature

    def sign(text: str) -> str:
        if text not in known:
            raise JournalError(f"the recording holds no signature of {text}: another step, or another chain")
        return known[text]

    return sign
