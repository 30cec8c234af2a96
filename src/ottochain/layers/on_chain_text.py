"""The on-chain state as the array of bytes that a snapshot carries, put together from the fibers' own pieces.

Encoding a state byte by byte costs as much as all the rest of a snapshot, and from one snapshot to the next almost
all of it stays. Each commitment's piece is kept as long as the commitment is.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from ottochain.fibers import FiberCommit, FiberState, OnChain, on_chain_bytes
from ottochain.model.json_text import byte_array_text


@dataclass(frozen=True, slots=True)
class OnChainText:
    """The JSON text of ``byte_array_text(on_chain_bytes(state))``, and its pieces by fiber."""

    text: bytes
    pieces: Mapping[str, tuple[FiberCommit, bytes]]

    @classmethod
    def of(cls, state: FiberState, previous: "OnChainText | None" = None) -> "OnChainText":
        """The text of a state; pieces of ``previous`` are used again where the commitment is the very same."""
        known = {} if previous is None else previous.pieces
        pieces = {}
        for fiber_id, commit in state.on_chain.fiber_commits.items():
            piece = known.get(fiber_id)
            if piece is None or (piece[0] is not commit and piece[0] != commit):
                piece = (commit, _numbers(b'"%b":%b' % (fiber_id.encode(), commit.canonical)))
            pieces[fiber_id] = piece
        members = b",44,".join([pieces[fiber_id][1] for fiber_id in sorted(pieces)])
        return cls(_around(members, state), pieces)


def _around(members: bytes, state: FiberState) -> bytes:
    """The pieces with what stands before and behind them, taken from the state without its commitments."""
    frame = on_chain_bytes(FiberState(OnChain({}, state.on_chain.latest_logs), state.calculated))
    assert frame.startswith(_HEAD)
    parts = [_numbers(_HEAD), members, _numbers(frame[len(_HEAD) :])]
    return b"[%b]" % b",".join([part for part in parts if part])


def _numbers(data: bytes) -> bytes:
    return byte_array_text(data)[1:-1]


_HEAD: Final = b'{"fiberCommits":{'
