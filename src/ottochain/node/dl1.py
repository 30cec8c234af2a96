"""DL1: takes updates in, and brings them into ML0's snapshots in blocks that enough of its nodes hold.

Source of the routes: Tessellation, ``CurrencyL1App.scala`` with a data application; of the block rounds:
``consensus/l1_block.py``.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

import aiohttp
from aiohttp import web

from ottochain.codec import exact_json
from ottochain.consensus.l1_effects import KeepItems, L1Validate, L1Validated, Submit
from ottochain.consensus.l1_items import Block, Item
from ottochain.crypto.proofs import Proof
from ottochain.fibers.state import OnChain
from ottochain.model.json_text import array_text, object_text
from ottochain.model.signed import signed_text
from ottochain.node.data_routes import data_routes
from ottochain.node.l1_blocks import L1BlockService
from ottochain.node.l1_lane import Contents, round_id_of
from ottochain.node.l1_pool import Content
from ottochain.node.l1_shell import L1Shell
from ottochain.node.listeners import ListenerName
from ottochain.node.node import Node
from ottochain.node.ottochain_routes import dl1_routes
from ottochain.node.paid_updates import PaidUpdate, fee_hash_of, group_of
from ottochain.node.upstream import News

ASK_SECONDS: Final = 3.0
ITEMS_PER_BLOCK_MAX: Final = 256


def create(node: Node) -> DataL1Service:
    """The service of a DL1 node."""
    return DataL1Service(node)


class UpdateCargo:
    """Updates, in the reference's data blocks."""

    name = ""
    door = "/currency/l1-data-output"
    items_max = ITEMS_PER_BLOCK_MAX

    def owns(self, item: Item) -> bool:
        """There are no others here."""
        return True

    def read(self, raw: bytes) -> tuple[Content, bytes] | None:
        """The update of its wire JSON, with its fee, when their proofs verify."""
        paid = PaidUpdate.from_bytes(raw)
        return None if paid is None else (paid.content, paid.to_bytes())

    def text(self, block: Block, contents: Contents) -> str | None:
        """The hash over the hashes of the updates."""
        return block.text()

    def name_at_ml0(self, block: Block, text: str | None) -> str:
        """Its round id."""
        return round_id_of(block.id())

    def wire(self, ask: Submit, contents: Contents) -> bytes:
        """The signed data block as ML0 takes it."""
        items = ask.block.items
        value = [
            ("roundId", exact_json.dumps(round_id_of(ask.block.id()))),
            ("dataTransactions", array_text(group_of(contents(item.key) or b"") for item in items)),
            ("dataTransactionsHashes", exact_json.dumps([item.hashes() for item in items])),
            ("after", exact_json.dumps({item.key: item.after for item in items if item.after})),
        ]
        proofs = [Proof(signature.id, signature.signature) for signature in ask.signatures]
        return signed_text(object_text(value), proofs)


class DataL1Service(L1BlockService):
    """The pool, the blocks, and the routes of ``/data``."""

    def __init__(self, node: Node) -> None:
        super().__init__(node)
        self.lane = self.new_lane(UpdateCargo())

    fee_of = staticmethod(fee_hash_of)

    @property
    def shell(self) -> L1Shell:
        """The shell of the core that makes blocks."""
        return self.lane.shell

    def routes(self, listener: ListenerName) -> list[web.RouteDef]:
        """Adds ``/data`` and OttoChain's routes."""
        routes = super().routes(listener)
        return [*routes, *data_routes(self), *dl1_routes(self.on_chain)] if listener == "public" else routes

    def boot_lanes(self) -> None:
        """An update says itself what it follows: the core can begin before ML0 is heard."""
        self.boot_lane(self.lane, self.metagraph.sequences_of)

    def take_news(self, keys: tuple[str, ...], news: News) -> None:
        """Decisions, and sequences that moved."""
        self.lane.decided(keys, news.sequences)

    # What the routes ask.

    def global_ordinal(self) -> int | None:
        """The newest GL0 ordinal heard of."""
        return self.global_view.ordinal

    def on_chain(self) -> OnChain | None:
        """The newest on-chain state heard of."""
        return self.metagraph.on_chain

    def balances(self) -> Mapping[str, int] | None:
        """The balances in the newest ML0 snapshot heard of."""
        return None if self.metagraph.currency is None else self.metagraph.currency.balances

    def arrived(self, item: Item) -> None:
        """A client's update is durable."""
        self.lane.arrived(item)

    async def keep(self, ask: KeepItems) -> None:
        """As the lane does."""
        await self.lane.keep(ask)

    def validate(self, ask: L1Validate) -> L1Validated:
        """As the lane does."""
        return self.lane.validate(ask)

    async def elsewhere(self, update_hash: str) -> dict[str, Any] | None:
        """Asks ML0, which remembers every outcome."""
        url = f"{self.metagraph.parents.url}/ottochain/data/{update_hash}"
        try:
            async with self.node.http.get(url, timeout=aiohttp.ClientTimeout(total=ASK_SECONDS)) as response:
                return await response.json() if response.status == 200 else None
        except (aiohttp.ClientError, TimeoutError, OSError, ValueError):
            return None
