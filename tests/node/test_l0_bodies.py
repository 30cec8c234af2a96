"""The bodies that an L0 node can send: those it heard of lately, and those it voted for."""

from __future__ import annotations

from pathlib import Path

from ottochain.node.l0_transport import BODIES_KEPT_MAX, Bodies
from ottochain.store.database import Database
from ottochain.store.votes import Votes, forget_votes, put_votes

HEIGHT = 3


def vote_for(database: Database, body: bytes) -> str:
    """A vote record that names a body, as it is written before the vote is sent. Returns the body's reference."""
    reference = Bodies(Votes(database).body).put(body)
    database.write_now(lambda connection: put_votes(connection, HEIGHT, [b"vote"], {reference: body}))
    return reference


def test_what_was_voted_for_is_at_hand_in_the_next_life(tmp_path: Path) -> None:
    """When all validators lose power, one that is locked must propose the value again: it may be the only one left."""
    path = tmp_path / "store"
    with Database.open(path) as database:
        reference = vote_for(database, b"a snapshot")
    with Database.open(path) as database:
        assert Bodies(Votes(database).body).get(reference) == b"a snapshot"


def test_what_was_voted_for_is_at_hand_after_many_others(tmp_path: Path) -> None:
    with Database.open(tmp_path / "store") as database:
        bodies = Bodies(Votes(database).body)
        reference = vote_for(database, b"a snapshot")
        others = [bodies.put(b"%d" % number) for number in range(BODIES_KEPT_MAX + 1)]
        assert bodies.get(reference) == b"a snapshot"
        assert bodies.get(others[0]) is None
        assert bodies.get(others[1]) == b"1"


def test_what_was_voted_for_is_let_go_of_with_its_height(tmp_path: Path) -> None:
    with Database.open(tmp_path / "store") as database:
        reference = vote_for(database, b"a snapshot")
        database.write_now(lambda connection: forget_votes(connection, HEIGHT))
        assert Bodies(Votes(database).body).get(reference) is None
