"""Requests to every public route and every route of the operator, almost as they should be.

The routes are those that the page on the HTTP API lists; another test says that it lists all.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final
from urllib.parse import quote

import httpx
from hypothesis import strategies as st
from tests.fuzz.mutations import MONSTERS, inputs
from tests.fuzz.targets import CHANGE, DELIVERIES, REGISTRATION, SUBMITTED, TOKEN_BLOCKS, UNSIGNED, wire
from tests.network.stack import Stack

from layers.metagraph import ALICE, BOB, METAGRAPH, block, create, fiber_id
from ledger.kit import allow, lock, message, pay

PAGE: Final = Path(__file__).parents[2] / "docs" / "guide" / "http-api.md"
_ROW: Final = re.compile(r"^\| `(GET|POST|DELETE) (/\S*)` \| ([\w, ]+) \|", re.MULTILINE)
_LISTENERS: Final = {"The operator's listener": "cli", "Between nodes": "p2p"}
LAYERS: Final = ("gl0", "ml0", "cl1", "dl1")

LEFT_OUT: Final = frozenset({"/ottochain/feed", "/ottochain/link", "/cluster/leave"})
"""Two are streams, and one does what it says."""


EXPECTED: Final = frozenset(
    {200, 201, 204, 206, 400, 401, 403, 404, 408, 409, 411, 413, 414, 415, 416, 417, 422, 431, 500, 503}
)
"""500 stands for a body that is none, where the reference's decoder answers so; a fault of ours is in the log."""


@dataclass(frozen=True, slots=True)
class Route:
    """A route of one layer's node."""

    node: str
    listener: str
    method: str
    path: str

    def __str__(self) -> str:
        return f"{self.node} {self.listener} {self.method} {self.path}"


@dataclass(frozen=True, slots=True)
class Request:
    """What is sent."""

    route: Route
    path: str
    body: bytes
    headers: Mapping[str, str]


def routes() -> list[Route]:
    """All that are tried, in the order of the page. On p2p a stranger asks: what is open to anybody is read, too."""
    found = []
    for section in re.split(r"^## ", PAGE.read_text(), flags=re.MULTILINE)[1:]:
        listener = _LISTENERS.get(section.partition("\n")[0], "public")
        for method, path, layers in _ROW.findall(section):
            names = LAYERS if layers == "all" else layers.split(", ")
            found += [Route(name, listener, method, path) for name in names if path not in LEFT_OUT]
    return found


SAMPLES: Final[Mapping[str, tuple[bytes, ...]]] = {
    "/data": SUBMITTED,
    "/data/estimate-fee": UNSIGNED,
    "/data-application/v1/util/hash": SUBMITTED,
    "/data-application/v1/webhooks/subscribe": wire({"callbackUrl": "http://127.0.0.1:9/x", "secret": "s"}),
    "/transactions": wire(pay(ALICE, BOB, 1)),
    "/transactions/estimate-fee": wire(pay(ALICE, BOB, 1)),
    "/allow-spends": wire(allow(ALICE)),
    "/token-locks": wire(lock(ALICE)),
    "/currency/message": wire(message("Owner", ALICE, 0, ALICE, BOB)),
    "/currency/l1-data-output": (block(1, [create(1)]).wire,),
    "/currency/l1-output": TOKEN_BLOCKS,
    "/currency/l1-allow-spend-output": TOKEN_BLOCKS,
    "/currency/l1-token-lock-output": TOKEN_BLOCKS,
    "/state-channels/{address}/snapshot": DELIVERIES,
    "/cluster/join": (
        *wire({"id": ALICE.peer_id, "ip": "127.0.0.1", "p2pPort": 1}),
        REGISTRATION,
        b'{"registrationRequest":%b}' % REGISTRATION,
    ),
    "/registration/sign": wire({"value": fiber_id(1)}),
    "/ottochain/validators": wire(CHANGE),
}  # fmt: skip
_NAMES: Final = st.text(min_size=1, max_size=12) | st.sampled_from(
    [
        *("0", "1", "-1", "01", "1e3", "9" * 30, "٣", "latest", "..", "%00", "%2e%2e%2f", "%ff", " ", "é", "{", "💥"),
        *("a" * 64, "A" * 64, "a" * 3000, create(1).hash, fiber_id(1), ALICE.address, METAGRAPH),
    ]
)
_QUERIES: Final = st.text(max_size=10) | st.sampled_from(
    [
        *("", "", "", "full", "full=x", "status=ACTIVE", "status=", "status=%ff", "first=0", "first=-1", "first=9e9"),
        "a=" + "b" * 3000,
    ]
)
_HEADERS: Final = st.dictionaries(
    st.sampled_from(
        ["Accept", "Content-Type", "Content-Encoding", "Origin", "X-Id", "X-Session-Token", "Expect", "Range"]
    ),
    st.sampled_from(
        ["", "*/*", "application/json", "text/html;q=x", "gzip", "br", "identity", "0", "9" * 20, "bytes=0-1"]
    ),
    max_size=2,
)


@st.composite
def requests(draw: st.DrawFn, route: Route) -> Request:
    """A request to a route, sound or broken in its path, its query, its headers or its body."""

    def chosen(_: Any) -> str:
        return quote(draw(_NAMES), safe="%")

    path = re.sub(r"\{\w+\}", chosen, route.path)
    query = quote(draw(_QUERIES), safe="=&%")
    body = draw(inputs(SAMPLES.get(route.path, tuple(MONSTERS[2:5])))) if route.method == "POST" else b""
    headers = {"Content-Type": "application/json"} if draw(st.booleans()) else draw(_HEADERS)
    return Request(route, f"{path}?{query}" if query else path, body, headers)


def problem_of(stack: Stack, request: Request) -> str | None:
    """Send it; what is wrong with the answer, if anything is."""
    route = request.route
    before = len(stack.log(route.node))
    url = stack.url(route.node, request.path, route.listener)
    try:
        answer = stack.http.request(route.method, url, content=request.body or None, headers=dict(request.headers))
    except httpx.TimeoutException:
        return f"{route}: no answer within {stack.http.timeout.read} s to {request}"
    except httpx.TransportError:
        return None  # refused while it was still being sent; whether the node lives is seen in the end
    if "Traceback" in stack.log(route.node)[before:]:
        return f"{route}: a fault of ours ({answer.status_code}) for {request}"
    if answer.status_code == 500 and route.method != "POST":
        return f"{route}: 500 for {request}"
    if answer.status_code not in EXPECTED:
        return f"{route}: {answer.status_code} for {request}"
    return None
