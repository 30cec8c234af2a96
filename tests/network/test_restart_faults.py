"""What can go wrong at a gate, on real processes: the right exit code, the cause, the next command, nothing worse."""

from __future__ import annotations

import contextlib
import socket
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest
from tests.network.stack import DL1, Stack, until

pytestmark = pytest.mark.network


@pytest.fixture(scope="module")
def stack(tmp_path_factory: pytest.TempPathFactory, template: Path) -> Iterator[Stack]:
    """A stack that is up. Whoever uses it leaves it up."""
    with closing(Stack(tmp_path_factory.mktemp("faults"), template=template)) as made:
        made.up()
        yield made


@contextlib.contextmanager
def with_tables(stack: Stack, text: str) -> Iterator[None]:
    """The deployment file with more in it, until the end of the block."""
    before = stack.file.read_text()
    stack.file.write_text(f"{before}\n{text}\n")
    try:
        yield
    finally:
        stack.file.write_text(before)


def test_a_node_of_another_environment_is_named_with_the_reason_and_the_others_stay(stack: Stack) -> None:
    pids = stack.pids()
    with with_tables(stack, '[nodes.dl1-2]\nenv = { CL_APP_ENV = "testnet" }'):
        said = stack.ottochain("restart", "dl1", "--yes", code=3).stderr
    assert "dl1-2 could not join dl1: it " in said
    assert "environment" in said
    assert "ottochain operations resume" in said
    assert {name for name, pid in stack.pids().items() if pid != pids[name]} == {"dl1-2"}
    stack.ottochain("stop", "dl1-2", "--yes")
    stack.ottochain("operations", "resume")
    stack.assert_ready()


def test_a_taken_port_is_named_with_its_holder_and_nothing_is_started(stack: Stack) -> None:
    stack.ottochain("stop", "dl1-2", "--yes")
    with socket.socket() as thief:
        thief.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        thief.bind(("127.0.0.1", stack.port("dl1-2", "p2p")))
        thief.listen()
        said = stack.ottochain("start", "dl1-2", code=5).stderr
    assert f"{stack.port('dl1-2', 'p2p')} of dl1-2: process" in said
    assert "Nothing was started" in said
    assert stack.pid("dl1-2") is None
    stack.ottochain("start", "dl1-2")
    stack.assert_ready()


def test_a_key_that_two_nodes_of_a_layer_share_is_refused_before_anything_stops(stack: Stack) -> None:
    pids = stack.pids()
    with with_tables(stack, f'[nodes.dl1-2]\nkeystore = "{stack.state / "keys" / "dl1-1.p12"}"'):
        said = stack.ottochain("restart", "dl1", "--yes", code=5).stderr
    assert "dl1-1" in said
    assert "dl1-2" in said
    assert stack.pids() == pids


def test_a_node_that_is_killed_while_it_is_brought_up_is_said_to_have_ended(stack: Stack) -> None:
    with stack.under_way("restart", "dl1-2", "--yes") as tool:
        before = stack.pid("dl1-2")
        pid = until("a new dl1-2", lambda: (found := stack.pid("dl1-2")) and found != before and found)
        stack.kill("dl1-2")
        assert pid
        _, said = tool.communicate(timeout=60)
        if tool.returncode == 0:  # it was a member already, before the signal reached it
            stack.up()
        else:
            assert tool.returncode == 3, said
            assert "dl1-2 ended by itself" in said
            stack.ottochain("operations", "resume")
    stack.assert_ready()
    assert set(DL1) <= set(stack.pids())


def test_two_operators_at_once_the_second_is_told_who_and_what(stack: Stack) -> None:
    with stack.under_way("restart", "stack", "--rolling", "--yes") as first:
        until("the first holds the lease", lambda: "it lives" in stack.ottochain("lease", "show").stdout)
        said = stack.ottochain("restart", "cl1", "--yes", code=4).stderr
        assert "`ottochain restart stack --rolling`" in said
        assert f"process {first.pid}, since 20" in said
        assert (
            "never taken from one that lives" in stack.ottochain("lease", "break", "--reason", "haste", code=4).stderr
        )
        stack.ottochain("operations", "pause")
        _, said = first.communicate(timeout=60)
        assert first.returncode == 6, said
        assert "pauses before the step" in said
    assert "The lease is free" in stack.ottochain("lease", "show").stdout
    stack.ottochain("operations", "resume")
    stack.assert_ready()
