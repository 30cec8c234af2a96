"""What a node takes in of the layers above it, and what it does not."""

from __future__ import annotations

import asyncio
import contextlib
import tempfile
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import aiohttp
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from layers.channel import GL0_CHAIN, GL0_KEY, certificate
from layers.metagraph import BOB, METAGRAPH, VALIDATOR, add, create, fiber_id
from node.network import until
from node.test_feed import Feeds
from node.told import ToldChain, metagraph_view
from ottochain.codec import exact_json
from ottochain.crypto.keys import PrivateKey
from ottochain.fibers import SignedUpdate
from ottochain.model.errors import ModelError
from ottochain.model.header import Header
from ottochain.node import feed
from ottochain.node.config import ParentPeer
from ottochain.node.feed import FeedError, FeedFollower, Line
from ottochain.node.l1_pool import Held, L1Pool, Position, named
from ottochain.node.upstream import GlobalView, News, NoValidator, RefusedBlock, check_certified
from ottochain.store.database import Database
from ottochain.store.outcomes import Outcome


@pytest.fixture
def chain(tmp_path: Path) -> Iterator[ToldChain]:
    told = ToldChain(tmp_path)
    yield told
    told.database.close()


def decoded(line: bytes) -> dict[str, Any]:
    value: dict[str, Any] = exact_json.loads(line)
    return value


# -- ML0 ---------------------------------------------------------------------------------------------------------------


async def test_the_state_and_the_entries_after_it_give_the_chain_s_state(chain: ToldChain) -> None:
    view = metagraph_view()
    chain.grow(create(1), create(2))
    (state,) = await chain.opening(None)
    assert view.apply_line(state).position == Position(2, chain.state.hash)
    for updates in ([add(1, 0)], [create(3)], []):
        view.apply_line(decoded(chain.grow(*updates)))
        assert view.on_chain == chain.state.fibers.on_chain
        assert view.position == (chain.state.ordinal, chain.state.hash)
    assert view.sequences_of([fiber_id(1), fiber_id(3), fiber_id(9)]) == {fiber_id(1): 1, fiber_id(3): 0}


async def test_an_entry_says_what_became_of_each_update(chain: ToldChain) -> None:
    view = metagraph_view()
    chain.grow(create(1))
    view.apply_line((await chain.opening(None))[0])
    stale, good = add(1, 0, key=BOB), add(1, 0)
    news = view.apply_line(decoded(chain.grow(good)))
    assert news.outcomes == (Outcome(good.key, good.hash, 3, None),)
    assert news.sequences == {fiber_id(1): 1}
    (rejected,) = view.apply_line(decoded(chain.grow(stale))).outcomes
    assert (rejected.key, rejected.accepted) == (stale.key, False)


async def test_whoever_comes_back_gets_the_decisions_that_it_missed(chain: ToldChain) -> None:
    view = metagraph_view()
    chain.grow(create(1))
    view.apply_line((await chain.opening(None))[0])
    missed = [add(1, 0), create(2)]
    for update in missed:
        chain.grow(update)
    news = [view.apply_line(line) for line in await chain.opening(2)]
    assert [outcome.key for each in news for outcome in each.outcomes] == [update.key for update in missed]
    assert view.on_chain == chain.state.fibers.on_chain


async def test_an_opening_leaves_no_decision_out_when_the_chain_grows_meanwhile(chain: ToldChain) -> None:
    """The state came of the newest snapshot, the entries only up to what was newest when the opening began."""
    chain.grow(create(1))
    lines = chain.lines(1)
    first = decoded(await anext(lines))
    chain.grow(create(2))
    rest = [decoded(line) async for line in lines]
    assert [line["entry"]["header"]["ordinal"] for line in (first, *rest[:-1])] == [2, 3]
    assert rest[-1]["state"]["header"]["ordinal"] == 3


async def test_an_entry_that_does_not_follow_is_not_taken(chain: ToldChain) -> None:
    view = metagraph_view()
    chain.grow(create(1))
    view.apply_line((await chain.opening(None))[0])
    chain.grow(create(2))
    with pytest.raises(FeedError, match="snapshot 4 does not follow the last one known here, 2"):
        view.apply_line(decoded(chain.grow(create(3))))
    assert view.position is not None
    assert view.position[0] == 2
    for line in await chain.opening(2):
        view.apply_line(line)
    assert view.on_chain == chain.state.fibers.on_chain


async def test_a_change_is_applied_only_to_the_state_it_is_a_change_of(chain: ToldChain) -> None:
    """After a restart the decisions that were missed come without changes; what follows must wait for the state."""
    chain.grow(create(1))
    view = metagraph_view()
    view.resume(chain.state.ordinal, chain.state.hash)
    with pytest.raises(FeedError, match="changes a state of which None is known"):
        view.apply_line(decoded(chain.grow(create(2))))
    for line in await chain.opening(2):
        view.apply_line(line)
    assert view.on_chain == chain.state.fibers.on_chain


async def test_an_entry_heard_twice_changes_nothing_and_still_tells_its_decisions(chain: ToldChain) -> None:
    view = metagraph_view()
    chain.grow(create(1))
    view.apply_line((await chain.opening(None))[0])
    first, second = chain.grow(add(1, 0)), chain.grow(add(1, 1))
    for line in (first, second):
        view.apply_line(decoded(line))
    before = view.on_chain, view.position
    again = view.apply_line(decoded(first))
    assert again == News(outcomes=(Outcome(add(1, 0).key, add(1, 0).hash, 3, None),))
    assert (view.on_chain, view.position) == before


async def test_a_view_never_changes_a_state_that_it_gave_away(chain: ToldChain) -> None:
    view = metagraph_view()
    chain.grow(create(1))
    view.apply_line((await chain.opening(None))[0])
    given, copy = view.on_chain, view.on_chain and dict(view.on_chain.fiber_commits)
    view.apply_line(decoded(chain.grow(create(2))))
    assert given is not None
    assert given.fiber_commits == copy


async def test_without_state_a_view_follows_the_head_alone(chain: ToldChain) -> None:
    view = metagraph_view(with_state=False)
    chain.grow(create(1))
    view.apply_line((await chain.opening(None))[0])
    view.apply_line(decoded(chain.grow(create(2))))
    assert view.on_chain is None
    assert view.position == (3, chain.state.hash)


def test_decisions_and_refusals_of_their_own_are_passed_on() -> None:
    view = metagraph_view()
    outcome = {"key": "ab", "hash": "cd", "ordinal": 4, "reason": "because"}
    assert view.apply_line({"decided": [outcome]}) == News(outcomes=(Outcome("ab", "cd", 4, "because"),))
    refused = {"roundId": "r", "guilty": ["ab"], "reason": "because"}
    assert view.apply_line({"refused": refused}) == News(refused=(RefusedBlock("r", ("ab",), "because"),))
    assert view.apply_line({"beat": True}) == News()


async def test_a_parent_without_the_snapshot_that_was_followed_is_diverged_until_it_has_it(chain: ToldChain) -> None:
    view = metagraph_view()
    chain.grow(create(1))
    view.apply_line((await chain.opening(None))[0])
    with pytest.raises(FeedError, match="diverged: it does not have snapshot"):
        view.apply_line({"diverged": {"head": None}})
    assert view.diverged
    for line in await chain.opening(2):
        view.apply_line(line)
    assert not view.diverged


async def test_another_snapshot_of_the_same_ordinal_is_a_divergence(chain: ToldChain) -> None:
    view = metagraph_view()
    chain.grow(create(1))
    view.resume(2, "00" * 32)
    with pytest.raises(FeedError, match="diverged: snapshot 2 is"):
        view.apply_line((await chain.opening(None))[0])
    assert view.diverged


def header_of(line: bytes) -> dict[str, Any]:
    header: dict[str, Any] = decoded(line)["entry"]["header"]
    return header


@pytest.mark.parametrize(
    "change",
    [
        {"certificate": None},
        {"snapshotHash": "00" * 32},
        {"ordinal": 7},
        {"view": 3},
        {"validators": [BOB.peer_id]},
        {"validators": []},
        {"rejections": [{"key": "a", "hash": "b", "reason": "c"}]},
    ],
    ids=lambda change: next(iter(change)),
)
async def test_an_entry_is_believed_only_with_a_certificate_that_holds(chain: ToldChain, change: Any) -> None:
    view = metagraph_view()
    chain.grow(create(1))
    view.apply_line((await chain.opening(None))[0])
    line = decoded(chain.grow(create(2)))
    line["entry"]["header"] |= change
    with pytest.raises(FeedError):
        view.apply_line(line)
    assert view.ordinal == 2


async def test_a_feed_of_other_validators_is_not_followed(chain: ToldChain) -> None:
    chain.grow(create(1))
    assert chain.header is not None
    header = certificate(replace(chain.header, validators=(BOB.peer_id,)), [BOB])
    (line,) = await chain.opening(None)
    view = metagraph_view()
    with pytest.raises(NoValidator, match="the configured parent, is not among its validators"):
        view.apply_line({"state": {**line["state"], "header": header.to_json()}})
    assert not view.diverged
    view.apply_line(line)
    with pytest.raises(FeedError, match="diverged: it is of other validators than before"):
        view.apply_line({"state": {**line["state"], "header": header.to_json()}})
    assert view.diverged


async def test_a_feed_of_another_chain_is_not_followed(chain: ToldChain) -> None:
    chain.grow(create(1))
    assert chain.header is not None
    header = certificate(replace(chain.header, chain_id="another"), [VALIDATOR])
    (line,) = await chain.opening(None)
    with pytest.raises(FeedError, match="another chain"):
        metagraph_view().apply_line({"state": {**line["state"], "header": header.to_json()}})


@pytest.mark.parametrize(
    "line",
    [
        {"entry": None},
        {"entry": 1},
        {"entry": {}},
        {"state": {"header": {}}},
        {"decided": [1]},
        {"decided": 7},
        {"decided": [{"key": "a"}]},
        {"refused": {}},
        {"refused": "all"},
    ],
    ids=str,
)
def test_a_line_of_another_shape_is_the_parent_s_fault(line: Any) -> None:
    view = metagraph_view()
    with contextlib.suppress(FeedError):
        assert view.apply_line(line) == News()
    assert view.position is None


async def test_a_state_that_can_not_be_read_leaves_what_is_known(chain: ToldChain) -> None:
    view = metagraph_view()
    chain.grow(create(1))
    view.apply_line((await chain.opening(None))[0])
    before = view.on_chain, view.position
    line = decoded(chain.grow(create(2)))
    line["entry"]["onChain"]["fiberCommits"][fiber_id(2)] = {"sequenceNumber": "two"}
    with pytest.raises(FeedError, match="not what it should be"):
        view.apply_line(line)
    assert (view.on_chain, view.position) == before


def test_the_first_two_snapshots_need_no_certificate_and_later_ones_do() -> None:
    header = Header(METAGRAPH, 0, "ml0", 1, "event", "ab" * 32, (VALIDATOR.peer_id,))
    check_certified(header)
    with pytest.raises(ModelError, match="expected a certificate"):
        check_certified(replace(header, ordinal=2))
    check_certified(certificate(replace(header, ordinal=2), [VALIDATOR]))


# -- GL0 ---------------------------------------------------------------------------------------------------------------

GL0_PARENT = ParentPeer(GL0_KEY.peer_id, "127.0.0.1", 1)


def global_line(ordinal: int, *binaries: tuple[int, str], kind: str = "entry", address: str = METAGRAPH) -> Line:
    header = Header(GL0_CHAIN.chain_id, 0, "gl0", ordinal, "event", f"{ordinal:064x}", (GL0_KEY.peer_id,))
    channel = [{"ordinal": number, "hash": binary_hash} for number, binary_hash in binaries]
    facts = {
        "header": certificate(header, [GL0_KEY]).to_json(),
        "epochProgress": 10 + ordinal,
        "channels": {address: channel} if channel else {},
    }
    return {kind: facts}


def test_a_global_snapshot_says_which_binaries_it_holds() -> None:
    view = GlobalView(GL0_PARENT, METAGRAPH)
    assert view.apply_line(global_line(5, (3, "aa"), kind="state")) == ((3, "aa"),)
    assert view.apply_line(global_line(6, (4, "bb"), (5, "cc"))) == ((4, "bb"), (5, "cc"))
    assert view.apply_line(global_line(7, (9, "dd"), address="DAG-another")) == ()
    assert (view.confirmed_ordinal, view.confirmed_hash) == (5, "cc")
    sync = view.sync_view()
    assert sync is not None
    assert (sync.ordinal, sync.hash, sync.epoch_progress) == (7, f"{7:064x}", 17)


def test_a_state_may_leave_global_snapshots_out_and_an_entry_may_not() -> None:
    """The newest binary confirms all before it, so a state has everything that was missed."""
    view = GlobalView(GL0_PARENT, METAGRAPH)
    view.apply_line(global_line(5, kind="state"))
    with pytest.raises(FeedError, match="does not follow"):
        view.apply_line(global_line(7, (4, "bb")))
    assert view.apply_line(global_line(9, (6, "ff"), kind="state")) == ((6, "ff"),)


def test_a_global_entry_heard_twice_confirms_nothing_again() -> None:
    view = GlobalView(GL0_PARENT, METAGRAPH)
    view.apply_line(global_line(5, kind="state"))
    view.apply_line(global_line(6, (1, "aa")))
    view.apply_line(global_line(7, (2, "bb")))
    assert view.apply_line(global_line(6, (1, "aa"))) == ()
    assert view.confirmed_ordinal == 2


def test_an_older_global_state_is_not_taken() -> None:
    view = GlobalView(GL0_PARENT, METAGRAPH)
    view.apply_line(global_line(5, (2, "bb"), kind="state"))
    with pytest.raises(FeedError, match="its state is of snapshot 4"):
        view.apply_line(global_line(4, (1, "aa"), kind="state"))
    assert view.confirmed_ordinal == 2


async def test_the_first_word_is_waited_for() -> None:
    view = GlobalView(GL0_PARENT, None)
    waiting = asyncio.create_task(view.first_word())
    await asyncio.sleep(0)
    assert not waiting.done()
    await view.apply(global_line(5, kind="state"))
    await waiting
    assert view.sync_view() is not None


async def test_the_first_word_of_another_chain_is_an_error() -> None:
    view = GlobalView(ParentPeer(BOB.peer_id, "127.0.0.1", 1), None)
    with pytest.raises(NoValidator):
        await view.apply(global_line(5, kind="state"))
    with pytest.raises(FeedError, match="the node at its address is not"):
        view.is_another()
    with pytest.raises(FeedError, match="other validators"):
        await view.first_word()
    assert view.sync_view() is None


# -- several validators ------------------------------------------------------------------------------------------------

OTHERS = tuple(PrivateKey.generate() for _ in range(4))


def of_validators(ordinal: int, *validators: PrivateKey, signers: int = 3, kind: str = "state") -> dict[str, Any]:
    ids = tuple(sorted(key.peer_id for key in validators))
    line = global_line(ordinal, kind=kind)
    header = replace(Header.from_json(line[kind]["header"]), validators=ids)
    line[kind]["header"] = certificate(header, validators[:signers]).to_json()
    return line


def test_whoever_tells_it_a_snapshot_is_believed_that_enough_known_validators_signed() -> None:
    """One more than may lie: so one of them is honest. Here three of four have been replaced one by one, unheard."""
    first, second, third, fourth = OTHERS
    view = GlobalView(GL0_PARENT, None)
    view.apply_line(of_validators(5, GL0_KEY, first, second, third))
    view.apply_line(of_validators(9, first, second, third, fourth))
    assert view.parents.validators == tuple(sorted(key.peer_id for key in (first, second, third, fourth)))


def test_a_validator_that_lies_can_not_make_a_set_of_its_own() -> None:
    liar, *honest = OTHERS
    view = GlobalView(GL0_PARENT, None)
    view.apply_line(of_validators(5, GL0_KEY, liar, *honest[:2]))
    for made_up in ((liar,), (liar, *(PrivateKey.generate() for _ in range(3)))):
        with pytest.raises(FeedError, match="of other validators than before"):
            view.apply_line(of_validators(6, *made_up))
    assert view.ordinal == 5


def test_after_a_restart_what_was_missed_is_vouched_for_by_the_validators_of_that_time() -> None:
    """The set that is kept for its addresses is of later snapshots than those that come first."""
    liar, *honest = OTHERS
    for signer, believed in ((GL0_KEY, True), (liar, False)):
        view = GlobalView(GL0_PARENT, None)
        view.parents.validators = tuple(sorted(key.peer_id for key in (GL0_KEY, *OTHERS[:3])))
        view.resume(5, "ab", (GL0_KEY.peer_id,))
        line = of_validators(6, signer, signers=1, kind="entry")
        if not believed:
            with pytest.raises(FeedError, match="of other validators than before"):
                view.apply_line(line)
            continue
        view.apply_line(line)
        view.apply_line(of_validators(7, GL0_KEY, liar, *honest[:2], signers=3, kind="entry"))
        assert view.ordinal == 7


def test_one_of_several_validators_may_be_behind_without_being_another_chain() -> None:
    view = GlobalView(GL0_PARENT, None)
    view.apply_line(of_validators(5, GL0_KEY, *OTHERS[:3]))
    with pytest.raises(FeedError, match="behind: its head is"):
        view.apply_line({"behind": {"head": [4, "ab"]}})
    assert not view.diverged


def test_a_single_validator_that_is_behind_was_taken_back() -> None:
    view = GlobalView(GL0_PARENT, None)
    view.apply_line(global_line(5, kind="state"))
    with pytest.raises(FeedError, match="diverged: its head is"):
        view.apply_line({"behind": {"head": [4, "ab"]}})
    assert view.diverged


def test_validators_and_where_they_are_outlive_a_restart(tmp_path: Path) -> None:
    """So a node that starts while its configured parent is down finds the others, and believes what they prove."""
    view = GlobalView(GL0_PARENT, None)
    view.apply_line(of_validators(5, GL0_KEY, *OTHERS[:3]))
    view.apply_line({"members": [{"id": OTHERS[0].peer_id, "ip": "10.0.0.2", "publicPort": 9000}]})
    after = GlobalView(GL0_PARENT, None)
    after.parents.restore(view.parents.to_text())
    assert after.parents.urls() == [GL0_PARENT.url, "http://10.0.0.2:9000"]
    after.apply_line(of_validators(6, GL0_KEY, *OTHERS[:3]))
    assert after.ordinal == 6


# -- any order ---------------------------------------------------------------------------------------------------------


class Node:
    """The part of a DL1 that follows: its view and its durable pool, which holds every update there will be."""

    def __init__(self, path: Path) -> None:
        self.database = Database.open(path)
        self.pool = L1Pool(self.database, "me")
        self.view = metagraph_view()
        if self.pool.position is not None:
            self.view.resume(self.pool.position.ordinal, self.pool.position.hash)
        self.following: asyncio.Task[None] | None = None

    async def hear(self, line: Line) -> None:
        news = self.view.apply_line(line)
        await self.pool.decide(news.outcomes, news.position)

    def follow(self, http: aiohttp.ClientSession, address: str) -> None:
        follower = FeedFollower(http, lambda: [address], lambda: self.view.position, self.hear, name="ml0")
        self.following = asyncio.create_task(follower.run())

    async def stop(self) -> None:
        assert self.following is not None
        assert not self.following.done(), self.following
        self.following.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await self.following
        self.database.close()


UPDATES = [create(1), create(2), *(add(1, n) for n in range(4)), create(3), *(add(3, n) for n in range(3))]


async def play(actions: list[str], directory: Path) -> None:
    updates = iter(UPDATES)
    path = directory / "follower.sqlite"
    async with contextlib.AsyncExitStack() as stack:
        chain = ToldChain(directory)
        stack.callback(chain.database.close)
        http = await stack.enter_async_context(aiohttp.ClientSession())
        feeds = Feeds(http)
        stack.push_async_callback(feeds.close)
        stack.callback(lambda: chain.hub.close())
        address = await feeds.serve(chain.serve)
        node = Node(path)
        stack.push_async_callback(lambda: node.stop())
        await node.pool.keep([held(update) for update in UPDATES])
        node.follow(http, address)
        chain.grow(trigger="time")
        await until(lambda: node.pool.position is not None)
        for action in [*actions, "commit"]:
            match action:
                case "commit":
                    update = next(updates, None)
                    chain.grow(*([] if update is None else [update]), trigger="time" if update is None else "event")
                case "pause":
                    await asyncio.sleep(0.002)
                case "yield":
                    await asyncio.sleep(0)
                case "parent restarts":
                    chain.restart()
                case "follower restarts":
                    await node.stop()
                    node = Node(path)
                    node.follow(http, address)
        head = Position(chain.state.ordinal, chain.state.hash)
        await until(lambda: node.pool.position == head and node.view.on_chain == chain.state.fibers.on_chain)
        decided = [outcome for n in range(2, head.ordinal + 1) for outcome in chain.outcomes.at(n)]
        booked = [outcome for n in range(2, head.ordinal + 1) for outcome in node.pool.outcomes.at(n)]
        assert booked == decided
        assert set(node.pool.held) == {update.key for update in UPDATES} - {outcome.key for outcome in decided}


def held(update: SignedUpdate) -> Held:
    return Held(named(update, 1, "me", 0), exact_json.dumps(update.to_json()))


@pytest.mark.parametrize("backlog", [1, 512], ids=["slow follower", "fast follower"])
@settings(max_examples=25)
@given(
    actions=st.lists(
        st.sampled_from(["commit", "commit", "commit", "pause", "yield", "parent restarts", "follower restarts"]),
        max_size=20,
    )
)
def test_in_whatever_order_commits_and_connections_come_a_follower_ends_with_the_chain(
    backlog: int, actions: list[str]
) -> None:
    """The same on-chain state, and every decision booked exactly once."""
    with tempfile.TemporaryDirectory() as directory, pytest.MonkeyPatch.context() as patch:
        patch.setattr(feed, "BACKLOG_LIMIT", backlog)
        patch.setattr(feed, "RETRY_FIRST_SECONDS", 0.001)
        patch.setattr(feed, "RETRY_LAST_SECONDS", 0.01)
        asyncio.run(play(actions, Path(directory)))
