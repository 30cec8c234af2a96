"""Balances, supply and the number of wallets, under ``/dag`` at GL0 and ``/currency`` at ML0.

Source: Tessellation, ``WalletRoutes.scala``: 404 without a body while there is no snapshot; no check of the node's
state.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

from aiohttp import web

from ottochain.crypto.addresses import is_valid_address
from ottochain.ledger.supply import total_supply, wallet_count
from ottochain.node.responses import empty, json_response, not_found

Head = Callable[[], tuple[int, Mapping[str, int]] | None]
"""The newest snapshot's ordinal and balances; None while there is no snapshot."""


def wallet_routes(prefix: str, head: Head) -> list[web.RouteDef]:
    """The three routes under ``/{prefix}``."""

    async def balance(request: web.Request) -> web.Response:
        address, known = request.match_info["address"], head()
        if not is_valid_address(address):
            return not_found()
        if known is None:
            return empty(404)
        ordinal, balances = known
        return json_response({"balance": balances.get(address, 0), "ordinal": ordinal})

    async def supply(_: web.Request) -> web.Response:
        known = head()
        return empty(404) if known is None else json_response({"total": total_supply(known[1]), "ordinal": known[0]})

    async def wallets(_: web.Request) -> web.Response:
        known = head()
        return empty(404) if known is None else json_response({"count": wallet_count(known[1]), "ordinal": known[0]})

    return [
        web.get(f"/{prefix}/{{address}}/balance", balance),
        web.get(f"/{prefix}/total-supply", supply),
        web.get(f"/{prefix}/wallet-count", wallets),
    ]
