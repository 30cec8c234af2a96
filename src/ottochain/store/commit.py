"""A commit: the snapshot, the state it left, and what it decided, in one transaction or not at all."""

import sqlite3
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from ottochain.store.blocks import remove_received
from ottochain.store.chain import Committed, put_parts, put_snapshot
from ottochain.store.errors import StoreError
from ottochain.store.fibers import put_fibers
from ottochain.store.outbox import OutboxRow, binary_at, put_binary
from ottochain.store.outcomes import Outcome, put_outcomes
from ottochain.store.pool import remove_items


@dataclass(frozen=True, slots=True)
class Commit:
    """Everything one snapshot changes in a node's store."""

    snapshot: Committed
    parts: Mapping[str, bytes | None] = field(default_factory=dict)
    fibers: Mapping[str, bytes | None] = field(default_factory=dict)
    outcomes: tuple[Outcome, ...] = ()
    binary: OutboxRow | None = None
    next_binary: Callable[[str], OutboxRow] | None = None
    """Instead of ``binary``: makes it from the hash of the one before, as the store holds that when this is written."""
    received_done: tuple[str, ...] = ()
    pool_done: tuple[str, ...] = ()


def put_commit(connection: sqlite3.Connection, commit: Commit) -> None:
    """Write a commit. Raises StoreError when the snapshot does not follow the head."""
    put_snapshot(connection, commit.snapshot)
    put_parts(connection, commit.parts)
    put_fibers(connection, commit.fibers)
    put_outcomes(connection, commit.outcomes)
    if commit.binary is not None:
        put_binary(connection, commit.binary)
    if commit.next_binary is not None:
        previous = binary_at(connection, commit.snapshot.ordinal - 1)
        if previous is None:
            raise StoreError(f"snapshot {commit.snapshot.ordinal} has no binary before its own")
        put_binary(connection, commit.next_binary(previous))
    remove_received(connection, commit.received_done)
    remove_items(connection, commit.pool_done)
