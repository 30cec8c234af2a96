"""Webhooks: a receiver of one's own hears of every snapshot and every rejected update, signed with its secret."""

from __future__ import annotations

import hashlib
import hmac
import json
import queue
import re
import threading
from collections.abc import Iterator
from datetime import datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Final

import pytest
from tests.network.stack import APPLICATION, Stack, until
from tests.network.updates import accepted, add, create, hand_in, machines, settled

from ottochain.crypto.keys import PrivateKey

pytestmark = pytest.mark.network

KEY: Final = PrivateKey.generate()
STRANGER: Final = PrivateKey.generate()
SECRET: Final = "a shared secret, ünd more"
PATH: Final = f"{APPLICATION}/webhooks"


class Receiver:
    """An HTTP server that keeps what is posted to it: the headers and the raw body."""

    def __init__(self, status: int = 200) -> None:
        self.status = status
        self.deliveries: queue.Queue[tuple[dict[str, str], bytes]] = queue.Queue()
        receiver = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"]))
                receiver.deliveries.put((dict(self.headers), body))
                self.send_response(receiver.status)
                self.send_header("Content-Length", "0")
                self.end_headers()

            def log_message(self, *words: object) -> None:
                """Nobody reads it."""

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.01,))
        self._thread.start()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._server.server_address[1]}/hook"

    def next(self, event: str) -> tuple[dict[str, str], bytes, dict[str, Any]]:
        """The next delivery of an event; others are passed over."""
        while True:
            headers, body = self.deliveries.get(timeout=20)
            decoded = json.loads(body)
            if decoded["event"] == event:
                return headers, body, decoded

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    receiver = Receiver()
    yield receiver
    receiver.close()


def subscribe(stack: Stack, url: str, secret: str | None = None) -> dict[str, Any]:
    body = {"callbackUrl": url} | ({} if secret is None else {"secret": secret})
    response = stack.post("ml0", f"{PATH}/subscribe", json.dumps(body).encode())
    assert response.status_code == 201, response.text
    shown: dict[str, Any] = response.json()
    assert list(shown) == ["id", "callbackUrl", "createdAt"]
    assert re.fullmatch(r"sub_[0-9a-f]{8}", shown["id"])
    assert shown["callbackUrl"] == url
    assert is_time(shown["createdAt"])
    return shown


def unsubscribe(stack: Stack, subscription: dict[str, Any]) -> int:
    response = stack.http.delete(stack.url("ml0", f"{PATH}/subscribe/{subscription['id']}"))
    assert response.content in (b"", b'{"error":"Subscriber not found"}')
    return response.status_code


def subscribers(stack: Stack) -> dict[str, dict[str, Any]]:
    listed = stack.json("ml0", f"{PATH}/subscribers")
    assert list(listed) == ["subscribers"]
    times = [each["createdAt"] for each in listed["subscribers"]]
    assert times == sorted(times)
    return {each["id"]: each for each in listed["subscribers"]}


def is_time(text: str) -> bool:
    return text.endswith("Z") and datetime.fromisoformat(text).utcoffset() is not None


def test_subscribing_listing_and_leaving(running: Stack, receiver: Receiver) -> None:
    with_secret, without = subscribe(running, receiver.url, SECRET), subscribe(running, receiver.url)
    listed = subscribers(running)
    shown = listed[with_secret["id"]]
    wanted = ["id", "callbackUrl", "secret", "active", "createdAt", "lastDeliveryAt", "failCount"]
    assert list(shown) == wanted
    assert (shown["secret"], shown["active"], shown["failCount"]) == ("***", True, 0)
    assert listed[without["id"]]["secret"] is None
    assert SECRET not in json.dumps(listed)
    assert unsubscribe(running, with_secret) == 204
    assert unsubscribe(running, with_secret) == 404
    assert unsubscribe(running, without) == 204
    assert not {with_secret["id"], without["id"]} & subscribers(running).keys()


def test_each_snapshot_is_told_with_a_signature(running: Stack, receiver: Receiver) -> None:
    subscription = subscribe(running, receiver.url, SECRET)
    created = create(KEY)
    ordinal = accepted(running, created)
    headers, body, told = receiver.next("snapshot.finalized")
    while told["ordinal"] < ordinal:
        headers, body, told = receiver.next("snapshot.finalized")
    assert headers["Content-Type"] == "application/json"
    signature = hmac.new(SECRET.encode(), body, hashlib.sha256).hexdigest()
    assert headers["X-OttoChain-Signature"] == f"sha256={signature}"
    assert list(told) == ["event", "ordinal", "hash", "timestamp", "metagraphId", "stats"]
    assert list(told["stats"]) == ["updatesProcessed", "stateMachinesActive", "scriptsActive"]
    assert told["ordinal"] == ordinal
    assert told["hash"] == running.json("ml0", f"/snapshots/{ordinal}/hash")
    assert told["metagraphId"] == running.token
    assert told["stats"]["updatesProcessed"] == 1
    assert told["stats"]["stateMachinesActive"] == len(running.application("/state-machines?status=ACTIVE"))
    assert is_time(told["timestamp"])
    delivered = until("the delivery is booked", lambda: subscribers(running)[subscription["id"]]["lastDeliveryAt"])
    assert is_time(delivered)
    assert unsubscribe(running, subscription) == 204


def test_a_rejected_update_is_told_with_its_errors(running: Stack, receiver: Receiver) -> None:
    (fiber,) = machines(running, KEY, 1)
    subscription = subscribe(running, receiver.url)
    bad = add(STRANGER, fiber, 0)
    rejected = settled(running, hand_in(running, bad))
    headers, _, told = receiver.next("transaction.rejected")
    assert "X-OttoChain-Signature" not in headers
    assert list(told) == ["event", "ordinal", "timestamp", "metagraphId", "rejection"]
    assert told["ordinal"] == rejected["ordinal"] - 1  # the checkpoint that it was judged against
    assert told["metagraphId"] == running.token
    message = json.dumps(bad.message, separators=(",", ":"))
    assert told["rejection"] == {
        "updateType": "TransitionStateMachine",
        "fiberId": fiber,
        "targetSequenceNumber": 0,
        "errors": [{"code": "NotSignedByOwner", "message": "Update not signed by any fiber owner"}],
        "signers": [STRANGER.peer_id],
        "updateHash": hashlib.sha256(f"{message}:{STRANGER.peer_id}".encode()).hexdigest(),
    }
    assert unsubscribe(running, subscription) == 204


def test_who_fails_five_times_is_told_no_more_and_holds_nobody_up(running: Stack, receiver: Receiver) -> None:
    failing = Receiver(status=500)
    try:
        subscriptions = [subscribe(running, failing.url), subscribe(running, receiver.url)]
        for _ in range(5):
            accepted(running, create(KEY))
        until("it is inactive", lambda: not subscribers(running)[subscriptions[0]["id"]]["active"])
        assert subscribers(running)[subscriptions[0]["id"]]["failCount"] == 5
        last = accepted(running, create(KEY))
        while receiver.next("snapshot.finalized")[2]["ordinal"] < last:
            pass
        told = [json.loads(failing.deliveries.get()[1]) for _ in range(failing.deliveries.qsize())]
        assert sum(each["event"] == "snapshot.finalized" for each in told) == 5
        for subscription in subscriptions:
            assert unsubscribe(running, subscription) == 204
    finally:
        failing.close()


def test_subscriptions_survive_a_crash(own: Stack, receiver: Receiver) -> None:
    """The reference forgets them; here they are in the node's store."""
    own.up()
    subscription = subscribe(own, receiver.url, SECRET)
    own.kill("ml0")
    own.up()
    assert subscription["id"] in subscribers(own)
    accepted(own, create(KEY))
    assert receiver.next("snapshot.finalized")[2]["metagraphId"] == own.token
