"""Tokens, asked of layers and not of nodes: send, and learn what became of it, whichever nodes are down or behind."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Sequence
from typing import Any, Final

from ottochain.client.chain import ChainClient
from ottochain.client.currency import KINDS, CurrencyClient, Kind
from ottochain.client.data import Fate, read_fate
from ottochain.client.endpoint import Endpoint, Refused
from ottochain.client.failover import LAG_SECONDS, PAUSE_SECONDS, NobodyAnswers, first_of
from ottochain.client.light import Unreachable

UNKNOWN: Final = "Unknown"
"""The fate of what no node knows: it never came, or a layer that can't tell (Tessellation's) has decided it."""

_MAYBE_HERE: Final = ("Conflict{", "ParentOrdinalLowerThen", "HasNoMatchingParent{")
"""Refusals by which a node may answer what it, or another, has taken in before."""


async def last_reference(cl1: Sequence[Endpoint], address: str, kind: Kind = "transactions") -> tuple[int, str]:
    """Ordinal and hash that the address's next one must name: the newest that any node has. ``NobodyAnswers``."""
    found, why = [], []
    for node in cl1:
        try:
            found.append(await CurrencyClient(node, kind).last_reference(address))
        except (Unreachable, Refused) as error:
            if isinstance(error, Refused) and error.status != 503:
                raise
            why.append(f"{node.host}:{node.port} {error}")
    if not found:
        raise NobodyAnswers("; ".join(why) or "no address of CL1 is known")
    return max(found)


async def submit(
    cl1: Sequence[Endpoint],
    ml0: Sequence[Endpoint],
    signed: dict[str, Any],
    item_hash: str,
    kind: Kind,
    *,
    follows: bool,
) -> Endpoint:
    """Hand one in; gives the node that has it on disk, or one that knew it before. Sending again is safe.

    ``follows``: its parent may be so new that not every node knows it; a refusal for that is tried again for a while.
    Raises ``NobodyAnswers`` or ``Refused`` with the reason.
    """
    deadline, pause = time.monotonic() + LAG_SECONDS, PAUSE_SECONDS[0]
    while True:
        try:
            taken_by, _ = await first_of(cl1, lambda one: CurrencyClient(one, kind).submit(signed))
            return taken_by
        except Refused as error:
            if error.text.startswith(_MAYBE_HERE):
                known = await fate(cl1, ml0, item_hash, (kind,))
                if known.status in ("Waiting", "Accepted"):
                    return cl1[0]
            may_pass = follows and error.text.startswith("HasNoMatchingParent{")
            if not may_pass or time.monotonic() > deadline:
                raise
        await asyncio.sleep(pause)
        pause = min(pause * 1.5, PAUSE_SECONDS[1])


async def fate(cl1: Sequence[Endpoint], ml0: Sequence[Endpoint], item_hash: str, kinds: Sequence[Kind] = KINDS) -> Fate:
    """What became of one. ``NobodyAnswers`` when neither layer says anything."""
    decided = await _decided(ml0, item_hash)
    if isinstance(decided, Fate) and decided.is_settled:
        return decided
    waits = await _waits(cl1, item_hash, kinds)
    if isinstance(decided, NobodyAnswers) and isinstance(waits, NobodyAnswers):
        raise NobodyAnswers(f"{decided}; {waits}")
    if waits is True or isinstance(decided, Fate):
        return Fate("Waiting", None, None)
    # Between the two questions it may have been decided.
    again = await _decided(ml0, item_hash)
    if isinstance(again, Fate):
        return again
    return await _refused(ml0, item_hash) or Fate(UNKNOWN, None, None)


async def settled(cl1: Sequence[Endpoint], ml0: Sequence[Endpoint], item_hash: str, kind: Kind, seconds: float) -> Fate:
    """Wait until it is accepted or rejected; after ``seconds`` its fate as it is then."""
    deadline, pause = time.monotonic() + seconds, PAUSE_SECONDS[0]
    while True:
        found = await fate(cl1, ml0, item_hash, (kind,))
        if found.status in ("Accepted", "Rejected") or time.monotonic() > deadline:
            return found
        await asyncio.sleep(pause)
        pause = min(pause * 1.3, PAUSE_SECONDS[1])


async def message_settled(ml0: Sequence[Endpoint], message_type: str, value: dict[str, Any], seconds: float) -> Fate:
    """Wait until ML0's state has a message of this type that is as new as ``value``, or another one in its place."""
    deadline, pause = time.monotonic() + seconds, PAUSE_SECONDS[0]
    while True:
        _, (snapshot, state) = await first_of(ml0, lambda one: ChainClient.of("ml0", one).latest_combined())
        last = ((state.get("lastMessages") or {}).get(message_type) or {}).get("value")
        if last and last["parentOrdinal"] >= value["parentOrdinal"]:
            is_it = last == value or last["parentOrdinal"] > value["parentOrdinal"]
            return Fate("Accepted" if is_it else "Rejected", snapshot["value"]["ordinal"], None)
        if time.monotonic() > deadline:
            return Fate("Waiting", None, None)
        await asyncio.sleep(pause)
        pause = min(pause * 1.3, PAUSE_SECONDS[1])


async def heard(cl1: Sequence[Endpoint], address: str, ordinal: int, kind: Kind) -> None:
    """Wait, not long, until CL1 has heard that the address has come so far: then the next one can follow.

    Where CL1 does not answer any more this ends at once: what was decided stays so.
    """
    deadline = time.monotonic() + LAG_SECONDS
    while True:
        try:
            known, _ = await last_reference(cl1, address, kind)
        except (NobodyAnswers, Refused):
            return
        if known >= ordinal or time.monotonic() > deadline:
            return
        await asyncio.sleep(PAUSE_SECONDS[0])


async def _decided(ml0: Sequence[Endpoint], item_hash: str) -> Fate | NobodyAnswers | None:
    """What ML0 has decided or holds; None where it knows nothing."""
    found, answered, why = None, False, []
    for node in ml0:
        try:
            found = read_fate(await node.read(f"/ottochain/data/{item_hash}"))
            if found.is_settled:
                return found
        except (Unreachable, Refused) as error:
            if isinstance(error, Refused) and error.status == 404:
                answered = True
            else:
                why.append(f"{node.host}:{node.port} {error}")
    if found or answered:
        return found
    return NobodyAnswers("; ".join(why) or "no address of ML0 is known")


async def _waits(cl1: Sequence[Endpoint], item_hash: str, kinds: Sequence[Kind]) -> bool | NobodyAnswers:
    answered, why = False, []
    for node in cl1:
        try:
            for kind in kinds:
                if await CurrencyClient(node, kind).waiting(item_hash):
                    return True
            answered = True
        except (Unreachable, Refused) as error:
            why.append(f"{node.host}:{node.port} {error}")
    return False if answered else NobodyAnswers("; ".join(why) or "no address of CL1 is known")


async def _refused(ml0: Sequence[Endpoint], item_hash: str) -> Fate | None:
    """What Tessellation's ML0 remembers of a refusal: the reason, and not when."""
    try:
        _, answer = await first_of(ml0, lambda one: one.read(f"/transactions/{item_hash}/errors"))
    except (NobodyAnswers, Refused):
        return None
    match answer:
        case {"message": str(message)}:
            return Fate("Rejected", None, message)
        case _:
            return None
