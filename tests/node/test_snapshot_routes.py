"""The snapshot routes of GL0 and ML0, as the reference answers them."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio
from multidict import CIMultiDict

from layers.metagraph import ALICE
from node.layered import Layered, layered
from node.network import Running
from ottochain.codec import exact_json
from ottochain.codec.wire import json_hash
from ottochain.crypto.proofs import verify_all
from ottochain.model.signed import decode_proofs

NOT_READY = (503, b'{"message":"Node is not ready yet"}')


pytestmark = pytest.mark.asyncio(loop_scope="module")


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def network(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Layered]:
    """One for all tests here: they only read."""
    async with layered(tmp_path_factory.mktemp("network")) as started:
        await started.found()
        await started.create(1)
        await started.until_confirmed()
        yield started


@pytest.fixture(params=["gl0", "ml0"])
def node(network: Layered, request: pytest.FixtureRequest) -> Running:
    return network.running[request.param]


def prefix(node: Running) -> str:
    return "/global-snapshots" if node.node.config.layer == "gl0" else "/snapshots"


async def head(node: Running) -> int:
    return int((await node.json(f"{prefix(node)}/latest/ordinal"))["value"])


async def test_the_newest_snapshot_is_told_in_every_form(node: Running) -> None:
    base, ordinal = prefix(node), await head(node)
    signed = await node.json(f"{base}/latest")
    metadata = await node.json(f"{base}/latest/metadata")
    assert signed["value"]["ordinal"] == metadata["ordinal"] == ordinal
    assert list(metadata) == ["ordinal", "hash", "lastSnapshotHash"]
    assert metadata["lastSnapshotHash"] == signed["value"]["lastSnapshotHash"]
    assert await node.json(f"{base}/{ordinal}/hash") == metadata["hash"]
    combined = await node.json(f"{base}/latest/combined")
    assert combined[0] == signed
    assert "balances" in combined[1]


async def test_a_snapshot_is_found_by_ordinal_and_by_hash(node: Running) -> None:
    base = prefix(node)
    for ordinal in range(1, await head(node) + 1):
        by_ordinal = await node.json(f"{base}/{ordinal}")
        snapshot_hash = await node.json(f"{base}/{ordinal}/hash")
        assert by_ordinal["value"]["ordinal"] == ordinal
        assert await node.json(f"{base}/{snapshot_hash}") == by_ordinal


async def test_each_snapshot_hashes_to_what_the_next_one_names_and_its_proofs_sign(node: Running) -> None:
    base = prefix(node)
    previous = None
    for ordinal in range(1, await head(node) + 1):
        _, body = await node.get(f"{base}/{ordinal}")
        signed = exact_json.loads(body)
        assert previous in (None, signed["value"]["lastSnapshotHash"])
        previous = json_hash(signed["value"])
        assert verify_all(previous, decode_proofs(signed["proofs"]))
        assert previous == await node.json(f"{base}/{ordinal}/hash")


async def test_the_full_genesis_is_gl0_s_alone(network: Layered) -> None:
    gl0, ml0 = network.running["gl0"], network.running["ml0"]
    genesis = await gl0.json("/global-snapshots/0?full")
    assert genesis["value"]["ordinal"] == 0
    assert await gl0.json("/global-snapshots/0?full=true") == genesis
    for path in ("/global-snapshots/1?full", "/global-snapshots/0"):
        assert await gl0.get(path) == (404, b"")
    for path in ("/snapshots/0?full", "/snapshots/1?full", "/snapshots/0"):
        assert await ml0.get(path) == (404, b"")


@pytest.mark.parametrize(
    "name",
    ["99", "9" * 18, "9" * 40, "00000000000000000000001x", "-1", "latest2", "ab" * 32, "%00", "1.0", "%F0%9F%98%80"],
)
async def test_an_unknown_snapshot_is_404(node: Running, name: str) -> None:
    assert await node.get(f"{prefix(node)}/{name}") == (404, b"")


async def test_an_unknown_ordinal_has_no_hash(node: Running) -> None:
    for name in ("99", "9" * 18, "9" * 30):
        assert await node.get(f"{prefix(node)}/{name}/hash") == (404, b"")
    assert (await node.get(f"{prefix(node)}/x/hash"))[0] == 404


@pytest.mark.parametrize(
    ("accept", "status"),
    [
        ("*/*", 200),
        ("application/json", 200),
        ("application/*", 200),
        ("text/html, application/json;q=0.9", 200),
        ("application/json;q=0", 415),
        ("*/*, application/json; Q=0.0", 415),
        ("*/*;q=0, application/json", 200),
        ("application/json;q=x", 200),
        ("APPLICATION/JSON", 200),
        ("text/html", 415),
        ("application/octet-stream", 415),
        ("", 415),
    ],
)
async def test_whole_snapshots_want_an_accept_header_that_json_satisfies(
    node: Running, accept: str, status: int
) -> None:
    for path in ("latest", "latest/combined", "1"):
        assert (await node.get(f"{prefix(node)}/{path}", headers={"Accept": accept}))[0] == status
    assert (await node.get(f"{prefix(node)}/latest/ordinal", headers={"Accept": accept}))[0] == 200


async def test_a_request_without_accept_header_is_415(node: Running) -> None:
    options: dict[str, Any] = {"skip_auto_headers": ["Accept"]}
    assert (await node.get(f"{prefix(node)}/latest", **options)) == (415, b"")


@pytest.mark.parametrize("layer", ["gl0", "ml0"])
async def test_a_node_that_is_not_ready_answers_503(layer: str, tmp_path: Path) -> None:
    async with layered(tmp_path, token=ALICE.address) as network:
        waiting = await network.start(layer, "run-validator")
        base = prefix(waiting)
        for path in ("latest", "latest/ordinal", "latest/metadata", "latest/combined", "1", "1/hash", "ab" * 32):
            assert await waiting.get(f"{base}/{path}") == NOT_READY


async def test_the_same_routes_are_on_the_p2p_listener_for_peers_alone(node: Running) -> None:
    assert (await node.get(f"{prefix(node)}/latest/ordinal", "p2p"))[0] == 401
    assert (await node.get(f"{prefix(node)}/latest/ordinal", "cli"))[0] == 404


async def test_several_accept_headers_are_one_list(node: Running) -> None:
    headers = CIMultiDict([("Accept", "text/html"), ("Accept", "application/json")])
    assert (await node.get(f"{prefix(node)}/latest", headers=headers))[0] == 200


async def test_head_is_not_answered(node: Running) -> None:
    for path in (f"{prefix(node)}/latest", "/node/info", "/ottochain/feed", "/nothing"):
        async with node.http.head(node.url(path)) as response:
            assert response.status == 404
