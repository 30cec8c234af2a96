"""The chain never has a gap, and a commit is one transaction."""

from dataclasses import replace

import pytest

from ottochain.store.blocks import Blocks, Received, put_received
from ottochain.store.chain import Chain, Committed, cut_above, put_parts, put_snapshot
from ottochain.store.commit import Commit, put_commit
from ottochain.store.database import Database
from ottochain.store.errors import StoreError
from ottochain.store.fibers import Fibers
from ottochain.store.outbox import Outbox, OutboxRow
from ottochain.store.outcomes import Outcome, Outcomes
from ottochain.store.pool import Pool, PoolItem, put_items


def hash_of(ordinal: int) -> str:
    return f"{ordinal:064x}"


def snapshot(ordinal: int) -> Committed:
    return Committed.of(ordinal, hash_of(ordinal), b'{"value":{"ordinal":%d},"proofs":[]}' % ordinal, b"{}", b"in")


def put_chain(database: Database, last: int) -> None:
    for ordinal in range(last + 1):
        database.write_now(lambda connection, ordinal=ordinal: put_snapshot(connection, snapshot(ordinal)))


def test_an_empty_chain_has_no_head(database: Database) -> None:
    chain = Chain(database)
    assert (chain.head(), chain.latest(), chain.at(0), chain.by_hash("00"), chain.hash_at(0)) == (None,) * 5


def test_snapshots_are_found_by_ordinal_and_hash(database: Database) -> None:
    put_chain(database, 3)
    chain = Chain(database)
    assert chain.head() == (3, hash_of(3))
    assert chain.latest() == chain.at(3) == chain.by_hash(hash_of(3)) == snapshot(3)
    assert chain.hash_at(2) == hash_of(2)
    assert chain.header_at(2) == b"{}"
    assert snapshot(2).signed == b'{"value":{"ordinal":2},"proofs":[]}'
    assert snapshot(2).proposed == b"in"
    assert [each.ordinal for each in chain.since(1, 10)] == [1, 2, 3]
    assert [each.ordinal for each in chain.since(0, 2)] == [0, 1]


@pytest.mark.parametrize("ordinal", [2, 3, 5, 0])
def test_a_snapshot_that_does_not_follow_the_head_is_refused(database: Database, ordinal: int) -> None:
    put_chain(database, 3)
    with pytest.raises(StoreError, match="does not follow the newest one, 3"):
        database.write_now(lambda connection: put_snapshot(connection, snapshot(ordinal)))


def test_a_chain_may_start_at_a_downloaded_ordinal(database: Database) -> None:
    database.write_now(lambda connection: put_snapshot(connection, snapshot(40)))
    database.write_now(lambda connection: put_snapshot(connection, snapshot(41)))
    assert Chain(database).head() == (41, hash_of(41))


def test_parts_of_the_state_are_replaced_one_by_one(database: Database) -> None:
    database.write_now(lambda connection: put_parts(connection, {"a": b"1", "b": b"2"}))
    database.write_now(lambda connection: put_parts(connection, {"a": None, "c": b"3"}))
    assert Chain(database).parts() == {"b": b"2", "c": b"3"}


def full_commit(ordinal: int, key: str = "k") -> Commit:
    return Commit(
        snapshot=snapshot(ordinal),
        parts={"info": b"info %d" % ordinal},
        fibers={"fiber": b"record %d" % ordinal},
        outcomes=(Outcome(key, "h", ordinal, None),),
        binary=OutboxRow(ordinal, hash_of(1000), hash_of(1001 + ordinal), b"[]"),
        received_done=("round",),
        pool_done=(key,),
    )


def test_a_commit_writes_everything_that_a_snapshot_changes(database: Database) -> None:
    database.write_now(lambda connection: put_received(connection, [Received("round", "peer", b"block")]))
    database.write_now(lambda connection: put_items(connection, [PoolItem("k", "h", "fiber", 1, b"signed", "node")]))
    database.write_now(lambda connection: put_commit(connection, full_commit(0)))
    assert Chain(database).head() == (0, hash_of(0))
    assert Chain(database).parts() == {"info": b"info 0"}
    assert Fibers(database).get("fiber") == b"record 0"
    assert Outcomes(database).is_decided("k")
    assert Outbox(database).depth() == 1
    assert Blocks(database).count() == Pool(database).count() == 0


def test_a_commit_that_decides_an_update_twice_changes_nothing(database: Database) -> None:
    database.write_now(lambda connection: put_commit(connection, full_commit(0)))
    once = full_commit(1)
    twice = replace(once, outcomes=once.outcomes * 2)
    with pytest.raises(Exception, match=r"UNIQUE constraint failed: outcomes\.key"):
        database.write_now(lambda connection: put_commit(connection, twice))
    assert Chain(database).head() == (0, hash_of(0))
    assert Chain(database).parts() == {"info": b"info 0"}
    assert Fibers(database).get("fiber") == b"record 0"
    assert Outbox(database).depth() == 1


def test_giving_up_history_takes_its_outcomes_and_binaries_along(database: Database) -> None:
    for ordinal in range(4):
        commit = full_commit(ordinal, key=f"k{ordinal}")
        database.write_now(lambda connection, commit=commit: put_commit(connection, commit))
    assert database.write_now(lambda connection: cut_above(connection, 1)) == 2
    assert Chain(database).head() == (1, hash_of(1))
    assert [Outcomes(database).is_decided(f"k{n}") for n in range(4)] == [True, True, False, False]
    assert Outbox(database).depth() == 2
    database.write_now(lambda connection: put_commit(connection, full_commit(2, key="k3")))
    assert Chain(database).head() == (2, hash_of(2))
