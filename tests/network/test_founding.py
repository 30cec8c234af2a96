"""``kill -9`` of the command and of everything it started, at every moment of the founding: ``up`` finishes it.

However often it is begun, there is one chain and one token in the end. A chain that was founded is never founded
again, whatever is missing.
"""

from __future__ import annotations

import json
import shutil
import time
from collections.abc import Callable
from typing import Final

import pytest
from tests.network.stack import L1, Stack, accepts, until
from tests.network.updates import accepted, create

from ottochain.crypto.addresses import address_of_bytes
from ottochain.crypto.keys import PrivateKey

pytestmark = pytest.mark.network

STEPS: Final = 21
"""How many steps a founding has: a line each."""

SLICE_SECONDS: Final = 0.05
"""Counted from the first node's birth on. Before it only the nursery loads."""

Moment = Callable[[Stack], bool]


def there(*path: str) -> Moment:
    return lambda stack: stack.state.joinpath(*path).exists()


def answers(name: str) -> Moment:
    return lambda stack: accepts(stack.port(name))


def recorded(word: str) -> Moment:
    return lambda stack: word in record_of(stack)


def record_of(stack: Stack) -> str:
    try:
        return (stack.state / "chain.json").read_text()
    except FileNotFoundError:
        return ""


MOMENTS: Final[dict[str, Moment]] = {
    "the record says founding": recorded("founding"),
    "GL0 is born": there("data", "gl0"),
    "GL0 holds its lock": there("data", "gl0", "node.lock"),
    "GL0 makes its store": there("data", "gl0", "node.sqlite"),
    "GL0 listens": answers("gl0"),
    "ML0 makes its store": there("data", "ml0", "node.sqlite"),
    "the genesis is written": there("genesis", "ml0", "genesis.snapshot.tmp"),
    "the genesis is there": there("genesis", "ml0", "genesis.snapshot"),
    "the token is there": there("genesis", "ml0", "genesis.address"),
    "the token is recorded": recorded("DAG"),
    "ML0 listens": answers("ml0"),
    "CL1 holds its lock": there("data", "cl1", "node.lock"),
    "DL1 makes its store": there("data", "dl1", "node.sqlite"),
    "the record says founded": recorded("founded"),
    "the last node listens": answers("dl1-2"),
}


def token_seen(stack: Stack) -> str | None:
    """The token, as soon as any file says it."""
    address = stack.state / "genesis" / "ml0" / "genesis.address"
    return address.read_text().strip() if address.exists() else json.loads(record_of(stack) or "{}").get("token")


def finish(stack: Stack, token: str | None) -> None:
    """``up``, and one chain, the one that was begun."""
    stack.up()
    assert_one_chain(stack)
    assert token in (None, stack.token)
    assert "Nothing was touched" in stack.up()


def assert_one_chain(stack: Stack) -> None:
    stack.assert_ready()
    token = stack.token
    record = json.loads(record_of(stack))
    assert (record["phase"], record["token"]) == ("founded", token)
    genesis = stack.state / "genesis" / "ml0"
    assert (genesis / "genesis.address").read_text().strip() == token
    assert address_of_bytes((genesis / "genesis.snapshot").read_bytes()) == token
    for name in ("ml0", *L1):
        assert stack.json(name, "/ottochain/node")["metagraphId"] == token, name
    _, info = stack.json("gl0", "/global-snapshots/latest/combined")
    assert list(info["lastStateChannelSnapshotHashes"]) == [token]


@pytest.mark.parametrize("moment", MOMENTS)
def test_killed_when(own: Stack, moment: str) -> None:
    with own.under_way("up") as tool:
        until(moment, lambda: MOMENTS[moment](own) or tool.poll() is not None)
        own.kill()
        token = token_seen(own)
    finish(own, token)


@pytest.mark.parametrize("done", range(2, STEPS + 1, 3))
def test_killed_after_step(own: Stack, done: int) -> None:
    """Every third step, for most of those between are over in a millisecond."""
    with own.under_way("up") as tool:
        assert tool.stderr
        assert f"{STEPS} steps" in tool.stderr.readline()
        for _ in range(done):
            tool.stderr.readline()
        own.kill()
        token = token_seen(own)
    finish(own, token)


def test_killed_slice_after_slice(own: Stack) -> None:
    """One founding, begun again and again, and killed each time a little later, until it is founded."""
    token, seconds = None, 0.0
    while "founded" not in record_of(own):
        with own.under_way("up") as tool:
            until("a node is born", lambda: own.pids() or tool.poll() is not None)
            end = time.monotonic() + seconds
            while time.monotonic() < end and tool.poll() is None:
                time.sleep(0.001)
            own.kill()
        known = token_seen(own)
        assert token in (None, known)
        token, seconds = known, seconds + SLICE_SECONDS
    finish(own, token)


@pytest.mark.parametrize("moment", ["GL0 listens", "the token is there", "ML0 listens", "DL1 makes its store"])
def test_only_the_command_is_killed(own: Stack, moment: str) -> None:
    """What it started goes on, and the next command goes on with that."""
    with own.under_way("up") as tool:
        until(moment, lambda: MOMENTS[moment](own) or tool.poll() is not None)
        tool.kill()
        tool.wait()
    finish(own, token_seen(own))


@pytest.mark.parametrize("name", ["gl0", "ml0", "dl1"])
def test_a_node_is_killed_while_the_command_goes_on(own: Stack, name: str) -> None:
    """The command says who ended, or brings it back itself; the next one finishes."""
    with own.under_way("up") as tool:
        until(f"{name} listens", lambda: accepts(own.port(name)))
        own.kill(name)
        _, said = tool.communicate(timeout=60)
        assert tool.returncode in (0, 3), said
        assert "Traceback" not in said
    finish(own, token_seen(own))


def test_a_lost_record_is_learnt_again(own: Stack) -> None:
    own.up()
    token, hashes, record = own.token, own.first_hashes(), own.state / "chain.json"
    for state in ("running", "stopped"):
        if state == "stopped":
            own.kill()
        record.unlink()
        own.up()
        assert_one_chain(own)
        assert (own.token, own.first_hashes()) == (token, hashes)
        assert json.loads(record.read_text())["derivedFrom"] is not None


@pytest.mark.parametrize("missing", ["ml0", "gl0"])
def test_a_founded_chain_whose_data_is_gone_is_refused(own: Stack, missing: str) -> None:
    own.up()
    hashes, record = own.first_hashes(), record_of(own)
    own.down()
    away = own.folder / "away"
    own.data(missing).rename(away)
    for lost_too in (False, True):
        if lost_too:
            (own.state / "chain.json").unlink()
        refused = own.ottochain("up", code=5)
        assert f"{missing}: no chain in {own.data(missing)}" in refused.stderr
        assert "A founded chain is never founded again" in refused.stderr
        assert "Next: put the data back" in refused.stderr
        assert own.pids() == {}
        assert not (own.data(missing) / "node.sqlite").exists()
        assert record_of(own) == ("" if lost_too else record)
    if own.data(missing).exists():
        own.data(missing).rmdir()
    away.rename(own.data(missing))
    own.up()
    assert own.first_hashes() == hashes


def test_data_of_ml0_that_is_older_than_what_gl0_holds_is_refused(own: Stack) -> None:
    """Going on from it would fork the metagraph."""
    own.up()
    own.down()
    older, newest = own.folder / "older", own.folder / "newest"
    shutil.copytree(own.data("ml0"), older)
    own.up()
    key = PrivateKey.generate()
    for _ in range(3):
        accepted(own, create(key))
    held = own.ordinal("ml0")
    until("GL0 holds it", lambda: own.held_by_gl0()[own.token] == held)
    own.down()
    own.data("ml0").rename(newest)
    older.rename(own.data("ml0"))
    refused = own.ottochain("up", code=3)
    assert f"GL0 holds snapshot {held} of this metagraph" in refused.stderr
    assert "restore the newest backup of ML0" in refused.stderr
    assert "Traceback" not in refused.stderr + own.log("ml0")
    own.down()
    shutil.rmtree(own.data("ml0"))
    newest.rename(own.data("ml0"))
    own.up()
    assert own.ordinal("ml0") >= held


def test_missing_data_of_an_l1_node_costs_nothing(own: Stack) -> None:
    own.up()
    hashes = own.first_hashes()
    own.down()
    own.data("dl1-1").rename(own.folder / "away")
    own.up()
    own.assert_ready()
    assert own.first_hashes() == hashes
