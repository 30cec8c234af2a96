"""What a caller may get wrong, and the answer to each."""

from __future__ import annotations

import asyncio
import sys
import tracemalloc
from collections.abc import AsyncIterator
from dataclasses import replace

import pytest

from node.network import Network, Running
from ottochain.crypto.keys import PrivateKey
from ottochain.model.node_state import NodeState
from ottochain.node import peer_auth
from ottochain.node.life import bindings
from ottochain.node.listeners import BODY_BYTES_MAX
from ottochain.node.peer_client import PeerRefused

ID = PrivateKey.from_hex("1" * 64).peer_id


async def test_an_unknown_path_is_not_found_on_public_and_cli(nodes: Network) -> None:
    node = await nodes.start()
    for listener in ("public", "cli"):
        assert await node.get("/no/such/path", listener) == (404, b"Not found")


async def test_an_unknown_path_on_p2p_is_unauthorized(nodes: Network) -> None:
    node = await nodes.start()
    assert await node.get("/no/such/path", "p2p") == (401, b"")
    assert await node.get("/cluster/peers", "p2p") == (401, b"")


async def test_a_wrong_method_is_not_found(nodes: Network) -> None:
    node = await nodes.start()
    assert await node.post("/node/info") == (404, b"Not found")


async def test_broken_json_on_a_plain_route_is_500_without_a_body(nodes: Network) -> None:
    node = await nodes.start()
    assert await node.post("/echo", data=b'{"a":') == (500, b"")
    assert await node.post("/echo", data=b"") == (500, b"")


async def test_an_exception_is_500_without_a_body(nodes: Network, caplog: pytest.LogCaptureFixture) -> None:
    node = await nodes.start()
    assert await node.get("/boom") == (500, b"")
    assert "a secret of the node's inside" in caplog.text


async def test_broken_json_on_a_refined_route_is_400_with_words(nodes: Network) -> None:
    node = await nodes.start()
    status, body = await node.post("/cluster/join", "cli", data=b'{"id": "x"')
    assert status == 400
    assert body.startswith(b'"')
    assert len(body) > 2


@pytest.mark.parametrize("encoding", ["gzip", "deflate"])
async def test_a_body_that_is_not_packed_as_it_says_is_400(
    nodes: Network, caplog: pytest.LogCaptureFixture, encoding: str
) -> None:
    node = await nodes.start()
    assert (await node.post("/echo", data=b"{}", headers={"Content-Encoding": encoding}))[0] == 400
    assert "Traceback" not in "".join(
        record.exc_text or "" for record in caplog.records if record.name != "aiohttp.server"
    )
    assert (await node.get("/node/health"))[0] == 200


async def test_no_body_on_a_refined_route_is_422(nodes: Network) -> None:
    node = await nodes.start()
    assert await node.post("/cluster/join", "cli") == (422, b"")


@pytest.mark.parametrize(
    ("body", "where"),
    [
        ([], "DecodingFailure at "),
        ({"ip": "127.0.0.1", "p2pPort": 9001}, ".id: Missing required field"),
        ({"id": "ab", "ip": "127.0.0.1", "p2pPort": 9001}, ".id"),
        ({"id": ID, "ip": "127.0.0.1", "p2pPort": "9001"}, ".p2pPort"),
        ({"id": ID, "ip": "127.0.0.1", "p2pPort": True}, ".p2pPort"),
        ({"id": ID, "ip": "127.0.0.1", "p2pPort": 65536}, ".p2pPort"),
        ({"id": ID, "ip": "127.0.0.1/x@evil", "p2pPort": 9001}, ".ip"),
    ],
)
async def test_a_join_call_of_the_wrong_shape_names_the_member(nodes: Network, body: object, where: str) -> None:
    node = await nodes.start()
    status, text = await node.post("/cluster/join", "cli", json=body)
    assert status == 400
    assert where in text.decode()
    assert node.state is NodeState.READY_TO_JOIN


async def test_ten_thousand_levels_of_nesting_are_refused(nodes: Network) -> None:
    node = await nodes.start()
    status, _ = await node.post("/cluster/join", "cli", data=b"[" * 10_000 + b"]" * 10_000)
    assert status == 400
    assert await node.post("/echo", data=b"[" * 10_000 + b"]" * 10_000) == (500, b"")
    assert (await node.get("/node/health"))[0] == 200


async def _zeros(total: int) -> AsyncIterator[bytes]:
    piece = bytes(50_000)
    for _ in range(total // len(piece)):
        yield piece


@pytest.mark.parametrize("declared", [True, False])
async def test_a_body_of_50_mb_is_refused_without_being_held(nodes: Network, declared: bool) -> None:
    node = await nodes.start()
    headers = {"Content-Length": "50000000"} if declared else {}
    tracemalloc.start()
    try:
        assert await node.post("/echo", data=_zeros(50_000_000), headers=headers) == (413, b"")
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert peak < BODY_BYTES_MAX["public"] + 8_000_000
    assert (await node.get("/node/health"))[0] == 200


@pytest.mark.parametrize("path", ["/registration/sign", "/cluster/join"])
async def test_a_stranger_s_handshake_is_small(nodes: Network, path: str) -> None:
    node = await nodes.start()
    assert await node.post(path, "p2p", data=_zeros(400_000)) == (413, b"")


async def test_a_body_beyond_the_limit_of_the_cli_is_refused(nodes: Network) -> None:
    node = await nodes.start()
    assert await node.post("/cluster/join", "cli", data=_zeros(400_000)) == (413, b"")


async def test_the_cli_listener_is_bound_to_loopback_whatever_is_configured(nodes: Network) -> None:
    node = await nodes.start(bind_host="0.0.0.0")
    hosts = {binding.name: binding.host for binding in bindings(node.node)}
    assert hosts == {"public": "0.0.0.0", "p2p": "0.0.0.0", "cli": "127.0.0.1"}
    if sys.platform == "linux":  # where all of 127/8 is ours, and only 127.0.0.1 is bound
        async with asyncio.timeout(5):
            _, writer = await asyncio.open_connection("127.0.0.2", node.node.ports["public"])
            writer.close()
            with pytest.raises(ConnectionRefusedError):
                await asyncio.open_connection("127.0.0.2", node.node.ports["cli"])


async def _request(
    node: Running, key: PrivateKey, session: int | None, *, signed: str = "/cluster/peers"
) -> tuple[int, bytes]:
    """GET /cluster/peers in somebody's name; ``signed`` is the path that the signature covers."""
    headers = {} if session is None else {"X-Session-Token": str(session)}
    message = peer_auth.request_bytes("GET", signed, "", headers.items(), b"")
    headers |= {"X-Id": key.peer_id, "Request-Signature": peer_auth.sign(message, key)}
    return await node.get("/cluster/peers", "p2p", headers=headers)


async def test_only_a_member_in_its_session_with_its_signature_is_served_on_p2p(nodes: Network) -> None:
    founder, member = await nodes.cluster(2)
    key, session = member.node.key, member.node.sessions.own
    assert session is not None
    assert (await _request(founder, key, session))[0] == 200
    assert await _request(founder, key, session, signed="/other") == (401, b"")
    assert await _request(founder, key, session - 1) == (401, b"")
    assert await _request(founder, key, None) == (401, b"")
    assert await _request(founder, PrivateKey.generate(), session) == (401, b"")


async def test_a_member_without_collateral_is_not_served(nodes: Network) -> None:
    founder, member = await nodes.cluster(2)
    founder.service.poor.add(member.node.id)
    assert member.node.sessions.own is not None
    assert (await _request(founder, member.node.key, member.node.sessions.own))[0] == 401


async def test_a_request_changed_on_its_way_is_refused(nodes: Network) -> None:
    founder, member = await nodes.cluster(2)
    key, session = member.node.key, str(member.node.sessions.own)
    headers = {"Content-Type": "application/json", "X-Session-Token": session}
    message = peer_auth.request_bytes("POST", "/echo", "", headers.items(), b"[1]")
    headers |= {"X-Id": key.peer_id, "Request-Signature": peer_auth.sign(message, key)}
    assert await founder.post("/echo", "p2p", headers=headers, data=b"[1]") == (200, b"[1]")
    assert await founder.post("/echo", "p2p", headers=headers, data=b"[2]") == (401, b"")
    assert await founder.post("/echo", "p2p", headers=headers | {"Content-Type": "text/plain"}, data=b"[1]") == (
        401,
        b"",
    )


async def test_a_state_that_does_not_exist_is_refused(nodes: Network) -> None:
    founder, member = await nodes.cluster(2)
    peer = member.node.membership.get(founder.node.id)
    assert peer is not None
    with pytest.raises(PeerRefused, match="not a node state"):
        await member.node.peers.post(peer, "/ottochain/state", b'{"state":"Splendid"}')


@pytest.mark.parametrize("body", [b"{}", b'{"value":7}', b"[]", b'{"value":"' + b"x" * 200 + b'"}'])
async def test_a_challenge_of_the_wrong_shape_is_refused(nodes: Network, body: bytes) -> None:
    node = await nodes.start()
    assert (await node.post("/registration/sign", "p2p", data=body))[0] == 400


async def test_a_join_request_is_refused_with_the_reference_s_words(nodes: Network) -> None:
    founder, stranger = await nodes.founder(), await nodes.start()
    stranger.node.sessions.start_own()
    stranger.node.sessions.adopt_cluster(founder.node.sessions.cluster or 0)
    good = stranger.node.registration()

    async def answer(registration) -> tuple[int, bytes]:  # type: ignore[no-untyped-def]
        body = {"registrationRequest": registration.to_json()}
        return await founder.post("/cluster/join", "p2p", json=body)

    assert await stranger.post("/cluster/join", "p2p", json={"registrationRequest": good.to_json()}) == (
        409,
        b'"Node is not part of the cluster."',
    )
    founder.service.poor.add(stranger.node.id)
    assert await answer(good) == (409, b'"Collateral is not satisfied."')
    founder.service.poor.clear()
    assert await answer(replace(good, ip="localhost")) == (500, b'"Unknown error."')
    assert await answer(good) == (200, b"")
    stranger.node.sessions._own = good.session - 1
    refused = f'"Peer id={good.id} already joined with newer session."'
    assert await answer(good) == (409, refused.encode())


async def test_a_registration_without_a_session_is_refused(nodes: Network) -> None:
    node = await nodes.start()
    assert await node.get("/registration/request", "p2p") == (409, b'"Peer does not have an active session."')
    node.node.sessions.start_own()
    assert await node.get("/registration/request", "p2p") == (500, b"")


async def test_garbage_instead_of_http_does_not_hurt(nodes: Network) -> None:
    node = await nodes.start()
    reader, writer = await asyncio.open_connection("127.0.0.1", node.node.ports["public"])
    writer.write(b"\x16\x03\x01 nonsense\r\n\r\n")
    assert b"400" in await reader.readline()
    writer.close()
    await writer.wait_closed()
    assert (await node.get("/node/health"))[0] == 200


async def test_a_header_without_end_is_refused(nodes: Network) -> None:
    node = await nodes.start()
    assert (await node.get("/node/health", headers={"X-Long": "x" * 20_000}))[0] == 400


async def test_a_body_that_does_not_come_is_408(nodes: Network, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("ottochain.node.bodies.READ_SECONDS", 0.1)
    node = await nodes.start()
    reader, writer = await asyncio.open_connection("127.0.0.1", node.node.ports["public"])
    writer.write(b"POST /echo HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\n\r\n[")
    async with asyncio.timeout(5):
        assert b" 408 " in await reader.readline()
    writer.close()
    await writer.wait_closed()


async def test_connections_are_kept(nodes: Network) -> None:
    node = await nodes.start()
    reader, writer = await asyncio.open_connection("127.0.0.1", node.node.ports["public"])
    for _ in range(2):
        writer.write(b"GET /node/health HTTP/1.1\r\nHost: x\r\n\r\n")
        head = await reader.readuntil(b"\r\n\r\n")
        assert head.startswith(b"HTTP/1.1 200 OK\r\n")
        assert b"Content-Length: 0\r\n" in head
        assert b"Server:" not in head
        assert b"Content-Type:" not in head
    writer.close()
    await writer.wait_closed()
