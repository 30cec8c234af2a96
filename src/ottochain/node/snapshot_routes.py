"""The snapshot routes of an L0 layer, on its public and p2p listeners.

Source: Tessellation, ``SnapshotRoutes.scala``: available in state Ready only (503 otherwise); whole snapshots want an
``Accept`` header that JSON satisfies (415 otherwise).
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Protocol

from aiohttp import web

from ottochain.node.responses import empty, json_bytes, json_response
from ottochain.store.chain import Chain

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]

NOT_READY = b'{"message":"Node is not ready yet"}'


class SnapshotSource(Protocol):
    """What the routes ask of their layer."""

    @property
    def ready(self) -> bool:
        """Is the node in state Ready?"""

    def head_reference(self) -> tuple[int, str, str] | None:
        """Ordinal, hash and parent hash of the newest incremental snapshot."""

    def latest_signed(self) -> bytes | None:
        """Wire JSON of the newest signed incremental snapshot."""

    def latest_info(self) -> bytes | None:
        """Wire JSON of the state beside it."""


def snapshot_routes(prefix: str, chain: Chain, source: SnapshotSource, *, full: bool) -> list[web.RouteDef]:
    """The routes under ``/{prefix}``. ``full``: the layer serves its full genesis under ``?full`` (GL0 only)."""

    def gated(handler: Callable[[web.Request], web.Response]) -> Handler:
        async def answer(request: web.Request) -> web.StreamResponse:
            if not source.ready:
                return json_bytes(NOT_READY, 503)
            return handler(request)

        return answer

    def whole(signed: bytes | None, request: web.Request) -> web.Response:
        if not accepts_json(request):
            return empty(415)
        return empty(404) if signed is None else json_bytes(signed)

    def latest_ordinal(_: web.Request) -> web.Response:
        head = source.head_reference()
        return empty(404) if head is None else json_bytes(b'{"value":%d}' % head[0])

    def latest_metadata(_: web.Request) -> web.Response:
        head = source.head_reference()
        if head is None:
            return empty(404)
        ordinal, snapshot_hash, parent = head
        return json_response({"ordinal": ordinal, "hash": snapshot_hash, "lastSnapshotHash": parent})

    def latest(request: web.Request) -> web.Response:
        return whole(source.latest_signed(), request)

    def combined(request: web.Request) -> web.Response:
        signed, info = source.latest_signed(), source.latest_info()
        return whole(None if signed is None or info is None else b"[%b,%b]" % (signed, info), request)

    def one(request: web.Request) -> web.Response:
        name = request.match_info["name"]
        if name.isascii() and name.isdigit():
            ordinal = int(name) if len(name) < 20 else -1
            if "full" in request.query:
                genesis = chain.at(0) if full and ordinal == 0 else None
                return whole(None if genesis is None else genesis.signed, request)
            found = chain.at(ordinal) if 0 < ordinal < 2**63 else None
        else:
            found = chain.by_hash(name)
            if found is not None and found.ordinal == 0:
                found = None
        return whole(None if found is None else found.signed, request)

    def hash_of(request: web.Request) -> web.Response:
        name = request.match_info["ordinal"]
        found = chain.hash_at(int(name)) if len(name) < 19 else None
        return empty(404) if found is None else json_response(found)

    return [
        web.get(f"/{prefix}/latest/ordinal", gated(latest_ordinal)),
        web.get(f"/{prefix}/latest/metadata", gated(latest_metadata)),
        web.get(f"/{prefix}/latest/combined", gated(combined)),
        web.get(f"/{prefix}/latest", gated(latest)),
        web.get(f"/{prefix}/{{ordinal:[0-9]+}}/hash", gated(hash_of)),
        web.get(f"/{prefix}/{{name}}", gated(one)),
    ]


def accepts_json(request: web.Request) -> bool:
    """Does the request's ``Accept`` allow JSON? Without the header: no (Tessellation, ``negotiation.scala``)."""
    accepted = request.headers.getall("Accept", [])
    weights = dict(_weighed(part) for line in accepted for part in line.split(","))
    named = [weights[kind] for kind in ("application/json", "application/*", "*/*") if kind in weights]
    return bool(named) and named[0] > 0  # the most specific one counts


def _weighed(part: str) -> tuple[str, float]:
    """One media range of an ``Accept`` header, and its weight: 0 says that it is not wanted."""
    kind, *parameters = (each.strip().lower() for each in part.split(";"))
    for parameter in parameters:
        name, _, value = parameter.partition("=")
        if name.strip() == "q":
            try:
                return kind, float(value)
            except ValueError:
                break
    return kind, 1.0
