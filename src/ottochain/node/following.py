"""Following a layer above: one of its validators at a time, and another one when that falls silent or behind."""

from __future__ import annotations

import json
import logging
from collections.abc import Awaitable, Callable
from typing import Any, Final

import aiohttp

from ottochain.node.feed import FeedError, FeedFollower, Line
from ottochain.node.node import Node
from ottochain.node.upstream import NoValidator, View

log = logging.getLogger(__name__)

ASK_SECONDS: Final = 2.0
ANSWER_BYTES_MAX: Final = 1024 * 1024


def follower_of(node: Node, view: View, apply: Callable[[Line], Awaitable[None]], name: str) -> FeedFollower:
    """Follows the feed of ``name``, one of the layers above, into ``view``. It has still to be run."""

    async def take(line: Line) -> None:
        try:
            await apply(line)
        except NoValidator as error:
            info = await _json_of(node.http, f"{view.parent.url}/node/info")
            if info is not None and info.get("id") != view.parent.id:
                view.is_another()
            raise FeedError(f"waiting until it is a validator: {error}") from error

    async def better() -> str | None:
        return await _one_ahead(node.http, view, name)

    return FeedFollower(
        node.http,
        view.parents.urls,
        lambda: view.position,
        take,
        name=name,
        beat=lambda: node.supervisor.beat(f"follow {name}"),
        on_heard=view.parents.turn_to,
        better=better,
    )


async def _one_ahead(http: aiohttp.ClientSession, view: View, name: str) -> str | None:
    """The parent lives and has nothing new for long: has another one? What that says, its feed must prove."""
    for url in view.parents.urls()[1:]:
        facts = await _json_of(http, f"{url}/ottochain/node")
        ordinal = None if facts is None else facts.get("ordinal")
        if type(ordinal) is int and ordinal > (view.ordinal or 0):
            log.info("%s at %s has fallen behind the one at %s: turning there", name, view.parents.url, url)
            return url
    return None


async def _json_of(http: aiohttp.ClientSession, url: str) -> dict[str, Any] | None:
    """The object at an address; None when there is no such answer, or too long a one."""
    timeout = aiohttp.ClientTimeout(total=ASK_SECONDS)
    try:
        async with http.get(url, timeout=timeout, allow_redirects=False) as response:
            body = await response.content.read(ANSWER_BYTES_MAX) if response.status == 200 else b""
            value = json.loads(body) if response.content.at_eof() else None
    except (aiohttp.ClientError, TimeoutError, OSError, ValueError):
        return None
    return value if isinstance(value, dict) else None
