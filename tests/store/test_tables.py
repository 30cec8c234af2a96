"""The smaller tables: pool, outcomes, received events, outbox, votes, fibers, meta."""

import json
from pathlib import Path

import pytest

from ottochain.store.blocks import Blocks, Received, put_received, remove_received
from ottochain.store.chain import Committed, put_snapshot
from ottochain.store.database import Database
from ottochain.store.errors import StoreFormatError
from ottochain.store.fibers import Fibers, put_fibers
from ottochain.store.meta import Fact, Identity, Meta, Tip, put_fact, put_identity, read_tip
from ottochain.store.outbox import (
    Outbox,
    OutboxRow,
    confirm,
    confirm_other,
    contents_above,
    put_binary,
    rechain,
    unconfirm_above,
)
from ottochain.store.outcomes import Outcome, Outcomes, put_outcomes
from ottochain.store.pool import Pool, PoolItem, put_items, remove_items
from ottochain.store.votes import Votes, forget_votes, put_votes


def item(key: str, update_hash: str = "h") -> PoolItem:
    return PoolItem(key, update_hash, "fiber", 3, b'{"value":{}}', "node")


def test_the_pool_keeps_items_in_order_of_arrival(database: Database) -> None:
    keys = [f"k{n}" for n in range(1203)][::-1]
    assert database.write_now(lambda c: put_items(c, map(item, keys))) == 1203
    assert [each.key for each in Pool(database).items()] == keys


def test_an_item_is_put_once_and_its_first_form_stays(database: Database) -> None:
    database.write_now(lambda c: put_items(c, [item("k")]))
    assert database.write_now(lambda c: put_items(c, [item("k", "other")])) == 0
    found = Pool(database).get("k")
    assert found is not None
    assert (found.hash, found.origin) == ("h", "node")


def test_one_update_under_two_sets_of_proofs_is_two_items(database: Database) -> None:
    database.write_now(lambda c: put_items(c, [item("forged"), item("owners")]))
    assert [each.key for each in Pool(database).by_hash("h")] == ["forged", "owners"]
    assert database.write_now(lambda c: remove_items(c, ["forged", "unknown"])) == 1
    assert [each.key for each in Pool(database).by_hash("h")] == ["owners"]


def test_arrival_numbers_are_never_used_twice(database: Database) -> None:
    database.write_now(lambda c: put_items(c, [item("a")]))
    database.write_now(lambda c: remove_items(c, ["a"]))
    database.write_now(lambda c: put_items(c, [item("b")]))
    found = Pool(database).get("b")
    assert found is not None
    assert found.arrival == 2


def test_an_acceptance_is_found_before_the_rejections_of_forged_copies(database: Database) -> None:
    forged = Outcome("k1", "h", 4, "InvalidSignature: one proof does not sign this update")
    owners = Outcome("k2", "h", 9)
    database.write_now(lambda c: put_outcomes(c, [forged, owners]))
    outcomes = Outcomes(database)
    assert outcomes.of_hash("h") == [owners, forged]
    assert outcomes.of_key("k1") == forged
    assert outcomes.at(4) == [forged]
    assert not outcomes.is_decided("k3")
    assert outcomes.is_decided("k1", after=3)
    assert not outcomes.is_decided("k1", after=4)
    assert (owners.accepted, forged.accepted) == (True, False)


def test_an_update_submitted_again_has_an_outcome_each_time_and_the_newest_counts(database: Database) -> None:
    first, second = Outcome("k", "h", 4, "too early"), Outcome("k", "h", 9, "still too early")
    database.write_now(lambda c: put_outcomes(c, [first]))
    database.write_now(lambda c: put_outcomes(c, [second]))
    assert Outcomes(database).of_key("k") == second
    assert Outcomes(database).of_key("k", after=9) is None
    assert Outcomes(database).of_hash("h") == [second, first]


def test_the_first_event_under_an_id_stays(database: Database) -> None:
    events = [Received(f"r{n}", "peer", b"first") for n in range(205)]
    assert database.write_now(lambda c: put_received(c, events)) == 205
    assert database.write_now(lambda c: put_received(c, [Received("r1", "other", b"second", b"proof")])) == 0
    blocks = Blocks(database)
    assert [each.id for each in blocks.items()] == [each.id for each in events]
    found = blocks.get("r1")
    assert found is not None
    assert found.signed == b"first"
    assert database.write_now(lambda c: remove_received(c, ["r1", "unknown"])) == 1
    assert (blocks.count(), blocks.get("r1")) == (204, None)


@pytest.fixture
def outbox(database: Database) -> Outbox:
    for ordinal in range(5):
        snapshot = Committed.of(ordinal, f"s{ordinal}", b"signed %d" % ordinal, b"header %d" % ordinal)
        database.write_now(lambda c, snapshot=snapshot: put_snapshot(c, snapshot))
        row = OutboxRow(ordinal, f"b{ordinal - 1}", f"b{ordinal}", b"[]")
        database.write_now(lambda c, row=row: put_binary(c, row))
    return Outbox(database)


def test_binaries_wait_oldest_first_with_their_content(outbox: Outbox) -> None:
    pending = outbox.pending(2)
    assert [entry.row.hash for entry in pending] == ["b0", "b1"]
    assert pending[1].content == Committed.of(1, "s1", b"signed 1", b"").body
    assert pending[1].header == b"header 1"
    assert outbox.last() == OutboxRow(4, "b3", "b4", b"[]")
    assert (outbox.depth(), outbox.last_included()) == (5, None)


def test_what_the_global_layer_lost_is_not_confirmed_any_more(database: Database, outbox: Outbox) -> None:
    database.write_now(lambda c: confirm(c, ["b3"], 17))
    assert database.write_now(lambda c: unconfirm_above(c, 1)) == 2
    assert [row.ordinal for row in outbox.pending_rows()] == [2, 3, 4]
    assert database.write_now(lambda c: unconfirm_above(c, -1)) == 2
    assert outbox.last_included() is None


def test_contents_come_oldest_first(database: Database, outbox: Outbox) -> None:
    contents = database.write_now(lambda c: contents_above(c, 1))
    assert [ordinal for ordinal, _ in contents] == sorted(ordinal for ordinal, _ in contents)
    assert contents == [
        (row.ordinal, entry.content)
        for row in outbox.pending_rows()
        if row.ordinal > 1
        if (entry := outbox.entry(row.ordinal)) is not None
    ]


def test_a_confirmation_confirms_what_came_before_it(database: Database, outbox: Outbox) -> None:
    assert database.write_now(lambda c: confirm(c, ["b2", "not ours"], 17)) == 3
    assert [entry.row.hash for entry in outbox.pending(10)] == ["b3", "b4"]
    assert outbox.last_included() == (2, "b2")
    assert (outbox.included("b0"), outbox.included("b3"), outbox.included("x")) == (17, None, None)
    assert database.write_now(lambda c: confirm(c, ["b1"], 18)) == 0
    assert outbox.included("b1") == 17


def test_another_validators_binary_takes_the_place_of_ours(database: Database, outbox: Outbox) -> None:
    database.write_now(lambda c: confirm_other(c, 1, "theirs", 17))
    assert outbox.last_included() == (1, "theirs")
    remade = [OutboxRow(n, f"new{n - 1}" if n > 2 else "theirs", f"new{n}", b"[]") for n in range(5)]
    database.write_now(lambda c: rechain(c, remade))
    assert outbox.pending_rows() == remade[2:]
    assert [outbox.at(n) for n in range(3)] == ["b0", "theirs", "new2"]


def test_votes_are_read_in_the_order_they_were_persisted(database: Database) -> None:
    votes = Votes(database)
    assert (votes.last_height(), votes.at(3), votes.body("ref")) == (None, [], None)
    database.write_now(lambda c: put_votes(c, 3, [b"propose", b"prevote"], {"ref": b"body"}))
    database.write_now(lambda c: put_votes(c, 4, [b"other height"]))
    database.write_now(lambda c: put_votes(c, 3, [b"precommit"], {"ref": b"body"}))
    assert votes.at(3) == [b"propose", b"prevote", b"precommit"]
    assert (votes.last_height(), votes.body("ref")) == (4, b"body")


def test_votes_of_committed_heights_are_forgotten_with_their_bodies(database: Database) -> None:
    for height in (3, 4):
        database.write_now(lambda c, height=height: put_votes(c, height, [b"vote"], {f"ref{height}": b"body"}))
    database.write_now(lambda c: forget_votes(c, 3))
    votes = Votes(database)
    assert (votes.at(3), votes.at(4), votes.body("ref3"), votes.body("ref4")) == ([], [b"vote"], None, b"body")


def test_fibers_are_written_by_delta(database: Database) -> None:
    rows = {f"f{n:04}": b"record" for n in range(2001)}
    database.write_now(lambda c: put_fibers(c, rows))
    database.write_now(lambda c: put_fibers(c, {"f0000": None, "f0001": b"new"}))
    fibers = Fibers(database)
    assert fibers.count() == 2000
    assert fibers.get("f0000") is None
    assert fibers.get("f0001") == b"new"
    assert [fiber for fiber, _ in fibers.items()] == sorted(rows)[1:]


def test_identity_is_remembered(database: Database) -> None:
    meta = Meta(database)
    assert (meta.identity(), meta.genesis(), meta.votes_lost()) == (None, None, False)
    identity = Identity("ml0", "peer")
    database.write_now(lambda c: put_identity(c, identity))
    assert meta.identity() == identity
    later = Identity("ml0", "peer", "chain", "DAG…", 2)
    database.write_now(lambda c: put_identity(c, later))
    database.write_now(lambda c: put_fact(c, Fact.GENESIS, json.dumps({"validators": ["peer"]})))
    assert (meta.identity(), meta.genesis()) == (later, {"validators": ["peer"]})


@pytest.mark.parametrize("other", [Identity("gl0", "peer"), Identity("ml0", "another")])
def test_a_data_directory_is_not_taken_over(database: Database, other: Identity) -> None:
    database.write_now(lambda c: put_identity(c, Identity("ml0", "peer")))
    with pytest.raises(StoreFormatError, match="this data directory belongs to"):
        database.write_now(lambda c: put_identity(c, other))
    identity = Meta(database).identity()
    assert identity == Identity("ml0", "peer")


def test_the_tip_of_a_stopped_node(path: Path) -> None:
    with Database.open(path) as database:
        database.write_now(lambda c: put_identity(c, Identity("ml0", "peer", "chain", "DAG…", 2)))
        database.write_now(lambda c: put_snapshot(c, Committed.of(7, "s7", b"signed", b"{}")))
    assert read_tip(path) == Tip("ml0", 7, "s7", "DAG…", 2)
    assert list(read_tip(path).to_json()) == ["layer", "ordinal", "hash", "metagraphId", "incarnation"]


def test_no_tip_where_there_is_no_store(path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        read_tip(path)
    assert not path.exists()
