"""Reads request bodies: bounded in size, time and depth, exact in numbers.

The reference has two kinds of routes. With the *plain* decoder an unreadable body escapes as an exception and becomes
500 without a body. With the *refined* one it becomes 400 with the decoder's words, or 422 when there is nothing to say.
Source: Tessellation, ``ext/http4s/refined.scala``; http4s, Ember server.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any, Final, TypeVar

from aiohttp import web

from ottochain.codec import exact_json
from ottochain.codec.errors import JsonError
from ottochain.node.doorkeeper import BUDGET

DEPTH_MAX: Final = 512
"""Deepest nesting of a body; far above any that an application needs."""

READ_SECONDS: Final = 30.0
"""A body must have arrived by then."""

HEAVY_BYTES: Final = 32 * 1024
"""Judging a longer body may take seconds: it is done aside, one at a time, while the node goes on."""

_aside: Final = ThreadPoolExecutor(max_workers=1, thread_name_prefix="heavy-body")

T = TypeVar("T")


class UnreadableBody(Exception):  # noqa: N818  one family with two answers
    """The body is not what the route takes."""


class PlainRouteFailure(UnreadableBody):
    """Becomes 500 without a body."""


class RefinedRouteFailure(UnreadableBody):
    """Becomes 400 with the words, or 422 without any."""


async def read(request: web.Request) -> bytes:
    """The whole body. Raises aiohttp's 413 beyond the listener's limit, 408 when it does not come, and 503 when the
    listener holds too many already."""
    if not request.body_exists:
        return b""
    length, most = request.content_length, request.client_max_size
    request.app[BUDGET].claim(request, most if length is None else min(length, most))
    try:
        async with asyncio.timeout(READ_SECONDS):
            return await request.read()
    except TimeoutError:
        raise web.HTTPRequestTimeout from None


async def judged(body: bytes, judge: Callable[[bytes], T]) -> T:
    """What ``judge`` says of a body; it must be pure. Raises what it raises."""
    if len(body) <= HEAVY_BYTES:
        return judge(body)
    return await asyncio.get_running_loop().run_in_executor(_aside, judge, body)


async def plain_json(request: web.Request, *, depth_max: int = DEPTH_MAX) -> Any:
    """The exact value of a body. Raises ``PlainRouteFailure``."""
    try:
        return exact_json.loads(await read(request), max_depth=depth_max)
    except JsonError as error:
        raise PlainRouteFailure(str(error)) from error


async def refined_json(request: web.Request, *, depth_max: int = DEPTH_MAX) -> Any:
    """The exact value of a body. Raises ``RefinedRouteFailure``; without words when there is no body at all."""
    body = await read(request)
    if not body:
        raise RefinedRouteFailure
    try:
        return exact_json.loads(body, max_depth=depth_max)
    except JsonError as error:
        raise RefinedRouteFailure(str(error)) from error
