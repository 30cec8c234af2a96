from __future__ import annotations

from dataclasses import replace

from ottochain.model.node_state import NodeState
from ottochain.node.membership import Membership, Peer

PEER = Peer("a" * 128, "127.0.0.1", 9400, 9401, 100, 200, NodeState.READY, True, "0" * 64)


def test_an_entry_is_replaced_by_a_newer_session_only() -> None:
    members = Membership()
    assert members.add(PEER)
    assert members.add(PEER), "the same registration again is no conflict"
    assert not members.add(replace(PEER, p2p_port=1)), "the same session from elsewhere is"
    assert not members.add(replace(PEER, session=199))
    newer = replace(PEER, session=201, p2p_port=1)
    assert members.add(newer)
    assert members.get(PEER.id) == newer


def test_the_same_registration_again_makes_the_peer_responsive() -> None:
    members = Membership()
    members.add(PEER)
    members.set_responsive(PEER.id, False)
    assert members.responsive() == []
    members.add(PEER)
    assert members.responsive() == [PEER]


def test_an_offline_peer_is_removed() -> None:
    members = Membership()
    members.add(PEER)
    members.set_state(PEER.id, NodeState.LEAVING)
    assert members.ready() == []
    members.set_state(PEER.id, NodeState.OFFLINE)
    assert members.all() == []


def test_subscribers_hear_of_changes_and_of_nothing_else() -> None:
    members = Membership()
    heard: list[tuple[Peer | None, Peer | None]] = []
    members.subscribe(lambda before, after: heard.append((before, after)))
    members.add(PEER)
    members.add(PEER)
    members.set_state(PEER.id, NodeState.READY)
    members.set_responsive(PEER.id, True)
    members.set_responsive(PEER.id, False)
    members.remove(PEER.id, "a test")
    members.remove(PEER.id, "a test")
    silent = replace(PEER, responsive=False)
    assert heard == [(None, PEER), (PEER, silent), (silent, None)]


def test_news_of_strangers_change_nothing() -> None:
    members = Membership()
    members.set_state(PEER.id, NodeState.READY)
    members.set_responsive(PEER.id, False)
    assert members.all() == []
