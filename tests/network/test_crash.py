"""``kill -9`` under load: every update that was answered 200 is applied exactly once, or rejected with its reason."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest
from tests.network.load import KEY, Load, clients
from tests.network.stack import DL1, Stack, until
from tests.network.updates import (
    accepted,
    add,
    assert_all_in_gl0,
    assert_each_decided_once,
    create,
    create_script,
    fate,
    hand_in,
    invoke,
    machines,
    settled,
)

from ottochain.codec.canonical import canonical_bytes
from ottochain.codec.hashing import data_update_hash
from ottochain.crypto.keys import PrivateKey

pytestmark = pytest.mark.network

STRANGER = PrivateKey.generate()
UNDECIDED_MIN = 100


@pytest.fixture(scope="module")
def crashing(tmp_path_factory: pytest.TempPathFactory, template: Path) -> Iterator[Stack]:
    """A stack whose nodes are killed and brought back, test after test."""
    with closing(Stack(tmp_path_factory.mktemp("crashing"), template=template)) as stack:
        stack.up()
        yield stack


def test_everything_is_killed_while_a_hundred_acknowledged_updates_are_undecided(crashing: Stack) -> None:
    stack = crashing
    fibers = machines(stack, KEY, 12)
    script = create_script(KEY)
    accepted(stack, script)
    for name in DL1:
        until(
            f"{name} knows the script", lambda n=name: script.fiber in stack.application("/onchain", n)["fiberCommits"]
        )
    hashes, since, since_gl0 = stack.first_hashes(), stack.ordinal("ml0"), stack.ordinal("gl0")
    stack.pause("ml0")

    # What will be refused only at ML0, between what will be applied.
    to_be_rejected = [
        add(STRANGER, fibers[0], 0, extra="not the owner"),
        add(KEY, fibers[1], 0, event="nonsense"),
        invoke(KEY, script.fiber, 0, {"a": 1, "b": 0}),
    ]
    for update, name in zip(to_be_rejected, DL1, strict=True):
        hand_in(stack, update, name)
    twice = create(KEY)
    for name in DL1:
        hand_in(stack, twice, name)
    with clients(stack, fibers, count=6) as load:
        until("enough acknowledged", lambda: len(load.acknowledged) >= 2 * UNDECIDED_MIN)
        undecided = {update.hash for update in load.acknowledged} & waiting(stack)
        assert {twice.hash, *(update.hash for update in to_be_rejected)} <= waiting(stack)
        stack.kill()  # while ML0 has seen none of them, and the clients go on posting
    assert len(undecided) >= UNDECIDED_MIN
    assert load.refused == []

    stack.up()
    stack.assert_ready()
    assert stack.first_hashes() == hashes
    assert stack.ordinal("ml0") >= since
    statuses = assert_each_decided_once(stack, [*load.acknowledged, *to_be_rejected, twice], since)
    assert statuses["Rejected"] == len(to_be_rejected)
    assert_all_in_gl0(stack, since_gl0)


@pytest.mark.parametrize("names", [("dl1",), ("dl1-1",), ("ml0",), ("gl0",), ("gl0", "ml0"), DL1], ids=", ".join)
def test_killed_under_load_and_brought_back(crashing: Stack, names: tuple[str, ...]) -> None:
    stack = crashing
    hashes, since, since_gl0 = stack.first_hashes(), stack.ordinal("ml0"), stack.ordinal("gl0")
    fibers = machines(stack, KEY, 6)
    with clients(stack, fibers) as load:
        acknowledged_more(load, 30)
        stack.kill(*names)
        if "dl1" in names or "dl1-1" in names:
            if len(names) == 1:  # two of three are enough
                accepted(stack, create(KEY), "dl1-2")
        else:  # what is not decided yet is acknowledged all the same
            acknowledged_more(load, 30)
        stack.up()
        acknowledged_more(load, 30)
    stack.assert_ready()
    assert stack.first_hashes() == hashes
    assert load.refused == []
    assert assert_each_decided_once(stack, load.acknowledged, since)["Accepted"] > 0
    assert_all_in_gl0(stack, since_gl0)


def test_taken_down_under_load_and_brought_back(crashing: Stack) -> None:
    """``down`` asks nodes to end, children first: nothing that was answered 200 on the way is lost either."""
    stack = crashing
    hashes, since, since_gl0 = stack.first_hashes(), stack.ordinal("ml0"), stack.ordinal("gl0")
    fibers = machines(stack, KEY, 6)
    with clients(stack, fibers) as load:
        acknowledged_more(load, 30)
        stack.down()
        assert stack.pids() == {}
        stack.up()
        acknowledged_more(load, 30)
    assert stack.first_hashes() == hashes
    assert load.refused == []
    assert_each_decided_once(stack, load.acknowledged, since)
    assert_all_in_gl0(stack, since_gl0)
    assert not any("Traceback" in stack.log(name) for name in stack.pids())


def test_without_a_threshold_of_dl1_nodes_updates_wait_and_then_go_on(crashing: Stack) -> None:
    stack = crashing
    (fiber,) = machines(stack, KEY, 1)
    stack.kill("dl1-1", "dl1-2")
    ordinal = stack.ordinal("ml0")
    updates = [add(KEY, fiber, 0), create(KEY)]
    for update in updates:
        hand_in(stack, update, "dl1")
    assert {told["status"] for update in updates if (told := fate(stack, update.hash))} == {"Waiting"}
    assert stack.ordinal("ml0") == ordinal
    stack.up()
    for update in updates:
        assert settled(stack, update.hash)["status"] == "Accepted"


def acknowledged_more(load: Load, count: int) -> None:
    wanted = len(load.acknowledged) + count
    until(f"{count} more acknowledged", lambda: len(load.acknowledged) >= wanted or load.refused)


def waiting(stack: Stack) -> set[str]:
    """The hashes of what the DL1 nodes hold undecided."""
    held = [each["value"] for name in DL1 for (each,) in stack.json(name, "/data")]
    return {data_update_hash(canonical_bytes(value)) for value in held}
