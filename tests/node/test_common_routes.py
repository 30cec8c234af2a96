"""The exact JSON of the status routes, member order included."""

from __future__ import annotations

import json
from typing import Any

from node.network import Network
from ottochain.artifact import artifact_digest
from ottochain.crypto.keys import PrivateKey

KEY = PrivateKey.from_hex("223976ff50d5f695e90654cdfc94bde5ad33877ee9fd6d43661163c49e6bf336")


def members(body: Any) -> list[str]:
    return list(body)


async def test_node_info_before_and_after_a_session(nodes: Network) -> None:
    validator = await nodes.start(key=KEY)
    info = await validator.json("/node/info")
    assert info == {
        "state": "ReadyToJoin",
        "session": None,
        "clusterSession": None,
        "version": "4.0.0-rc.10",
        "host": "127.0.0.1",
        "publicPort": validator.node.ports["public"],
        "p2pPort": validator.node.ports["p2p"],
        "id": KEY.peer_id,
    }
    assert members(info) == [
        "state", "session", "clusterSession", "version", "host", "publicPort", "p2pPort", "id",
    ]  # fmt: skip
    founder = await nodes.founder()
    info = await founder.json("/node/info")
    assert info["state"] == "Ready"
    assert isinstance(info["session"], int)
    assert isinstance(info["clusterSession"], int)


async def test_metagraph_info_names_both_versions(nodes: Network) -> None:
    founder = await nodes.founder()
    info = await founder.json("/metagraph/info")
    assert members(info) == [
        "state", "session", "clusterSession", "host", "publicPort", "p2pPort", "id",
        "tessellationVersion", "metagraphVersion",
    ]  # fmt: skip
    assert (info["tessellationVersion"], info["metagraphVersion"]) == ("4.0.0-rc.10", "0.6.0")
    gl0 = await nodes.founder("gl0")
    assert await gl0.get("/metagraph/info") == (404, b"Not found")


async def test_state_is_a_json_string_and_health_is_empty(nodes: Network) -> None:
    node = await nodes.founder()
    assert await node.get("/node/state") == (200, b'"Ready"')
    assert await node.get("/node/health") == (200, b"")
    assert await node.get("/node/session") == (404, b"Not found"), "only peers may ask"


async def test_cluster_info_shows_sessions_as_strings(nodes: Network) -> None:
    founder, member = await nodes.cluster(2)
    own, other = await founder.json("/cluster/info")
    assert own == {
        "id": founder.node.id,
        "ip": "127.0.0.1",
        "publicPort": founder.node.ports["public"],
        "p2pPort": founder.node.ports["p2p"],
        "clusterSession": str(founder.node.sessions.cluster),
        "session": str(founder.node.sessions.own),
        "state": "Ready",
        "jar": "0" * 64,
    }
    assert other["id"] == member.node.id
    assert members(other) == ["id", "ip", "publicPort", "p2pPort", "clusterSession", "session", "state", "jar"]


async def test_cluster_info_without_sessions_is_500(nodes: Network) -> None:
    node = await nodes.start()
    for path in ("/cluster/info", "/targets"):
        assert await node.get(path) == (500, b"")
    assert await node.get("/cluster/session") == (404, b"")


async def test_cluster_session_is_a_number(nodes: Network) -> None:
    node = await nodes.founder()
    assert await node.json("/cluster/session") == {"token": node.node.sessions.cluster}


async def test_peers_show_sessions_as_numbers_and_responsiveness(nodes: Network) -> None:
    founder, member = await nodes.cluster(2)
    peer = member.node.membership.get(founder.node.id)
    assert peer is not None
    for path in ("/cluster/peers", "/cluster/discovery"):
        [entry] = (await member.node.peers.get(peer, path)).json()
        assert members(entry) == [
            "id", "ip", "publicPort", "p2pPort", "clusterSession", "session", "state", "responsiveness", "jar",
        ]  # fmt: skip
        assert entry["session"] == member.node.sessions.own
        assert entry["responsiveness"] == "Responsive"
    assert (await member.node.peers.get(peer, "/node/session")).json() == founder.node.sessions.own
    assert (await member.node.peers.get(peer, "/node/state")).json() == "Ready"


async def test_targets_are_for_prometheus(nodes: Network) -> None:
    node = await nodes.founder(key=KEY)
    assert await node.json("/targets") == [
        {
            "targets": [f"127.0.0.1:{node.node.ports['public']}"],
            "labels": {"ip": "127.0.0.1", "peer_id": KEY.peer_id, "peer_id_short": "1b4b9f98"},
        }
    ]


async def test_metrics_carry_the_application(nodes: Network) -> None:
    node = await nodes.founder()
    node.node.metrics.counter("ottochain_things_total", "Things").add()
    _, text = await node.get("/metrics")
    assert b'ottochain_things_total{application="ottochain-data-l1"} 1.0\n' in text
    assert b"# TYPE process_resident_memory_bytes gauge\n" in text


async def test_consensus_peers_on_l0_only(nodes: Network) -> None:
    gl0 = await nodes.founder("gl0")
    latest = await gl0.json("/consensus/latest/peers")
    assert latest["key"] == 7
    assert [peer["id"] for peer in latest["peers"]] == [gl0.node.id]
    assert (await (await nodes.founder()).get("/consensus/latest/peers"))[0] == 404


async def test_own_facts_have_every_member(nodes: Network) -> None:
    node = await nodes.founder(release_digest="ab" * 32)
    facts = await node.json("/ottochain/node")
    assert facts["layer"] == "dl1"
    assert facts["release"] == "ab" * 32
    assert facts["appVersion"] == "0.6.0"
    assert facts["ordinal"] == 7
    assert facts["outbox"] is None
    assert facts["pool"] == {"waiting": 0}
    assert (facts["mode"], facts["environment"]) == ("run-initial-validator", "dev")
    assert facts["timeTriggerSeconds"] == 43.0
    assert facts["uptimeSeconds"] >= 0
    assert facts["artifact"] == artifact_digest()
    unknown = [
        "ordinalSeconds",
        "hash",
        "height",
        "view",
        "waitingFor",
        "validators",
        "quorum",
        "diverged",
        "metagraphId",
    ]
    assert {facts[name] for name in unknown} == {None}
    assert facts["loops"] == {}
    assert (await node.json("/cluster/info"))[0]["jar"] == "ab" * 32


async def test_public_answers_name_the_node_and_allow_any_origin(nodes: Network) -> None:
    node = await nodes.founder(key=KEY)
    for path in ("/node/info", "/no/such/path", "/boom"):
        async with node.http.get(node.url(path), headers={"Origin": "http://example.com"}) as response:
            assert response.headers["X-Id"] == KEY.peer_id
            assert response.headers["Access-Control-Allow-Origin"] == "*"
            assert "Access-Control-Allow-Credentials" not in response.headers
            assert "Request-Signature" not in response.headers, "an L1 layer does not sign"


async def test_a_preflight_is_answered(nodes: Network) -> None:
    node = await nodes.start()
    asked = {"Origin": "http://example.com", "Access-Control-Request-Method": "POST"}
    async with node.http.options(node.url("/echo"), headers=asked) as response:
        assert response.status == 200
        assert response.headers["Access-Control-Allow-Origin"] == "*"
        assert "POST" in response.headers["Access-Control-Allow-Methods"]
        assert response.headers["Access-Control-Allow-Headers"] == "*"


async def test_an_l0_layer_signs_its_public_answers(nodes: Network) -> None:
    from ottochain.node import peer_auth

    node = await nodes.founder("gl0")
    for path in ("/node/info", "/node/health", "/no/such/path"):
        async with node.http.get(node.url(path)) as response:
            body = await response.read()
            assert response.headers["X-Session-Token"] == str(node.node.sessions.own)
            headers = [(name.decode(), value.decode()) for name, value in response.raw_headers]
            message = peer_auth.response_bytes(response.status, headers, body)
            assert peer_auth.is_signed_by(message, response.headers["Request-Signature"], node.node.id)


async def test_numbers_beyond_64_bits_come_back_exactly(nodes: Network) -> None:
    node = await nodes.start()
    text = b'{"n":123456789012345678901234567890,"x":0.1000000000000000055511151231257827}'
    assert await node.post("/echo", data=text) == (200, text)
    assert json.loads(text)["n"] == 123456789012345678901234567890
