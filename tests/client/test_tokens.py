"""Tokens asked of layers: nodes that are down or behind are passed over, and what may pass is tried again."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from ottochain.client import tokens
from ottochain.client.endpoint import Endpoint, Refused
from ottochain.client.failover import NobodyAnswers

from .test_failover import asked, serve  # noqa: F401  fixtures

HASH = "ab" * 32
ADDRESS = "DAG0"
POST, WAITING = "POST /transactions", f"GET /transactions/{HASH}"
DECIDED, ERRORS = f"GET /ottochain/data/{HASH}", f"GET /transactions/{HASH}/errors"
LAST = f"GET /transactions/last-reference/{ADDRESS}"
TAKEN = (200, b'{"hash":"ab"}')
UNREADY = (503, b'{"message":"Node is not ready yet"}')

Serve = Callable[[Any], Any]


def refusal(text: str) -> tuple[int, bytes]:
    return 400, b'{"errors":[{"message":"%b"}]}' % text.encode()


def outcome(status: str) -> tuple[int, bytes]:
    return 200, b'{"hash":"ab","status":"%b","ordinal":4,"reason":null}' % status.encode()


async def gone(serve: Serve) -> Endpoint:  # noqa: F811
    """A node that does not listen."""
    alive: Endpoint = await serve({})
    return Endpoint(alive.http, alive.host, 1)


async def test_the_newest_reference_of_any_node_is_taken(serve: Serve) -> None:  # noqa: F811
    behind, ahead = [await serve({LAST: [(200, b'{"ordinal":%d,"hash":"x"}' % n)]}) for n in (3, 4)]
    nodes = [await gone(serve), await serve({LAST: [UNREADY]}), behind, ahead]
    assert await tokens.last_reference(nodes, ADDRESS) == (4, "x")
    with pytest.raises(NobodyAnswers, match="connection refused"):
        await tokens.last_reference(nodes[:2], ADDRESS)


async def test_another_node_takes_what_the_first_can_not(serve: Serve) -> None:  # noqa: F811
    good = await serve({POST: [TAKEN]})
    nodes = [await gone(serve), await serve({POST: [UNREADY]}), good]
    assert await tokens.submit(nodes, [], {}, HASH, "transactions", follows=False) == good


async def test_a_parent_that_is_not_known_yet_is_waited_for_only_in_a_chain(serve: Serve) -> None:  # noqa: F811
    ml0 = [await serve({})]
    answers = {POST: [refusal("HasNoMatchingParent{}"), TAKEN]}
    node = await serve(answers)
    assert await tokens.submit([node], ml0, {}, HASH, "transactions", follows=True) == node
    with pytest.raises(Refused, match="HasNoMatchingParent"):
        await tokens.submit([await serve(answers)], ml0, {}, HASH, "transactions", follows=False)


@pytest.mark.parametrize(
    "text", ["Conflict{}", "ParentOrdinalLowerThenLastProcessedTxOrdinal{}", "HasNoMatchingParent{}"]
)
async def test_what_is_there_already_is_no_conflict(serve: Serve, text: str) -> None:  # noqa: F811
    accepted, nothing = [await serve({DECIDED: [outcome("Accepted")]})], [await serve({})]
    node = await serve({POST: [refusal(text)]})
    assert await tokens.submit([node], accepted, {}, HASH, "transactions", follows=False) == node
    waiting = await serve({POST: [refusal(text)], WAITING: [(200, b'{"status":"Waiting"}')]})
    assert await tokens.submit([waiting], nothing, {}, HASH, "transactions", follows=False) == waiting
    with pytest.raises(Refused):
        await tokens.submit([node], nothing, {}, HASH, "transactions", follows=False)


async def test_a_fate_is_what_any_node_knows(serve: Serve) -> None:  # noqa: F811
    nothing, down = await serve({}), await gone(serve)
    waits = await serve({WAITING: [(200, b'{"status":"Waiting"}')]})
    decided = await serve({DECIDED: [outcome("Accepted")]})
    refused = await serve({ERRORS: [(200, b'{"message":"no","description":null,"details":null}')]})
    for cl1, ml0, status, reason in (
        ([down], [down, nothing, decided], "Accepted", None),
        ([down, nothing, waits], [nothing], "Waiting", None),
        ([waits], [down], "Waiting", None),
        ([nothing], [refused], "Rejected", "no"),
        ([nothing], [nothing], tokens.UNKNOWN, None),
    ):
        found = await tokens.fate(cl1, ml0, HASH)
        assert (found.status, found.reason) == (status, reason)
    with pytest.raises(NobodyAnswers, match="connection refused"):
        await tokens.fate([down], [down], HASH)


async def test_settled_waits_and_gives_up(serve: Serve) -> None:  # noqa: F811
    cl1 = [await serve({})]
    turns = [await serve({DECIDED: [(404, b""), (404, b""), outcome("Waiting"), outcome("Accepted")]})]
    assert (await tokens.settled(cl1, turns, HASH, "transactions", 5)).status == "Accepted"
    never = [await serve({DECIDED: [outcome("Waiting")]})]
    assert (await tokens.settled(cl1, never, HASH, "transactions", 0.05)).status == "Waiting"


async def test_what_was_decided_is_told_though_no_node_is_left_to_follow(serve: Serve) -> None:  # noqa: F811
    await tokens.heard([await gone(serve)], ADDRESS, 4, "transactions")
    behind = await serve({LAST: [(200, b'{"ordinal":%d,"hash":"x"}' % ordinal) for ordinal in (3, 3, 4)]})
    await tokens.heard([behind], ADDRESS, 4, "transactions")
    assert await tokens.last_reference([behind], ADDRESS) == (4, "x")
