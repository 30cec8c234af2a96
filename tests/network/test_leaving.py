"""Nodes that leave, join and begin anew, under load: nothing that they acknowledged is left behind."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest
from tests.network.restless import restless
from tests.network.stack import DL1, Stack, until
from tests.network.updates import assert_each_decided_once

pytestmark = pytest.mark.network


@pytest.fixture(scope="module")
def stack(tmp_path_factory: pytest.TempPathFactory, template: Path) -> Iterator[Stack]:
    """A stack that is up. Whoever uses it leaves it up."""
    with closing(Stack(tmp_path_factory.mktemp("leaving"), template=template)) as made:
        made.up()
        yield made


def ready_members(stack: Stack, name: str) -> int:
    return sum(peer["state"] == "Ready" for peer in stack.json(name, "/cluster/info"))


def test_who_leaves_takes_nothing_along_and_joins_again(stack: Stack) -> None:
    since = stack.ordinal("ml0")
    with restless(stack, DL1) as answers:
        until("both clients are served", lambda: len(answers.acknowledged) > 5 and answers.read)
        stack.ottochain("node", "leave", "dl1-2", "--yes")
        assert stack.pid("dl1-2") is None
        assert [ready_members(stack, name) for name in ("dl1", "dl1-1")] == [2, 2]
        decided = list(answers.acknowledged)
    assert answers.failed == []
    assert_each_decided_once(stack, decided, since)  # while the one that left is away
    stack.ottochain("node", "join", "dl1-2")
    stack.assert_ready()
    assert_each_decided_once(stack, answers.acknowledged, since)


@pytest.mark.parametrize("words", [("dl1-1",), ("dl1",), ("dl1", "--layer"), ("cl1-2",)], ids=" ".join)
def test_who_begins_anew_loses_nothing(stack: Stack, words: tuple[str, ...]) -> None:
    since, hashes, pids = stack.ordinal("ml0"), stack.first_hashes(), stack.pids()
    names = DL1 if "--layer" in words else words
    before = set(stack.state.glob("quarantine/*.json"))
    with restless(stack, DL1) as answers:
        until("both clients are served", lambda: len(answers.acknowledged) > 5 and answers.read)
        stack.ottochain("node", "reset", *words, "--yes")
    assert answers.failed == []
    stack.assert_ready()
    assert {name for name, pid in stack.pids().items() if pid != pids[name]} == set(names)
    assert stack.first_hashes() == hashes
    assert_each_decided_once(stack, answers.acknowledged, since)
    made = set(stack.state.glob("quarantine/*.json")) - before
    assert {file.stem.partition("Z-")[2] for file in made} == set(names)
    assert all((file.with_suffix("") / "node.sqlite").exists() for file in made)


def test_what_only_a_frozen_network_could_decide_is_handed_over_and_decided_later(stack: Stack) -> None:
    """ML0 is away: what was acknowledged waits in the pool of the node that leaves, and its peers take it over."""
    since = stack.ordinal("ml0")
    stack.ottochain("stop", "ml0", "--yes")
    with restless(stack, DL1) as answers:
        until("updates wait", lambda: len(answers.acknowledged) > 20)
    stack.ottochain("node", "leave", "dl1-2", "--yes")
    stack.ottochain("start", "ml0")
    assert_each_decided_once(stack, answers.acknowledged, since)
    stack.ottochain("node", "join", "dl1-2")
    stack.assert_ready()


def test_a_reset_without_ml0_is_refused_and_touches_nothing(stack: Stack) -> None:
    stack.ottochain("stop", "ml0", "--yes")
    pids = stack.pids()
    assert "ml0 is not Ready" in stack.ottochain("node", "reset", "dl1-1", "--yes", code=5).stderr
    assert stack.pids() == pids
    stack.ottochain("start", "ml0")
    stack.assert_ready()
