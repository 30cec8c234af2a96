"""The routes that every layer has. JSON shapes and their member order are the reference's.

Source: Tessellation, ``NodeRoutes.scala``, ``ClusterRoutes.scala``, ``TargetRoutes.scala``,
``MetagraphRoutes.scala``. ``/ottochain/*`` is ours.
"""

from __future__ import annotations

from typing import Any

from aiohttp import web

from ottochain.model.node_state import NodeState
from ottochain.model.versions import APPLICATION_VERSION, TESSELLATION_VERSION
from ottochain.node import bodies, metrics
from ottochain.node.bodies import RefinedRouteFailure
from ottochain.node.facts import facts
from ottochain.node.gatekeeper import peer_of
from ottochain.node.join_routes import refined
from ottochain.node.joining import decode_contacts
from ottochain.node.membership import Peer
from ottochain.node.node import Node
from ottochain.node.responses import empty, json_response


class CommonRoutes:
    """Reads only: what a node says of itself, of its peers, and what it is told by them."""

    def __init__(self, node: Node) -> None:
        self._node = node

    def public(self) -> list[web.RouteDef]:
        served = [
            web.get("/node/info", self._info),
            web.get("/node/state", self._state),
            web.get("/node/health", self._health),
            web.get("/cluster/info", self._cluster_info),
            web.get("/cluster/session", self._cluster_session),
            web.get("/targets", self._targets),
            web.get("/metrics", self._metrics),
            web.get("/ottochain/node", self._facts),
        ]
        if self._node.config.layer != "gl0":
            served.append(web.get("/metagraph/info", self._metagraph_info))
        if self._node.config.is_l0:
            served.append(web.get("/consensus/latest/peers", self._consensus_peers))
        if self._node.config.is_l0 and self._node.config.environment != "mainnet":
            served += [web.get("/debug", self._health), web.get("/debug/peers", self._peers)]
        return served

    def p2p(self) -> list[web.RouteDef]:
        return [
            web.get("/node/state", self._state),
            web.get("/node/health", self._health),
            web.get("/node/session", self._session),
            web.get("/cluster/peers", self._peers),
            web.get("/cluster/discovery", self._discovery),
            web.post("/ottochain/state", self._hear_state),
            web.post("/ottochain/peers", self._hear_peers),
        ]

    async def _info(self, _request: web.Request) -> web.Response:
        return json_response({**self._standing(), "version": TESSELLATION_VERSION, **self._address()})

    async def _metagraph_info(self, _request: web.Request) -> web.Response:
        versions = {"tessellationVersion": TESSELLATION_VERSION, "metagraphVersion": APPLICATION_VERSION}
        return json_response({**self._standing(), **self._address(), **versions})

    def _standing(self) -> dict[str, Any]:
        node = self._node
        return {
            "state": node.lifecycle.state,
            "session": node.sessions.own,
            "clusterSession": node.sessions.cluster,
        }

    def _address(self) -> dict[str, Any]:
        node = self._node
        return {
            "host": node.config.external_ip,
            "publicPort": node.ports["public"],
            "p2pPort": node.ports["p2p"],
            "id": node.id,
        }

    async def _state(self, _request: web.Request) -> web.Response:
        return json_response(self._node.lifecycle.state)

    async def _health(self, _request: web.Request) -> web.Response:
        return empty()

    async def _session(self, _request: web.Request) -> web.Response:
        return json_response(self._node.sessions.own)

    async def _cluster_info(self, _request: web.Request) -> web.Response:
        return json_response([peer.info_json() for peer in self._cluster()])

    def _cluster(self) -> list[Peer]:
        """This node and its responsive peers. Raises ``NoSession``."""
        return [self._node.own_peer(), *self._node.membership.responsive()]

    async def _cluster_session(self, _request: web.Request) -> web.Response:
        token = self._node.sessions.cluster
        return empty(404) if token is None else json_response({"token": token})

    async def _targets(self, _request: web.Request) -> web.Response:
        return json_response([_target(peer) for peer in self._cluster()])

    async def _metrics(self, _request: web.Request) -> web.Response:
        text = self._node.metrics.text()
        return web.Response(body=text.encode(), headers={"Content-Type": metrics.TEXT_TYPE})

    async def _consensus_peers(self, _request: web.Request) -> web.Response:
        latest = self._node.service.consensus_peers()
        if latest is None:
            return empty(404)
        ordinal, facilitators = latest
        own_id = self._node.id
        peers = [peer.info_json() for peer in self._cluster() if peer.id in facilitators or peer.id == own_id]
        return json_response({"key": ordinal, "peers": peers})

    async def _facts(self, _request: web.Request) -> web.Response:
        return json_response(facts(self._node))

    async def _peers(self, _request: web.Request) -> web.Response:
        return json_response([peer.to_json() for peer in self._node.membership.all()])

    async def _discovery(self, _request: web.Request) -> web.Response:
        return json_response([peer.to_json() for peer in self._node.membership.responsive()])

    async def _hear_state(self, request: web.Request) -> web.Response:
        state = decode_state(await bodies.refined_json(request))
        self._node.membership.set_state(peer_of(request).id, state)
        return empty()

    async def _hear_peers(self, request: web.Request) -> web.Response:
        with refined():
            contacts = decode_contacts(await bodies.refined_json(request))
        self._node.joining.introduce(contacts)
        return empty()


def decode_state(body: object) -> NodeState:
    """Raises ``RefinedRouteFailure``."""
    match body:
        case {"state": str(text)} if text in tuple(NodeState):
            return NodeState(text)
        case _:
            raise RefinedRouteFailure("DecodingFailure at .state: not a node state")


def _target(peer: Peer) -> dict[str, Any]:
    """One scrape target of Prometheus' service discovery."""
    labels = {"ip": peer.ip, "peer_id": peer.id, "peer_id_short": peer.id[:8]}
    return {"targets": [f"{peer.ip}:{peer.public_port}"], "labels": labels}
