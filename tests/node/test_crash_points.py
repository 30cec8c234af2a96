"""A single validator that dies at any point of a height ends with the snapshot it would have made.

Each point is a place where the process ends in the middle of its work: what is on disk stays, what was said stays said.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from layers.metagraph import add, block, create, fiber_id
from node.layered import Layered, layered
from node.network import until
from ottochain.consensus.core import step
from ottochain.consensus.effects import Voted, decode_record
from ottochain.consensus.votes import Precommit, Prevote, Proposal
from ottochain.model.header import Header
from ottochain.node import consensus_shell, l0_core
from ottochain.node.l0_core import CoreAnswers
from ottochain.store.database import Database
from ottochain.store.votes import Votes


class DeathError(RuntimeError):
    """Ends a loop, and with it the node, as a kill would at this instant."""


@pytest.fixture
async def network(tmp_path: Path) -> AsyncIterator[Layered]:
    async with layered(tmp_path) as started:
        await started.found()
        await started.create(1)
        await started.until_confirmed()
        yield started


def dies_in(answers: CoreAnswers[Any, Any], name: str, *, after: bool) -> None:
    """From now on the node dies before, or after, it has answered the core's question ``name``."""
    answer = getattr(answers, name)

    async def dying(ask: Any) -> Any:
        if after:
            await answer(ask)
        raise DeathError(name)

    setattr(answers, name, dying)


def before_building(network: Layered, layer: str, patch: pytest.MonkeyPatch) -> None:
    dies_in(service(network, layer).answers, "build", after=False)


def after_building(network: Layered, layer: str, patch: pytest.MonkeyPatch) -> None:
    dies_in(service(network, layer).answers, "build", after=True)


def before_voting(network: Layered, layer: str, patch: pytest.MonkeyPatch) -> None:
    dies_in(service(network, layer).answers, "persist", after=False)
    dies_in(service(network, layer).answers, "commit", after=False)


def after_voting(network: Layered, layer: str, patch: pytest.MonkeyPatch) -> None:
    dies_in(service(network, layer).answers, "commit", after=False)


def within_the_commit(network: Layered, layer: str, patch: pytest.MonkeyPatch) -> None:
    put_commit, path = l0_core.put_commit, service(network, layer).database.path

    def dying(connection: Any, commit: Any) -> None:
        put_commit(connection, commit)
        if Path(connection.execute("PRAGMA database_list").fetchone()[2]) == path:
            raise DeathError("the commit")

    patch.setattr(l0_core, "put_commit", dying)


def after_the_commit(network: Layered, layer: str, patch: pytest.MonkeyPatch) -> None:
    def dying(*_: Any) -> None:
        raise DeathError("committed")

    service(network, layer).committed = dying


def after_it_was_told(network: Layered, layer: str, patch: pytest.MonkeyPatch) -> None:
    dies_in(service(network, layer).answers, "commit", after=True)


POINTS = [
    before_building,
    after_building,
    before_voting,
    after_voting,
    within_the_commit,
    after_the_commit,
    after_it_was_told,
]
Point = Callable[[Layered, str, pytest.MonkeyPatch], None]
VOTED = {after_voting, within_the_commit}
"""Where the votes are on disk, and the commit is not."""


def service(network: Layered, layer: str) -> Any:
    return network.gl0 if layer == "gl0" else network.ml0


def votes_of(path: Path, height: int) -> list[Any]:
    with Database.open(path) as database:
        records = map(decode_record, Votes(database).at(height))
        return [record.message for record in records if isinstance(record, Voted)]


def hashes(network: Layered, layer: str, last: int) -> Iterator[str | None]:
    chain = service(network, layer).chain
    return (chain.hash_at(ordinal) for ordinal in range(last + 1))


@pytest.mark.parametrize("layer", ["ml0", "gl0"])
@pytest.mark.parametrize("point", POINTS, ids=lambda point: point.__name__.replace("_", " "))
async def test_a_validator_that_dies(
    point: Point, layer: str, network: Layered, monkeypatch: pytest.MonkeyPatch
) -> None:
    await die_and_come_back(point, layer, network, monkeypatch)


@pytest.mark.parametrize("point", [before_voting, after_voting, within_the_commit], ids=lambda point: point.__name__)
async def test_a_validator_that_dies_where_votes_are_synced_on_their_own(
    point: Point, network: Layered, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As with several validators, where votes must be on disk before they leave the node."""
    monkeypatch.setattr(consensus_shell.ConsensusShell, "_handle", one_effect_after_the_other)
    await die_and_come_back(point, "ml0", network, monkeypatch)


async def one_effect_after_the_other(shell: Any, event: Any) -> None:
    shell.state, effects = step(shell.state, event)
    for effect in effects:
        reply = await shell._carry_out(effect)
        if reply is not None:
            shell._events.appendleft(reply)


async def die_and_come_back(point: Point, layer: str, network: Layered, monkeypatch: pytest.MonkeyPatch) -> None:
    head = service(network, layer).head_reference()[0]
    before = list(hashes(network, layer, head))
    update = add(1, 0)
    with monkeypatch.context() as patch:
        point(network, layer, patch)
        await network.acknowledged(update)
        await until(lambda: network.running[layer].life is not None and network.running[layer].life.done())
    ending = await network.running.pop(layer).life  # type: ignore[misc]
    assert ending.exit_code == 1
    voted = votes_of(network.data_dir(layer) / "node.sqlite", head + 1)
    if point in VOTED:
        assert [type(vote) for vote in voted] == [Proposal, Prevote, Precommit]
    await network.resume(layer)
    await network.until_decided(update)
    await network.until_confirmed()
    assert network.ml0.fiber_state().calculated.state_machines[fiber_id(1)].sequence_number == 1
    assert len(network.ml0.outcomes.of_hash(update.hash)) == 1
    resumed = service(network, layer)
    assert list(hashes(network, layer, head)) == before
    if voted:
        header = resumed.chain.header_at(head + 1)
        assert header is not None
        assert {vote.hash for vote in voted} == {Header.from_bytes(header).body_hash}
    assert Votes(resumed.database).at(head + 1) == []
    # And it goes on.
    await network.create(2)
    await network.until_confirmed()


async def test_an_update_is_not_lost_with_the_block_that_was_refused(
    network: Layered, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The node dies after it has taken a refused block out, and before anybody heard of that."""

    def dying(_: Any) -> None:
        raise DeathError("refused")

    updates = [create(7), add(1, 0, by=-3), add(1, 0, by=2)]
    with monkeypatch.context() as patch:
        patch.setattr(network.ml0, "_tell_refused", dying)
        refused = block(1, [create(7), create(1)])
        assert (await network.running["ml0"].post("/currency/l1-data-output", data=refused.wire))[0] == 200
        await until(lambda: network.running["ml0"].life is not None and network.running["ml0"].life.done())
    network.running.pop("ml0")
    await network.resume("ml0")
    assert network.ml0.received.get(refused.round_id) is None
    await network.acknowledged(*updates)
    await network.until_decided(*updates)


async def test_a_lone_validator_whose_voted_body_is_lost_stops_and_says_so(
    network: Layered, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """It waited for a peer to send another body: for ever, in state Ready."""
    with monkeypatch.context() as patch:
        after_voting(network, "ml0", patch)
        await network.acknowledged(add(1, 0))
        await until(lambda: network.running["ml0"].life is not None and network.running["ml0"].life.done())
    network.running.pop("ml0")
    with Database.open(network.data_dir("ml0") / "node.sqlite") as database:
        database.write_now(lambda connection: connection.execute("UPDATE bodies SET body = x'7b7d'"))
    running = await network.resume("ml0")
    assert running.life is not None
    ending = await running.life
    network.running.pop("ml0")
    assert ending.exit_code == 1
    assert "is voted for and can't be made again" in ending.reason
