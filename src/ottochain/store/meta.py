"""Who this node is and which chain it holds: few facts, written once or seldom, read at every start."""

import json
import sqlite3
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

from ottochain.store.copying import VOTES_LOST
from ottochain.store.database import Database
from ottochain.store.errors import StoreFormatError


class Fact(StrEnum):
    """The names of the facts, as they stand in the file."""

    LAYER = "layer"
    NODE_ID = "nodeId"
    CHAIN_ID = "chainId"
    METAGRAPH_ID = "metagraphId"
    INCARNATION = "incarnation"
    GENESIS = "genesis"
    BOOTS = "boots"
    """How often an L1 node started; its blocks are told apart by it."""
    FOLLOWED = "followed"
    """JSON: the snapshot of the layer above up to which decisions are applied here, with its validators."""
    GL0_PARENTS = "gl0Parents"
    ML0_PARENTS = "ml0Parents"
    """JSON: the validators of a layer above, and where they were when last heard of."""
    CHANGE = "change"
    """JSON: the signed change of validators that waits to be committed."""
    WEBHOOKS = "webhooks"
    """JSON: the subscribers of ML0."""


@dataclass(frozen=True, slots=True)
class Identity:
    """What a store belongs to. A validator learns the chain's part with its first certified snapshot."""

    layer: str
    node_id: str
    chain_id: str | None = None
    metagraph_id: str | None = None
    incarnation: int = 0


@dataclass(frozen=True, slots=True)
class Tip:
    """Where a stopped node stands, for the operator who never opens a node's store."""

    layer: str | None
    ordinal: int | None
    hash: str | None
    metagraph_id: str | None
    incarnation: int | None

    def to_json(self) -> dict[str, str | int | None]:
        """The members of ``ottochain-node tip``, in its order."""
        return {
            "layer": self.layer,
            "ordinal": self.ordinal,
            "hash": self.hash,
            "metagraphId": self.metagraph_id,
            "incarnation": self.incarnation,
        }


class Meta:
    """Reads of the facts; the functions below write them."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def get(self, fact: Fact) -> str | None:
        """One fact, or None while it is not known."""
        row = self._database.row("SELECT value FROM meta WHERE name = ?", fact)
        return None if row is None else str(row[0])

    def identity(self) -> Identity | None:
        """What the store belongs to; None in a new file."""
        layer, node_id = self.get(Fact.LAYER), self.get(Fact.NODE_ID)
        if layer is None or node_id is None:
            return None
        return Identity(
            layer=layer,
            node_id=node_id,
            chain_id=self.get(Fact.CHAIN_ID),
            metagraph_id=self.get(Fact.METAGRAPH_ID),
            incarnation=int(self.get(Fact.INCARNATION) or 0),
        )

    def genesis(self) -> dict[str, object] | None:
        """The chain's founding parameters (validators, operator key, limits), as they were given."""
        text = self.get(Fact.GENESIS)
        return None if text is None else json.loads(text)

    def votes_lost(self) -> bool:
        """True in a copy, and in a store that began with a download: what the node once voted is not in this file.

        Such a node may not vote until a committed change has removed it and added it again.
        """
        return self._database.row("SELECT 1 FROM meta WHERE name = ?", VOTES_LOST) is not None


def put_fact(connection: sqlite3.Connection, fact: Fact, value: str) -> None:
    """Write one fact, replacing what stood there."""
    connection.execute("INSERT OR REPLACE INTO meta (name, value) VALUES (?, ?)", (fact, value))


def put_identity(connection: sqlite3.Connection, identity: Identity) -> None:
    """Write what the store belongs to. Raises StoreFormatError when it is another layer's or another node's."""
    for fact, value in ((Fact.LAYER, identity.layer), (Fact.NODE_ID, identity.node_id)):
        row = connection.execute("SELECT value FROM meta WHERE name = ?", (fact,)).fetchone()
        if row is not None and row[0] != value:
            raise StoreFormatError(f"this data directory belongs to {fact} {row[0]}, this node is {value}")
        put_fact(connection, fact, value)
    if identity.chain_id is not None:
        put_fact(connection, Fact.CHAIN_ID, identity.chain_id)
    if identity.metagraph_id is not None:
        put_fact(connection, Fact.METAGRAPH_ID, identity.metagraph_id)
    put_fact(connection, Fact.INCARNATION, str(identity.incarnation))


def put_votes_lost(connection: sqlite3.Connection) -> None:
    """Mark a store that begins with a downloaded chain: what its node voted before, if it did, is not in it."""
    connection.execute("INSERT OR REPLACE INTO meta (name, value) VALUES (?, 'true')", (VOTES_LOST,))


def votes_found_again(connection: sqlite3.Connection) -> None:
    """Lift the mark: the node is no validator, so whatever it voted once is of heights that are decided."""
    connection.execute("DELETE FROM meta WHERE name = ?", (VOTES_LOST,))


def read_tip(path: Path) -> Tip:
    """The tip of a stopped node's store. Raises StoreFormatError, StoreDamagedError, FileNotFoundError."""
    if not path.exists():
        raise FileNotFoundError(f"no store at {path}")
    with Database.open(path) as database:
        meta = Meta(database)
        head = database.row("SELECT ordinal, hash FROM snapshots ORDER BY ordinal DESC LIMIT 1") or (None, None)
        incarnation = meta.get(Fact.INCARNATION)
        return Tip(
            layer=meta.get(Fact.LAYER),
            ordinal=head[0],
            hash=head[1],
            metagraph_id=meta.get(Fact.METAGRAPH_ID),
            incarnation=None if incarnation is None else int(incarnation),
        )
