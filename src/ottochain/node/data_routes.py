"""``/data``: how updates come in at DL1, and how a client asks what became of one.

``200`` is answered when the update is synced to this node's disk, and not a byte earlier.
"""

from __future__ import annotations

import re
from collections.abc import Awaitable, Sequence
from typing import Any, Final, Protocol

from aiohttp import web

from ottochain.codec import exact_json
from ottochain.codec.errors import JsonError
from ottochain.consensus.l1_items import Item
from ottochain.fibers.errors import DecodeError
from ottochain.fibers.messages import decode_message
from ottochain.fibers.state import OnChain
from ottochain.fibers.updates import SignedUpdate
from ottochain.fibers.validation import validate_l1
from ottochain.node import submission
from ottochain.node.bodies import DEPTH_MAX, read
from ottochain.node.l1_pool import L1Pool
from ottochain.node.responses import empty, json_bytes, json_response
from ottochain.node.submission import Refusal
from ottochain.store.outcomes import Outcome

POOL_ITEMS_MAX: Final = 50_000
"""Undecided updates on one node; above it new ones are answered 503."""

_HASH: Final = re.compile(r"[0-9a-f]{64}").fullmatch


class DataNode(Protocol):
    """What the routes ask of DL1."""

    pool: L1Pool

    def global_ordinal(self) -> int | None:
        """The newest GL0 ordinal heard of."""

    def on_chain(self) -> OnChain | None:
        """The on-chain state of the newest ML0 snapshot heard of."""

    def arrived(self, item: Item) -> None:
        """A client's update is durable: let the core have it."""

    def elsewhere(self, update_hash: str) -> Awaitable[dict[str, Any] | None]:
        """What ML0 says of an update that this node knows nothing of."""


def data_routes(node: DataNode) -> list[web.RouteDef]:
    """The routes of DL1's public listener under ``/data``."""

    async def post(request: web.Request) -> web.Response:
        try:
            return json_response({"hash": await admit(node, await read(request)), "feeHash": None})
        except Refusal as refusal:
            return json_response(refusal.body, refusal.status)

    async def queued(_: web.Request) -> web.Response:
        return json_bytes(b"[%b]" % b",".join(node.pool.groups()))

    async def outcome(request: web.Request) -> web.Response:
        update_hash = request.match_info["hash"]
        if not _HASH(update_hash):
            return empty(404)
        found = outcome_here(node.pool, update_hash) or await node.elsewhere(update_hash)
        return empty(404) if found is None else json_response(found)

    return [
        web.post("/data", post),
        web.get("/data", queued),
        web.post("/data/estimate-fee", estimate_fee),
        web.get("/data/{hash}", outcome),
    ]


async def admit(node: DataNode, body: bytes) -> str:
    """Takes an update in; returns its hash once it is synced. Raises ``Refusal``.

    The order of the checks is the reference's: decode, snapshots known, validity, signatures.
    """
    message, update = submission.decode_submission(body)
    on_chain = submission.check_snapshots(node.global_ordinal(), node.on_chain())
    submission.check_valid(validate_l1(on_chain, message))
    update = submission.check_signed(update)
    if update.key in node.pool.held:
        return update.hash
    if len(node.pool) >= POOL_ITEMS_MAX:
        raise submission.overloaded(len(node.pool), POOL_ITEMS_MAX)
    item = node.pool.item_of(update)
    await node.pool.acknowledge(item, exact_json.dumps(update.to_json()))
    node.arrived(item)
    return update.hash


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
        message = decode_message(exact_json.loads(await read(request), max_depth=DEPTH_MAX))
        update_hash = SignedUpdate.of(message, ()).hash
    except (JsonError, DecodeError) as error:
        detail = error.detail if isinstance(error, DecodeError) else str(error)
        body = {"code": 3, "message": "Invalid request body", "retriable": False, "details": {"reason": detail}}
        return json_response(body, 500)
    return json_response({"fee": 0, "updateHash": update_hash})
