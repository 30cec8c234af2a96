"""Recording what a core was told and asked for, and replaying it.

One line per step: ``{"event": …, "effects": […]}``. A life begins with its boot event; replaying its lines through
``step`` from the initial state must give the same effects, byte for byte. A validator's key is not needed for it: what
it signed is found in the recorded effects (``recorded_signer``).

All three cores are recorded alike: ``encode_line`` takes the events and effects of any; there is a replay for each.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any, Generic, TypeVar

import msgspec
from msgspec import Struct

from ottochain.consensus import core, l1_block, outbox
from ottochain.consensus.effects import Broadcast, Effect, Event, Persist, Send, Voted
from ottochain.consensus.l1_effects import L1Effect, L1Event
from ottochain.consensus.outbox import OutboxEffect, OutboxEvent
from ottochain.consensus.votes import Ask, Chain, SignFunction

StateT = TypeVar("StateT")
EventT = TypeVar("EventT")
EffectT = TypeVar("EffectT")
StepFunction = Callable[[StateT, EventT], tuple[StateT, tuple[EffectT, ...]]]


class JournalError(ValueError):
    """A line that is not a recorded step."""


class Line(Struct, Generic[EventT, EffectT], frozen=True):
    """One step of a core."""

    event: EventT
    effects: tuple[EffectT, ...]


class Difference(Struct, frozen=True):
    """The first step that replays otherwise. Lines count from 1."""

    line: int
    expected: str
    found: str


_encoder = msgspec.json.Encoder()
_validator_lines: msgspec.json.Decoder[Line[Event, Effect]] = msgspec.json.Decoder(Line[Event, Effect])
_l1_lines: msgspec.json.Decoder[Line[L1Event, L1Effect]] = msgspec.json.Decoder(Line[L1Event, L1Effect])
_outbox_lines: msgspec.json.Decoder[Line[OutboxEvent, OutboxEffect]] = msgspec.json.Decoder(
    Line[OutboxEvent, OutboxEffect]
)


def encode_line(event: Struct, effects: tuple[Struct, ...]) -> bytes:
    """Return the journal line of one step, without a newline."""
    return _encoder.encode(Line(event, effects))


def decode_line(data: bytes | str) -> Line[Event, Effect]:
    """Read one journal line of a validator. Raises JournalError."""
    line: Line[Event, Effect] = _decoded(_validator_lines, data)
    return line


def _decoded(decoder: msgspec.json.Decoder[Any], data: bytes | str) -> Any:
    try:
        return decoder.decode(data)
    except (msgspec.MsgspecError, UnicodeError, RecursionError) as error:
        raise JournalError(f"not a journal line: {error}") from error


# -- replaying ---------------------------------------------------------------------------------------------------------


def replay(config: core.Config, lines: Iterable[bytes]) -> Difference | None:
    """Step a validator through the recorded lines of one life; return the first difference, or None.

    Raises JournalError for a line that can't be read.
    """
    return _replayed(core.step, core.initial(config), _validator_lines, lines)


def replay_l1(config: l1_block.L1Config, lines: Iterable[bytes]) -> Difference | None:
    """The same for the core of an L1 node."""
    return _replayed(l1_block.step, l1_block.initial(config), _l1_lines, lines)


def replay_outbox(config: outbox.OutboxConfig, lines: Iterable[bytes]) -> Difference | None:
    """The same for ML0's outbox."""
    return _replayed(outbox.step, outbox.initial(config), _outbox_lines, lines)


def _replayed(
    step: StepFunction[StateT, Any, Any], state: StateT, decoder: msgspec.json.Decoder[Any], lines: Iterable[bytes]
) -> Difference | None:
    for number, line in enumerate(lines, start=1):
        event = _decoded(decoder, line).event
        state, effects = step(state, event)
        found = encode_line(event, effects)
        if found != line.strip():
            return Difference(number, line.decode().strip(), found.decode())
    return None


def recorded_signer(chain: Chain, lines: Iterable[bytes]) -> SignFunction:
    """Return a function that signs whatever the validator signed in the recording, and nothing else (JournalError)."""
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
