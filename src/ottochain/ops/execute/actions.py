"""What each small step does: ask whether it is done, act through the runtime, wait at its gate."""

from __future__ import annotations

import asyncio
import json
import os
import time
from collections.abc import Mapping
from typing import Final

from ottochain.client.light import LightClient, Unreachable
from ottochain.ops import chain_record
from ottochain.ops.chain_record import ChainRecord
from ottochain.ops.engine import CREATE_GENESIS, RUN_VALIDATOR
from ottochain.ops.errors import GateNotMet
from ottochain.ops.execute.enrolling import OBSERVING, enrol
from ottochain.ops.execute.handshakes import EXPLAINED, Ears, Reason
from ottochain.ops.execute.stopping import stop
from ottochain.ops.execute.watch import Watch, last_words
from ottochain.ops.facts.observation import NodeFacts, Observation, cluster_is_whole
from ottochain.ops.facts.observe import observe_confirmed
from ottochain.ops.inventory.deployment import Deployment, Node
from ottochain.ops.launch import launch
from ottochain.ops.moments import utc_now
from ottochain.ops.plan.run_mode import JOINABLE
from ottochain.ops.plan.steps import (
    AwaitConfirmed,
    AwaitReady,
    AwaitWhole,
    CreateGenesis,
    Enrol,
    Join,
    Record,
    SmallAction,
    Start,
    Stop,
)
from ottochain.ops.runtimes import host, process
from ottochain.ops.runtimes.nursery import Nursery

STUCK_SECONDS: Final = 3.0
"""How long a node may stay in SessionStarted before its join counts as failed."""
JOIN_TRIES: Final = 3
ONE_OFF_SECONDS: Final = 60.0
"""How long a process that ends by itself may take."""


class Actions:
    """Carries out single steps. Each method gives a note on what it found, for the timeline."""

    def __init__(
        self, deployment: Deployment, client: LightClient, nursery: Nursery, watch: Watch, record: ChainRecord
    ) -> None:
        self._deployment = deployment
        self._client = client
        self._nursery = nursery
        self._watch = watch
        self.record = record

    async def carry_out(self, action: SmallAction) -> str:
        match action:
            case Record(record):
                return self._write(record)
            case CreateGenesis(name):
                return await self._create_genesis(self._node(name))
            case Start():
                return await self._start(self._node(action.node), action)
            case AwaitReady(name):
                return await self._await_ready(self._node(name))
            case Stop():
                return await stop(self._deployment, self._watch, action)
            case Join(name):
                return await self._join(self._node(name))
            case Enrol(name):
                return await enrol(self._deployment, self._node(name), self._client, self._watch)
            case AwaitWhole():
                return await self._await_whole(action)
            case AwaitConfirmed(name):
                return await self._await_confirmed(name)

    def _node(self, name: str) -> Node:
        return self._deployment.by_name[name]

    def _write(self, record: ChainRecord) -> str:
        if record != self.record or chain_record.read(self._deployment.places.chain_record) != record:
            chain_record.write(self._deployment.places.chain_record, record)
            self.record = record
        return record.phase

    async def _create_genesis(self, node: Node) -> str:
        balances = self._deployment.places.ml0_genesis
        snapshot, address = balances.with_name("genesis.snapshot"), balances.with_name("genesis.address")
        note = "already made"
        if self.record.token is None and not (snapshot.exists() and address.exists()):
            pid = await self._launch(node, CREATE_GENESIS, str(balances))
            await _ended(pid, f"{node.name} making the metagraph's genesis", node)
            note = "made"
        if not (snapshot.exists() and address.exists()):
            raise GateNotMet(
                f"{node.name} was to make the metagraph's genesis, and {snapshot} or {address.name} is not there.\n"
                f"{last_words(node)}",
                next_step="mend what these lines name, then `ottochain up` again.",
            )
        token = address.read_text(encoding="ascii").strip()
        self._write(self.record.with_token(token))
        return f"{note}: {token}"

    async def _launch(self, node: Node, mode: str, argument: str | None) -> int:
        node.error_file.parent.mkdir(parents=True, exist_ok=True)
        node.error_file.write_bytes(b"")
        start = launch(self._deployment, node, mode, argument, self.record.token, os.environ)
        return await self._nursery.start(start)

    async def _start(self, node: Node, action: Start) -> str:
        if (fact := process.look(node)).state == "running":
            return f"already there, process {fact.pid}"
        pid = await self._launch(node, action.mode, action.argument)
        self._watch.expect(node.name, pid)
        return f"process {pid}"

    async def _await_ready(self, node: Node) -> str:
        self._watch.hurry(node.name)
        return await self._watch.until(
            f"{node.name} Ready", lambda seen: seen[node.name].state if seen[node.name].is_ready else None, [node.name]
        )

    async def _join(self, node: Node) -> str:
        """The answer of the call is not success; membership in every Ready peer's view is."""
        reason: Reason | None = None
        for _ in range(JOIN_TRIES):
            await self._watch.until(
                f"{node.name} {JOINABLE}", lambda seen: True if _may_join(seen[node.name]) else None, [node.name]
            )
            target = await self._watch.until(
                f"a Ready member of {node.layer} to join", lambda seen: _target(seen, node), [node.name]
            )
            ears = Ears([node, self._node(target.name)])
            if not self._is_member(self._watch.observation, node):
                await self._ask_to_join(node, target)
            if await self._became_member(node, ears):
                return f"by {target.name}"
            if (reason := ears.reason()) is not None and reason.is_final:
                break
            await self._begin_again(node)
        raise self._not_joined(node, reason)

    def _not_joined(self, node: Node, reason: Reason | None) -> GateNotMet:
        if reason is None or not reason.name:
            said = f": {reason.said}" if reason else ": its handshakes failed"
            return GateNotMet(
                f"{node.name} could not join {node.layer}, {JOIN_TRIES} times{said}.",
                next_step=f"ottochain logs {node.name}: the reason is there (version, environment, key, address)",
            )
        wrong, mend = EXPLAINED[reason.name]
        return GateNotMet(
            f"{node.name} could not join {node.layer}: it {wrong}. The handshake said: {reason.said}",
            next_step=mend.replace("NODE", node.name),
        )

    async def _ask_to_join(self, node: Node, target: NodeFacts) -> None:
        peer = self._node(target.name)
        assert target.info
        body = json.dumps({"id": target.info.id, "ip": peer.host, "p2pPort": peer.ports.p2p}).encode()
        try:
            answer = await self._client.post("127.0.0.1", node.ports.cli, "/cluster/join", body)
        except Unreachable as error:
            raise GateNotMet(
                f"{node.name} does not answer on its cli port {node.ports.cli}: {error}.",
                next_step=f"ottochain logs {node.name}",
            ) from None
        self._watch.hurry(node.name)
        if answer.status not in (200, 409):  # 409: it is joining, or has joined, already
            raise GateNotMet(
                f"{node.name} refused to join, with {answer.status}: {answer.body[:200].decode('utf-8', 'replace')}.",
                next_step=f"ottochain logs {node.name}",
            )

    async def _became_member(self, node: Node, ears: Ears) -> bool:
        """True when it is a member; False when its join failed and left it stuck, at once where its reason is final."""
        began = time.monotonic()

        def outcome(seen: Observation) -> bool | None:
            if self._is_member(seen, node):
                return True
            if seen[node.name].state != "SessionStarted":
                return None
            reason = ears.reason()
            return False if (reason and reason.is_final) or time.monotonic() - began > STUCK_SECONDS else None

        return await self._watch.until(f"{node.name} a member in every Ready peer's view", outcome, [node.name])

    async def _begin_again(self, node: Node) -> None:
        """Only a new process leaves SessionStarted behind."""
        await stop(self._deployment, self._watch, Stop(node.name))
        await self._start(node, Start(node.name, RUN_VALIDATOR, None))

    def _is_member(self, seen: Observation, node: Node) -> bool:
        me = seen[node.name]
        peers = [peer for peer in seen.ready(node.layer) if peer.name != node.name]
        if self._deployment.engine.rules(node.layer).keeps_chain and me.state == OBSERVING:
            return all(peer.sees(me.peer_id) for peer in peers)
        return me.is_ready and bool(peers) and all(peer.sees_life(me) for peer in peers)

    async def _await_whole(self, action: AwaitWhole) -> str:
        for node in self._deployment.layer(action.layer):
            self._watch.hurry(node.name)
        await self._watch.until(
            f"{', '.join(action.nodes)} and the other Ready nodes of {action.layer} all seeing one another Ready",
            lambda seen: True if cluster_is_whole(seen, action.layer, action.nodes) else None,
            action.nodes,
        )
        return f"{len(self._watch.observation.ready(action.layer))} of {len(self._deployment.layer(action.layer))}"

    async def _await_confirmed(self, name: str) -> str:
        """ML0's present head, in GL0's latest snapshot."""
        gl0 = self._deployment.layer("gl0")[0]
        wanted = self._watch.observation[name].ordinal or 0
        held: Mapping[str, int] = {}
        began, pause = time.monotonic(), 0.01
        token = self.record.token
        assert token
        while held.get(token, -1) < wanted:
            if time.monotonic() - began > 30:
                raise GateNotMet(
                    f"GL0 does not hold {name}'s snapshot {wanted} after 30 s (it holds {held.get(token, 'none')}).",
                    next_step=f"ottochain logs {name}: it sends its snapshots to GL0 until they are taken.",
                )
            held = await observe_confirmed(gl0, self._client) or held
            await asyncio.sleep(pause)
            pause = min(pause * 1.3, 0.2)
        if self.record.phase == "founding":
            self._write(self.record.as_founded(utc_now()))
        return f"GL0 holds ordinal {held[token]}"


def _may_join(facts: NodeFacts) -> bool:
    """Whether the node waits to be joined, or is past that."""
    return facts.state not in (None, "Initial")


def _target(seen: Observation, node: Node) -> NodeFacts | None:
    """Any Ready member but itself; that with most members in its view first."""
    others = [facts for facts in seen.ready(node.layer) if facts.name != node.name]
    return max(others, key=lambda facts: facts.ready_members or 0, default=None)


async def _ended(pid: int, what: str, node: Node) -> None:
    """Wait for a process that ends by itself."""
    deadline = time.monotonic() + ONE_OFF_SECONDS
    while host.is_alive(pid):
        if time.monotonic() > deadline:
            raise GateNotMet(
                f"not done within {ONE_OFF_SECONDS:.0f} s: {what} (process {pid}).",
                next_step=f"ottochain logs {node.name}",
            )
        await asyncio.sleep(0.005)
