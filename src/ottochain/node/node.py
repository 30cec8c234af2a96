"""One life of a node: what the shell gives to a layer's service, put together.

A node that restarts within its process (after a leave) gets a new ``Node``, so nothing of the old life is left in it.
"""

from __future__ import annotations

import asyncio
import logging
import time
from dataclasses import dataclass
from typing import Final

import aiohttp

from ottochain.codec.wire import json_hash
from ottochain.crypto.keys import PrivateKey
from ottochain.model.node_state import START_SESSION, NodeState
from ottochain.model.versions import TESSELLATION_VERSION
from ottochain.node.announcer import Announcer
from ottochain.node.config import NodeConfig
from ottochain.node.handshake import Handshake
from ottochain.node.joining import Joining
from ottochain.node.lifecycle import Lifecycle
from ottochain.node.links import Links
from ottochain.node.listeners import ListenerName
from ottochain.node.membership import Contact, Membership, Peer
from ottochain.node.metrics import Metrics
from ottochain.node.peer_client import PeerClient
from ottochain.node.prober import Prober
from ottochain.node.registration import NO_JAR, Expectations, Registration, seedlist_hash
from ottochain.node.service import LayerService, ServiceFactory
from ottochain.node.sessions import Sessions
from ottochain.node.supervisor import Supervisor

log = logging.getLogger(__name__)

VERSION_HASH: Final = json_hash(TESSELLATION_VERSION)

_APPLICATION_NAMES: Final = {
    "gl0": "dag-l0",
    "ml0": "ottochain-l0",
    "cl1": "ottochain-currency-l1",
    "dl1": "ottochain-data-l1",
}


@dataclass(frozen=True, slots=True)
class Ending:
    """How a node's life ends: the process's exit code, or the mode in which it starts anew within it."""

    reason: str
    exit_code: int = 0
    restart_mode: str | None = None


class Node:
    """What a layer's service works with. Built inside a running event loop.

    ``http`` is for requests to anything but p2p listeners; ``peers`` signs and checks those.
    """

    def __init__(
        self, config: NodeConfig, key: PrivateKey, create_service: ServiceFactory, *, may_restart: bool
    ) -> None:
        """``may_restart``: after a leave, does the node come back as a validator? (Not when started as one.)"""
        self.config = config
        self.key = key
        self.id = key.peer_id
        self.data_dir = config.data_dir
        self.ports: dict[ListenerName, int] = {
            "public": config.public_port,
            "p2p": config.p2p_port,
            "cli": config.cli_port,
        }
        self._born = time.monotonic()
        self.lifecycle = Lifecycle(time.monotonic)
        self.sessions = Sessions(lambda: time.time_ns() // 1_000_000)
        self.membership = Membership()
        self.metrics = Metrics(_APPLICATION_NAMES[config.layer])
        self.ended: asyncio.Future[Ending] = asyncio.get_running_loop().create_future()
        self.supervisor = Supervisor(time.monotonic, lambda reason: self.end(Ending(reason, exit_code=1)))
        self.http = _client_session()
        self.peers = PeerClient(self.http, key, self.sessions)
        self.announcer = Announcer(self.lifecycle, self.membership, self.peers, self.supervisor)
        self.links = Links(key, self.sessions, self.membership, self.peers, self.supervisor)
        self._may_restart = may_restart
        try:
            self.service: LayerService = create_service(self)
        except BaseException:
            self.http.detach()  # nothing is open yet, and nobody will close it
            raise
        self.handshake = Handshake(
            key=key,
            lifecycle=self.lifecycle,
            sessions=self.sessions,
            membership=self.membership,
            peers=self.peers,
            registration=self.registration,
            expectations=self._expectations,
            has_collateral=self.service.has_collateral,
        )
        self.joining = Joining(
            own_id=self.id,
            lifecycle=self.lifecycle,
            membership=self.membership,
            peers=self.peers,
            handshake=self.handshake,
            supervisor=self.supervisor,
            state_after_joining=self.service.state_after_joining,
            tell_state=self.announcer.tell_state,
            on_joined=self.service.on_joined,
        )
        self._prober = Prober(self.membership, self.peers, self.supervisor, self.joining.renew)
        self.peers.on_failure = self._prober.suspect

    # What a service calls to walk the lifecycle.

    def ready_to_join(self) -> None:
        """Initial → ReadyToJoin: a validator, waiting for the operator's join call."""
        self.lifecycle.move(NodeState.INITIAL, NodeState.READY_TO_JOIN)

    def found_session(self) -> None:
        """Founds the cluster and enters Ready: after a genesis, a rollback, or as an initial validator."""
        with self.lifecycle.passing(START_SESSION):
            self.sessions.found_cluster()
            self.sessions.start_own()
        self.lifecycle.move(NodeState.SESSION_STARTED, NodeState.READY)

    def end(self, ending: Ending) -> None:
        """Ends this life; the first ending counts."""
        if not self.ended.done():
            log.info("the node ends: %s", ending.reason)
            self.ended.set_result(ending)

    # What the operator's calls do.

    def join(self, target: Contact) -> None:
        """Starts the session; handshakes go on in the background. Raises ``InvalidTransition``, ``SessionExists``."""
        with self.lifecycle.passing(START_SESSION):
            self.sessions.start_own()
        self.supervisor.background("join", self.joining.join(target))

    def leave(self) -> None:
        """Leaving, then Offline, then a restart as a validator where the node's mode knows one."""
        if self.lifecycle.state not in (NodeState.LEAVING, NodeState.OFFLINE):
            self.lifecycle.force(NodeState.LEAVING)
            self.supervisor.background("leave", self._leave())

    async def _leave(self) -> None:
        await self.service.on_leaving()
        await asyncio.sleep(self.config.leaving_delay_seconds)
        self.lifecycle.move(NodeState.LEAVING, NodeState.OFFLINE)
        if not self._may_restart:
            log.warning("started as a validator: the node stays Offline until its process is restarted")
            return
        await asyncio.sleep(self.config.restart_delay_seconds)
        self.end(Ending("it left its cluster and starts anew as a validator", restart_mode="run-validator"))

    # What the node says of itself.

    @property
    def seconds_alive(self) -> float:
        """Since this life of the node began."""
        return time.monotonic() - self._born

    @property
    def jar(self) -> str:
        """The digest shown for the reference's JAR: the release's, when it is a SHA-256."""
        digest = self.config.release_digest or ""
        return digest if len(digest) == 64 else NO_JAR

    def registration(self) -> Registration:
        """Raises ``NoSession``."""
        own, cluster = self.sessions.both()
        return Registration(
            id=self.id,
            ip=self.config.external_ip,
            public_port=self.ports["public"],
            p2p_port=self.ports["p2p"],
            session=own,
            cluster_session=cluster,
            cluster_id=self.service.cluster_id,
            state=self.lifecycle.state,
            seedlist=seedlist_hash(self.config.seedlist),
            version=VERSION_HASH,
            jar=self.jar,
            environment=self.config.environment.capitalize(),
        )

    def own_peer(self) -> Peer:
        """This node as its peers see it. Raises ``NoSession``."""
        return self.registration().peer

    def _expectations(self) -> Expectations:
        return Expectations(
            own_id=self.id,
            version=VERSION_HASH,
            environment=self.config.environment.capitalize(),
            cluster_id=self.service.cluster_id,
            cluster_session=self.sessions.cluster,
            seedlist=self.config.seedlist,
        )


def _client_session() -> aiohttp.ClientSession:
    """Connections are kept long: idle ones cost nothing, new ones cost a round trip."""
    return aiohttp.ClientSession(
        connector=aiohttp.TCPConnector(limit=0, keepalive_timeout=60.0),
        cookie_jar=aiohttp.DummyCookieJar(),
        timeout=aiohttp.ClientTimeout(total=60.0, connect=5.0),
        skip_auto_headers=("User-Agent", "Accept-Encoding"),
    )
