"""The few shapes in which a node answers."""

from __future__ import annotations

from typing import Any, Final

import orjson
from aiohttp import web

from ottochain.codec import exact_json

JSON_TYPE: Final = "application/json"
TEXT_TYPE: Final = "text/plain; charset=UTF-8"


def json_response(value: Any, status: int = 200) -> web.Response:
    """A JSON body, members in their order, numbers with all their digits."""
    try:
        body = orjson.dumps(value)
    except orjson.JSONEncodeError:
        body = exact_json.dumps(value)
    return json_bytes(body, status)


def json_bytes(body: bytes, status: int = 200) -> web.Response:
    """A JSON body that is encoded already."""
    return web.Response(body=body, status=status, headers={"Content-Type": JSON_TYPE})


def text_response(text: str, status: int = 200) -> web.Response:
    return web.Response(body=text.encode(), status=status, headers={"Content-Type": TEXT_TYPE})


def empty(status: int = 200) -> web.Response:
    """No body and no content type; how the reference answers most refusals."""
    return web.Response(status=status)


def not_found() -> web.Response:
    """The answer to a path that nobody serves."""
    return text_response("Not found", 404)
