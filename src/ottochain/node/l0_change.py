"""The change of validators that waits to be committed: signed by the operator, one at a time, durable until it is."""

from __future__ import annotations

import json
import logging
import sqlite3
from typing import Any

from ottochain.layers.validators import Chain, Validators, read_change
from ottochain.model.errors import ModelError
from ottochain.store.database import Database
from ottochain.store.meta import Fact, Meta, put_fact

log = logging.getLogger(__name__)


class PendingChange:
    """At most one change waits. It may be replaced by another while it is not committed."""

    def __init__(self, database: Database) -> None:
        self._database = database
        stored = Meta(database).get(Fact.CHANGE)
        self._signed: dict[str, Any] | None = json.loads(stored) if stored else None

    async def put(self, signed: dict[str, Any], chain: Chain, validators: Validators) -> None:
        """Keeps a change; durable when this returns. Raises ``ModelError`` with what is wrong with it."""
        read_change(signed, chain, validators)
        await self._write(json.dumps(signed))
        self._signed = signed

    def due(self, chain: Chain, validators: Validators) -> dict[str, Any] | None:
        """The change that the next snapshot may commit; None when there is none, or it is committed already."""
        if self._signed is None:
            return None
        try:
            read_change(self._signed, chain, validators)
        except ModelError as error:
            log.info("the waiting change of validators is done with: %s", error)
            self._signed = None
            return None
        return self._signed

    async def _write(self, text: str) -> None:
        def write(connection: sqlite3.Connection) -> None:
            put_fact(connection, Fact.CHANGE, text)

        await self._database.write(write)
