"""``/data``: how updates come in at DL1, and how a client asks what became of one.

``200`` is answered when the update is synced to this node's disk, and not a byte earlier.
"""

from __future__ import annotations

import re
from collections.abc import Awaitable, Mapping, Sequence
from typing import Any, Final, Protocol

from aiohttp import web

from ottochain.consensus.l1_items import Item
from ottochain.fibers.state import OnChain
from ottochain.node import submission
from ottochain.node.bodies import judged, read
from ottochain.node.l1_pool import L1Pool
from ottochain.node.paid_updates import PaidUpdate, group_of
from ottochain.node.responses import empty, json_bytes, json_response
from ottochain.node.submission import Refusal
from ottochain.store.outcomes import Outcome

_HASH: Final = re.compile(r"[0-9a-f]{64}").fullmatch


class DataNode(Protocol):
    """What the routes ask of DL1."""

    pool: L1Pool

    def global_ordinal(self) -> int | None:
        """The newest GL0 ordinal heard of."""

    def on_chain(self) -> OnChain | None:
        """The on-chain state of the newest ML0 snapshot heard of."""

    def balances(self) -> Mapping[str, int] | None:
        """The balances in it."""

    def arrived(self, item: Item) -> None:
        """A client's update is durable: let the core have it."""

    def elsewhere(self, update_hash: str) -> Awaitable[dict[str, Any] | None]:
        """What ML0 says of an update that this node knows nothing of."""


def data_routes(node: DataNode) -> list[web.RouteDef]:
    """The routes of DL1's public listener under ``/data``."""

    async def post(request: web.Request) -> web.Response:
        try:
            taken = await admit(node, await read(request))
            return json_response({"hash": taken.hash, "feeHash": taken.fee_hash})
        except Refusal as refusal:
            return json_response(refusal.body, refusal.status)

    async def queued(_: web.Request) -> web.Response:
        return json_bytes(b"[%b]" % b",".join(group_of(held.signed) for held in node.pool.held.values()))

    async def outcome(request: web.Request) -> web.Response:
        update_hash = request.match_info["hash"]
        if not _HASH(update_hash):
            return empty(404)
        found = outcome_here(node.pool, update_hash)
        if found is None or found["status"] == "Rejected":
            # Who signs is not part of the hash: another's copy may be accepted where this node's was not.
            known = await node.elsewhere(update_hash)
            if known is not None and (found is None or known["status"] == "Accepted"):
                found = known
        return empty(404) if found is None else json_response(found)

    return [
        web.post("/data", post),
        web.get("/data", queued),
        web.post("/data/estimate-fee", estimate_fee),
        web.get("/data/{hash}", outcome),
    ]


async def admit(node: DataNode, body: bytes) -> PaidUpdate:
    """Takes an update in; returns it once it is synced. Raises ``Refusal``."""
    seen = node.global_ordinal(), node.on_chain(), node.balances()
    update = await judged(body, lambda text: submission.judge(text, *seen))
    known = node.pool.known(update.key)
    if known is not None and known.fee != (update.fee_hash or ""):
        raise submission.invalid_update("this update waits here already, with another fee or none")
    if update.key in node.pool.held:
        return update
    if (reason := node.pool.full) is not None:
        raise submission.overloaded(reason)
    item = node.pool.item_of(update.content)
    await node.pool.acknowledge(item, update.to_bytes())
    node.arrived(item)
    return update


def outcome_here(pool: L1Pool, update_hash: str) -> dict[str, Any] | None:
    """What this node knows of an update: what waits is not decided yet, whatever an earlier submission came to."""
    if pool.waiting_of(update_hash):
        return outcome_json(update_hash, "Waiting")
    return decided_json(update_hash, pool.outcomes.of_hash(update_hash))


def decided_json(update_hash: str, outcomes: Sequence[Outcome]) -> dict[str, Any] | None:
    """What an update came to; an acceptance outweighs what copies with other proofs came to."""
    if not outcomes:
        return None
    status = "Accepted" if outcomes[0].accepted else "Rejected"
    return outcome_json(update_hash, status, outcomes[0].ordinal, outcomes[0].reason)


def outcome_json(
    update_hash: str, status: str, ordinal: int | None = None, reason: str | None = None
) -> dict[str, Any]:
    """The body of ``GET /data/{hash}``."""
    return {"hash": update_hash, "status": status, "ordinal": ordinal, "reason": reason}


async def estimate_fee(request: web.Request) -> web.Response:
    """OttoChain has no fee estimator: the fee is 0."""
    try:
        update_hash = await judged(await read(request), submission.unsigned_hash)
    except Refusal as refusal:
        return json_response(refusal.body, refusal.status)
    return json_response({"fee": 0, "updateHash": update_hash})
