"""What all routes of a listener have in common: errors, limits, CORS, headers and signatures of the answers."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Final

from aiohttp import web

from ottochain.crypto.keys import PrivateKey
from ottochain.node import peer_auth
from ottochain.node.bodies import PlainRouteFailure, RefinedRouteFailure
from ottochain.node.doorkeeper import BUDGET
from ottochain.node.peer_client import OWN_PREFIX
from ottochain.node.responses import empty, json_response, not_found
from ottochain.node.sessions import NoSession, Sessions
from ottochain.node.webhook_targets import EVENT_HEADER
from ottochain.store.errors import StoreWriteError

log = logging.getLogger(__name__)

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]

_PREFLIGHT_HEADERS: Final = {
    "Access-Control-Allow-Methods": "GET, HEAD, PUT, PATCH, POST, DELETE",
    "Access-Control-Allow-Headers": "*",
    "Access-Control-Max-Age": "86400",
}

RETRY_AFTER_SECONDS: Final = "1"
"""What a client is told with a 503: nothing was taken, and it may come again this soon."""

_FOREIGN_HEADERS: Final = ("Origin", "Sec-Fetch-Site", EVENT_HEADER)


@web.middleware
async def translate_errors(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Turns whatever a handler raises into the answer the reference gives; a traceback goes to the log only."""
    declared = request.content_length
    if declared is not None and declared > request.client_max_size:
        return empty(413)
    try:
        return await handler(request)
    except web.HTTPException as answer:
        return _answer_of(answer)
    except web.RequestPayloadError as fault:  # the body does not come as its headers say, such as no gzip
        log.debug("%s %s: %s", request.method, request.path, fault)
        return empty(400)
    except RefinedRouteFailure as failure:
        return json_response(str(failure), 400) if str(failure) else empty(422)
    except (PlainRouteFailure, NoSession) as failure:
        log.debug("%s %s: %s", request.method, request.path, failure)
        return empty(500)
    except StoreWriteError as failure:  # such as a full disk; what was not written is not acknowledged
        log.error("%s %s is answered 503: %s", request.method, request.path, failure)
        return json_response({"message": "This node can't write to its disk now"}, 503)
    except (ConnectionError, asyncio.CancelledError):
        raise
    except Exception:
        log.exception("%s %s failed", request.method, request.path)
        return empty(500)
    finally:
        request.app[BUDGET].release(request)


def _answer_of(answer: web.HTTPException) -> web.Response:
    if answer.status in (404, 405):
        return not_found()
    return empty(answer.status)


@web.middleware
async def answer_preflight(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Answers a browser's question whether it may ask: any origin, any header, no credentials."""
    if request.method == "OPTIONS" and "Access-Control-Request-Method" in request.headers:
        return web.Response(headers=_PREFLIGHT_HEADERS)
    return await handler(request)


@web.middleware
async def only_operator(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Keeps the operator's listener to the operator: 403 for web pages and webhooks.

    Both reach the loopback interface without the operator's doing, through a browser and through a node.
    """
    if any(name in request.headers for name in _FOREIGN_HEADERS):
        return empty(403)
    return await handler(request)


@dataclass(frozen=True, slots=True)
class Dress:
    """Adds to each answer, last of all, the headers that say whose it is."""

    key: PrivateKey
    sessions: Sessions
    any_origin: bool
    signed: bool

    async def __call__(self, request: web.Request, response: web.StreamResponse) -> None:
        """A handler of aiohttp's ``on_response_prepare``: status, body and the other headers are final here.

        A streamed answer is not signed: its content carries its own certificates.
        """
        headers = response.headers
        headers.popall("Server", None)
        if response.status == 503:
            headers.setdefault("Retry-After", RETRY_AFTER_SECONDS)
        if self.any_origin:
            headers["Access-Control-Allow-Origin"] = "*"
        headers[peer_auth.ID_HEADER] = self.key.peer_id
        if not self.signed:
            return
        if self.sessions.own is not None:
            headers[peer_auth.SESSION_HEADER] = str(self.sessions.own)
        body = response.body if isinstance(response, web.Response) else None
        if not isinstance(response, web.Response) or not isinstance(body, bytes | None):
            return
        if not body and response.status == 200 and request.path.startswith(OWN_PREFIX):
            return
        message = peer_auth.response_bytes(response.status, headers.items(), body or b"")
        headers[peer_auth.SIGNATURE_HEADER] = peer_auth.sign(message, self.key)
