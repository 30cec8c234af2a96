"""The typed clients against a small server that answers what nodes answer."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable
from decimal import Decimal
from typing import Any

import pytest
import pytest_asyncio
from aiohttp import web

from ottochain.client.chain import Balance, ChainClient
from ottochain.client.control import ControlClient
from ottochain.client.currency import CurrencyClient
from ottochain.client.endpoint import Endpoint, Refused, refusal
from ottochain.client.light import LightClient, Unreachable
from ottochain.client.readings import MalformedReading
from ottochain.client.status import StatusClient

ID = "ab" * 64
Answers = dict[str, tuple[int, bytes]]
Serve = Callable[[Answers], Awaitable[Endpoint]]


class Asked:
    """What the server was asked last."""

    body: bytes = b""


@pytest_asyncio.fixture
async def serve() -> AsyncIterator[Serve]:
    """Starts a server that answers ``"METHOD /path?query"`` with status and body."""
    runners: list[web.AppRunner] = []
    http = LightClient()

    async def start(answers: Answers) -> Endpoint:
        async def handle(request: web.Request) -> web.Response:
            Asked.body = await request.read()
            status, body = answers.get(f"{request.method} {request.path_qs}", (404, b""))
            return web.Response(status=status, body=body)

        application = web.Application()
        application.router.add_route("*", "/{tail:.*}", handle)
        runner = web.AppRunner(application)
        runners.append(runner)
        await runner.setup()
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        return Endpoint(http, "127.0.0.1", runner.addresses[0][1])

    yield start
    http.close()
    for runner in runners:
        await runner.cleanup()


@pytest.mark.parametrize(
    ("body", "text", "retriable"),
    [
        (b'"Node state=Ready does not allow for joining the cluster."',
         "Node state=Ready does not allow for joining the cluster.", False),
        (b'{"message":"Node is not ready yet"}', "Node is not ready yet", False),
        (b'{"code":3,"message":"Invalid request body","retriable":false,"details":{"reason":"Chain(X)"}}',
         "Invalid request body: Chain(X)", False),
        (b'{"code":4,"message":"Internal error","retriable":true}', "Internal error", True),
        (b'{"error":"Invalid signature in data transactions"}', "Invalid signature in data transactions", False),
        (b'{"errors":[{"message":"a"},{"message":"b"}]}', "a; b", False),
        (b'["x",{"y":1}]', 'x; {"y": 1}', False),
        (b"Not found", "Not found", False),
        (b"", "", False),
        (b"{}", "{}", False),
        (b"\xff", "�", False),
    ],
)  # fmt: skip
def test_every_shape_of_refusal_has_its_words(body: bytes, text: str, retriable: bool) -> None:
    assert refusal(body) == (text, retriable)


async def test_a_refusal_carries_status_and_words(serve: Serve) -> None:
    endpoint = await serve({"GET /snapshots/latest": (503, b'{"message":"Node is not ready yet"}')})
    with pytest.raises(Refused, match=r"^Node is not ready yet \(status 503\)$") as refused:
        await ChainClient.of("ml0", endpoint).latest()
    assert refused.value.retriable
    with pytest.raises(Refused, match=r"^status 404$"):
        await ChainClient.of("gl0", endpoint).latest()


async def test_nobody_there_is_unreachable() -> None:
    with pytest.raises(Unreachable):
        await StatusClient(Endpoint(LightClient(), "127.0.0.1", 1)).info()


async def test_status(serve: Serve) -> None:
    node = f'{{"state":"Ready","session":1,"clusterSession":2,"version":"4","id":"{ID}"}}'.encode()
    endpoint = await serve({
        "GET /node/info": (200, node),
        "GET /cluster/info": (200, b"[" + node + b"]"),
        "GET /metrics": (200, b"a 1\n"),
    })  # fmt: skip
    client = StatusClient(endpoint)
    assert (await client.info()).state == "Ready"
    assert [member.session for member in await client.members()] == ["1"]
    assert await client.facts() is None
    assert await client.metrics() == "a 1\n"
    own = await serve({"GET /ottochain/node": (200, b'{"ordinal":5,"release":null}')})
    facts = await StatusClient(own).facts()
    assert facts is not None
    assert (facts.ordinal, facts.release) == (5, None)


async def test_join_and_leave(serve: Serve) -> None:
    endpoint = await serve({"POST /cluster/join": (200, b""), "POST /cluster/leave": (200, b"")})
    client = ControlClient(endpoint)
    await client.join(ID, "10.0.0.1", 9401)
    assert Asked.body == f'{{"id":"{ID}","ip":"10.0.0.1","p2pPort":9401}}'.encode()
    await client.leave()
    refusing = await serve({"POST /cluster/join": (409, b'"Session already exists."')})
    with pytest.raises(Refused, match="Session already exists") as refused:
        await ControlClient(refusing).join(ID, "10.0.0.1", 9401)
    assert refused.value.status == 409


async def test_chain(serve: Serve) -> None:
    endpoint = await serve({
        "GET /snapshots/latest/ordinal": (200, b'{"value":7}'),
        "GET /snapshots/latest": (200, b'{"value":{"ordinal":7},"proofs":[]}'),
        "GET /snapshots/latest/combined": (200, b'[{"value":{}},{"balances":{}}]'),
        "GET /snapshots/7/hash": (200, b'"ab"'),
        "GET /snapshots/7": (200, b'{"value":{"x":0.10}}'),
        "GET /currency/DAG1/balance": (200, b'{"balance":5,"ordinal":7}'),
    })  # fmt: skip
    chain = ChainClient.of("ml0", endpoint)
    assert await chain.latest_ordinal() == 7
    assert (await chain.latest())["value"] == {"ordinal": 7}
    assert await chain.latest_combined() == ({"value": {}}, {"balances": {}})
    assert await chain.snapshot_hash(7) == "ab"
    assert await chain.snapshot(7) == {"value": {"x": Decimal("0.1")}}
    assert await chain.balance("DAG1") == Balance(5, 7)


async def test_currency(serve: Serve) -> None:
    endpoint = await serve({
        "GET /transactions/last-reference/DAG1": (200, b'{"ordinal":0,"hash":"00"}'),
        "POST /transactions": (200, b'{"hash":"ab"}'),
        "GET /transactions/ab": (200, b'{"status":"Waiting"}'),
    })  # fmt: skip
    client = CurrencyClient(endpoint)
    assert await client.last_reference("DAG1") == (0, "00")
    assert await client.submit({"value": {}, "proofs": []}) == "ab"
    assert await client.waiting("ab") == {"status": "Waiting"}
    assert await client.waiting("cd") is None


@pytest.mark.parametrize("body", [b"", b"nonsense", b"[]", b'"text"', b"7", b"null", b"{}"])
async def test_answers_of_another_shape_are_no_readings(serve: Serve, body: bytes) -> None:
    paths = ["/snapshots/latest/ordinal", "/currency/DAG1/balance", "/transactions/last-reference/DAG1"]
    endpoint = await serve({f"GET {path}": (200, body) for path in paths} | {"POST /transactions": (200, body)})
    questions: list[Awaitable[Any]] = [
        ChainClient.of("ml0", endpoint).latest_ordinal(),
        ChainClient.of("ml0", endpoint).balance("DAG1"),
        CurrencyClient(endpoint).last_reference("DAG1"),
        CurrencyClient(endpoint).submit({}),
    ]
    for question in questions:
        with pytest.raises(MalformedReading):
            await question
