"""The change of validators that waits to be committed: signed by the operator, one at a time, durable until it is."""

from __future__ import annotations

import json
import logging
import sqlite3
from collections.abc import Callable
from typing import Any, Final, Protocol

from aiohttp import web

from ottochain.codec import exact_json
from ottochain.codec.errors import JsonError
from ottochain.layers.validators import Chain, Validators, read_change
from ottochain.model.errors import ModelError
from ottochain.node.bodies import refined_json
from ottochain.node.l0_frames import Spread
from ottochain.node.membership import Peer
from ottochain.node.responses import empty, json_bytes, json_response
from ottochain.node.snapshot_routes import NOT_READY
from ottochain.store.database import Database
from ottochain.store.meta import Fact, Meta, put_fact

log = logging.getLogger(__name__)

CHANGE_EVENT: Final = "change"


class Voted(Protocol):
    """A layer's state, as far as a change of its validators is judged by it."""

    @property
    def chain(self) -> Chain: ...
    @property
    def validators(self) -> Validators: ...


class Changes:
    """At most one change waits. It may be replaced by another while it is not committed.

    ``state`` gives the state at the head, ``spread`` an event to every other validator, ``wake`` the core its work.
    """

    def __init__(
        self,
        database: Database,
        state: Callable[[], Voted | None],
        spread: Callable[[Spread], None],
        wake: Callable[[], None],
    ) -> None:
        self._database = database
        self._state = state
        self._spread = spread
        self._wake = wake
        stored = Meta(database).get(Fact.CHANGE)
        self._signed: dict[str, Any] | None = json.loads(stored) if stored else None

    def due(self) -> dict[str, Any] | None:
        """The change that the next snapshot may commit; None when there is none, or it is committed already."""
        state = self._state()
        if self._signed is None or state is None:
            return None
        try:
            read_change(self._signed, state.chain, state.validators)
        except ModelError as error:
            log.info("the waiting change of validators is done with: %s", error)
            self._signed = None
            return None
        return self._signed

    async def take(self, request: web.Request) -> web.Response:
        """200 when the operator's change is durable here; 400 with what is wrong with it."""
        signed = await refined_json(request)
        state = self._state()
        if state is None:
            return json_bytes(NOT_READY, 503)
        try:
            await self._put(signed, state)
        except ModelError as error:
            return json_response(str(error), 400)
        self._spread(Spread(CHANGE_EVENT, "", exact_json.dumps(signed)))
        return empty(200)

    async def take_spread(self, peer: Peer, body: bytes) -> None:
        """Another validator took a change."""
        state = self._state()
        try:
            if state is not None:
                await self._put(exact_json.loads(body), state)
        except (ModelError, JsonError) as error:
            log.warning("%s spread what is no change of validators: %s", peer.id[:8], error)

    async def _put(self, signed: dict[str, Any], state: Voted) -> None:
        read_change(signed, state.chain, state.validators)
        text = json.dumps(signed)

        def write(connection: sqlite3.Connection) -> None:
            put_fact(connection, Fact.CHANGE, text)

        await self._database.write(write)
        self._signed = signed
        self._wake()
