"""What two nodes tell each other in the handshake, and the checks on it: pure, one sentence per refusal.

Source: Tessellation, ``schema/peer.scala`` and ``Joining.scala`` (``validateHandshake``, ``verifySignRequest``).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final

from ottochain.codec.wire import json_hash
from ottochain.crypto.keys import PrivateKey
from ottochain.crypto.proofs import Proof, sign, verify_all
from ottochain.model.node_state import NodeState
from ottochain.node.membership import Contact, Peer
from ottochain.node.settings import is_peer_id

NO_JAR: Final = "0" * 64
"""The digest shown where no artifact was named."""

_LOOPBACK: Final = ("127.0.0.1", "localhost")


class HandshakeError(Exception):
    """The handshake with a peer failed."""


class Refused(HandshakeError):  # noqa: N818  what happened, not what went wrong
    """A check on the peer's registration failed. ``answer`` is the text of a 409; None: the peer gets a 500."""

    def __init__(self, reason: str, answer: str | None = None) -> None:
        super().__init__(reason)
        self.answer = answer


class MalformedRegistration(HandshakeError):  # noqa: N818
    """A body is not what the protocol says; ``where`` is the path in it."""


@dataclass(frozen=True, slots=True)
class Registration:
    """A node's registration: its address, its sessions and what must agree before two nodes work together."""

    id: str
    ip: str
    public_port: int
    p2p_port: int
    session: int
    cluster_session: int
    cluster_id: str
    state: NodeState
    seedlist: str
    version: str
    jar: str
    environment: str
    """Capitalised: ``Dev``, ``Testnet``, ``Integrationnet`` or ``Mainnet``."""

    def to_json(self) -> dict[str, Any]:
        return {
            "id": self.id,
            "ip": self.ip,
            "publicPort": self.public_port,
            "p2pPort": self.p2p_port,
            "session": self.session,
            "clusterSession": self.cluster_session,
            "clusterId": self.cluster_id,
            "state": self.state,
            "seedlist": self.seedlist,
            "version": self.version,
            "jar": self.jar,
            "environment": {self.environment: {}},
        }

    @property
    def contact(self) -> Contact:
        return Contact(self.id, self.ip, self.p2p_port)

    @property
    def peer(self) -> Peer:
        """The entry this registration makes."""
        return Peer(
            id=self.id,
            ip=self.ip,
            public_port=self.public_port,
            p2p_port=self.p2p_port,
            cluster_session=self.cluster_session,
            session=self.session,
            state=self.state,
            responsive=True,
            jar=self.jar,
        )


@dataclass(frozen=True, slots=True)
class Expectations:
    """What a node demands of a peer's registration."""

    own_id: str
    version: str
    environment: str
    cluster_id: str
    cluster_session: int | None
    seedlist: frozenset[str] | None

    def check(self, registration: Registration, known: Peer | None, asked_ip: str | None = None) -> None:
        """Raises ``Refused`` for the first check that fails, in the reference's order.

        ``asked_ip`` is the address in the join request that this registration must confirm; None on the joiner's side.
        """
        theirs = registration
        if theirs.version != self.version:
            raise Refused(f"VersionMismatch: version hash {theirs.version}, expected {self.version}")
        if theirs.environment != self.environment:
            raise Refused(f"EnvMismatch: environment {theirs.environment}, expected {self.environment}")
        if known is not None and known.session > theirs.session:
            raise Refused(
                f"PeerAlreadyJoinedWithNewerSession: session {theirs.session}, known {known.session}",
                f"Peer id={theirs.id} already joined with newer session.",
            )
        if theirs.cluster_id != self.cluster_id:
            raise Refused(f"ClusterIdDoesNotMatch: cluster id {theirs.cluster_id}, expected {self.cluster_id}")
        if self.cluster_session is not None and theirs.cluster_session != self.cluster_session:
            raise Refused(
                f"ClusterSessionDoesNotMatch: cluster session {theirs.cluster_session}, expected {self.cluster_session}"
            )
        if self.environment != "Dev" and theirs.ip in _LOOPBACK:
            raise Refused(f"LocalHostNotPermitted: address {theirs.ip} outside of the dev environment")
        if asked_ip is not None and theirs.ip != asked_ip:
            raise Refused(f"InvalidRemoteAddress: address {theirs.ip}, but the join request said {asked_ip}")
        if theirs.id == self.own_id:
            raise Refused("IdDuplicationFound: the peer has this node's own id")
        if theirs.seedlist != seedlist_hash(self.seedlist):
            raise Refused("SeedlistDoesNotMatch: the peer has a different seedlist")

    def check_listed(self, peer_id: str) -> None:
        """Raises ``Refused`` when there is a seedlist and the peer is not on it."""
        if self.seedlist is not None and peer_id not in self.seedlist:
            text = f"Peer {peer_id} not on seedlist"
            raise Refused(f"PeerNotOnSeedlist: {text}", text)


def seedlist_hash(seedlist: frozenset[str] | None) -> str:
    return json_hash(None if seedlist is None else sorted(seedlist))


def refuse_different(registration: Registration) -> Refused:
    """Refusal of an entry that differs from the known one of the same session."""
    return Refused(
        "PeerAlreadyJoinedWithDifferentRegistrationData",
        f"Peer id={registration.id} already joined with different registration data.",
    )


def signed_challenge(challenge: str, key: PrivateKey) -> dict[str, Any]:
    """The answer to ``/registration/sign``: the uuid, signed."""
    value = {"value": challenge}
    return {"value": value, "proofs": [sign(json_hash(value), key).to_json()]}


def answers_challenge(answer: object, challenge: str, peer_id: str) -> bool:
    """Is ``answer`` this challenge, signed by ``peer_id`` and nobody else?"""
    match answer:
        case {"value": {"value": str(value)}, "proofs": [*proofs]} if value == challenge and len(proofs) < 16:
            pass
        case _:
            return False
    found = []
    for proof in proofs:
        match proof:
            case {"id": str(signer), "signature": str(signature)} if signer == peer_id:
                found.append(Proof(signer, signature))
            case _:
                return False
    return verify_all(json_hash({"value": challenge}), found)


def decode_registration(body: object) -> Registration:
    """Raises ``MalformedRegistration`` naming the member that is missing or wrong."""
    fields = _Fields(body, "")
    return Registration(
        id=fields.peer_id("id"),
        ip=fields.host("ip"),
        public_port=fields.integer("publicPort", 1, 2**16),
        p2p_port=fields.integer("p2pPort", 1, 2**16),
        session=fields.integer("session", 1, 2**63),
        cluster_session=fields.integer("clusterSession", 1, 2**63),
        cluster_id=fields.text("clusterId"),
        state=fields.state("state"),
        seedlist=fields.text("seedlist"),
        version=fields.text("version"),
        jar=fields.text("jar"),
        environment=fields.constructor("environment"),
    )


def decode_contact(body: object) -> Contact:
    """Raises ``MalformedRegistration`` naming the member that is missing or wrong."""
    fields = _Fields(body, "")
    return Contact(fields.peer_id("id"), fields.host("ip"), fields.integer("p2pPort", 1, 2**16))


class _Fields:
    """Typed access to the members of one JSON object; the errors read like circe's."""

    def __init__(self, body: object, path: str) -> None:
        if not isinstance(body, dict):
            raise MalformedRegistration(f"DecodingFailure at {path}: Got value of wrong type, expecting an object")
        self._members: dict[str, Any] = body
        self._path = path

    def _get(self, name: str) -> object:
        if name not in self._members:
            raise self._wrong(name, "Missing required field")
        return self._members[name]

    def _wrong(self, name: str, what: str) -> MalformedRegistration:
        return MalformedRegistration(f"DecodingFailure at {self._path}.{name}: {what}")

    def text(self, name: str, length_max: int = 1024) -> str:
        value = self._get(name)
        if not isinstance(value, str):
            raise self._wrong(name, "Got value of wrong type, expecting string")
        if not 0 < len(value) <= length_max:
            raise self._wrong(name, f"expected 1 to {length_max} characters, found {len(value)}")
        return value

    def host(self, name: str) -> str:
        value = self.text(name, 253)
        if not all(c.isascii() and (c.isalnum() or c in ".:-_") for c in value):
            raise self._wrong(name, "not a host")
        return value

    def peer_id(self, name: str) -> str:
        value = self.text(name)
        if not is_peer_id(value):
            raise self._wrong(name, "expected 128 lower-case hex digits")
        return value

    def integer(self, name: str, least: int, below: int) -> int:
        value = self._get(name)
        if not isinstance(value, int) or isinstance(value, bool):
            raise self._wrong(name, "Got value of wrong type, expecting number")
        if not least <= value < below:
            raise self._wrong(name, f"expected {least} to {below - 1}")
        return value

    def state(self, name: str) -> NodeState:
        try:
            return NodeState(self.text(name))
        except ValueError:
            raise self._wrong(name, "not a node state") from None

    def constructor(self, name: str) -> str:
        match self._get(name):
            case {**members} if len(members) == 1:
                return str(next(iter(members)))
            case _:
                raise self._wrong(name, "expected an object with one member")
