"""ML0's state in the store: what is found again is what was there, to the last byte of the next snapshot."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from layers.metagraph import ALICE, Driver, add, archive, block, create, fiber_id, update
from node.bodies_made import SCRIPT
from ottochain.codec import exact_json
from ottochain.fibers import SignedUpdate, calculated_proof
from ottochain.fibers.errors import DecodeError
from ottochain.layers.ml0_state import Ml0State
from ottochain.node.ml0_keeping import HEAD, INFO, LOGS, load, on_chain_change, parts_of, rows_of
from ottochain.store.chain import put_parts
from ottochain.store.database import Database
from ottochain.store.fibers import put_fibers

KEEPER: dict[str, Any] = {
    "states": {"on": {"id": "on", "isFinal": False, "metadata": None}},
    "initialState": "on",
    "transitions": [
        {
            "from": "on",
            "to": "on",
            "eventName": "keep",
            "guard": True,
            "effect": {"merge": [{"var": "state"}, {"var": "event"}]},
            "dependencies": [],
        }
    ],
    "metadata": None,
}
"""A machine that keeps whatever it is sent."""


def keep(number: int, sequence: int, payload: Any) -> SignedUpdate:
    body = {"fiberId": fiber_id(number), "eventName": "keep", "payload": payload, "targetSequenceNumber": sequence}
    return update({"TransitionStateMachine": body}, ALICE)


def keeper(number: int, data: Any) -> SignedUpdate:
    payload = {"fiberId": fiber_id(number), "definition": KEEPER, "initialData": data}
    return update({"CreateStateMachine": payload}, ALICE)


def store(database: Database, state: Ml0State, before: Ml0State | None) -> None:
    def write(connection: Any) -> None:
        put_parts(connection, parts_of(state, before))
        put_fibers(connection, rows_of(state, before))

    database.write_now(write)


def assert_same(found: Ml0State | None, state: Ml0State) -> None:
    """Records are equal when their JSON is, to the order of its keys: expressions can see that."""
    assert found is not None
    ours, theirs = state.fibers.calculated, found.fibers.calculated
    for before, after in ((ours.state_machines, theirs.state_machines), (ours.scripts, theirs.scripts)):
        assert sorted(before) == sorted(after)
        for fiber, record in before.items():
            assert exact_json.dumps(after[fiber].to_json()) == exact_json.dumps(record.to_json())
    assert calculated_proof(found.fibers) == calculated_proof(state.fibers)
    assert found.on_chain_text().text == state.on_chain_text().text
    assert replace(found, fibers=state.fibers) == state


@pytest.fixture
def database(tmp_path: Path) -> Iterator[Database]:
    with Database.open(tmp_path / "node.sqlite") as opened:
        yield opened


def test_an_empty_store_holds_no_state(database: Database) -> None:
    assert load(database) is None


def test_the_first_state_is_found_again(database: Database) -> None:
    driver = Driver()
    store(database, driver.state, None)
    assert_same(load(database), driver.state)


def test_only_what_changed_is_written(database: Database) -> None:
    driver = Driver()
    driver.commit(block(1, [create(1), create(2)]))
    before = driver.state
    driver.commit(block(2, [add(1, 0)]))
    assert set(parts_of(driver.state, before)) == {HEAD, LOGS}
    assert set(parts_of(driver.state, None)) == {HEAD, LOGS, INFO}
    assert list(rows_of(driver.state, before)) == [fiber_id(1)]
    assert list(rows_of(driver.state, None)) == [fiber_id(1), fiber_id(2)]


def test_what_followers_are_told_is_what_changed() -> None:
    driver = Driver()
    driver.commit(block(1, [create(1), create(2)]))
    before = driver.state.fibers
    driver.commit(block(2, [add(1, 0)]))
    change = on_chain_change(before, driver.state.fibers)
    assert list(change["fiberCommits"]) == [fiber_id(1)]
    assert change["latestLogs"] == driver.state.fibers.on_chain.to_json()["latestLogs"]


JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(10**30), 10**30)
    | st.decimals(-(10**6), 10**6, places=3).map(lambda number: exact_json.loads(str(number)))
    | st.text(max_size=4),
    lambda each: st.lists(each, max_size=3) | st.dictionaries(st.text(max_size=3), each, max_size=4),
    max_leaves=6,
)
OBJECTS = st.dictionaries(st.text(min_size=1, max_size=3).filter(lambda key: not key.startswith("_")), JSON, max_size=5)
STEPS = st.one_of(
    st.tuples(st.just("keeper"), st.integers(1, 3), OBJECTS),
    st.tuples(st.just("keep"), st.integers(1, 3), OBJECTS),
    st.tuples(st.just("script"), st.just(0xAA), st.none()),
    st.tuples(st.just("archive"), st.integers(1, 3), st.none()),
    st.tuples(st.just("time"), st.just(0), st.none()),
)


def made(driver: Driver, kind: str, number: int, value: Any) -> SignedUpdate | None:
    commit = driver.state.fibers.on_chain.fiber_commits.get(fiber_id(number))
    sequence = 0 if commit is None else commit.sequence_number
    try:
        match kind:
            case "keeper":
                return keeper(number, value)
            case "keep":
                return keep(number, sequence, value)
            case "script":
                return update({"CreateScript": SCRIPT}, ALICE)
            case "archive":
                return archive(number, sequence)
    except DecodeError:  # a value without canonical text
        return None
    return None


@settings(max_examples=40)
@given(steps=st.lists(STEPS, max_size=10), following=STEPS)
def test_whatever_happened_the_state_is_found_again_and_goes_on_alike(
    steps: list[tuple[str, int, Any]], following: tuple[str, int, Any], tmp_path_factory: pytest.TempPathFactory
) -> None:
    driver = Driver()
    with Database.open(tmp_path_factory.mktemp("keeping") / "node.sqlite") as database:
        store(database, driver.state, None)
        for number, (kind, fiber, value) in enumerate(steps, start=1):
            before = driver.state
            signed = made(driver, kind, fiber, value)
            blocks = [] if signed is None else [block(number, [signed])]
            driver.commit(*blocks, trigger="event" if blocks else "time")
            store(database, driver.state, before)
        found = load(database)
        assert found is not None
        assert_same(found, driver.state)
        again = Driver()
        again.state, again.decided_at = found, driver.decided_at
        signed = made(driver, *following)
        blocks = [] if signed is None else [block(99, [signed])]
        ours, theirs = (each.build(*blocks, trigger="time") for each in (driver, again))
        assert theirs.text == ours.text
        assert theirs.proposal == ours.proposal
        assert theirs.header == ours.header
        assert parts_of(theirs.state, None) == parts_of(ours.state, None)
        assert rows_of(theirs.state, found) == rows_of(ours.state, driver.state)
