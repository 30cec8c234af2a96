"""Messages over links: authentic, in order, and quick to tell when a peer dies."""

from __future__ import annotations

import asyncio

import pytest

from node.network import Network, Running, until
from ottochain.crypto.keys import PrivateKey
from ottochain.node import peer_auth
from ottochain.node.link_frames import ForgedFrame, Opener, Sealer, link_key
from ottochain.node.links import LINK_PATH
from ottochain.node.membership import Peer

A, B, C = (PrivateKey.from_hex(digit * 64) for digit in "123")
NONCE = bytes(16)


def key(own: PrivateKey, other: PrivateKey, sender: PrivateKey, session: int = 1, nonce: bytes = NONCE) -> bytes:
    receiver = other if sender is own else own
    return link_key(own, other.peer_id, (sender.peer_id, session), (receiver.peer_id, 2), nonce)


def test_both_ends_compute_the_same_key_and_nobody_else() -> None:
    assert key(A, B, sender=A) == key(B, A, sender=A)
    others = [
        key(A, B, sender=B),
        key(A, C, sender=A),
        key(A, B, sender=A, session=3),
        key(A, B, sender=A, nonce=bytes(15) + b"x"),
    ]
    assert key(A, B, sender=A) not in others


def test_frames_pass_in_their_order_only() -> None:
    frames = [Sealer(b"k").seal(b"zero")]
    sealer = Sealer(b"k")
    frames = [sealer.seal(body) for body in (b"zero", b"one", b"")]
    opener = Opener(b"k")
    assert [opener.open(frame) for frame in frames] == [b"zero", b"one", b""]
    for order in ([1], [0, 0], [0, 2]):
        opener = Opener(b"k")
        for index in order[:-1]:
            opener.open(frames[index])
        with pytest.raises(ForgedFrame):
            opener.open(frames[order[-1]])


@pytest.mark.parametrize("frame", [b"", b"short", bytes(16), bytes(40)])
def test_anything_else_is_forged(frame: bytes) -> None:
    with pytest.raises(ForgedFrame):
        Opener(b"k").open(frame)


def listening(node: Running) -> list[tuple[str, bytes]]:
    heard: list[tuple[str, bytes]] = []
    node.node.links.on_message = lambda peer, body: heard.append((peer.id, body))
    return heard


async def test_messages_arrive_in_order_in_both_directions(nodes: Network) -> None:
    one, other = await nodes.cluster(2)
    at_one, at_other = listening(one), listening(other)
    large = bytes(5_000_000)
    for index in range(100):
        one.node.links.send(other.node.id, b"%d" % index)
    one.node.links.send(other.node.id, large)
    other.node.links.send(one.node.id, b"back")
    await until(lambda: len(at_other) == 101 and len(at_one) == 1)
    assert at_other == [*((one.node.id, b"%d" % index) for index in range(100)), (one.node.id, large)]
    assert at_one == [(other.node.id, b"back")]


async def test_strangers_get_nothing(nodes: Network) -> None:
    node = await nodes.founder()
    node.node.links.send(PrivateKey.generate().peer_id, b"x")
    assert await node.get(LINK_PATH, "p2p") == (401, b"")


async def test_a_dead_peer_is_noticed_by_its_link(nodes: Network) -> None:
    one, other = await nodes.cluster(2)
    heard = listening(other)
    one.node.links.send(other.node.id, b"x")
    await until(lambda: bool(heard))

    async def silence() -> None:
        return

    other.node.announcer.last_words = silence  # type: ignore[method-assign]
    await other.stop()
    await until(lambda: not one.node.membership.responsive())
    one.node.links.send(other.node.id, b"to nobody")


async def test_a_link_is_opened_again_after_it_broke(nodes: Network) -> None:
    one, other = await nodes.cluster(2)
    heard = listening(other)
    one.node.links.send(other.node.id, b"before")
    await until(lambda: bool(heard))
    await other.node.links.stop()
    await until(lambda: not one.node.links._outgoing)
    await until(lambda: bool(one.node.membership.responsive()))
    one.node.links.send(other.node.id, b"after")
    await until(lambda: len(heard) == 2)


async def test_a_link_that_forges_frames_is_closed(nodes: Network, caplog: pytest.LogCaptureFixture) -> None:
    one, other = await nodes.cluster(2)
    heard = listening(other)
    session = str(one.node.sessions.own)
    headers = {"X-Session-Token": session}
    message = peer_auth.request_bytes("GET", LINK_PATH, "", headers.items(), b"")
    headers |= {"X-Id": one.node.id, "Request-Signature": peer_auth.sign(message, one.node.key)}
    async with one.http.ws_connect(other.url(LINK_PATH, "p2p"), headers=headers) as socket:
        await socket.receive_bytes()
        await socket.send_bytes(b"\x00" * 16 + b"a forged vote")
        async with asyncio.timeout(5):
            await socket.receive()
    assert heard == []
    assert "is not the sender's" in caplog.text


async def test_a_peer_in_another_session_is_cut_off(nodes: Network) -> None:
    one, other = await nodes.cluster(2)
    heard = listening(other)
    one.node.links.send(other.node.id, b"x")
    await until(lambda: bool(heard))
    other.node.membership.remove(one.node.id, "a test")
    one.node.links.send(other.node.id, b"y")
    await until(lambda: not one.node.links._outgoing)
    assert len(heard) == 1


def test_messages_for_a_peer_that_does_not_read_are_dropped_at_a_bound(monkeypatch: pytest.MonkeyPatch) -> None:
    from ottochain.model.node_state import NodeState
    from ottochain.node import links

    monkeypatch.setattr(links, "QUEUE_BYTES_MAX", 1000)
    peer = Peer("a" * 128, "127.0.0.1", 1, 2, 3, 4, NodeState.READY, True, "0" * 64)
    outgoing = links._Outgoing(peer)
    for _ in range(100):
        outgoing.queue(bytes(100))
    assert outgoing._bytes <= 1100


async def test_while_a_node_is_busy_it_reads_no_more_and_misses_nothing(nodes: Network) -> None:
    """What peers sent without pause gathered in its memory."""
    first, second = await nodes.cluster(2)
    heard = listening(second)
    busy = True
    second.node.links.is_busy = lambda: busy
    bodies = [b"%d" % number for number in range(50)]
    for body in bodies:
        first.node.links.send(second.node.id, body)
    await until(lambda: len(heard) == 1)
    await asyncio.sleep(0.05)
    assert len(heard) == 1
    busy = False
    await until(lambda: [body for _, body in heard] == bodies)
