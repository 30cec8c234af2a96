"""Webhooks of ML0: who subscribed, what is sent, and the background deliveries.

A subscription survives a restart (it is written to the store before it is acknowledged). Deliveries go out one after
another per subscriber and never hold up a snapshot; a slow subscriber can only fall behind in its own bounded queue.

Source of the wire shapes: OttoChain, ``modules/l0`` webhooks.
"""

from __future__ import annotations

import asyncio
import hashlib
import hmac
import logging
import secrets
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Any, TypeAlias

import aiohttp

from ottochain.codec import exact_json
from ottochain.node.webhook_targets import EVENT_HEADER, AllowedHosts, url_fault

log = logging.getLogger(__name__)

FAILURES_UNTIL_INACTIVE = 5
"""Consecutive failed snapshot deliveries after which a subscriber gets nothing more (OttoChain, WebhookDispatcher)."""

QUEUE_LIMIT = 1_000
"""Deliveries waiting for one subscriber; the oldest is dropped beyond it, so a dead receiver can't grow memory."""

SUBSCRIBER_LIMIT = 1_000
SECRET_CHARACTERS_MAX = 1_024
DELIVERY_TIMEOUT_SECONDS = 10.0

SIGNATURE_HEADER = "X-OttoChain-Signature"


def timestamp() -> str:
    """Now as ISO 8601 in UTC, with the ``Z`` that Java's ``Instant`` prints."""
    return datetime.now(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


@dataclass(frozen=True, slots=True)
class Subscriber:
    """One subscription and how its deliveries went."""

    id: str
    callback_url: str
    secret: str | None
    created_at: str
    active: bool = True
    last_delivery_at: str | None = None
    fail_count: int = 0

    def shown(self) -> dict[str, Any]:
        """As listed to clients: the secret is masked."""
        return {
            "id": self.id,
            "callbackUrl": self.callback_url,
            "secret": None if self.secret is None else "***",
            "active": self.active,
            "createdAt": self.created_at,
            "lastDeliveryAt": self.last_delivery_at,
            "failCount": self.fail_count,
        }

    def stored(self) -> dict[str, Any]:
        """As kept in the store."""
        return {**self.shown(), "secret": self.secret}

    @classmethod
    def from_stored(cls, fields: Mapping[str, Any]) -> Subscriber:
        return cls(
            id=fields["id"],
            callback_url=fields["callbackUrl"],
            secret=fields["secret"],
            created_at=fields["createdAt"],
            active=fields["active"],
            last_delivery_at=fields["lastDeliveryAt"],
            fail_count=fields["failCount"],
        )


def snapshot_event(
    *, ordinal: int, snapshot_hash: str, metagraph_id: str, updates: int, machines_active: int, scripts_active: int
) -> dict[str, Any]:
    """The body sent after each finished snapshot."""
    return {
        "event": "snapshot.finalized",
        "ordinal": ordinal,
        "hash": snapshot_hash,
        "timestamp": timestamp(),
        "metagraphId": metagraph_id,
        "stats": {
            "updatesProcessed": updates,
            "stateMachinesActive": machines_active,
            "scriptsActive": scripts_active,
        },
    }


def rejection_event(*, ordinal: int, metagraph_id: str, rejection: Mapping[str, Any]) -> dict[str, Any]:
    """The body sent for an update that was refused by validation at ML0."""
    return {
        "event": "transaction.rejected",
        "ordinal": ordinal,
        "timestamp": timestamp(),
        "metagraphId": metagraph_id,
        "rejection": dict(rejection),
    }


def signature_header(secret: str, body: bytes) -> str:
    """Value of ``X-OttoChain-Signature``: HMAC-SHA256 of the raw body."""
    return "sha256=" + hmac.new(secret.encode(), body, hashlib.sha256).hexdigest()


def subscription(body: Any) -> tuple[str, str | None] | str:
    """``(callback URL, secret)`` of a request to subscribe, or the sentence that says what is wrong with it."""
    if not isinstance(body, dict):
        return "a subscription is an object with a callbackUrl"
    url, secret = body.get("callbackUrl"), body.get("secret")
    if not isinstance(url, str):
        return "callbackUrl must be a text"
    if (fault := url_fault(url)) is not None:
        return fault
    if secret is not None and (not isinstance(secret, str) or not 0 < len(secret) <= SECRET_CHARACTERS_MAX):
        return f"secret must be a text of 1 to {SECRET_CHARACTERS_MAX} characters"
    if not _encodable(url) or not _encodable(secret):
        return "callbackUrl and secret must be valid Unicode"
    return url, secret


def _encodable(text: str | None) -> bool:
    try:
        (text or "").encode()
    except UnicodeEncodeError:
        return False
    return True


@dataclass(frozen=True, slots=True)
class _Delivery:
    event: str
    body: bytes
    counts: bool


_Queue: TypeAlias = asyncio.Queue[_Delivery]


class Webhooks:
    """The registry and one delivery task per subscriber."""

    def __init__(
        self,
        save: Callable[[list[dict[str, Any]]], Awaitable[None]],
        stored: Sequence[Mapping[str, Any]] = (),
    ) -> None:
        """``save`` makes the whole list durable; ``stored`` is what it saved last."""
        self._save = save
        self._subscribers = {s.id: s for s in map(Subscriber.from_stored, stored)}
        self._changing = asyncio.Lock()
        self._queues: dict[str, _Queue] = {}
        self._tasks: dict[str, asyncio.Task[None]] = {}
        self._http: aiohttp.ClientSession | None = None

    @property
    def wanted(self) -> bool:
        """Is there anybody to send to? Lets callers skip building bodies."""
        return any(s.active for s in self._subscribers.values())

    def listed(self) -> list[dict[str, Any]]:
        """As shown to clients, in the order of their creation."""
        return [s.shown() for s in sorted(self._subscribers.values(), key=lambda s: (s.created_at, s.id))]

    async def subscribe(self, callback_url: str, secret: str | None) -> Subscriber:
        """Adds a subscriber; durable when this returns. Raises ``OverflowError`` when there are too many."""
        async with self._changing:
            if len(self._subscribers) >= SUBSCRIBER_LIMIT:
                raise OverflowError(f"{SUBSCRIBER_LIMIT} webhook subscribers are registered: remove one first")
            subscriber = Subscriber(f"sub_{secrets.token_hex(4)}", callback_url, secret, timestamp())
            await self._save([s.stored() for s in (*self._subscribers.values(), subscriber)])
            self._subscribers[subscriber.id] = subscriber
        return subscriber

    async def unsubscribe(self, subscriber_id: str) -> bool:
        """Removes a subscriber; False when it is unknown."""
        async with self._changing:
            if subscriber_id not in self._subscribers:
                return False
            await self._save([s.stored() for s in self._subscribers.values() if s.id != subscriber_id])
            del self._subscribers[subscriber_id]
        if task := self._tasks.pop(subscriber_id, None):
            task.cancel()
        self._queues.pop(subscriber_id, None)
        return True

    def publish(self, body: dict[str, Any], *, counts: bool) -> None:
        """Queues a body for every active subscriber. ``counts``: failures of it count towards deactivation."""
        delivery = _Delivery(body["event"], exact_json.dumps(body), counts)
        for subscriber in self._subscribers.values():
            if not subscriber.active:
                continue
            queue = self._queues.get(subscriber.id)
            if queue is None:
                queue = self._queues[subscriber.id] = asyncio.Queue(QUEUE_LIMIT)
                self._tasks[subscriber.id] = asyncio.create_task(self._deliver_all(subscriber.id, queue))
            if queue.full():
                queue.get_nowait()
            queue.put_nowait(delivery)

    async def close(self) -> None:
        """Ends the deliveries; what waits is lost, as in the reference."""
        for task in self._tasks.values():
            task.cancel()
        await asyncio.gather(*self._tasks.values(), return_exceptions=True)
        if self._http is not None:
            await self._http.close()

    async def _deliver_all(self, subscriber_id: str, queue: _Queue) -> None:
        while True:
            delivery = await queue.get()
            subscriber = self._subscribers.get(subscriber_id)
            if subscriber is None or not subscriber.active:
                continue
            delivered = await self._deliver(subscriber, delivery)
            known = self._subscribers.get(subscriber_id)
            if delivery.counts and known is not None:
                self._subscribers[subscriber_id] = after_delivery(known, delivered, timestamp())

    async def _deliver(self, subscriber: Subscriber, delivery: _Delivery) -> bool:
        headers = {"Content-Type": "application/json", EVENT_HEADER: delivery.event}
        if subscriber.secret is not None:
            headers[SIGNATURE_HEADER] = signature_header(subscriber.secret, delivery.body)
        try:
            async with self._session().post(
                subscriber.callback_url, data=delivery.body, headers=headers, allow_redirects=False
            ) as response:
                if 200 <= response.status < 300:
                    return True
                log.info("webhook %s answered %d", subscriber.id, response.status)
        except (aiohttp.ClientError, TimeoutError, OSError, ValueError) as error:
            log.info("webhook %s could not be delivered: %s", subscriber.id, type(error).__name__)
        return False

    def _session(self) -> aiohttp.ClientSession:
        """Of its own: its connections lead only where webhooks may."""
        if self._http is None:
            self._http = aiohttp.ClientSession(
                connector=aiohttp.TCPConnector(resolver=AllowedHosts(), limit=64),
                cookie_jar=aiohttp.DummyCookieJar(),
                timeout=aiohttp.ClientTimeout(total=DELIVERY_TIMEOUT_SECONDS),
                skip_auto_headers=("User-Agent", "Accept-Encoding"),
            )
        return self._http


def after_delivery(subscriber: Subscriber, delivered: bool, now: str) -> Subscriber:
    """The subscriber after a counted delivery: success resets the failures, five in a row deactivate it."""
    if delivered:
        return replace(subscriber, fail_count=0, last_delivery_at=now)
    failures = subscriber.fail_count + 1
    return replace(subscriber, fail_count=failures, active=failures < FAILURES_UNTIL_INACTIVE)
