"""Updates and fibers: the clients of single nodes, and the layer behind them when nodes are down or behind."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Iterator
from typing import Any

import pytest
import pytest_asyncio
from aiohttp import web

from ottochain.client import failover
from ottochain.client.data import DataClient, Fate
from ottochain.client.endpoint import Endpoint, Refused
from ottochain.client.fibers import FiberClient
from ottochain.client.light import LightClient
from ottochain.client.readings import MalformedReading
from ottochain.fibers.messages import decode_message
from ottochain.fibers.updates import SignedUpdate

UPDATE = SignedUpdate.of(
    decode_message(
        {"ArchiveStateMachine": {"fiberId": "00000000-0000-0000-0000-000000000001", "targetSequenceNumber": 0}}
    ),
    [],
)
NOT_YET_KNOWN = (400, b'{"code":3,"message":"Invalid request body","details":{"reason":"Chain(CidNotFound(0))"}}')
INVALID = (400, b'{"code":3,"message":"Invalid request body","details":{"reason":"Chain(NotActive)"}}')
TAKEN = (200, b'{"hash":"ab","feeHash":null}')
FATE = f"GET /data/{UPDATE.hash}"

Answers = dict[str, list[tuple[int, bytes]]]
Serve = Callable[[Answers], Any]


@pytest.fixture
def asked() -> list[tuple[str, bytes]]:
    """The requests that the servers have got."""
    return []


@pytest_asyncio.fixture
async def serve(asked: list[tuple[str, bytes]]) -> AsyncIterator[Serve]:
    """Starts a node that gives the answers of each request in turn, and the last of them from then on."""
    runners: list[web.AppRunner] = []
    http = LightClient()

    async def start(answers: Answers) -> Endpoint:
        turns: dict[str, Iterator[tuple[int, bytes]]] = {}

        async def handle(request: web.Request) -> web.Response:
            name = f"{request.method} {request.path_qs}"
            asked.append((name, await request.read()))
            known = answers.get(name, [(404, b"")])
            status, body = next(turns.setdefault(name, iter(known)), known[-1])
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


@pytest.fixture
def nobody() -> Endpoint:
    """A node that is down."""
    return Endpoint(LightClient(), "127.0.0.1", 1)


async def test_an_update_is_sent_and_looked_up(serve: Serve, asked: list[tuple[str, bytes]]) -> None:
    endpoint = await serve({
        "POST /data": [TAKEN],
        "GET /data": [(200, b"[[]]")],
        "GET /data/ab": [(200, b'{"hash":"ab","status":"Rejected","ordinal":9,"reason":"why"}')],
        "GET /data/cd": [(200, b'{"hash":"cd","status":"Waiting","ordinal":null,"reason":null}')],
    })  # fmt: skip
    client = DataClient(endpoint)
    assert await client.submit({"n": 2**70, "x": None}, [{"id": "aa", "signature": "00"}]) == "ab"
    expected = f'{{"value":{{"n":{2**70},"x":null}},"proofs":[{{"id":"aa","signature":"00"}}]}}'
    assert asked == [("POST /data", expected.encode())]
    assert await client.fate("ab") == Fate("Rejected", 9, "why")
    waiting = await client.fate("cd")
    assert waiting
    assert not waiting.is_settled
    assert await client.fate("ef") is None
    assert await client.waiting() == [[]]


@pytest.mark.parametrize("body", [b"", b"nonsense", b"[]", b'"text"', b"7", b"null", b"{}"])
async def test_an_answer_of_another_shape_is_no_reading(serve: Serve, body: bytes) -> None:
    endpoint = await serve({"POST /data": [(200, body)], "GET /data/ab": [(200, body)]})
    for question in (DataClient(endpoint).fate("ab"), DataClient(endpoint).submit({}, [])):
        with pytest.raises(MalformedReading):
            await question


async def test_fibers_are_read(serve: Serve) -> None:
    prefix = "GET /data-application/v1"
    endpoint = await serve({
        f"{prefix}/state-machines/a": [(200, b'{"fiberId":"a"}')],
        f"{prefix}/state-machines/b": [(200, b"null")],
        f"{prefix}/state-machines?status=ACTIVE": [(200, b'{"a":{}}')],
        f"{prefix}/state-machines/a/events": [(200, b"[{}]")],
        f"{prefix}/oracles": [(200, b"{}")],
        f"{prefix}/oracles/s": [(200, b'{"fiberId":"s"}')],
        f"{prefix}/oracles/s/invocations": [(200, b"[]")],
        f"{prefix}/checkpoint": [(200, b'{"ordinal":3,"state":{"stateMachines":{},"scripts":{}}}')],
        f"{prefix}/onchain": [(200, b'{"fiberCommits":{}}')],
    })  # fmt: skip
    client = FiberClient(endpoint)
    assert await client.machine("a") == {"fiberId": "a"}
    assert await client.machine("b") is None
    assert await client.machine("no-uuid") is None
    assert await client.machines("ACTIVE") == {"a": {}}
    assert await client.events("a") == [{}]
    assert await client.scripts() == {}
    assert await client.script("s") == {"fiberId": "s"}
    assert await client.invocations("s") == []
    assert await client.checkpoint() == (3, {"stateMachines": {}, "scripts": {}})
    assert await client.on_chain() == {"fiberCommits": {}}
    assert await failover.record_of([endpoint], "script", "s") == {"fiberId": "s"}


async def test_nodes_that_are_down_or_not_ready_are_passed_over(serve: Serve, nobody: Endpoint) -> None:
    starting = await serve({"POST /data": [(503, b'{"message":"Node is not ready yet"}')]})
    ready = await serve({"POST /data": [TAKEN]})
    assert await failover.submit([nobody, starting, ready], UPDATE) == ready


async def test_when_nobody_answers_each_is_named(serve: Serve, nobody: Endpoint) -> None:
    starting = await serve({"POST /data": [(503, b"")]})
    with pytest.raises(failover.NobodyAnswers, match=rf"127\.0\.0\.1:1 .*refused; 127\.0\.0\.1:{starting.port} is not"):
        await failover.submit([nobody, starting], UPDATE)


async def test_a_refusal_is_an_answer(serve: Serve, asked: list[tuple[str, bytes]]) -> None:
    first, second = await serve({"POST /data": [INVALID]}), await serve({"POST /data": [TAKEN]})
    with pytest.raises(Refused, match="NotActive"):
        await failover.submit([first, second], UPDATE)
    assert len(asked) == 1


async def test_dl1_is_given_time_to_hear_of_what_ml0_has(serve: Serve, asked: list[tuple[str, bytes]]) -> None:
    endpoint = await serve({"POST /data": [NOT_YET_KNOWN, NOT_YET_KNOWN, TAKEN]})
    assert await failover.submit([endpoint], UPDATE) == endpoint
    assert len(asked) == 3


async def test_but_not_for_ever(serve: Serve, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(failover, "LAG_SECONDS", 0.05)
    with pytest.raises(Refused, match="CidNotFound"):
        await failover.submit([await serve({"POST /data": [NOT_YET_KNOWN]})], UPDATE)


async def test_the_fate_is_waited_for(serve: Serve) -> None:
    waiting = (200, b'{"status":"Waiting","ordinal":null,"reason":null}')
    accepted = (200, b'{"status":"Accepted","ordinal":5,"reason":null}')
    endpoint = await serve({FATE: [(404, b""), waiting, accepted]})
    assert await failover.settled([endpoint], UPDATE.hash, 5) == Fate("Accepted", 5, None)


async def test_and_given_as_it_is_when_time_is_up(serve: Serve) -> None:
    for answer in ((404, b""), (200, b'{"status":"Waiting"}')):
        assert not (await failover.settled([await serve({FATE: [answer]})], UPDATE.hash, 0.0)).is_settled
