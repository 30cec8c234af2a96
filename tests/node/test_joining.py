from __future__ import annotations

import asyncio

from node.network import Network, until
from ottochain.crypto.keys import PrivateKey
from ottochain.model.node_state import NodeState
from ottochain.node.membership import Contact


async def test_three_nodes_that_join_one_after_another_know_each_other(nodes: Network) -> None:
    cluster = await nodes.cluster(3)
    ids = {member.node.id for member in cluster}
    for member in cluster:
        info = await member.json("/cluster/info")
        assert {entry["id"] for entry in info} == ids
        assert {entry["state"] for entry in info} == {"Ready"}


async def test_joiners_at_the_same_time_find_each_other(nodes: Network) -> None:
    founder = await nodes.founder()
    joiners = [await nodes.start() for _ in range(4)]
    await asyncio.gather(*(joiner.join(founder.contact) for joiner in joiners))
    for joiner in joiners:
        await joiner.reached(NodeState.READY)
    await until(lambda: all(len(member.node.membership.ready()) == 4 for member in [founder, *joiners]))


async def test_l0_nodes_walk_to_ready_and_their_peers_hear_of_it(nodes: Network) -> None:
    founder, joiner = await nodes.cluster(2, "gl0")
    assert joiner.service.events == ["start run-validator", "joined"]
    entry = founder.node.membership.get(joiner.node.id)
    assert entry is not None
    assert entry.state is NodeState.READY


async def test_a_join_that_finds_nobody_answers_200_and_ends_in_session_started(nodes: Network) -> None:
    joiner = await nodes.start()
    nowhere = Contact(PrivateKey.generate().peer_id, "127.0.0.1", 1)
    assert await joiner.join(nowhere) == (200, b"")
    await asyncio.sleep(0.1)
    assert joiner.state is NodeState.SESSION_STARTED
    status, body = await joiner.join(nowhere)
    assert (status, body) == (409, b'"Node state=SessionStarted does not allow for joining the cluster."')


async def test_a_join_under_the_wrong_id_ends_in_session_started(nodes: Network) -> None:
    founder, joiner = await nodes.founder(), await nodes.start()
    wrong = Contact(PrivateKey.generate().peer_id, "127.0.0.1", founder.node.ports["p2p"])
    assert await joiner.join(wrong) == (200, b"")
    await asyncio.sleep(0.1)
    assert joiner.state is NodeState.SESSION_STARTED
    assert founder.node.membership.all() == []
