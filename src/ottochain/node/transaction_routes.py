"""CL1's doors for transactions, allow-spends and token locks, and what it tells of them.

``200`` is answered when the item is synced to this node's disk, and not a byte earlier. Source: Tessellation,
``dag-l1/http/Routes.scala``, ``AllowSpendRoutes`` and ``TokenLockRoutes``.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, Final, Protocol

from aiohttp import web

from ottochain.crypto.addresses import is_valid_address
from ottochain.ledger.items import SignedItem
from ottochain.ledger.reasons import Reason, reason
from ottochain.model.errors import ModelError
from ottochain.node.address_book import Book
from ottochain.node.bodies import PlainRouteFailure, judged, read
from ottochain.node.cl1_cargo import Kind
from ottochain.node.currency_view import CurrencyView
from ottochain.node.l1_pool import L1Pool
from ottochain.node.responses import empty, json_response, not_found

ADDRESS_ITEMS_MAX: Final = 1_000
"""Undecided items of one address on one node; it is answered 503 above that."""

_HASH: Final = re.compile(r"[0-9a-f]{64}").fullmatch


class TransactionNode(Protocol):
    """What the routes ask of CL1."""

    pool: L1Pool
    metagraph_id: str

    @property
    def books(self) -> Mapping[str, Book]:
        """What is known of addresses, by the paths of the kinds."""

    def currency(self) -> CurrencyView | None:
        """The tokens in the newest ML0 snapshot heard of."""


def transaction_routes(node: TransactionNode) -> list[web.RouteDef]:
    """The routes of CL1's public listener."""
    return [route for book in node.books.values() for route in _routes(node, book)]


def _routes(node: TransactionNode, book: Book) -> list[web.RouteDef]:
    kind = book.kind

    async def post(request: web.Request) -> web.Response:
        item, faults = await judged(await read(request), lambda body: _sound(kind, body))
        if faults:
            return _refused(*(reason("NonContextualValidationError", error=fault) for fault in faults))
        currency = node.currency()
        if currency is None:
            return _busy("Node is not ready yet")
        if (full := node.pool.full) is not None:
            return _busy(f"Too many items are waiting: {full}")
        if book.undecided(item.source) >= ADDRESS_ITEMS_MAX:
            return _busy(f"Too many items of {item.source} are waiting on this node")
        refused = await book.take(item, currency, node.metagraph_id)
        return json_response({"hash": item.hash}) if refused is None else _refused(refused)

    async def waiting(request: web.Request) -> web.Response:
        item_hash = request.match_info["hash"]
        if not _HASH(item_hash):
            return not_found()
        item = book.waiting(item_hash)
        if item is None:
            return empty(404)
        return json_response({"transaction": item.value.to_json(), "hash": item.hash, "status": "Waiting"})

    async def last_reference(request: web.Request) -> web.Response:
        address, currency = request.match_info["address"], node.currency()
        if not is_valid_address(address):
            return not_found()
        if currency is None:
            return _busy("Node is not ready yet")
        return json_response(book.pool_of(address, currency).last_reference.to_json())

    return [
        web.post(f"/{kind.path}", post),
        web.get(f"/{kind.path}/{{hash}}", waiting),
        web.get(f"/{kind.path}/last-reference/{{address}}", last_reference),
    ]


def _sound(kind: Kind[Any], body: bytes) -> tuple[SignedItem[Any], list[Reason]]:
    """The item of a body, and what is wrong with it by itself."""
    try:
        item = kind.decode(body)
    except ModelError as error:
        raise PlainRouteFailure(str(error)) from error
    return item, kind.faults(item)


def _refused(*reasons: Reason) -> web.Response:
    return json_response({"errors": [{"message": str(each)} for each in reasons]}, 400)


def _busy(message: str) -> web.Response:
    return json_response({"message": message}, 503)
