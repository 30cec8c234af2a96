"""OttoChain's own routes, mounted under ``/data-application/v1`` on the public listeners of ML0 and DL1.

Source: OttoChain, ``ML0CustomRoutes.scala`` and ``DataL1CustomRoutes.scala``.
"""

from __future__ import annotations

import platform
from collections.abc import Awaitable, Callable, Mapping
from typing import Any, Final, Protocol

from aiohttp import web

from ottochain.codec import exact_json
from ottochain.codec.errors import JsonError
from ottochain.fibers.messages import encode_message
from ottochain.fibers.receipts import EventReceipt, LogEntry, ScriptInvocation
from ottochain.fibers.records import FiberRecord
from ottochain.fibers.state import FiberState, OnChain
from ottochain.fibers.uuids import decode_uuid
from ottochain.model.versions import APPLICATION_VERSION, ENGINE_VERSION, TESSELLATION_VERSION
from ottochain.node import submission
from ottochain.node.bodies import DEPTH_MAX, judged, read
from ottochain.node.responses import empty, json_bytes, json_response, not_found
from ottochain.node.webhooks import Webhooks, subscription

PREFIX: Final = "/data-application/v1"
STATUSES: Final = frozenset({"ACTIVE", "ARCHIVED", "FAILED"})

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


class DataState(Protocol):
    """What ML0's routes read: the state at the head of its chain."""

    def head_ordinal(self) -> int:
        """The newest ordinal; 0 at genesis."""

    def fiber_state(self) -> FiberState:
        """The state that snapshot left."""


def ml0_routes(data: DataState, webhooks: Callable[[], Webhooks]) -> list[web.RouteDef]:
    """The routes of ML0. ``webhooks`` is asked at each request: the service makes it when it starts."""

    async def on_chain(_: web.Request) -> web.Response:
        return json_response(data.fiber_state().on_chain.to_json())

    async def checkpoint(_: web.Request) -> web.Response:
        state = data.fiber_state().calculated.to_json()
        return json_response({"ordinal": data.head_ordinal(), "state": state})

    def collection(kind: str) -> list[web.RouteDef]:
        is_script = kind == "oracles"

        def records() -> Mapping[str, FiberRecord]:
            calculated = data.fiber_state().calculated
            return calculated.scripts if is_script else calculated.state_machines

        async def listed(request: web.Request) -> web.Response:
            status = request.query.get("status")
            if status is not None and status not in STATUSES:
                return not_found()
            return json_response(
                {key: r.to_json() for key, r in records().items() if status is None or r.status == status}
            )

        async def one(request: web.Request) -> web.Response:
            fiber_id = fiber_id_in(request)
            if fiber_id is None:
                return not_found()
            record = records().get(fiber_id)
            return json_response(None if record is None else record.to_json())

        async def logged(request: web.Request) -> web.Response:
            fiber_id = fiber_id_in(request)
            if fiber_id is None:
                return not_found()
            wanted = ScriptInvocation if is_script else EventReceipt
            entries: tuple[LogEntry, ...] = data.fiber_state().on_chain.latest_logs.get(fiber_id, ())
            return json_response([entry.to_json() for entry in entries if isinstance(entry, wanted)])

        return [
            web.get(f"{PREFIX}/{kind}", listed),
            web.get(f"{PREFIX}/{kind}/{{id}}", one),
            web.get(f"{PREFIX}/{kind}/{{id}}/{'invocations' if is_script else 'events'}", logged),
        ]

    async def subscribe(request: web.Request) -> web.Response:
        wanted = subscription(await json_or_none(request))
        if isinstance(wanted, str):
            return json_response({"error": wanted}, 400)
        try:
            subscriber = await webhooks().subscribe(*wanted)
        except OverflowError as error:
            return json_response({"error": str(error)}, 503)
        shown = subscriber.shown()
        return json_response({name: shown[name] for name in ("id", "callbackUrl", "createdAt")}, 201)

    async def unsubscribe(request: web.Request) -> web.Response:
        if await webhooks().unsubscribe(request.match_info["id"]):
            return empty(204)
        return json_response({"error": "Subscriber not found"}, 404)

    async def subscribers(_: web.Request) -> web.Response:
        return json_response({"subscribers": webhooks().listed()})

    return [
        *_shared_routes("ottochain-ml0", on_chain),
        web.get(f"{PREFIX}/checkpoint", checkpoint),
        *collection("state-machines"),
        *collection("oracles"),
        web.post(f"{PREFIX}/webhooks/subscribe", subscribe),
        web.delete(f"{PREFIX}/webhooks/subscribe/{{id}}", unsubscribe),
        web.get(f"{PREFIX}/webhooks/subscribers", subscribers),
    ]


def dl1_routes(on_chain: Callable[[], OnChain | None]) -> list[web.RouteDef]:
    """The routes of DL1. ``on_chain`` is what it follows; None before the first snapshot."""

    async def shown(_: web.Request) -> web.Response:
        state = on_chain()
        if state is None:
            return json_response("No currency snapshot available", 400)
        return json_response(state.to_json())

    return _shared_routes("ottochain-dl1", shown)


def _shared_routes(service: str, on_chain: Handler) -> list[web.RouteDef]:
    body = {
        "service": service,
        "version": APPLICATION_VERSION,
        "name": "ottochain",
        "scalaVersion": None,
        "sbtVersion": None,
        "gitCommit": None,
        "buildTime": None,
        "tessellationVersion": TESSELLATION_VERSION,
        "engineVersion": ENGINE_VERSION,
        "pythonVersion": platform.python_version(),
    }

    async def version(_: web.Request) -> web.Response:
        return json_response(body)

    return [
        web.get(f"{PREFIX}/version", version),
        web.post(f"{PREFIX}/util/hash", hash_of_message),
        web.get(f"{PREFIX}/onchain", on_chain),
    ]


async def hash_of_message(request: web.Request) -> web.Response:
    """The hash that a signature of this message is over, and the message as the server encodes it."""
    try:
        update = await judged(await read(request), submission.signed_message)
    except submission.Refusal as refusal:
        return json_response(refusal.body, refusal.status)
    body = {"protocol message hash": update.hash, "protocol message": encode_message(update.message)}
    return json_bytes(exact_json.dumps(body))


def fiber_id_in(request: web.Request) -> str | None:
    """The UUID in the path, lower case; None where the path holds none, so that the route does not match."""
    return decode_uuid(request.match_info["id"])


async def json_or_none(request: web.Request) -> Any:
    """The body, or None when it is no JSON."""
    try:
        return exact_json.loads(await read(request), max_depth=DEPTH_MAX)
    except JsonError:
        return None
