"""Webhooks: who may subscribe, what is sent, and that no receiver can hold anything up."""

from __future__ import annotations

import asyncio
import hashlib
import hmac
import json
import re
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import aiohttp
import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer
from hypothesis import given
from hypothesis import strategies as st

from layers.metagraph import add, block
from node.layered import Layered, layered
from node.network import Network, until
from ottochain.node import webhooks as room
from ottochain.node.webhook_targets import AllowedHosts, is_forbidden, url_fault
from ottochain.node.webhooks import (
    FAILURES_UNTIL_INACTIVE,
    SECRET_CHARACTERS_MAX,
    SUBSCRIBER_LIMIT,
    Subscriber,
    Webhooks,
    after_delivery,
    rejection_event,
    signature_header,
    snapshot_event,
    subscription,
    timestamp,
)


class Receiver:
    """A server that takes deliveries; ``answers`` says how."""

    def __init__(self) -> None:
        self.taken: list[tuple[dict[str, str], bytes]] = []
        self.answer = 200
        self.may_answer = asyncio.Event()
        self.may_answer.set()
        application = web.Application()
        application.router.add_post("/hook", self._take)
        application.router.add_post("/moved", self._move)
        self._server = TestServer(application)

    async def _take(self, request: web.Request) -> web.Response:
        await self.may_answer.wait()
        self.taken.append((dict(request.headers), await request.read()))
        return web.Response(status=self.answer)

    async def _move(self, _: web.Request) -> web.Response:
        return web.Response(status=307, headers={"Location": self.url})

    async def start(self) -> None:
        await self._server.start_server(shutdown_timeout=0.1)

    async def stop(self) -> None:
        self.may_answer.set()
        await self._server.close()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._server.port}/hook"

    @property
    def bodies(self) -> list[Any]:
        return [json.loads(body) for _, body in self.taken]


@pytest.fixture
async def receiver() -> AsyncIterator[Receiver]:
    started = Receiver()
    await started.start()
    yield started
    await started.stop()


class Registry(Webhooks):
    """Webhooks with a list in the place of a disk."""

    def __init__(self, stored: list[dict[str, Any]] | None = None) -> None:
        self.disk: list[dict[str, Any]] = stored or []
        self.disk_is_full = False
        super().__init__(self._keep, self.disk)

    async def _keep(self, subscribers: list[dict[str, Any]]) -> None:
        await asyncio.sleep(0)
        if self.disk_is_full:
            raise OSError("no space left")
        self.disk = subscribers


@pytest.fixture
async def registry() -> AsyncIterator[Registry]:
    made = Registry()
    yield made
    await made.close()


def event(number: int) -> dict[str, Any]:
    return {"event": "snapshot.finalized", "ordinal": number}


# -- what is sent ------------------------------------------------------------------------------------------------------


def test_bodies_have_the_reference_s_members_in_its_order() -> None:
    body = snapshot_event(
        ordinal=7, snapshot_hash="ab", metagraph_id="DAG", updates=3, machines_active=2, scripts_active=1
    )
    assert list(body) == ["event", "ordinal", "hash", "timestamp", "metagraphId", "stats"]
    assert body["stats"] == {"updatesProcessed": 3, "stateMachinesActive": 2, "scriptsActive": 1}
    rejected = rejection_event(ordinal=7, metagraph_id="DAG", rejection={"fiberId": "f"})
    assert list(rejected) == ["event", "ordinal", "timestamp", "metagraphId", "rejection"]
    assert (body["event"], rejected["event"]) == ("snapshot.finalized", "transaction.rejected")


def test_times_are_those_of_a_java_instant() -> None:
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z", timestamp())


def test_the_signature_is_an_hmac_over_the_raw_body() -> None:
    expected = hmac.new("gehéim".encode(), b'{"a":1}', hashlib.sha256).hexdigest()
    assert signature_header("gehéim", b'{"a":1}') == f"sha256={expected}"


async def test_a_delivery_carries_the_signature_of_its_body(registry: Registry, receiver: Receiver) -> None:
    await registry.subscribe(receiver.url, "secret")
    await registry.subscribe(receiver.url, None)
    registry.publish(event(1), counts=True)
    await until(lambda: len(receiver.taken) == 2)
    signatures = [headers.get("X-OttoChain-Signature") for headers, _ in receiver.taken]
    assert sorted(signatures, key=str) == [None, signature_header("secret", receiver.taken[0][1])]
    assert all(headers["Content-Type"] == "application/json" for headers, _ in receiver.taken)
    assert all(headers["X-OttoChain-Event"] == "snapshot.finalized" for headers, _ in receiver.taken)
    assert receiver.bodies == [event(1), event(1)]


async def test_deliveries_come_in_their_order(registry: Registry, receiver: Receiver) -> None:
    await registry.subscribe(receiver.url, None)
    for number in range(20):
        registry.publish(event(number), counts=True)
    await until(lambda: len(receiver.taken) == 20)
    assert receiver.bodies == [event(number) for number in range(20)]


async def test_a_redirection_is_not_followed(registry: Registry, receiver: Receiver) -> None:
    subscriber = await registry.subscribe(receiver.url.replace("/hook", "/moved"), None)
    registry.publish(event(1), counts=True)
    await until(lambda: registry.listed()[0]["failCount"] == 1)
    assert receiver.taken == []
    assert subscriber.id == registry.listed()[0]["id"]


# -- receivers that fail -----------------------------------------------------------------------------------------------


def test_success_resets_the_failures_and_five_in_a_row_deactivate() -> None:
    subscriber = Subscriber("sub_1", "http://x/", None, "then")
    for _ in range(FAILURES_UNTIL_INACTIVE - 1):
        subscriber = after_delivery(subscriber, False, "now")
    assert (subscriber.active, subscriber.fail_count, subscriber.last_delivery_at) == (True, 4, None)
    good = after_delivery(subscriber, True, "now")
    assert (good.active, good.fail_count, good.last_delivery_at) == (True, 0, "now")
    assert not after_delivery(subscriber, False, "now").active


async def test_a_receiver_that_fails_five_times_gets_nothing_more(registry: Registry, receiver: Receiver) -> None:
    receiver.answer = 500
    await registry.subscribe(receiver.url, None)
    for number in range(8):
        registry.publish(event(number), counts=True)
    await until(lambda: not registry.wanted)
    await asyncio.sleep(0.05)
    assert len(receiver.taken) == FAILURES_UNTIL_INACTIVE
    assert registry.listed()[0]["active"] is False


async def test_failed_rejections_do_not_count(registry: Registry, receiver: Receiver) -> None:
    receiver.answer = 500
    await registry.subscribe(receiver.url, None)
    for number in range(8):
        registry.publish(event(number), counts=False)
    await until(lambda: len(receiver.taken) == 8)
    assert registry.listed()[0]["failCount"] == 0
    assert registry.listed()[0]["lastDeliveryAt"] is None


async def test_a_receiver_that_does_not_answer_holds_up_nobody(
    registry: Registry, receiver: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(room, "QUEUE_LIMIT", 3)
    slow = Receiver()
    await slow.start()
    slow.may_answer.clear()
    await registry.subscribe(slow.url, None)
    await registry.subscribe(receiver.url, None)
    for number in range(10):
        registry.publish(event(number), counts=True)
        await asyncio.sleep(0.005)
    await until(lambda: len(receiver.taken) == 10)
    slow.may_answer.set()
    await until(lambda: len(slow.taken) == 4)
    # What it was busy with, and the newest of what came meanwhile.
    assert [body["ordinal"] for body in slow.bodies] == [0, 7, 8, 9]
    await slow.stop()


@pytest.mark.parametrize("url", ["http://127.0.0.1:1/", "http://no-such-host.invalid/", "http://exa mple/"])
async def test_a_receiver_that_is_not_there_is_a_failure(registry: Registry, url: str) -> None:
    await registry.subscribe(url, None)
    registry.publish(event(1), counts=True)
    await until(lambda: registry.listed()[0]["failCount"] == 1)


# -- the registry ------------------------------------------------------------------------------------------------------


async def test_subscribers_are_listed_in_their_order_and_without_their_secrets(registry: Registry) -> None:
    first = await registry.subscribe("http://a/", "secret")
    second = await registry.subscribe("http://b/", None)
    listed = registry.listed()
    assert {each["id"] for each in listed} == {first.id, second.id}
    assert [each["createdAt"] for each in listed] == sorted(each["createdAt"] for each in listed)
    by_id = {each["id"]: each for each in listed}
    assert by_id[first.id]["secret"] == "***"
    assert by_id[second.id] == {
        "id": second.id,
        "callbackUrl": "http://b/",
        "secret": None,
        "active": True,
        "createdAt": second.created_at,
        "lastDeliveryAt": None,
        "failCount": 0,
    }
    assert re.fullmatch("sub_[0-9a-f]{8}", first.id)


async def test_a_subscription_survives_a_restart(registry: Registry, receiver: Receiver) -> None:
    await registry.subscribe(receiver.url, "secret")
    again = Registry(json.loads(json.dumps(registry.disk)))
    again.publish(event(1), counts=True)
    await until(lambda: len(receiver.taken) == 1)
    assert receiver.taken[0][0]["X-OttoChain-Signature"] == signature_header("secret", receiver.taken[0][1])
    await again.close()


async def test_an_unsubscribed_receiver_gets_nothing_more(registry: Registry, receiver: Receiver) -> None:
    subscriber = await registry.subscribe(receiver.url, None)
    registry.publish(event(1), counts=True)
    await until(lambda: len(receiver.taken) == 1)
    assert await registry.unsubscribe(subscriber.id)
    assert not await registry.unsubscribe(subscriber.id)
    registry.publish(event(2), counts=True)
    await asyncio.sleep(0.02)
    assert len(receiver.taken) == 1
    assert (registry.disk, registry.wanted) == ([], False)


async def test_what_could_not_be_written_has_not_happened(registry: Registry) -> None:
    kept = await registry.subscribe("http://a/", None)
    registry.disk_is_full = True
    with pytest.raises(OSError, match="no space"):
        await registry.subscribe("http://b/", None)
    with pytest.raises(OSError, match="no space"):
        await registry.unsubscribe(kept.id)
    assert [each["id"] for each in registry.listed()] == [kept.id]


async def test_subscriptions_at_the_same_time_are_all_kept(registry: Registry) -> None:
    subscribers = await asyncio.gather(*(registry.subscribe(f"http://host{n}/", None) for n in range(10)))
    assert {each["id"] for each in registry.disk} == {each.id for each in subscribers}


async def test_there_is_an_end_to_subscribers(registry: Registry, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(room, "SUBSCRIBER_LIMIT", 1)
    await registry.subscribe("http://a/", None)
    with pytest.raises(OverflowError, match="remove one first"):
        await registry.subscribe("http://b/", None)
    assert SUBSCRIBER_LIMIT == 1_000


# -- who may be subscribed ---------------------------------------------------------------------------------------------


def test_a_subscription_is_a_url_and_perhaps_a_secret() -> None:
    assert subscription({"callbackUrl": "https://example.com/hook"}) == ("https://example.com/hook", None)
    assert subscription({"callbackUrl": "http://localhost:3001/", "secret": "s"}) == ("http://localhost:3001/", "s")


@pytest.mark.parametrize(
    "body",
    [
        None,
        [],
        "http://a/",
        {},
        {"callbackUrl": 1},
        {"callbackUrl": "ftp://a/"},
        {"callbackUrl": "file:///etc/passwd"},
        {"callbackUrl": "http://"},
        {"callbackUrl": "http://:80/"},
        {"callbackUrl": "http://[::1/"},
        {"callbackUrl": "http://a:99999/"},
        {"callbackUrl": "http://a/" + "a" * 2048},
        {"callbackUrl": "http://\ud800/"},
        {"callbackUrl": "http://a/\ud800"},
        {"callbackUrl": "http://169.254.169.254/latest/meta-data"},
        {"callbackUrl": "http://[fe80::1%25eth0]/"},
        {"callbackUrl": "http://[::ffff:169.254.169.254]/"},
        {"callbackUrl": "http://0.0.0.0/"},
        {"callbackUrl": "http://a/", "secret": 7},
        {"callbackUrl": "http://a/", "secret": ""},
        {"callbackUrl": "http://a/", "secret": "s" * (SECRET_CHARACTERS_MAX + 1)},
        {"callbackUrl": "http://a/", "secret": "\ud800"},
    ],
    ids=repr,
)
def test_anything_else_is_refused_with_a_sentence(body: Any) -> None:
    refusal = subscription(body)
    assert isinstance(refusal, str)
    refusal.encode()


@given(st.recursive(st.none() | st.integers() | st.text(), lambda each: st.dictionaries(st.text(), each), max_leaves=4))
def test_no_body_breaks_the_reading_of_a_subscription(value: Any) -> None:
    for body in (value, {"callbackUrl": value}, {"callbackUrl": f"http://{value}", "secret": value}):
        subscription(body)


def test_link_local_and_addresses_of_no_single_host_are_forbidden() -> None:
    forbidden = ["169.254.169.254", "fe80::1", "::", "0.0.0.0", "224.0.0.1", "ff02::1", "::ffff:169.254.0.1"]
    assert [host for host in forbidden if not is_forbidden(host)] == []
    allowed = ["127.0.0.1", "::1", "10.0.0.7", "192.168.1.1", "example.com", "93.184.216.34"]
    assert [host for host in allowed if is_forbidden(host)] == []
    assert url_fault("http://example.com/") is None


async def test_a_name_that_leads_to_a_forbidden_address_is_not_resolved(monkeypatch: pytest.MonkeyPatch) -> None:
    hosts = AllowedHosts()
    assert [found["host"] for found in await hosts.resolve("localhost", 80)] == ["127.0.0.1"]
    # The C library reads these as 169.254.169.254.
    for disguise in ("0xa9fea9fe", "2852039166", "0251.0376.0251.0376"):
        with pytest.raises(OSError, match="no address that webhooks may be sent to"):
            await hosts.resolve(disguise, 80)
    await hosts.close()


# -- through the listeners ---------------------------------------------------------------------------------------------


@pytest.fixture
async def network(tmp_path: Path) -> AsyncIterator[Layered]:
    async with layered(tmp_path) as started:
        await started.found()
        yield started


BASE = "/data-application/v1/webhooks"


async def test_a_subscriber_of_ml0_hears_of_snapshots_and_rejections(network: Layered, receiver: Receiver) -> None:
    ml0 = network.running["ml0"]
    status, body = await ml0.post(f"{BASE}/subscribe", json={"callbackUrl": receiver.url, "secret": "s"})
    assert status == 201
    subscribed = json.loads(body)
    assert list(subscribed) == ["id", "callbackUrl", "createdAt"]
    await network.create(1)
    await until(lambda: len(receiver.taken) == 1)
    first = receiver.bodies[0]
    assert (first["event"], first["hash"]) == ("snapshot.finalized", network.ml0.chain.hash_at(first["ordinal"]))
    assert first["metagraphId"] == network.token
    assert first["stats"] == {"updatesProcessed": 1, "stateMachinesActive": 1, "scriptsActive": 0}
    stale = block(1, [add(1, 0)])
    await network.acknowledged(add(1, 0, by=2))
    await network.until_decided(add(1, 0, by=2))
    assert (await ml0.post("/currency/l1-data-output", data=stale.wire))[0] == 200
    await until(lambda: any(body["event"] == "transaction.rejected" for body in receiver.bodies))
    (told,) = [body["rejection"] for body in receiver.bodies if body["event"] == "transaction.rejected"]
    assert (told["updateType"], told["targetSequenceNumber"]) == ("TransitionStateMachine", 0)
    assert told["errors"][0]["code"] == "SequenceNumberMismatch"
    assert told["signers"] == [proof.id for proof in stale.updates[0].proofs]
    listed = await ml0.json(f"{BASE}/subscribers")
    assert [each["id"] for each in listed["subscribers"]] == [subscribed["id"]]
    async with network.http.delete(ml0.url(f"{BASE}/subscribe/{subscribed['id']}")) as response:
        assert (response.status, await response.read()) == (204, b"")
    async with network.http.delete(ml0.url(f"{BASE}/subscribe/{subscribed['id']}")) as response:
        assert (response.status, await response.json()) == (404, {"error": "Subscriber not found"})


async def test_a_bad_subscription_is_answered_400(network: Layered) -> None:
    for body in (b"{", b"", b'{"callbackUrl":"gopher://a"}', b'{"callbackUrl":"http://169.254.169.254/"}'):
        status, answer = await network.running["ml0"].post(f"{BASE}/subscribe", data=body)
        assert status == 400
        assert list(json.loads(answer)) == ["error"]


async def test_a_webhook_can_not_make_a_node_leave_its_cluster(network: Layered) -> None:
    """Anybody may subscribe, and the node posts from the very machine whose loopback its cli listener trusts."""
    ml0 = network.running["ml0"]
    subscriber = await network.ml0.webhooks.subscribe(ml0.url("/cluster/leave", "cli"), None)
    network.ml0.webhooks.publish(event(1), counts=True)
    await until(lambda: network.ml0.webhooks.listed()[0]["failCount"] == 1)
    assert network.ml0.ready
    await network.ml0.webhooks.unsubscribe(subscriber.id)


@pytest.mark.parametrize("headers", [{"Origin": "https://evil.example"}, {"Sec-Fetch-Site": "cross-site"}])
async def test_a_web_page_can_not_make_a_node_leave_its_cluster(nodes: Network, headers: dict[str, str]) -> None:
    founder = await nodes.founder()
    assert await founder.post("/cluster/leave", "cli", headers=headers) == (403, b"")
    async with aiohttp.ClientSession() as plain, plain.post(founder.url("/cluster/leave", "cli")) as response:
        assert response.status == 200
