"""The durable pool of an L1 node: what was acknowledged, and what became of it."""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from layers.metagraph import add, create, fiber_id, forged
from ottochain.codec import exact_json
from ottochain.consensus.l1_items import Item
from ottochain.fibers import SignedUpdate
from ottochain.node import l1_pool
from ottochain.node.l1_pool import Held, L1Pool, Position, named
from ottochain.store.database import Database
from ottochain.store.errors import StoreClosedError
from ottochain.store.outcomes import Outcome
from ottochain.store.pool import Pool


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "node.sqlite"


@pytest.fixture
def database(path: Path) -> Iterator[Database]:
    with Database.open(path) as opened:
        yield opened


@pytest.fixture
def pool(database: Database) -> L1Pool:
    return L1Pool(database, "me")


def signed(update: SignedUpdate) -> bytes:
    return exact_json.dumps(update.to_json())


async def take(pool: L1Pool, update: SignedUpdate) -> Item:
    item = pool.item_of(update)
    await pool.acknowledge(item, signed(update))
    return item


def offered(update: SignedUpdate, after: int = 0) -> Held:
    return Held(named(update, 9, "peer", after), signed(update))


def outcome(update: SignedUpdate, ordinal: int, reason: str | None = None) -> Outcome:
    return Outcome(update.key, update.hash, ordinal, reason)


def on_disk(database: Database) -> list[str]:
    return [item.key for item in Pool(database).items()]


async def test_an_acknowledged_update_is_on_disk(pool: L1Pool, database: Database) -> None:
    update = create(1)
    item = await take(pool, update)
    assert on_disk(database) == [update.key]
    assert pool.held[update.key] == Held(item, signed(update))
    assert pool.waiting_of(update.hash)
    assert (len(pool), pool.bytes) == (1, len(signed(update)))


def test_a_name_says_what_the_update_must_follow() -> None:
    assert named(create(1), 1, "me", 0).sequence is None
    assert named(add(1, 7), 1, "me", 4) == Item(add(1, 7).key, add(1, 7).hash, fiber_id(1), 7, 1, "me", 4)


async def test_the_pool_is_the_same_after_a_restart(pool: L1Pool, database: Database) -> None:
    await take(pool, create(1))
    await pool.decide([], Position(5, "ab"))
    await take(pool, add(1, 0))
    await pool.keep([offered(create(2), after=3)])
    again = L1Pool(database, "me")
    assert again.held == {key: Held(item.item, item.signed) for key, item in again.held.items()}
    # Arrivals are counted anew by the store; everything else is what it was.
    assert [_timeless(held.item) for held in again.held.values()] == [
        _timeless(held.item) for held in pool.held.values()
    ]
    assert (again.bytes, again.position) == (pool.bytes, Position(5, "ab"))
    newcomer = again.item_of(create(3))
    assert all(newcomer.arrival > held.item.arrival for held in again.held.values())


def _timeless(item: Item) -> tuple[str, str, str, int | None, str, int]:
    return item.key, item.hash, item.fiber, item.sequence, item.origin, item.after


async def test_a_copy_with_other_proofs_is_another_item(pool: L1Pool) -> None:
    mine, copy = create(1), forged(create(1))
    await take(pool, mine)
    await take(pool, copy)
    assert set(pool.held) == {mine.key, copy.key}
    await pool.decide([outcome(copy, 4, "InvalidSignature")], Position(4, "d"))
    assert set(pool.held) == {mine.key}
    assert pool.waiting_of(mine.hash)


async def test_a_decision_is_booked_once_and_forgets_the_item(pool: L1Pool, database: Database) -> None:
    update = create(1)
    await take(pool, update)
    assert await pool.decide([outcome(update, 4)], Position(4, "d")) == (update.key,)
    assert await pool.decide([outcome(update, 4)], None) == ()
    assert (on_disk(database), len(pool), pool.bytes) == ([], 0, 0)
    assert not pool.waiting_of(update.hash)
    assert pool.outcomes.of_key(update.key) == outcome(update, 4)


async def test_decisions_about_others_are_not_kept(pool: L1Pool) -> None:
    await pool.decide([outcome(create(1), 4)], Position(4, "d"))
    assert pool.outcomes.of_key(create(1).key) is None


async def test_one_decision_told_twice_in_one_line_counts_once(pool: L1Pool) -> None:
    """A block may name an update twice, and what ML0 tells of it then came twice: the node ended of it."""
    update = create(1)
    await take(pool, update)
    assert await pool.decide([outcome(update, 4), outcome(update, 4)], None) == (update.key,)


async def test_a_decision_that_is_known_already_can_be_heard_again(pool: L1Pool, database: Database) -> None:
    """However the item came back into the pool: to hear once more what became of it must not end the node."""
    update = create(1)
    await take(pool, update)
    await pool.decide([outcome(update, 4)], Position(4, "d"))
    pool.position = None
    await take(pool, update)
    assert await pool.decide([outcome(update, 4)], None) == (update.key,)
    assert on_disk(database) == []


async def test_an_earlier_decision_says_nothing_of_what_was_submitted_after_it(pool: L1Pool) -> None:
    update = create(1)
    await pool.decide([], Position(7, "d"))
    await take(pool, update)
    assert await pool.decide([outcome(update, 7)], None) == ()
    assert update.key in pool.held
    assert await pool.decide([outcome(update, 8)], Position(8, "e")) == (update.key,)


async def test_a_decision_counts_for_an_update_that_is_still_being_written(pool: L1Pool, database: Database) -> None:
    update = create(1)
    writing = asyncio.create_task(pool.acknowledge(pool.item_of(update), signed(update)))
    await asyncio.sleep(0)
    assert update.key not in pool.held
    assert await pool.decide([outcome(update, 4)], Position(4, "d")) == (update.key,)
    await writing
    assert (update.key in pool.held, on_disk(database)) == (False, [])
    assert pool.outcomes.of_key(update.key) == outcome(update, 4)


async def test_a_decision_counts_for_a_peer_s_update_that_is_still_being_written(
    pool: L1Pool, database: Database
) -> None:
    update = create(1)
    writing = asyncio.create_task(pool.keep([offered(update)]))
    await asyncio.sleep(0)
    assert await pool.decide([outcome(update, 4)], Position(4, "d")) == (update.key,)
    await writing
    assert (len(pool), on_disk(database)) == (0, [])


async def test_one_update_from_a_client_and_a_peer_at_once_is_held_once(pool: L1Pool, database: Database) -> None:
    update = create(1)
    await asyncio.gather(
        pool.acknowledge(pool.item_of(update), signed(update)),
        pool.keep([offered(update)]),
        pool.acknowledge(pool.item_of(update), signed(update)),
    )
    assert (len(pool), on_disk(database), pool.bytes) == (1, [update.key], len(signed(update)))
    assert pool.held[update.key].item.origin == "me"
    await pool.decide([outcome(update, 4)], None)
    assert (len(pool), pool.waiting_of(update.hash), pool.bytes) == (0, False, 0)


async def test_what_was_decided_is_not_kept_for_a_peer(pool: L1Pool, database: Database) -> None:
    update = create(1)
    await take(pool, update)
    await pool.decide([outcome(update, 4)], Position(4, "d"))
    await pool.keep([offered(update, after=3)])
    assert (len(pool), on_disk(database)) == (0, [])
    await pool.keep([offered(update, after=4)])
    assert len(pool) == 1


async def test_what_could_not_be_written_is_neither_acknowledged_nor_held(
    pool: L1Pool, database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(_connection: sqlite3.Connection, _items: object) -> int:
        raise sqlite3.OperationalError("database or disk is full")

    with monkeypatch.context() as patch:
        patch.setattr(l1_pool, "put_items", full)
        with pytest.raises(sqlite3.OperationalError):
            await pool.acknowledge(pool.item_of(create(1)), b"{}")
    assert (len(pool), pool.bytes, on_disk(database)) == (0, 0, [])
    await take(pool, create(1))


async def test_a_decision_that_could_not_be_written_leaves_the_item(
    pool: L1Pool, database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(_connection: sqlite3.Connection, _outcomes: object) -> None:
        raise sqlite3.OperationalError("database or disk is full")

    update = create(1)
    await take(pool, update)
    with monkeypatch.context() as patch:
        patch.setattr(l1_pool, "note_outcomes", full)
        with pytest.raises(sqlite3.OperationalError):
            await pool.decide([outcome(update, 4)], Position(4, "d"))
    assert (update.key in pool.held, on_disk(database), pool.position) == (True, [update.key], None)


async def test_a_cancelled_decision_is_booked_whole_or_not_at_all(path: Path) -> None:
    update = create(1)
    with Database.open(path) as database:
        pool = L1Pool(database, "me")
        await take(pool, update)
        deciding = asyncio.create_task(pool.decide([outcome(update, 4)], Position(4, "d")))
        await asyncio.sleep(0)
        deciding.cancel()
        with pytest.raises(asyncio.CancelledError):
            await deciding
    with Database.open(path) as database:
        pool = L1Pool(database, "me")
        assert (len(pool), pool.position, pool.outcomes.is_decided(update.key)) == (0, Position(4, "d"), True)


async def test_after_the_store_is_closed_nothing_is_acknowledged(path: Path) -> None:
    database = Database.open(path)
    pool = L1Pool(database, "me")
    database.close()
    with pytest.raises(StoreClosedError):
        await pool.acknowledge(pool.item_of(create(1)), b"{}")
    assert len(pool) == 0


async def test_a_position_alone_is_written_now_and_then(pool: L1Pool, database: Database) -> None:
    """An idle chain moves on all the time; a sync for each of its snapshots would keep the disk busy for nothing."""
    await pool.decide([], Position(10, "a"))
    before = database.transactions
    for ordinal in range(11, 10 + l1_pool.POSITION_SNAPSHOTS_MAX):
        await pool.decide([], Position(ordinal, f"{ordinal}"))
    assert database.transactions == before
    assert pool.position == Position(73, "73")
    assert L1Pool(database, "me").position == Position(10, "a")
    await pool.decide([], Position(74, "74"))
    assert L1Pool(database, "me").position == Position(74, "74")


async def test_a_position_is_written_with_what_was_decided(pool: L1Pool, database: Database) -> None:
    await pool.decide([], Position(10, "a"))
    await take(pool, create(1))
    await pool.decide([outcome(create(1), 11)], Position(11, "b"))
    assert L1Pool(database, "me").position == Position(11, "b")


UPDATES = [create(1), forged(create(1)), create(2)]
STEPS = st.one_of(
    st.tuples(st.just("acknowledge"), st.integers(0, 2)),
    st.tuples(st.just("keep"), st.integers(0, 2)),
    st.tuples(st.just("decide"), st.integers(0, 2)),
    st.tuples(st.just("pause"), st.just(0)),
)


@settings(max_examples=30)
@given(steps=st.lists(STEPS, max_size=12))
def test_whatever_overlaps_memory_and_disk_say_the_same(
    steps: list[tuple[str, int]], tmp_path_factory: pytest.TempPathFactory
) -> None:
    """And what was acknowledged is held or decided, never neither."""

    async def play(database: Database) -> None:
        pool = L1Pool(database, "me")
        acknowledged: set[str] = set()
        ordinal = 0
        tasks = []

        async def acknowledge(update: SignedUpdate) -> None:
            await pool.acknowledge(pool.item_of(update), signed(update))
            acknowledged.add(update.key)

        for step, number in steps:
            update = UPDATES[number]
            if step == "acknowledge":
                tasks.append(asyncio.create_task(acknowledge(update)))
            elif step == "keep":
                tasks.append(asyncio.create_task(pool.keep([offered(update, ordinal)])))
            elif step == "decide":
                ordinal += 1
                await pool.decide([outcome(update, ordinal)], Position(ordinal, "h"))
            await asyncio.sleep(0.002 if step == "pause" else 0)
        await asyncio.gather(*tasks)
        assert sorted(pool.held) == sorted(on_disk(database))
        assert all(key in pool.held or pool.outcomes.is_decided(key) for key in acknowledged)
        assert pool.bytes == sum(len(held.signed) for held in pool.held.values())
        assert {u.hash for u in UPDATES if pool.waiting_of(u.hash)} == {held.item.hash for held in pool.held.values()}

    with Database.open(tmp_path_factory.mktemp("pool") / "node.sqlite") as database:
        asyncio.run(play(database))


async def test_what_is_held_is_found_by_its_hash_and_by_its_fiber(pool: L1Pool, database: Database) -> None:
    first, second, other = create(1), add(1, 0), create(2)
    for update in (first, second, other):
        await take(pool, update)
    copy = forged(create(1))
    await take(pool, copy)
    assert [held.item.key for held in pool.of_fiber(fiber_id(1))] == [first.key, second.key, copy.key]
    assert [held.item.key for held in pool.of_hash(first.hash)] == [first.key, copy.key]
    await pool.decide([outcome(first, 2)], Position(2, "h"))
    assert [held.item.key for held in L1Pool(database, "me").of_fiber(fiber_id(1))] == [second.key, copy.key]
    assert pool.of_hash(second.hash) == (pool.held[second.key],)
    await pool.decide([outcome(each, 3) for each in (second, copy)], Position(3, "h"))
    assert (pool.of_fiber(fiber_id(1)), pool.of_hash(first.hash)) == ((), ())


async def test_what_its_sender_replaced_is_gone_and_may_come_back(pool: L1Pool, database: Database) -> None:
    update = create(1)
    await take(pool, update)
    await pool.withdraw([update.key, "unknown"])
    assert (len(pool), pool.bytes, on_disk(database)) == (0, 0, [])
    await pool.keep([offered(update)])
    assert on_disk(database) == [update.key]
