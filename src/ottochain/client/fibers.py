"""Submit updates to DL1 and read fibers from ML0, as any client does: over HTTP, with failover between nodes."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, Literal

from ottochain.client.light import Answer, LightClient, Unreachable
from ottochain.codec import exact_json
from ottochain.codec.errors import JsonError
from ottochain.fibers.updates import SignedUpdate

APPLICATION: Final = "/data-application/v1"
LAG_SECONDS: Final = 10.0
"""DL1 follows ML0's snapshots: how long it is given to hear of what ML0 already has."""
LOOK_AGAIN_SECONDS: Final = (0.01, 0.5)

Kind = Literal["state-machines", "oracles"]


class NobodyAnswers(Exception):  # noqa: N818
    """None of a layer's nodes answered; the text names them and why."""


class SubmissionRefused(Exception):  # noqa: N818
    """DL1 looked at an update and refused it; the text is its reason."""


@dataclass(frozen=True, slots=True)
class Address:
    """A public listener."""

    host: str
    port: int

    def __str__(self) -> str:
        return f"{self.host}:{self.port}"


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of an update. ``ordinal`` is that of the ML0 snapshot that decided it."""

    status: Literal["Waiting", "Accepted", "Rejected"]
    ordinal: int | None = None
    reason: str | None = None


class FiberClient:
    """Speaks to the first node of a layer that answers."""

    def __init__(self, http: LightClient, dl1: Sequence[Address], ml0: Sequence[Address]) -> None:
        self._http = http
        self._dl1 = tuple(dl1)
        self._ml0 = tuple(ml0)

    async def submit(self, update: SignedUpdate) -> Address:
        """Hand the update to DL1; gives the node that made it durable. To ask again is safe: it is the same update.

        A refusal because DL1 has not yet heard of what the update refers to is tried again for a while. Raises
        ``SubmissionRefused`` or ``NobodyAnswers``.
        """
        body = exact_json.dumps(update.to_json())
        deadline, pause = time.monotonic() + LAG_SECONDS, LOOK_AGAIN_SECONDS[0]
        while True:
            address, answer = await self._first(self._dl1, "POST", "/data", body)
            if answer.ok:
                return address
            if not _may_pass(answer) or time.monotonic() > deadline:
                raise SubmissionRefused(_reason(answer))
            await asyncio.sleep(pause)
            pause = min(pause * 1.5, LOOK_AGAIN_SECONDS[1])

    async def outcome(self, update_hash: str, taken_by: Address | None = None) -> Outcome | None:
        """What became of an update; None when no DL1 node knows it."""
        order = [taken_by, *self._dl1] if taken_by else list(self._dl1)
        _, answer = await self._first(order, "GET", f"/data/{update_hash}", b"")
        if not answer.ok:
            return None
        found = _decoded(answer)
        return Outcome(found["status"], found.get("ordinal"), found.get("reason"))

    async def decided(self, update_hash: str, taken_by: Address, seconds: float) -> Outcome:
        """Wait until the update is accepted or rejected. After ``seconds`` it is given as it is: still waiting."""
        deadline, pause = time.monotonic() + seconds, LOOK_AGAIN_SECONDS[0]
        while True:
            found = await self.outcome(update_hash, taken_by)
            if found and found.status != "Waiting":
                return found
            if time.monotonic() > deadline:
                return found or Outcome("Waiting")
            await asyncio.sleep(pause)
            pause = min(pause * 1.3, LOOK_AGAIN_SECONDS[1])

    async def record(self, kind: Kind, fiber_id: str) -> Mapping[str, Any] | None:
        """A fiber's record at ML0, numbers exact; None when there is no such fiber."""
        _, answer = await self._first(self._ml0, "GET", f"{APPLICATION}/{kind}/{fiber_id}", b"")
        if answer.status == 404:
            return None
        if not answer.ok:
            raise SubmissionRefused(_reason(answer))
        found: Mapping[str, Any] | None = _decoded(answer)
        return found

    async def _first(self, addresses: Sequence[Address], method: str, path: str, body: bytes) -> tuple[Address, Answer]:
        """The first answer that is one: a node that can't be reached, or is not Ready, is passed over."""
        why = []
        for address in addresses:
            try:
                if method == "POST":
                    answer = await self._http.post(address.host, address.port, path, body)
                else:
                    answer = await self._http.get(address.host, address.port, path)
            except Unreachable as error:
                why.append(f"{address} {error}")
                continue
            if answer.status == 503:
                why.append(f"{address} is not ready")
                continue
            return address, answer
        raise NobodyAnswers("; ".join(why) or "no address is known")


def _decoded(answer: Answer) -> Any:
    try:
        return exact_json.loads(answer.body)
    except JsonError as error:
        raise SubmissionRefused(f"an answer that is not JSON ({error})") from None


def _reason(answer: Answer) -> str:
    """The reason in a refusal, whichever of the reference's forms it has."""
    try:
        found = exact_json.loads(answer.body)
    except JsonError:
        found = None
    if isinstance(found, dict):
        details = found.get("details")
        if isinstance(details, dict) and isinstance(details.get("reason"), str):
            return str(details["reason"])
        for name in ("error", "description", "message"):
            if isinstance(found.get(name), str):
                return str(found[name])
    return f"status {answer.status} {answer.body[:200].decode('utf-8', 'replace')}".rstrip()


def _may_pass(answer: Answer) -> bool:
    """Whether DL1 may judge otherwise in a moment: it has no snapshot yet, or has not heard of the fiber yet."""
    text = answer.body
    return (answer.status == 500 and b"Snapshot" in text) or (answer.status == 400 and b"CidNotFound" in text)
