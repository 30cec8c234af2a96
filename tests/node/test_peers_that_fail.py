"""Peers that die, come back, restart or forget; and targets that refuse."""

from __future__ import annotations

import asyncio

import pytest

from node.network import Network, Running, until
from ottochain.crypto.keys import PrivateKey
from ottochain.model.node_state import NodeState
from ottochain.node.listeners import Listeners
from ottochain.node.membership import Peer
from ottochain.node.peer_client import PeerError, PeerSessionChanged, PeerUnreachable

S = NodeState


def entry(at: Running, of: Running) -> Peer:
    peer = at.node.membership.get(of.node.id)
    assert peer is not None
    return peer


async def kill(running: Running) -> None:
    """Ends a node as a crash would: nobody is told."""

    async def silence() -> None:
        return

    running.node.announcer.last_words = silence  # type: ignore[method-assign]
    await running.stop()


async def ask(at: Running, of: Peer) -> None:
    with pytest.raises(PeerError):
        await at.node.peers.get(of, "/node/health")


async def test_a_dead_peer_is_unresponsive_and_stays_known(nodes: Network) -> None:
    founder, member = await nodes.cluster(2)
    peer = entry(founder, member)
    await kill(member)
    with pytest.raises(PeerUnreachable):
        await founder.node.peers.get(peer, "/node/health")
    assert [p.responsive for p in founder.node.membership.all()] == [False]
    assert len(await founder.json("/cluster/info")) == 1


async def test_a_peer_that_answers_again_in_its_session_is_responsive_again(nodes: Network) -> None:
    founder, member = await nodes.cluster(2)
    founder.node.membership.set_responsive(member.node.id, False)
    founder.node.peers.on_failure(entry(founder, member), PeerUnreachable("a hiccup"))
    await until(lambda: entry(founder, member).responsive)


async def test_a_peer_that_restarted_is_removed_and_replaced_when_it_joins_again(nodes: Network) -> None:
    founder, member, third = await nodes.cluster(3)
    key, old = member.node.key, entry(founder, member)
    ports = {f"{name}_port": port for name, port in member.node.ports.items()}
    await kill(member)
    again = await nodes.start(key=key, **ports)
    with pytest.raises(PeerSessionChanged):
        await founder.node.peers.get(old, "/node/health")
    assert founder.node.membership.get(key.peer_id) is None
    await again.join(founder.contact)
    await again.reached(S.READY)
    await until(lambda: entry(founder, again).state is S.READY)
    await until(lambda: entry(third, again).session == again.node.sessions.own)
    assert entry(founder, again).session > old.session


async def test_a_peer_that_forgot_this_node_shakes_hands_again(nodes: Network) -> None:
    founder, member = await nodes.cluster(2)
    founder.node.membership.remove(member.node.id, "a test")
    await ask(member, entry(member, founder))
    await until(lambda: entry(member, founder).responsive)
    assert entry(founder, member).responsive


async def test_the_latest_state_reaches_a_peer_that_was_deaf(nodes: Network) -> None:
    founder, member = await nodes.cluster(2, "gl0")
    founder.node.membership.set_state(member.node.id, S.OBSERVING)
    member.node.membership.set_responsive(founder.node.id, False)
    member.node.membership.set_responsive(founder.node.id, True)
    await until(lambda: entry(founder, member).state is S.READY)


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"environment": "testnet"}, "EnvMismatch"),
        ({"layer": "gl0"}, "ClusterIdDoesNotMatch"),
        ({"seedlist": frozenset({"ab" * 64})}, "PeerNotOnSeedlist"),
    ],
)
async def test_a_target_that_does_not_fit_leaves_the_joiner_in_session_started(
    nodes: Network, caplog: pytest.LogCaptureFixture, changes: dict[str, object], reason: str
) -> None:
    founder = await nodes.founder()
    joiner = await nodes.start(**({"layer": "dl1"} | changes))  # type: ignore[arg-type]
    assert await joiner.join(founder.contact) == (200, b"")
    await until(lambda: "joined nobody" in caplog.text)
    assert joiner.state is S.SESSION_STARTED
    assert reason in caplog.text
    assert founder.node.membership.all() == []


async def test_two_clusters_refuse_each_other(nodes: Network, caplog: pytest.LogCaptureFixture) -> None:
    one, other = await nodes.founder(), await nodes.founder()
    other.node.sessions.adopt_cluster((one.node.sessions.cluster or 0) + 1)
    assert not await one.node.joining.renew(other.node.own_peer())
    assert "ClusterSessionDoesNotMatch" in caplog.text


async def test_the_founder_refuses_a_joiner_that_is_not_on_its_seedlist(
    nodes: Network, caplog: pytest.LogCaptureFixture
) -> None:
    key = PrivateKey.generate()
    seedlist = frozenset({key.peer_id})
    founder = await nodes.founder(key=key, seedlist=seedlist)
    joiner = await nodes.start(seedlist=seedlist)
    await joiner.join(founder.contact)
    await until(lambda: "joined nobody" in caplog.text)
    assert f"Peer {joiner.node.id} not on seedlist" in caplog.text


async def test_a_target_that_hangs_does_not_hold_up_the_answer(nodes: Network, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("ottochain.node.peer_client.TIMEOUT_SECONDS", 0.1)

    async def hang(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read()
        writer.close()

    server = await asyncio.start_server(hang, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    joiner = await nodes.start()
    status, _ = await joiner.post(
        "/cluster/join", "cli", json={"id": PrivateKey.generate().peer_id, "ip": "127.0.0.1", "p2pPort": port}
    )
    assert status == 200
    await joiner.stop()
    server.close()


async def test_nobody_is_left_listening_after_a_stop(nodes: Network) -> None:
    node = await nodes.founder()
    ports = dict(node.node.ports)
    await node.stop()
    for port in ports.values():
        with pytest.raises(ConnectionRefusedError):
            await asyncio.open_connection("127.0.0.1", port)
    await Listeners().stop()
