"""Ask a layer, not a node: the first node that can answer does, and one that is down or not Ready is passed over."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Any, Final, TypeVar

from ottochain.client.data import DataClient, Fate
from ottochain.client.endpoint import Endpoint, Refused
from ottochain.client.fibers import FiberClient
from ottochain.client.light import Unreachable
from ottochain.fibers.updates import SignedUpdate

T = TypeVar("T")

LAG_SECONDS: Final = 10.0
"""DL1 follows ML0's snapshots: how long it is given to hear of what ML0 already has."""
PAUSE_SECONDS: Final = (0.01, 0.5)
"""Between two looks: the first pause, and the longest."""


class NobodyAnswers(Exception):  # noqa: N818  a fact about the world
    """None of a layer's nodes answered; the text names each and why."""


async def first_of(endpoints: Sequence[Endpoint], ask: Callable[[Endpoint], Awaitable[T]]) -> tuple[Endpoint, T]:
    """The first answer, and who gave it. A refusal is an answer, unless it says that the node is not ready.

    Raises ``NobodyAnswers`` or ``Refused``.
    """
    why = []
    for endpoint in endpoints:
        try:
            return endpoint, await ask(endpoint)
        except Unreachable as error:
            why.append(f"{endpoint.host}:{endpoint.port} {error}")
        except Refused as error:
            if error.status != 503:
                raise
            why.append(f"{endpoint.host}:{endpoint.port} is not ready")
    raise NobodyAnswers("; ".join(why) or "no address is known")


async def submit(dl1: Sequence[Endpoint], update: SignedUpdate, fee: Mapping[str, Any] | None = None) -> Endpoint:
    """Hand an update, and its fee, to the layer; gives the node that has it on disk.

    Asking again is safe: it is the same update.
    A refusal because DL1 has not yet heard of what the update refers to is tried again for a while. Raises
    ``NobodyAnswers`` or ``Refused`` with the reason.
    """
    value = update.to_json()
    deadline, pause = time.monotonic() + LAG_SECONDS, PAUSE_SECONDS[0]
    while True:
        try:
            taken_by, _ = await first_of(dl1, lambda one: DataClient(one).submit(value["value"], value["proofs"], fee))
            return taken_by
        except Refused as error:
            if not _may_pass(error) or time.monotonic() > deadline:
                raise
        await asyncio.sleep(pause)
        pause = min(pause * 1.5, PAUSE_SECONDS[1])


def _may_pass(error: Refused) -> bool:
    """Whether DL1 may judge otherwise in a moment: it has no snapshot yet, or has not heard of the fiber yet."""
    return error.retriable or (error.status == 400 and "CidNotFound" in error.text)


async def settled(dl1: Sequence[Endpoint], update_hash: str, seconds: float) -> Fate:
    """Wait until an acknowledged update is accepted or rejected; after ``seconds`` its fate as it is then."""
    deadline, pause = time.monotonic() + seconds, PAUSE_SECONDS[0]
    while True:
        _, fate = await first_of(dl1, lambda one: DataClient(one).fate(update_hash))
        if fate and fate.is_settled:
            return fate
        if time.monotonic() > deadline:
            return fate or Fate("Waiting", None, None)
        await asyncio.sleep(pause)
        pause = min(pause * 1.3, PAUSE_SECONDS[1])


async def record_of(ml0: Sequence[Endpoint], kind: str, fiber_id: str) -> dict[str, Any] | None:
    """The record of a state machine (``machine``) or a script (``script``); None where there is none of that id."""
    _, found = await first_of(ml0, lambda one: _record(FiberClient(one), kind, fiber_id))
    return found


def _record(client: FiberClient, kind: str, fiber_id: str) -> Awaitable[dict[str, Any] | None]:
    return client.machine(fiber_id) if kind == "machine" else client.script(fiber_id)
