"""GL0: takes the binaries of metagraphs and makes the global chain.

Source of routes and run modes: Tessellation, ``dag-l0``; what a snapshot is: ``layers/gl0.py``.
"""

from __future__ import annotations

import logging
from collections import deque
from collections.abc import AsyncIterator, Callable, Mapping
from pathlib import Path
from typing import Any, Final

from aiohttp import web

from ottochain.codec import exact_json
from ottochain.consensus.votes import Chain as VotingChain
from ottochain.consensus.votes import Trigger
from ottochain.crypto.addresses import is_valid_address
from ottochain.layers import gl0
from ottochain.layers.delivery import read_founding
from ottochain.layers.gl0 import Delivery, Dropped, Gl0Built, Gl0Rules, Gl0State
from ottochain.ledger.block_rules import BlockTerms
from ottochain.ledger.memory import SoundItems
from ottochain.model.errors import ModelError
from ottochain.model.header import Header
from ottochain.model.node_state import LOAD_GENESIS, ROLL_BACK
from ottochain.model.signed import Signed
from ottochain.node import gl0_founding as founding
from ottochain.node.bodies import PlainRouteFailure, judged, read
from ottochain.node.gl0_binaries import WaitingBinaries
from ottochain.node.gl0_keeping import load, parts_of
from ottochain.node.l0 import L0Service
from ottochain.node.l0_frames import Spread
from ottochain.node.l0_terms import ChainProblem, Head, stored_snapshot
from ottochain.node.listeners import ListenerName
from ottochain.node.membership import Peer
from ottochain.node.node import Node
from ottochain.node.responses import empty, json_bytes, json_response, not_found
from ottochain.node.service import GLOBAL_CLUSTER_ID
from ottochain.node.wallet_routes import wallet_routes
from ottochain.store.blocks import Received, put_received, remove_received
from ottochain.store.chain import Committed as StoredSnapshot
from ottochain.store.commit import Commit
from ottochain.store.errors import StoreWriteError

log = logging.getLogger(__name__)

BINARY_BYTES_MAX: Final = 64 * 1024 * 1024
"""What this engine takes; the reference's limit is 512,000."""

INCLUDED_REMEMBERED: Final = 256
"""Hashes of the binaries that went in last: a metagraph that has not heard of it yet sends them again."""

FRAME_PATH: Final = "/ottochain/state-channels/{address}"
BINARY_EVENT: Final = "binary"
NOT_READY_FOR_BINARIES: Final = b'{"message":"Node not yet ready to accept metagraph snapshots."}'


def create(node: Node) -> Gl0Service:
    """The service of a GL0 node."""
    return Gl0Service(node)


class Gl0Service(L0Service[Gl0State, Gl0Built]):
    """GL0's own part of an L0 node."""

    layer = "gl0"
    cluster_id = GLOBAL_CLUSTER_ID
    prefix = "global-snapshots"
    serves_full_genesis = True

    def __init__(self, node: Node) -> None:
        super().__init__(node)
        self._rules = Gl0Rules(binary_bytes_max=BINARY_BYTES_MAX, terms=BlockTerms(sound=SoundItems()))
        self._waiting = WaitingBinaries()
        self._included: deque[str] = deque(maxlen=INCLUDED_REMEMBERED)

    # Starting.

    async def start(self, mode: str, argument: str | None) -> None:
        """Founds the chain, goes on with it, or waits to join."""
        lifecycle = self.node.lifecycle
        if mode == "run-genesis":
            with lifecycle.passing(LOAD_GENESIS):
                state = await self._found(Path(argument or ""))
            self._take_up(state)
        elif mode == "run-rollback":
            with lifecycle.passing(ROLL_BACK):
                state = self.require_chain()
                self._check_target(state, argument)
            self._take_up(state)
        else:
            self.wait_to_join()

    async def _found(self, csv: Path) -> Gl0State:
        self.require_empty_store()
        config = self.node.config
        founded = gl0.found(founding.balances_of(csv), config.starting_epoch_progress)
        founded_by = founding.founding_of(founded, self.node.id, config.operator_peer_id)
        started = founding.start_chain(founded, founded_by, self.node.key)
        await self.write_beginning(founded_by.signed([self.node.key]), None, started.commits)
        log.info("founded the global chain %s", founded_by.chain.chain_id)
        return started.state

    async def adopt(self, signed_founding: dict[str, Any], genesis: StoredSnapshot, first: StoredSnapshot) -> Gl0State:
        """Takes over the beginning of the cluster's chain."""
        signers = Signed.from_json(exact_json.loads(genesis.signed)).signers
        started = founding.adopt_chain(read_founding(signed_founding, genesis.hash, signers), genesis, first)
        await self.write_beginning(signed_founding, None, started.commits, adopted=True)
        return started.state

    def _check_target(self, state: Gl0State, target: str | None) -> None:
        """A rollback resumes at the certified head; going below it would give certified history up."""
        if target is None or target == state.hash:
            return
        found = self.chain.by_hash(target)
        where = "which is not in this data directory" if found is None else f"which is ordinal {found.ordinal}"
        raise ChainProblem(
            f"run-rollback was asked for snapshot {target}, {where}; the certified head is ordinal {state.ordinal},"
            f" {state.hash}. Nothing was changed; start with run-rollback {state.hash} to go on from the head"
        )

    def _take_up(self, state: Gl0State) -> None:
        self.go_on(state)
        self.node.found_session()

    def go_on(self, state: Gl0State) -> None:
        """Takes up the chain, with the binaries that waited."""
        for received in self.received.items():
            self._waiting.add(Delivery.kept(received.source, received.signed))
        self.resume(state, VotingChain(state.chain.chain_id, state.chain.incarnation, self.layer))

    # Routes.

    def routes(self, listener: ListenerName) -> list[web.RouteDef]:
        """Adds the door for binaries and the balances of the genesis."""
        routes = super().routes(listener)
        if listener != "public":
            return routes
        return [
            *routes,
            web.post("/state-channels/{address}/snapshot", self._take_wire),
            web.post(FRAME_PATH, self._take_frame),
            *wallet_routes("dag", self._balances),
        ]

    async def _take_wire(self, request: web.Request) -> web.Response:
        """A binary in the reference's JSON."""
        return await self._take_binary(request, Delivery.from_bytes)

    async def _take_frame(self, request: web.Request) -> web.Response:
        """A binary from an ML0 of this engine."""
        return await self._take_binary(request, Delivery.from_frame)

    async def _take_binary(self, request: web.Request, reading: Callable[[str, bytes], Delivery]) -> web.Response:
        """200 when the binary is durable here, which is not inclusion; 400 with all that is wrong with it."""
        address = request.match_info["address"]
        if not is_valid_address(address):
            return not_found()
        try:
            delivery = await judged(await read(request), lambda body: named(reading(address, body)))
        except ModelError as error:
            raise PlainRouteFailure(str(error)) from error
        if self.state is None or self._waiting.full:
            return json_bytes(NOT_READY_FOR_BINARIES, 503)
        if self._is_included(delivery):
            return empty(200)
        errors = gl0.validate_binary(self.state, delivery, self._rules)
        if errors:
            return json_response(errors, 400)
        if not self._waiting.may_come(delivery, self.state.metagraphs.get(address)):
            return json_bytes(NOT_READY_FOR_BINARIES, 503)
        if await self._keep_binary(delivery):
            self.transport.spread(Spread(BINARY_EVENT, delivery.address, delivery.to_frame()))
        return empty(200)

    def take_pool_event(self, peer: Peer, event: Spread) -> None:
        """Another validator took a binary: it belongs into this pool, too."""
        if event.kind == BINARY_EVENT and self.state is not None and not self._waiting.full:
            self.node.supervisor.background("take a binary", self._take_spread(peer, event))

    async def _take_spread(self, peer: Peer, event: Spread) -> None:
        assert self.state is not None
        try:
            delivery = await judged(event.body, lambda body: named(Delivery.from_frame(event.source, body)))
        except ModelError as error:
            log.warning("%s spread what is no binary: %s", peer.id[:8], error)
            return
        sound = not gl0.validate_binary(self.state, delivery, self._rules)
        if sound and self._waiting.may_come(delivery, self.state.metagraphs.get(delivery.address)):
            try:
                await self._keep_binary(delivery)
            except StoreWriteError as error:
                log.error("a binary that %s spread is not kept: %s", peer.id[:8], error)

    async def _keep_binary(self, delivery: Delivery) -> bool:
        """Makes a binary durable and queues it; False when it is in the chain, or here already."""
        if self._is_included(delivery) or delivery.key in self._waiting:
            return False
        received = Received(delivery.key, delivery.address, delivery.to_frame())
        await self.database.write(lambda connection: put_received(connection, [received]))
        self._waiting.add(delivery)
        self.wake()
        return True

    def _is_included(self, delivery: Delivery) -> bool:
        """A copy of a binary that is in, sent by a metagraph that has not heard of it yet."""
        assert self.state is not None
        metagraph = self.state.metagraphs.get(delivery.address)
        return delivery.hash in self._included or (metagraph is not None and metagraph.binary_hash == delivery.hash)

    def _balances(self) -> tuple[int, Mapping[str, int]] | None:
        return None if self.state is None else (self.state.ordinal, self.state.info.balances)

    # Building.

    def load(self) -> Gl0State | None:
        """The state at the head of the store."""
        return load(self.chain)

    def has_work(self) -> bool:
        """Binaries wait that were not found waiting for their parent last time."""
        return self._waiting.any_ready or self.changes.due() is not None

    async def attempt(self, trigger: Trigger) -> Gl0Built | None:
        """Builds from the waiting binaries; takes out at once what will never be included."""
        assert self.state is not None
        if trigger == "event" and not self.has_work() and not self.is_changing():
            return None  # each binary wakes the core, also those that the last snapshot took along
        change = self.changes.due()
        with self.pace.work():
            built = gl0.build(self.state, trigger, self._waiting.all(), self._rules, change=change)
        self._waiting.mark_idle(built.waiting)
        if built.dropped:
            await self._take_out(built.dropped)
        return built if built.included or change or trigger == "time" or self.is_changing() else None

    async def _take_out(self, dropped: tuple[Dropped, ...]) -> None:
        for each in dropped:
            log.info("dropped binary %s of %s: %s", each.binary_hash, each.address, each.error)
        keys = [each.key for each in dropped]
        await self.database.write_at_last(lambda connection: remove_received(connection, keys))
        self._waiting.remove(keys)

    def recheck(self, proposal: bytes) -> Gl0Built | str:
        """Builds what a proposal of this chain describes."""
        assert self.state is not None
        built = gl0.check(self.state, proposal, self._rules)
        return built.reason if isinstance(built, gl0.CheckFailed) else built

    def kept_with(self, built: Gl0Built, signed: bytes, header: Header) -> Commit:
        """The snapshot, the state, and the binaries that are done."""
        return Commit(
            stored_snapshot(built, signed, header, goes_to_global=False),
            parts=parts_of(built.state, self.state),
            received_done=built.done,
        )

    def next_state(self, built: Gl0Built) -> Gl0State:
        """The state after the snapshot."""
        return built.state

    def announce(self, built: Gl0Built, head: Head, before: Gl0State) -> None:
        """Tells the metagraphs which of their binaries are in."""
        self._waiting.remove(built.done)
        if built.included:
            self._waiting.state_changed()
        channels: dict[str, list[dict[str, Any]]] = {}
        for included in built.included:
            self._included.append(included.binary_hash)
            reference = _held(included.ordinal, included.binary_hash, included.snapshot_hash)
            channels.setdefault(included.address, []).append(reference)
        self.feed.publish(exact_json.dumps({"entry": self._entry(head.header, channels)}))

    def _entry(self, header: Header, channels: dict[str, list[dict[str, Any]]]) -> dict[str, Any]:
        assert self.state is not None
        return {"header": header.to_json(), "epochProgress": self.state.epoch_progress, "channels": channels}

    async def opening(self, after: int | None) -> AsyncIterator[bytes]:
        """The newest binary of each metagraph: it confirms all before it."""
        if self.head is None or self.state is None:
            return
        channels = {
            address: [_held(metagraph.ordinal, metagraph.binary_hash, metagraph.hash)]
            for address, metagraph in self.state.metagraphs.items()
        }
        yield exact_json.dumps({"state": self._entry(self.head.header, channels)})

    # What the node says of itself.

    def info_bytes(self) -> bytes | None:
        """The state beside the newest snapshot."""
        return None if self.state is None else self.state.info.wire_text()

    def layer_facts(self) -> dict[str, Any]:
        """The metagraphs whose snapshots are in."""
        state = self.state
        return {
            "incarnation": None if state is None else state.chain.incarnation,
            "epochProgress": None if state is None else state.epoch_progress,
            "metagraphs": None
            if state is None
            else {address: metagraph.ordinal for address, metagraph in state.metagraphs.items()},
        }


def named(delivery: Delivery) -> Delivery:
    """The same with its hash known: what takes longest of all that is done with a binary can be done aside."""
    assert delivery.hash
    return delivery


def _held(ordinal: int, binary_hash: str, snapshot_hash: str) -> dict[str, Any]:
    """How the feed tells of a binary, and of the snapshot inside, which may be in binaries of several validators."""
    return {"ordinal": ordinal, "hash": binary_hash, "snapshot": snapshot_hash}
