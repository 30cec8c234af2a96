"""What ML0's feed tells: snapshots with what they decided and changed, blocks refused, decisions asked for again."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Iterable, Mapping
from typing import Any, Final, Protocol

from ottochain.codec import exact_json
from ottochain.fibers import FiberState
from ottochain.layers.ml0_built import RefusedBlock
from ottochain.layers.ml0_state import Ml0State
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


def entry_line(
    header: Header,
    decided: Iterable[Outcome],
    before: FiberState,
    after: FiberState,
    currency: Mapping[str, Any] | None = None,
) -> bytes:
    """A snapshot: what it decided, and the changes of the on-chain state and, where there are any, of the tokens."""
    entry = {"header": header.to_json(), "decided": _decided(decided), "onChain": on_chain_change(before, after)}
    if currency is not None:
        entry["currency"] = currency
    return exact_json.dumps_sound({"entry": entry})


def refused_line(refused: RefusedBlock) -> bytes:
    """A block that goes back to its L1. ``again``: nothing is wrong with what is in it."""
    facts: dict[str, Any] = {
        "roundId": refused.round_id,
        "guilty": [each.key for each in refused.guilty],
        "reason": refused.reason[:REASON_CHARACTERS_MAX],
    }
    if refused.again:
        facts["again"] = True
    return exact_json.dumps({"refused": facts})


def currency_change(before: Ml0State | None, after: Ml0State) -> dict[str, Any] | None:
    """What L1 nodes are told of the tokens: what changed since ``before``, or all of it. None: nothing changed.

    Removed is never anything: balances and references stay.
    """
    change: dict[str, Any] = {}
    for name, part in _CURRENCY_PARTS.items():
        new = getattr(after.info, part) or {}
        old = {} if before is None else getattr(before.info, part) or {}
        if new is not old:
            changed = {address: value for address, value in new.items() if old.get(address) != value}
            if changed or before is None:
                change[name] = changed
    if before is None or before.tips != after.tips:
        change["tips"] = dict(after.tips)
    epoch = _epoch_of(after)
    if before is None or _epoch_of(before) != epoch:
        change["epochProgress"] = epoch
    return change or None


def _epoch_of(state: Ml0State) -> int:
    return 0 if state.global_view is None else state.global_view.epoch_progress


_CURRENCY_PARTS: Final = {
    "balances": "balances",
    "lastTxRefs": "last_tx_refs",
    "lastAllowSpendRefs": "last_allow_spend_refs",
    "lastTokenLockRefs": "last_token_lock_refs",
}


def decided_line(decided: Iterable[Outcome]) -> bytes:
    """Decisions of earlier snapshots, for an L1 that missed them."""
    return exact_json.dumps({"decided": _decided(decided)})


async def opening(
    told: Told, after: int | None, currency: Callable[[], Mapping[str, Any] | None] = lambda: None
) -> AsyncIterator[bytes]:
    """What was decided since ``after``, then the whole on-chain state of the snapshot up to which that was.

    ``currency`` gives the whole of the tokens at the head.

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
        state: dict[str, Any] = {"header": header_now.to_json(), "onChain": fibers.on_chain.to_json()}
        tokens = currency()
        if tokens is not None:
            state["currency"] = tokens
        yield exact_json.dumps({"state": state})


def _decided(outcomes: Iterable[Outcome]) -> list[dict[str, Any]]:
    return [
        {"key": outcome.key, "hash": outcome.hash, "ordinal": outcome.ordinal, "reason": outcome.reason}
        for outcome in outcomes
    ]
