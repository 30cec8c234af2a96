"""``.ottochain/chain.json``: whether this deployment's chain is being founded or was founded, and its token.

    (none) ── begin ──> founding ── token ──> founding with token ── founded ──> founded

It says ``founding`` before the first node makes a genesis, and ``founded`` once GL0 holds ML0's genesis. A founding
that was interrupted goes on with the files it already made; a chain that was founded is never founded again. Every
change is synced to disk before the work that it announces begins.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final, Literal

from ottochain.ops.errors import Refused
from ottochain.ops.files import write_durably

FORMAT: Final = 1


@dataclass(frozen=True, slots=True)
class ChainRecord:
    """What is known of the chain. ``token`` is the metagraph's id, known from ML0's genesis on."""

    phase: Literal["founding", "founded"]
    token: str | None
    since: str
    """When this phase began, in UTC."""
    derived_from: str | None = None
    """The node whose data this was learnt from, when the record itself had been lost."""

    def with_token(self, token: str) -> ChainRecord:
        """The founding's token is known. Another one than before is refused: a chain has one."""
        if self.token not in (None, token):
            raise Refused(
                f"the chain's token is {self.token}, and now {token} was found: these are two chains.",
                next_step="look at both before anything else is done; nothing was changed.",
            )
        return replace(self, token=token)

    def as_founded(self, since: str) -> ChainRecord:
        """GL0 holds ML0's genesis."""
        if self.token is None:
            raise ValueError("a chain without a token is not founded")
        return replace(self, phase="founded", since=since)


def begin(since: str) -> ChainRecord:
    """The record that precedes the first genesis."""
    return ChainRecord("founding", None, since)


def read(file: Path) -> ChainRecord | None:
    """The record, or None when there is none. One that can't be read is refused: it must not look like none."""
    try:
        content = file.read_bytes()
    except FileNotFoundError:
        return None
    except OSError as error:
        raise _unreadable(file, error.strerror or "unknown reason") from None
    try:
        found = json.loads(content)
        phase, token = found["phase"], found["token"]
        if found["format"] != FORMAT or phase not in ("founding", "founded") or not isinstance(token, str | None):
            raise ValueError("unknown content")
        return ChainRecord(phase, token, str(found["since"]), found.get("derivedFrom"))
    except (ValueError, KeyError, TypeError, RecursionError) as error:
        raise _unreadable(file, f"{type(error).__name__}: {error}") from None


def write(file: Path, record: ChainRecord) -> None:
    """Replace the record, durably."""
    content = {
        "format": FORMAT,
        "phase": record.phase,
        "token": record.token,
        "since": record.since,
        "derivedFrom": record.derived_from,
    }
    write_durably(file, json.dumps(content, indent=2).encode() + b"\n")


def _unreadable(file: Path, why: str) -> Refused:
    return Refused(
        f"the chain record {file} can't be read ({why}). It says whether this chain was founded; without it nothing "
        "is started, so that no second chain is founded.",
        next_step="restore it, or move it away: `ottochain up` then learns it again from the nodes' data.",
    )
