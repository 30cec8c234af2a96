"""GL0's state in the store: what is found again is what was there, to the last byte of the next snapshot."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from layers.channel import GL0_KEY, Channel, GlobalDriver
from layers.metagraph import ALICE, BOB, VALIDATOR, block, create
from ottochain.crypto.proofs import sign
from ottochain.layers import gl0
from ottochain.layers.gl0_state import Gl0State
from ottochain.model.signed import signed_text
from ottochain.node.gl0_keeping import BALANCES, HEAD, load, parts_of
from ottochain.store.chain import Chain, put_parts, put_snapshot
from ottochain.store.chain import Committed as StoredSnapshot
from ottochain.store.database import Database


class KeptDriver(GlobalDriver):
    """Writes each snapshot with its state, as the node does."""

    def __init__(self, database: Database) -> None:
        super().__init__()
        self.database = database
        self._keep(StoredSnapshot.of(1, self.state.hash, b"{}", b"{}"), None)

    def grow(self, *deliveries: Any, trigger: Any = "event") -> None:
        before = self.state
        built = self.commit(*deliveries, trigger=trigger)
        signed = signed_text(built.text.wire, [sign(built.hash, GL0_KEY)])
        self._keep(StoredSnapshot.of(built.ordinal, built.hash, signed, b"{}"), before)

    def _keep(self, stored: StoredSnapshot, before: Gl0State | None) -> None:
        def write(connection: Any) -> None:
            put_snapshot(connection, stored)
            put_parts(connection, parts_of(self.state, before))

        self.database.write_now(write)


@pytest.fixture
def database(tmp_path: Path) -> Iterator[Database]:
    with Database.open(tmp_path / "node.sqlite") as opened:
        yield opened


def assert_same(found: Gl0State | None, state: Gl0State) -> None:
    assert found is not None
    assert found == state
    assert found.info.wire_text() == state.info.wire_text()
    assert parts_of(found, None) == parts_of(state, None)


def test_an_empty_store_holds_no_state(database: Database) -> None:
    assert load(Chain(database)) is None


def test_the_first_state_is_found_again(database: Database) -> None:
    driver = KeptDriver(database)
    assert_same(load(Chain(database)), driver.state)


def test_balances_are_written_when_they_change(database: Database) -> None:
    driver = KeptDriver(database)
    before = driver.state
    driver.grow(trigger="time")
    assert set(parts_of(driver.state, before)) == {HEAD}
    assert set(parts_of(driver.state, None)) == {HEAD, BALANCES}


CHANNELS = [Channel(VALIDATOR), Channel(ALICE, BOB), Channel(BOB, with_founding=False)]
for _number, _channel in enumerate(CHANNELS, start=1):
    for _round in range(1, 5):
        _channel.advance(block(_round, [create(10 * _number + _round)]), trigger="time" if _round == 2 else "event")


@settings(max_examples=20)
@given(
    turns=st.lists(st.lists(st.integers(0, 2), max_size=3), max_size=8),
    following=st.lists(st.integers(0, 2), max_size=2),
)
def test_whatever_was_included_the_state_is_found_again_and_goes_on_alike(
    turns: list[list[int]], following: list[int], tmp_path_factory: pytest.TempPathFactory
) -> None:
    sent = [0, 0, 0]

    def next_of(numbers: list[int]) -> list[Any]:
        deliveries = []
        for number in numbers:
            if sent[number] < len(CHANNELS[number].deliveries):
                deliveries.append(CHANNELS[number].deliveries[sent[number]])
                sent[number] += 1
        return deliveries

    with Database.open(tmp_path_factory.mktemp("keeping") / "node.sqlite") as database:
        driver = KeptDriver(database)
        for turn in turns:
            deliveries = next_of(turn)
            driver.grow(*deliveries, trigger="event" if deliveries else "time")
        found = load(Chain(database))
        assert_same(found, driver.state)
        assert found is not None
        deliveries = next_of(following)
        ours, theirs = (gl0.build(state, "event", deliveries) for state in (driver.state, found))
        assert theirs.text == ours.text
        assert (theirs.proposal, theirs.header, theirs.included) == (ours.proposal, ours.header, ours.included)
        assert parts_of(theirs.state, None) == parts_of(ours.state, None)
