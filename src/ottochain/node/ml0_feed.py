"""What ML0's feed tells: snapshots with what they decided and changed, blocks refused, decisions asked for again."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterable
from typing import Any, Final, Protocol

from ottochain.codec import exact_json
from ottochain.fibers import FiberState
from ottochain.layers.ml0_built import RefusedBlock
from ottochain.model.header import Header
from ottochain.node.ml0_keeping import on_chain_change
from ottochain.store.chain import Chain
from ottochain.store.outcomes import Outcome, Outcomes

REASON_CHARACTERS_MAX: Final = 1_000


class Told(Protocol):
    """The chain that the feed tells of."""

    chain: Chain
    outcomes: Outcomes

    def newest(self) -> tuple[Header, FiberState] | None:
        """The newest snapshot and the state it left."""


def entry_line(header: Header, decided: Iterable[Outcome], before: FiberState, after: FiberState) -> bytes:
    """A snapshot: what it decided, and the change of the on-chain state."""
    entry = {"header": header.to_json(), "decided": _decided(decided), "onChain": on_chain_change(before, after)}
    return exact_json.dumps({"entry": entry})


def refused_line(refused: RefusedBlock) -> bytes:
    """A block that goes back to its L1."""
    guilty = [each.key for each in refused.guilty]
    reason = refused.reason[:REASON_CHARACTERS_MAX]
    return exact_json.dumps({"refused": {"roundId": refused.round_id, "guilty": guilty, "reason": reason}})


def decided_line(decided: Iterable[Outcome]) -> bytes:
    """Decisions of earlier snapshots, for an L1 that missed them."""
    return exact_json.dumps({"decided": _decided(decided)})


async def opening(told: Told, after: int | None) -> AsyncIterator[bytes]:
    """What was decided since ``after``, then the whole on-chain state of the snapshot up to which that was.

    The chain grows while a follower takes these lines in. The state must not run ahead of the entries: what is decided
    in between would be left out.
    """
    while after is not None and (newest := told.newest()) is not None and after < newest[0].ordinal:
        after += 1
        header = told.chain.header_at(after)
        if header is None:
            break
        decided = exact_json.dumps(_decided(told.outcomes.at(after)))
        yield b'{"entry":{"header":%b,"decided":%b}}' % (header, decided)
    newest = told.newest()
    if newest is not None:
        header_now, fibers = newest
        yield exact_json.dumps({"state": {"header": header_now.to_json(), "onChain": fibers.on_chain.to_json()}})


def _decided(outcomes: Iterable[Outcome]) -> list[dict[str, Any]]:
    return [
        {"key": outcome.key, "hash": outcome.hash, "ordinal": outcome.ordinal, "reason": outcome.reason}
        for outcome in outcomes
    ]
