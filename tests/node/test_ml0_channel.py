"""The state channel: every snapshot of ML0 comes into GL0, whatever becomes of either."""

from __future__ import annotations

import shutil
import sqlite3
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any

import pytest

from node.layered import Layered, layered, settled
from node.network import until
from ottochain.node.l0_terms import ChainProblem
from ottochain.store.database import Database


@pytest.fixture
async def network(tmp_path: Path) -> AsyncIterator[Layered]:
    async with layered(tmp_path) as started:
        await started.found()
        yield started


def included(network: Layered) -> int | None:
    """The newest snapshot of the metagraph that GL0 holds."""
    assert network.gl0.state is not None
    metagraph = network.gl0.state.metagraphs.get(network.token or "")
    return None if metagraph is None else metagraph.ordinal


async def until_included(network: Layered) -> None:
    await until(lambda: included(network) == network.ml0.head_ordinal())
    await network.until_confirmed()


async def test_each_snapshot_comes_into_gl0_in_its_order(network: Layered) -> None:
    for number in range(1, 6):
        await network.create(number)
    await until_included(network)
    sender = network.ml0.channel.sender
    assert sender is not None
    await until(lambda: sender.depth == 0)
    facts = await network.running["ml0"].json("/ottochain/node")
    assert facts["confirmedOrdinal"] == network.ml0.head_ordinal()
    assert facts["outbox"] == {"depth": 0, "oldestSeconds": None, "lastProblem": None}


async def test_while_gl0_is_down_snapshots_go_on_and_come_in_when_it_is_back(network: Layered) -> None:
    await until_included(network)
    await network.stop("gl0")
    for number in range(1, 8):
        await network.create(number)
    facts = await network.running["ml0"].json("/ottochain/node")
    assert facts["outbox"]["depth"] == 7
    await network.resume("gl0")
    await until_included(network)


async def test_what_was_not_included_goes_on_after_a_restart(network: Layered) -> None:
    await until_included(network)
    await network.stop("gl0")
    await network.create(1, 2, 3)
    await network.stop("ml0")
    await network.resume("gl0")
    await network.resume("ml0")
    await until_included(network)


async def test_what_gl0_included_before_the_restart_is_not_sent_again(network: Layered) -> None:
    """It was noted only when the next snapshot came in, and GL0 made snapshots of the copies until then."""
    await network.create(1)
    await until_included(network)
    await network.stop("ml0")
    with Database.open(network.data_dir("ml0") / "node.sqlite") as database:
        database.write_now(lambda connection: connection.execute("UPDATE outbox SET included = NULL"))
    head = network.gl0.head_reference()
    await network.resume("ml0")
    assert network.ml0.channel.outbox.depth() == 0
    await settled(lambda: network.gl0.head_reference() == head, seconds=0.3)


async def grown_since_a_backup_of_gl0(network: Layered, folder: Path) -> Path:
    """One item is in GL0's backup, four came after it; gives where the backup is."""
    await network.create(1)
    await until_included(network)
    backup = folder / "backup"
    await network.stop("gl0")
    shutil.copytree(network.data_dir("gl0"), backup)
    await network.resume("gl0")
    for number in range(2, 6):
        await network.create(number)
    await until_included(network)
    return backup


def put_back(backup: Path, data: Path) -> None:
    shutil.rmtree(data)
    shutil.copytree(backup, data)


async def test_a_gl0_that_was_restored_from_a_backup_gets_the_rest_again(network: Layered, tmp_path: Path) -> None:
    """What ML0 had noted as included was never sent again: its snapshots waited in vain for their parents."""
    backup = await grown_since_a_backup_of_gl0(network, tmp_path)
    await network.stop("dl1", "ml0", "gl0")
    put_back(backup, network.data_dir("gl0"))
    await network.resume("gl0")
    assert included(network) == 2
    await network.resume("ml0")
    await until_included(network)
    await network.resume("dl1")
    await until(lambda: network.dl1().on_chain() is not None)
    await network.create(9)
    await until_included(network)


async def test_what_another_validator_brought_is_made_again_for_a_gl0_that_holds_less_than_it_did(
    network: Layered, tmp_path: Path
) -> None:
    """A GL0 node that is behind, for one: the others' binaries were known by their hashes alone, and made no chain."""
    backup = await grown_since_a_backup_of_gl0(network, tmp_path)
    head = network.ml0.head_ordinal()
    await network.stop("dl1", "ml0", "gl0")
    put_back(backup, network.data_dir("gl0"))
    with Database.open(network.data_dir("ml0") / "node.sqlite") as database:
        other = "UPDATE outbox SET hash = ? WHERE ordinal = ?"
        database.write_now(lambda connection: connection.execute(other, ("ab" * 32, head - 1)))
    await network.resume("gl0")
    await network.resume("ml0")
    await until_included(network)
    assert network.ml0.head_ordinal() == head


async def test_a_restored_gl0_is_another_one_to_those_that_followed_it(network: Layered, tmp_path: Path) -> None:
    backup = tmp_path / "backup"
    await until_included(network)
    await network.stop("gl0")
    shutil.copytree(network.data_dir("gl0"), backup)
    await network.resume("gl0")
    await network.create(1)
    await until_included(network)
    await until(lambda: network.ml0.channel.view.ordinal == network.gl0.facts()["ordinal"])
    await network.stop("gl0")
    put_back(backup, network.data_dir("gl0"))
    await network.resume("gl0")
    await until(lambda: network.ml0.channel.view.diverged and network.dl1().global_view.diverged)
    assert (await network.running["ml0"].json("/ottochain/node"))["diverged"] is True
    # Its own work goes on.
    await network.create(2)


async def test_ml0_does_not_start_on_less_than_gl0_holds(network: Layered, tmp_path: Path) -> None:
    """It would fork the metagraph."""
    await until_included(network)
    backup = tmp_path / "backup"
    await network.stop("ml0")
    shutil.copytree(network.data_dir("ml0"), backup)
    await network.resume("ml0")
    await network.create(1, 2)
    await until_included(network)
    await network.stop("ml0")
    put_back(backup, network.data_dir("ml0"))
    with pytest.raises(ChainProblem, match="restore the newest backup"):
        await network.resume("ml0")


async def test_ml0_starts_though_gl0_took_another_validator_s_binary_of_its_head_meanwhile(network: Layered) -> None:
    """Everything was killed before it heard of that: its own binary is not in GL0, and yet the snapshot is."""
    await network.create(1)
    await until_included(network)
    await network.stop("ml0")
    with Database.open(network.data_dir("ml0") / "node.sqlite") as database:
        own = "UPDATE outbox SET hash = ?, included = NULL WHERE ordinal = (SELECT max(ordinal) FROM outbox)"
        database.write_now(lambda connection: connection.execute(own, ("ab" * 32,)))
    await network.resume("ml0")
    assert network.ml0.channel.outbox.depth() == 0
    await network.create(2)
    await until_included(network)


async def test_ml0_does_not_start_under_a_gl0_that_is_another_one(network: Layered, tmp_path: Path) -> None:
    await network.stop("ml0")
    wrong = network.parent("dl1")
    gl0 = network.parent("gl0")
    with pytest.raises(ChainProblem, match="CL_GLOBAL_L0_PEER_ID"):
        await network.resume("ml0", global_l0_peer=type(gl0)(wrong.id, gl0.host, gl0.port))


async def test_the_binary_of_another_validator_takes_the_place_of_ours(
    network: Layered, monkeypatch: pytest.MonkeyPatch
) -> None:
    """And what comes after it is made again on top: our own chain of binaries would never be taken."""
    await until_included(network)
    await network.stop("gl0")
    await network.create(1, 2, 3)
    channel, head = network.ml0.channel, network.ml0.head_ordinal()
    before = {ordinal: channel.outbox.at(ordinal) for ordinal in range(head + 1)}
    sent: list[int] = []

    async def deliver(ordinal: int, _attempt: int) -> str | None:
        sent.append(ordinal)
        return None

    other = "ab" * 32
    monkeypatch.setattr(channel, "deliver", deliver)
    monkeypatch.setattr(channel.view, "apply_line", lambda _line: ((2, other),))
    await channel.hear({"entry": {}})
    assert channel.outbox.at(2) == other
    rows = channel.outbox.pending_rows()
    assert [row.ordinal for row in rows] == list(range(3, head + 1))
    previous = other
    for row in rows:
        assert row.previous == previous
        assert row.hash != before[row.ordinal]
        previous = row.hash
    await until(lambda: set(sent) >= {row.ordinal for row in rows[:4]})


@pytest.mark.parametrize("moment", ["before", "after"])
async def test_gl0_s_word_for_another_binary_may_come_while_a_snapshot_is_written(
    network: Layered, monkeypatch: pytest.MonkeyPatch, moment: str
) -> None:
    """Before the write: the snapshot's own binary stood on one that had just been replaced. After it: the sender, begun
    anew with what is durable, got the binary for the second time. Either ended the node."""
    await until_included(network)
    await network.stop("gl0")
    await network.create(1, 2)
    ml0, channel, head = network.ml0, network.ml0.channel, network.ml0.head_ordinal()
    other = "ab" * 32
    write = ml0.database.write
    heard: list[int] = []

    async def deliver(_ordinal: int, _attempt: int) -> str | None:
        return None

    async def hearing(job: Callable[[sqlite3.Connection], Any]) -> Any:
        if "append" not in job.__qualname__ or heard:
            return await write(job)
        heard.append(head)
        monkeypatch.setattr(channel.view, "apply_line", lambda _line: ((head, other),))
        if moment == "before":
            await channel.hear({"entry": {}})
        result = await write(job)
        if moment == "after":
            await channel.hear({"entry": {}})
        return result

    monkeypatch.setattr(channel, "deliver", deliver)
    monkeypatch.setattr(ml0.database, "write", hearing)
    await network.create(3)
    await network.create(4)
    assert heard
    rows = channel.outbox.pending_rows()
    assert [row.ordinal for row in rows] == [head + 1, head + 2]
    assert [row.previous for row in rows] == [other, rows[0].hash]
    assert channel.sender is not None
    assert channel.sender.depth == 2


async def test_gl0_may_hold_a_snapshot_before_this_validator_has_written_it(
    network: Layered, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Another validator was faster. GL0 does not say it again: its binary was sent for ever."""
    await until_included(network)
    await network.stop("gl0")
    channel, head, other = network.ml0.channel, network.ml0.head_ordinal(), "ab" * 32
    monkeypatch.setattr(channel.view, "confirmed_ordinal", head + 1)
    monkeypatch.setattr(channel.view, "confirmed_hash", other)
    await network.create(1)
    await until(lambda: channel.outbox.at(head + 1) == other)
    assert channel.outbox.depth() == 0
    assert channel.sender is not None
    await until(lambda: channel.sender is not None and channel.sender.depth == 0)
    await network.create(2)
    (row,) = channel.outbox.pending_rows()
    assert (row.ordinal, row.previous) == (head + 2, other)
