"""CL1: takes in what moves tokens, and brings it into ML0's snapshots in blocks that enough of its nodes hold.

Source: Tessellation, ``CurrencyL1App.scala``. The three kinds of items go their ways side by side, each with a core of
its own; the balances that they draw on are one, and ML0's word on it is the last.
"""

from __future__ import annotations

from functools import partial

from aiohttp import web

from ottochain.codec.wire import json_hash
from ottochain.ledger.references import Reference
from ottochain.node.address_book import AddressBook, Book
from ottochain.node.cl1_cargo import KINDS, ItemCargo, basis_of
from ottochain.node.currency_view import CurrencyView
from ottochain.node.l1_blocks import L1BlockService
from ottochain.node.listeners import ListenerName
from ottochain.node.node import Node
from ottochain.node.transaction_routes import transaction_routes
from ottochain.node.upstream import News


def create(node: Node) -> CurrencyL1Service:
    """The service of a CL1 node."""
    return CurrencyL1Service(node)


class CurrencyL1Service(L1BlockService):
    """The pool, the blocks, and the routes of transactions, allow-spends and token locks."""

    def __init__(self, node: Node) -> None:
        super().__init__(node)
        initial = Reference(0, json_hash(self.metagraph_id))
        self.books: dict[str, Book] = {
            kind.path: AddressBook(kind, self.new_lane(ItemCargo(kind)), self.pool, initial) for kind in KINDS
        }

    def routes(self, listener: ListenerName) -> list[web.RouteDef]:
        """Adds the doors of the three kinds of items."""
        routes = super().routes(listener)
        return [*routes, *transaction_routes(self)] if listener == "public" else routes

    def currency(self) -> CurrencyView | None:
        """The tokens in the newest ML0 snapshot heard of."""
        return self.metagraph.currency

    def boot_lanes(self) -> None:
        """Which items follow, and what blocks stand on, ML0 tells: the cores begin with its first word of it."""

    def take_news(self, keys: tuple[str, ...], news: News) -> None:
        """Decisions, references that moved, and new tips."""
        for book in self.books.values():
            lane = book.lane
            if news.tokens is None or not lane.booted:
                lane.decided(keys, {})
                continue
            ordinals = news.tokens.ordinals[book.kind.chains]
            sequences = {book.kind.fiber_of(address): ordinal for address, ordinal in ordinals.items()}
            lane.decided(keys, sequences, None if news.tokens.tips is None else basis_of(news.tokens.tips))
        currency = self.currency()
        if currency is not None:
            for book in self.books.values():
                if not book.lane.booted:
                    self.boot_lane(book.lane, partial(book.sequences_of, currency=currency), basis_of(currency.tips))
