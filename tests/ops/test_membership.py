"""``node join``, ``leave`` and ``reset``: what is refused, what is moved where, and that nothing is left behind."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest
from tests.dying_tool import requested
from tests.ops.fakes import NURSERY, Told, is_whole, kill, pids, up
from tests.ops.worlds import FOUNDED, a_deployment, a_world, ready, stopped

from ottochain.client.light import LightClient
from ottochain.ops.errors import GateNotMet, Refused
from ottochain.ops.execute import quarantine as moving
from ottochain.ops.facts.observe import observe
from ottochain.ops.inventory.deployment import Deployment
from ottochain.ops.operations import resuming
from ottochain.ops.operations.membership import membership_request
from ottochain.ops.operations.operation import Report, execute, prepare
from ottochain.ops.plan.procedures import plan_procedure
from ottochain.ops.plan.refusals import refusals
from ottochain.ops.plan.steps import PutBack, Step

ALL = ("gl0", "ml0", "cl1", "cl1-1", "cl1-2", "dl1", "dl1-1", "dl1-2")


async def carry_out(deployment: Deployment, verb: str, target: str) -> Report:
    made = await prepare(deployment, requested(deployment, verb, target, ""))
    return await execute(deployment, made, Told(), NURSERY)


def pool_of(deployment: Deployment, name: str, *updates: str) -> None:
    """Let these wait in the node's pool."""
    items = [{"hash": update * 8, "signed": json.dumps(update)} for update in updates]
    (deployment.by_name[name].data_dir / "pool.json").write_text(json.dumps(items))


async def taken(deployment: Deployment, name: str) -> list[str]:
    node = deployment.by_name[name]
    async with LightClient() as client:
        found: list[str] = json.loads((await client.get(node.host, node.ports.public, "/data")).body)
        return found


# Plans and refusals.


def refused(folder: Path, world: object, verb: str, target: str, **more: bool) -> list[str]:
    deployment = a_deployment(folder)
    return refusals(deployment, world, membership_request(deployment, verb, target, **more), FOUNDED)  # type: ignore[arg-type]


def test_a_reset_moves_the_data_only_after_the_pool_was_handed_over(tmp_path: Path) -> None:
    deployment = a_deployment(tmp_path)
    plan = plan_procedure(deployment, a_world(others=ready(*ALL)), membership_request(deployment, "reset", "dl1-1"))
    assert [step.id for step in plan.steps] == [
        "leave dl1-1", "stop dl1-1", "hand over dl1-1", "quarantine dl1-1", "bring up dl1-1", "verify",
    ]  # fmt: skip
    assert [step.after for step in plan.steps[1:]] == [(step.id,) for step in plan.steps[:-1]]


def test_a_layer_is_reset_one_node_after_the_other_those_that_are_not_ready_first(tmp_path: Path) -> None:
    deployment = a_deployment(tmp_path)
    world = a_world(stopped("dl1"), others=ready(*(name for name in ALL if name != "dl1")))
    plan = plan_procedure(deployment, world, membership_request(deployment, "reset", "dl1", layer=True))
    assert [step.id for step in plan.steps if step.id.startswith("quarantine")] == [
        "quarantine dl1", "quarantine dl1-2", "quarantine dl1-1",
    ]  # fmt: skip


@pytest.mark.parametrize("name", ["gl0", "ml0"])
def test_data_of_a_node_that_keeps_a_chain_is_never_moved_by_a_reset(tmp_path: Path, name: str) -> None:
    assert any("its data, and its votes, are never moved" in one for one in refused(
        tmp_path, a_world(others=ready(*ALL)), "reset", name
    ))  # fmt: skip


def test_a_reset_is_refused_where_nobody_else_holds_as_much(tmp_path: Path) -> None:
    alone = a_world(others=ready("gl0", "ml0", "dl1"))
    assert any("no other node of dl1 is Ready" in one for one in refused(tmp_path, alone, "reset", "dl1"))
    nodes = ready(*ALL)
    nodes["dl1"] = replace(nodes["dl1"], ordinal=9)
    (said,) = refused(tmp_path, a_world(others=nodes), "reset", "dl1")
    assert "dl1 has ordinal 9, and no other Ready node as much (dl1-1 7, dl1-2 7)" in said
    without = {name: facts for name, facts in ready(*ALL).items() if name != "ml0"}
    assert any("ml0 is not Ready" in one for one in refused(tmp_path, a_world(others=without), "reset", "dl1"))


@pytest.mark.parametrize("verb", ["leave", "reset"])
def test_a_node_that_its_layer_cannot_spare_stays(tmp_path: Path, verb: str) -> None:
    world = a_world(stopped("dl1-2"), others=ready(*(name for name in ALL if name != "dl1-2")))
    (said,) = refused(tmp_path, world, verb, "dl1-1")
    assert "to stop dl1-1: dl1 pauses: 1 of 3 stay Ready, 2 needed" in said
    assert not refused(tmp_path, world, verb, "dl1-1", accept_pause=True)


# On fake nodes.


@pytest.mark.network
async def test_who_leaves_is_gone_from_its_peers_and_joins_again(deployment: Deployment) -> None:
    await up(deployment)
    pool_of(deployment, "dl1-1", "waiting")
    await carry_out(deployment, "leave", "node dl1-1")
    assert {name for name, pid in pids(deployment).items() if pid is None} == {"dl1-1"}
    async with LightClient() as client:
        seen = await observe(deployment, client)
    assert {facts.ready_members for facts in seen.ready("dl1")} == {2}
    assert await taken(deployment, "dl1") == ["waiting"]
    assert not (await carry_out(deployment, "leave", "node dl1-1")).changed
    await carry_out(deployment, "join", "node dl1-1")
    assert await is_whole(deployment)


@pytest.mark.network
async def test_a_reset_puts_the_data_into_quarantine_with_its_record(deployment: Deployment) -> None:
    await up(deployment)
    data = deployment.by_name["dl1-1"].data_dir
    (data / "mark").write_text("what it had")
    pool_of(deployment, "dl1-1", "one", "two")
    await carry_out(deployment, "reset", "node dl1-1")
    assert await is_whole(deployment)
    assert not (data / "mark").exists()
    (record,) = deployment.places.quarantine.glob("*.json")
    (place,) = (each for each in deployment.places.quarantine.iterdir() if each.is_dir())
    assert place.name == record.stem
    assert (place / "mark").read_text() == "what it had"
    said = json.loads(record.read_text())
    assert (said["node"], said["from"]) == ("dl1-1", str(data))
    assert said["keepUntil"] > said["at"]
    assert not place.is_relative_to(deployment.places.data)
    assert await taken(deployment, "dl1") == ["one", "two"]


@pytest.mark.network
async def test_a_node_that_did_not_rejoin_is_reset_too(deployment: Deployment) -> None:
    await up(deployment)
    kill(deployment, "cl1-2")
    await carry_out(deployment, "reset", "node cl1-2")
    assert await is_whole(deployment)


@pytest.mark.network
async def test_what_nobody_takes_is_listed_and_the_data_stays(deployment: Deployment) -> None:
    await up(deployment)
    data = deployment.by_name["dl1-1"].data_dir
    pool_of(deployment, "dl1-1", "good", "bad")
    with pytest.raises(GateNotMet) as failed:
        await carry_out(deployment, "reset", "node dl1-1")
    assert "1 of 2 items that dl1-1 acknowledged wait in its pool alone" in failed.value.what
    assert "badbadbadbadbadbadbadbad" in failed.value.what
    assert "ottochain node join dl1-1" in failed.value.next_step
    assert (data / "pool.json").exists()
    assert not deployment.places.quarantine.exists()
    await resuming.abort(deployment, None, Told(), NURSERY)
    assert await is_whole(deployment)
    assert (data / "pool.json").exists()


@pytest.mark.network
async def test_an_abort_puts_the_data_back_unless_the_node_has_begun_anew(deployment: Deployment) -> None:
    await up(deployment)
    data = deployment.by_name["dl1-1"].data_dir
    (data / "mark").write_text("what it had")

    def end_there(step: Step) -> None:
        if step.id == "bring up dl1-1":
            raise InterruptedError

    made = await prepare(deployment, requested(deployment, "reset", "node dl1-1", ""))
    with pytest.raises(InterruptedError):
        await execute(deployment, made, Told(end_there), NURSERY)
    assert not data.exists()
    await resuming.abort(deployment, None, Told(), NURSERY)
    assert (data / "mark").read_text() == "what it had"
    assert await is_whole(deployment)
    await carry_out(deployment, "reset", "node dl1-1")
    (place,) = (each for each in deployment.places.quarantine.iterdir() if each.is_dir())
    assert "has begun anew" in moving.put_back(deployment, PutBack("dl1-1", place.name))
    assert place.exists()


@pytest.mark.network
async def test_a_link_where_the_data_should_be_is_not_followed(deployment: Deployment) -> None:
    await up(deployment)
    kill(deployment, "dl1-1")
    data = deployment.by_name["dl1-1"].data_dir
    elsewhere = data.with_name("elsewhere")
    data.rename(elsewhere)
    data.symlink_to(elsewhere)
    with pytest.raises(GateNotMet, match="is a link, or no folder"):
        await carry_out(deployment, "reset", "node dl1-1")
    assert (elsewhere / "node.sqlite").exists()


@pytest.mark.network
async def test_joining_a_node_that_is_a_member_changes_nothing(deployment: Deployment) -> None:
    await up(deployment)
    assert not (await carry_out(deployment, "join", "node cl1-1")).changed
    lock = deployment.by_name["cl1-1"].data_dir / "node.lock"
    lock.rename(lock.with_name("kept"))
    lock.mkdir()
    with pytest.raises(Refused, match="whether cl1-1 runs can't be seen"):
        await carry_out(deployment, "reset", "node cl1-1")
    lock.rmdir()
    lock.with_name("kept").rename(lock)
