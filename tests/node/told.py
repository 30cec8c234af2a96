"""A metagraph's chain and its feed without a node around them: real snapshots, certificates, store and hub."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterable
from pathlib import Path
from typing import Any

from aiohttp import web

from layers.channel import certificate
from layers.metagraph import METAGRAPH, VALIDATOR, Driver, block
from ottochain.codec import exact_json
from ottochain.fibers import FiberState, SignedUpdate
from ottochain.layers.token_event import TokenEvent
from ottochain.model.header import Header
from ottochain.node import ml0_feed
from ottochain.node.config import ParentPeer
from ottochain.node.feed import FeedHub, Line, serve_line
from ottochain.node.upstream import MetagraphView
from ottochain.store.chain import Chain
from ottochain.store.chain import Committed as StoredSnapshot
from ottochain.store.commit import Commit, put_commit
from ottochain.store.database import Database
from ottochain.store.outcomes import Outcome, Outcomes


class ToldChain(Driver):
    """Grows by ``grow`` and tells of it."""

    def __init__(self, directory: Path) -> None:
        super().__init__()
        self.hub = FeedHub()
        self.database = Database.open(directory / "told.sqlite")
        self.chain = Chain(self.database)
        self.outcomes = Outcomes(self.database)
        self.header: Header | None = None
        self.entries: list[bytes] = []
        self._rounds = 0

    def grow(self, *updates: SignedUpdate, tokens: Iterable[TokenEvent] = (), trigger: Any = "event") -> bytes:
        """One more snapshot, of one block of updates and these of tokens; returns its line."""
        before = self.state
        self._rounds += 1
        blocks = [*([block(self._rounds, updates)] if updates else []), *tokens]
        built = self.commit(*blocks, trigger=trigger)
        assert not built.refused
        self.header = certificate(built.header, [VALIDATOR])
        decided = tuple(Outcome(each.key, each.hash, built.ordinal, each.reason) for each in built.decisions())
        stored = StoredSnapshot.of(built.ordinal, built.hash, b"{}", self.header.to_bytes())
        commit = Commit(stored, outcomes=decided)
        self.database.write_now(lambda connection: put_commit(connection, commit))
        change = ml0_feed.currency_change(before, self.state)
        line = ml0_feed.entry_line(self.header, decided, before.fibers, self.state.fibers, change)
        self.entries.append(line)
        self.hub.publish(line)
        return line

    def newest(self) -> tuple[Header, FiberState] | None:
        return None if self.header is None else (self.header, self.state.fibers)

    async def opening(self, after: int | None) -> list[Line]:
        return [exact_json.loads(line) async for line in self.lines(after)]

    def lines(self, after: int | None) -> AsyncIterator[bytes]:
        return ml0_feed.opening(self, after, lambda: ml0_feed.currency_change(None, self.state))

    async def serve(self, request: web.Request) -> web.StreamResponse:
        """As an L0 node serves its feed."""
        after = request.query.get("after")
        known = None if after is None else int(after)
        if known is not None and self.chain.hash_at(known) != request.query.get("hash"):
            return await serve_line(request, b'{"diverged":{"head":null}}')
        return await self.hub.serve(request, lambda: self.lines(known))

    def restart(self) -> None:
        """All connections end, as when the node starts anew."""
        self.hub.close()
        self.hub = FeedHub()


def metagraph_view(**options: Any) -> MetagraphView:
    return MetagraphView(ParentPeer(VALIDATOR.peer_id, "127.0.0.1", 1), METAGRAPH, **options)
