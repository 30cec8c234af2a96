"""Every route of the reference that these nodes have, with the status of each answer that needs no preparation.

What is behind a 200 is shown elsewhere. Source of the table: Tessellation, ``HttpApi`` of each layer and its routes.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Final

import pytest
from tests.network.stack import Stack

pytestmark = pytest.mark.network

NOBODY: Final = "DAG0CyySf35ftDQDQBnd1bdQ9aPyUdacMghpnCuM"
UNKNOWN: Final = "ab" * 32


EVERYWHERE: Final = """
    GET /node/info 200 {"state":"Ready","session":
    GET /node/state 200 "Ready"
    GET /node/health 200 =
    GET /cluster/info 200 [{"id":
    GET /cluster/session 200 {"token":
    GET /targets 200 [{"targets":[
    GET /metrics 200 # HELP
    GET /nothing 404 =Not found
    POST /node/info 404 =Not found
"""
METAGRAPH: Final = """
    GET /metagraph/info 200 {"state":"Ready","session":
"""
SNAPSHOTS: Final = """
    GET /consensus/latest/peers 200 {"key":
    GET /debug 200 =
    GET /debug/peers 200 [
    GET {snapshots}/latest/ordinal 200 {"value":
    GET {snapshots}/latest/metadata 200 {"ordinal":
    GET {snapshots}/latest 200 {"value":{"ordinal":
    GET {snapshots}/latest/combined 200 [{"value":{"ordinal":
    GET {snapshots}/1 200 {"value":{"ordinal":1,
    GET {snapshots}/1/hash 200 "
    GET {snapshots}/0 404 =
    GET {snapshots}/1?full 404 =
    GET {snapshots}/99999 404 =
    GET {snapshots}/99999/hash 404 =
    GET {snapshots}/{unknown} 404 =
    GET {wallets}/{nobody}/balance 200 {"balance":0,"ordinal":
    GET {wallets}/DAG1/balance 404 =Not found
    GET {wallets}/total-supply 200 {"total":
    GET {wallets}/wallet-count 200 {"count":
"""
PUBLIC: Final = {
    "gl0": EVERYWHERE
    + SNAPSHOTS.replace("{snapshots}", "/global-snapshots").replace("{wallets}", "/dag")
    + """
    GET /global-snapshots/0?full 200 {"value":{"ordinal":0,
    POST /state-channels/{nobody}/snapshot 500 =
    POST /state-channels/DAG1/snapshot 404 =Not found
    GET /metagraph/info 404 =Not found
    """,
    "ml0": EVERYWHERE
    + METAGRAPH
    + SNAPSHOTS.replace("{snapshots}", "/snapshots").replace("{wallets}", "/currency")
    + """
    GET /snapshots/0?full 404 =
    POST /currency/l1-output 500 =
    POST /currency/l1-allow-spend-output 500 =
    POST /currency/l1-token-lock-output 500 =
    POST /currency/l1-data-output 400 =
    POST /currency/message 500 =
    GET /transactions/{unknown}/errors 200 =null
    GET /l0/peers 404 =Not found
    """,
    "cl1": EVERYWHERE
    + METAGRAPH
    + "".join(
        f"""
    POST /{kind} 500 =
    GET /{kind}/{{unknown}} 404 =
    GET /{kind}/last-reference/{{nobody}} 200 {{"ordinal":0,"hash":"
    GET /{kind}/last-reference/DAG1 404 =Not found
    """
        for kind in ("transactions", "allow-spends", "token-locks")
    )
    + """
    GET /l0/peers 200 [{"id":
    POST /transactions/estimate-fee 500 =
    POST /data 404 =Not found
    """,
    "dl1": EVERYWHERE
    + METAGRAPH
    + """
    GET /l0/peers 200 [{"id":
    GET /data 200 [
    POST /data 500 {"code":1,"message":"Unknown error","retriable":true
    POST /data/estimate-fee 500 {"code":3,"message":"Invalid request body"
    POST /transactions/estimate-fee 500 =
    POST /transactions 404 =Not found
    POST /allow-spends 404 =Not found
    POST /token-locks 404 =Not found
    """,
}
P2P: Final = """
    GET /registration/request 200 {"id":
    POST /registration/sign 400 "
    POST /cluster/join 400 "
    GET /cluster/peers 401 =
    GET /cluster/discovery 401 =
    GET /node/state 401 =
    GET /node/health 401 =
    GET /node/session 401 =
    GET /nothing 401 =
"""
CLI: Final = """
    POST /cluster/join 400 "
    GET /cluster/leave 404 =Not found
    GET /node/info 404 =Not found
"""
ROW: Final = re.compile(r" *(?P<method>[A-Z]+) (?P<path>\S+) (?P<status>\d+) (?P<body>.*?) *")


def rows() -> Iterator[tuple[str, str, re.Match[str]]]:
    for layer, public in PUBLIC.items():
        for listener, table in (("public", public), ("p2p", P2P), ("cli", CLI)):
            for line in filter(str.strip, table.splitlines()):
                row = ROW.fullmatch(line)
                assert row, line
                yield layer, listener, row


@pytest.mark.parametrize("layer", PUBLIC)
@pytest.mark.parametrize("listener", ["public", "p2p", "cli"])
def test_a_route_answers_as_the_reference_s(running: Stack, layer: str, listener: str) -> None:
    for found_layer, found_listener, row in rows():
        if (found_layer, found_listener) != (layer, listener):
            continue
        path = row["path"].replace("{unknown}", UNKNOWN).replace("{nobody}", NOBODY)
        asked = running.get if row["method"] == "GET" else lambda *where: running.post(*where[:2], b"{}", *where[2:])
        response = asked(layer, path, listener)
        what = f"{layer} {listener} {row['method']} {path}: {response.status_code} {response.text[:200]}"
        assert response.status_code == int(row["status"]), what
        expected = row["body"]
        if expected.startswith("="):
            assert response.text == expected[1:], what
        else:
            assert response.text.startswith(expected), what


@pytest.mark.parametrize("name", ["gl0", "ml0"])
@pytest.mark.parametrize("path", ["latest", "latest/combined", "1"])
def test_whole_snapshots_are_for_those_who_take_json(running: Stack, name: str, path: str) -> None:
    prefix = {"gl0": "global-snapshots", "ml0": "snapshots"}[name]
    for accept, status in (("*/*", 200), ("text/html", 415), ("application/json;q=0", 415)):
        response = running.http.get(running.url(name, f"/{prefix}/{path}"), headers={"Accept": accept})
        assert (response.status_code, response.content == b"") == (status, status == 415)
