"""The feed: who is let in, what a follower gets, and that nobody goes on over a gap."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from typing import Any

import aiohttp
import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer

from node.network import Network, until
from ottochain.codec import exact_json
from ottochain.node import feed
from ottochain.node.feed import FeedError, FeedFollower, FeedHub, Line, serve_line
from ottochain.node.service import service_factory


class Source:
    """A chain of numbers with a feed: ``hash`` of number n is ``h<n>``."""

    def __init__(self) -> None:
        self.hub = FeedHub()
        self.numbers: list[int] = []
        self.connections = 0
        self.opened: list[str | None] = []

    def commit(self, count: int = 1) -> None:
        for _ in range(count):
            number = len(self.numbers) + 1
            self.numbers.append(number)
            self.hub.publish(b'{"entry":%d}' % number)

    async def opening(self, after: int) -> AsyncIterator[bytes]:
        for number in self.numbers[after:]:
            yield b'{"entry":%d}' % number

    async def serve(self, request: web.Request) -> web.StreamResponse:
        self.connections += 1
        self.opened.append(request.query.get("after"))
        after = int(request.query.get("after", "0"))
        if after > len(self.numbers):
            return await serve_line(request, b'{"diverged":{}}')
        return await self.hub.serve(request, lambda: self.opening(after))


class Follower:
    """Applies what it hears; ``refuse`` is called with each line first."""

    def __init__(self, addresses: Sequence[str], refuse: Callable[[Line], Any] = lambda _: None) -> None:
        self.seen: list[Any] = []
        self.beats = 0
        self.may_go_on = asyncio.Event()
        self.may_go_on.set()
        self._refuse = refuse
        self._addresses = addresses
        self.task: asyncio.Task[None] | None = None

    @property
    def last(self) -> int:
        return int(self.seen[-1]) if self.seen else 0

    async def apply(self, line: Line) -> None:
        await self.may_go_on.wait()
        self._refuse(line)
        number = line.get("entry")
        if number is not None and number > self.last:
            self.seen.append(number)

    def start(self, http: aiohttp.ClientSession) -> FeedFollower:
        def beat() -> None:
            self.beats += 1

        follower = FeedFollower(
            http,
            lambda: self._addresses,
            lambda: (self.last, f"h{self.last}") if self.seen else None,
            self.apply,
            name="numbers",
            beat=beat,
        )
        self.task = asyncio.create_task(follower.run())
        return follower


class Feeds:
    """Real servers and followers on loopback."""

    def __init__(self, http: aiohttp.ClientSession) -> None:
        self.http = http
        self._stop: list[Callable[[], Awaitable[Any]]] = []

    async def serve(self, handler: Callable[[web.Request], Awaitable[web.StreamResponse]], port: int = 0) -> str:
        application = web.Application()
        application.router.add_get("/ottochain/feed", handler, allow_head=False)
        server = TestServer(application, port=port or None)
        await server.start_server(shutdown_timeout=0.1)
        self._stop.append(server.close)
        return f"http://127.0.0.1:{server.port}"

    def follow(self, *addresses: str, refuse: Callable[[Line], Any] = lambda _: None) -> Follower:
        follower = Follower(addresses, refuse)
        follower.start(self.http)
        task = follower.task
        assert task is not None

        async def stop() -> None:
            task.cancel()
            with contextlib.suppress(asyncio.CancelledError, Exception):
                await task

        self._stop.insert(0, stop)
        return follower

    async def close(self) -> None:
        for stop in self._stop:
            await stop()


@pytest.fixture
async def feeds() -> AsyncIterator[Feeds]:
    async with aiohttp.ClientSession() as http:
        started = Feeds(http)
        try:
            yield started
        finally:
            await started.close()


async def test_a_follower_gets_what_it_missed_and_then_what_is_committed(feeds: Feeds) -> None:
    source = Source()
    source.commit(3)
    follower = feeds.follow(await feeds.serve(source.serve))
    await until(lambda: follower.seen == [1, 2, 3])
    source.commit(2)
    await until(lambda: follower.seen == [1, 2, 3, 4, 5])
    assert source.connections == 1


async def test_a_follower_that_comes_back_asks_from_where_it_is(feeds: Feeds) -> None:
    source = Source()
    address = await feeds.serve(source.serve)
    follower = feeds.follow(address)
    await until(lambda: source.hub.followers == 1)
    source.commit(2)
    await until(lambda: follower.seen == [1, 2])
    source.hub.close()
    source.hub = FeedHub()
    source.commit(2)
    await until(lambda: follower.seen == [1, 2, 3, 4])
    assert source.opened == [None, "2"]


@pytest.mark.parametrize(("limit", "value"), [("BACKLOG_LIMIT", 4), ("BACKLOG_BYTES_MAX", 40)])
async def test_a_slow_follower_is_cut_off_and_misses_nothing(
    feeds: Feeds, monkeypatch: pytest.MonkeyPatch, limit: str, value: int
) -> None:
    """What waits for it is thrown away as a whole: an entry after a lost one would be taken for the next."""
    monkeypatch.setattr(feed, limit, value)
    source = Source()
    follower = feeds.follow(await feeds.serve(source.serve))
    await until(lambda: source.hub.followers == 1)
    for _ in range(20):
        source.commit(7)
        await asyncio.sleep(0.002)
    await until(lambda: follower.last == 140)
    assert follower.seen == list(range(1, 141))
    assert source.connections > 1


async def test_whoever_is_cut_off_gets_no_line_that_came_after_a_lost_one() -> None:
    hub, queue = FeedHub(), asyncio.Queue[bytes | None](2)
    hub._queues.add(queue)
    for number in range(4):
        hub.publish(b"%d" % number)
    assert hub.followers == 0
    assert [queue.get_nowait()] == [None]
    assert queue.empty()


async def test_numbers_arrive_with_all_their_digits(feeds: Feeds) -> None:
    source = Source()
    seen: list[Line] = []
    follower = feeds.follow(await feeds.serve(source.serve), refuse=seen.append)
    await until(lambda: source.hub.followers == 1)
    values = {"wide": 10**30 + 1, "huge": 10**400}
    source.hub.publish(exact_json.dumps(values))
    await until(lambda: seen == [values])
    assert follower.task is not None
    assert not follower.task.done()


async def test_a_line_that_can_not_be_taken_in_ends_the_connection_and_not_the_follower(feeds: Feeds) -> None:
    source, refusals = Source(), iter([True, True])

    def refuse(line: Line) -> None:
        if line["entry"] == 2 and next(refusals, False):
            raise FeedError("two does not follow")

    source.commit(3)
    follower = feeds.follow(await feeds.serve(source.serve), refuse=refuse)
    await until(lambda: follower.seen == [1, 2, 3])
    assert source.opened == [None, "1", "1"]


@pytest.mark.parametrize("line", [b"{", b"[1]", b"\xff", b"17"])
async def test_a_line_that_is_no_object_ends_the_connection_and_not_the_follower(feeds: Feeds, line: bytes) -> None:
    source = Source()
    follower = feeds.follow(await feeds.serve(source.serve))
    await until(lambda: source.hub.followers == 1)
    source.hub.publish(line)
    await until(lambda: source.connections == 2)
    source.commit()
    await until(lambda: follower.seen == [1])


async def test_any_other_exception_ends_the_follower(feeds: Feeds) -> None:
    def refuse(_: Line) -> None:
        raise OverflowError("the disk is full")

    source = Source()
    source.commit()
    follower = feeds.follow(await feeds.serve(source.serve), refuse=refuse)
    assert follower.task is not None
    with pytest.raises(OverflowError):
        await follower.task


async def test_the_next_address_is_tried_when_one_does_not_answer(feeds: Feeds) -> None:
    async def closed(_: web.Request) -> web.StreamResponse:
        return web.Response(status=503)

    source = Source()
    source.commit()
    follower = feeds.follow("http://127.0.0.1:1", await feeds.serve(closed), await feeds.serve(source.serve))
    await until(lambda: follower.seen == [1])


async def test_whoever_was_heard_is_asked_again_before_the_next(feeds: Feeds) -> None:
    first, second = Source(), Source()
    first.commit()
    second.commit()
    follower = feeds.follow(await feeds.serve(first.serve), await feeds.serve(second.serve))
    await until(lambda: follower.seen == [1] and first.hub.followers == 1)
    first.hub.close()
    await until(lambda: first.connections == 2)
    await until(lambda: second.hub.followers == 1)
    second.commit()
    await until(lambda: follower.seen == [1, 2])


async def test_a_connection_that_only_beats_is_given_up_for_a_better_one(
    feeds: Feeds, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(feed, "BEAT_SECONDS", 0.02)
    stuck, going = Source(), Source()
    stuck.commit()
    going.commit(3)
    addresses = [await feeds.serve(stuck.serve), await feeds.serve(going.serve)]
    heard: list[str] = []
    seen: list[Any] = []

    async def apply(line: Line) -> None:
        if "entry" in line:
            seen.append(line["entry"])

    async def better() -> str | None:
        return addresses[1]

    follower = FeedFollower(
        feeds.http,
        lambda: addresses,
        lambda: (seen[-1], f"h{seen[-1]}") if seen else None,
        apply,
        name="numbers",
        on_heard=heard.append,
        better=better,
    )
    task = asyncio.create_task(follower.run())
    try:
        await until(lambda: seen == [1, 2, 3])
        assert heard == addresses
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


async def test_a_connection_that_says_nothing_is_taken_for_dead(feeds: Feeds, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(feed, "SILENCE_SECONDS", 0.1)
    source = Source()
    feeds.follow(await feeds.serve(source.serve))
    await until(lambda: source.connections >= 2)


async def test_an_idle_feed_says_that_it_lives(feeds: Feeds, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(feed, "BEAT_SECONDS", 0.02)
    monkeypatch.setattr(feed, "SILENCE_SECONDS", 0.5)
    source = Source()
    follower = feeds.follow(await feeds.serve(source.serve))
    await until(lambda: follower.beats >= 30)
    assert source.connections == 1


async def test_whoever_does_not_read_is_let_go_of(feeds: Feeds, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(feed, "SILENCE_SECONDS", 0.1)
    source, ended = Source(), asyncio.Event()

    async def serve(request: web.Request) -> web.StreamResponse:
        try:
            return await source.serve(request)
        finally:
            ended.set()

    address = await feeds.serve(serve)
    port = int(address.rpartition(":")[2])
    _, writer = await asyncio.open_connection("127.0.0.1", port, limit=1)
    writer.write(b"GET /ottochain/feed HTTP/1.1\r\nHost: x\r\n\r\n")
    await until(lambda: source.hub.followers == 1)
    for _ in range(40):
        source.hub.publish(b'{"filler":"%b"}' % (b"x" * 1_000_000))
    async with asyncio.timeout(5):
        await ended.wait()
    assert source.hub.followers == 0
    writer.close()


async def test_a_line_without_end_ends_the_connection(feeds: Feeds, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(feed, "LINE_BYTES_MAX", 1000)
    source = Source()
    feeds.follow(await feeds.serve(source.serve))
    await until(lambda: source.hub.followers == 1)
    source.hub.publish(b"x" * 400_000)
    await until(lambda: source.connections >= 2)


async def test_a_closed_feed_ends_and_lets_nobody_in(feeds: Feeds) -> None:
    source = Source()
    address = await feeds.serve(source.serve)
    async with feeds.http.get(f"{address}/ottochain/feed") as response:
        await until(lambda: source.hub.followers == 1)
        source.hub.close()
        assert await response.read() == b""
    async with feeds.http.get(f"{address}/ottochain/feed") as response:
        assert response.status == 503


async def test_no_more_followers_are_let_in_than_a_deployment_has(
    feeds: Feeds, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(feed, "FOLLOWERS_MAX", 1)
    source = Source()
    address = await feeds.serve(source.serve)
    async with feeds.http.get(f"{address}/ottochain/feed") as first:
        await until(lambda: source.hub.followers == 1)
        async with feeds.http.get(f"{address}/ottochain/feed") as second:
            assert second.status == 503
        assert first.status == 200
    source.hub.close()


async def test_a_diverged_follower_hears_that_and_nothing_more(feeds: Feeds) -> None:
    source = Source()
    address = await feeds.serve(source.serve)
    async with feeds.http.get(f"{address}/ottochain/feed", params={"after": "9"}) as response:
        source.commit()
        assert await response.read() == b'{"diverged":{}}\n'
    assert source.hub.followers == 0


async def test_a_follower_that_diverged_does_not_ask_without_pause(feeds: Feeds) -> None:
    source = Source()
    source.commit(2)

    def refuse(line: Line) -> None:
        if "diverged" in line:
            raise FeedError("diverged")

    follower = feeds.follow(await feeds.serve(source.serve), refuse=refuse)
    await until(lambda: follower.seen == [1, 2])
    source.numbers.clear()
    source.hub.close()
    source.hub = FeedHub()
    await asyncio.sleep(0.5)
    assert 2 < source.connections < 10
    assert follower.seen == [1, 2]


async def test_a_follower_is_sent_away_until_there_is_something_to_open_with(
    nodes: Network, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Let in before, it would hear nothing until the next snapshot; sent away, it comes back within milliseconds."""
    monkeypatch.setattr("node.network.PlainService", service_factory("gl0"))
    without_chain = await nodes.start("gl0", "run-validator")
    assert await without_chain.get("/ottochain/feed") == (503, b'{"message":"Node is not ready yet"}')
