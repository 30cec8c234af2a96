"""How the validators of an L0 layer reach each other: over links, to all responsive members of the cluster."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Iterable
from hashlib import sha256
from typing import Final

from ottochain.codec import exact_json
from ottochain.consensus.core import State
from ottochain.consensus.effects import Broadcast, PeerDown, PeerUp, Received, Send, Serve
from ottochain.consensus.votes import Decided, Message, MessageError, Proposal, decode_certificate
from ottochain.model.header import Header
from ottochain.model.signed import Signed
from ottochain.node import l0_frames
from ottochain.node.l0_frames import Said, Spread
from ottochain.node.links import Links
from ottochain.node.membership import Membership, Peer
from ottochain.store.chain import Chain as ChainStore
from ottochain.store.chain import Committed as StoredSnapshot

log = logging.getLogger(__name__)

ASK_AGAIN_SECONDS: Final = 1.0
BODIES_KEPT_MAX: Final = 64
"""Bodies that messages named, kept until their height is decided; the oldest goes when there are more."""


class Bodies:
    """The bodies of proposals and decisions by their digest, and the proofs that came with a decision.

    ``voted`` reads a body that a vote record names: after a restart, or after many others, nobody else may have it, and
    what this node is locked on could not be proposed again.
    """

    def __init__(self, voted: Callable[[str], bytes | None]) -> None:
        self._voted = voted
        self._bodies: dict[str, bytes] = {}
        self._decided: dict[str, Said] = {}

    def put(self, body: bytes) -> str:
        """Keeps a body; returns the reference under which messages name it."""
        reference = sha256(body).hexdigest()
        if reference not in self._bodies and len(self._bodies) >= BODIES_KEPT_MAX:
            del self._bodies[next(iter(self._bodies))]
        self._bodies[reference] = body
        return reference

    def get(self, reference: str) -> bytes | None:
        return self._bodies.get(reference) or self._voted(reference)

    def put_decided(self, found: Said) -> None:
        """Keeps what came with a decision."""
        assert isinstance(found.message, Decided)
        self.put(found.body)
        if len(self._decided) >= BODIES_KEPT_MAX:
            del self._decided[next(iter(self._decided))]
        self._decided[found.message.certificate.hash] = found

    def decided(self, block: str) -> Said | None:
        """What came with the decision for a block."""
        return self._decided.get(block)


class ValidatorTransport:
    """Carries out what a core sends, and gives it what peers say.

    ``hear`` gets the core's events, ``take`` the events for the pool. What is lost, the core asks for again.
    """

    def __init__(
        self,
        links: Links,
        membership: Membership,
        chain: ChainStore,
        bodies: Bodies,
        hear: Callable[[Received | PeerUp | PeerDown], None],
        take: Callable[[Peer, Spread], None],
        core: Callable[[], State | None],
    ) -> None:
        self._links = links
        self._membership = membership
        self._chain = chain
        self._bodies = bodies
        self._hear = hear
        self._take = take
        self._core = core
        self._asked: tuple[int, float] = (-1, 0.0)
        self._up: set[str] = set()

    def start(self) -> None:
        """Listens on the links, and watches who can be reached."""
        self._links.on_message = self._opened
        self._membership.subscribe(lambda _before, _after: self._look_around())
        self._look_around()

    def send(self, ask: Broadcast | Send | Serve) -> None:
        """Queues a message; never waits for the network."""
        match ask:
            case Broadcast():
                core = self._core()
                self._send(ask.message, () if core is None else core.validators)
            case Send():
                self._send(ask.message, [ask.to])
            case Serve():
                for height in range(ask.first, ask.last + 1):
                    stored = self._chain.at(height)
                    if stored is not None:
                        self.push(stored, [ask.to])

    def push(self, stored: StoredSnapshot, to: Iterable[str]) -> None:
        """Sends a decided height, with its body and the proofs of its snapshot."""
        header = Header.from_bytes(stored.header)
        if header.certificate is None:
            return  # made by the founder: it comes with the download
        body = stored.proposed
        certificate = decode_certificate(exact_json.dumps(header.certificate))
        proofs = Signed.from_json(exact_json.loads(stored.signed)).proofs
        frame = l0_frames.said(Decided(certificate, sha256(body).hexdigest()), body, proofs)
        for peer_id in to:
            self._links.send(peer_id, frame)

    def spread(self, event: Spread) -> None:
        """Gives an event to every other member."""
        frame = l0_frames.spread(event)
        for peer in self._membership.responsive():
            self._links.send(peer.id, frame)

    def _send(self, message: Message, to: Iterable[str]) -> None:
        body = b""
        if isinstance(message, Proposal | Decided):
            found = self._bodies.get(message.body)
            if found is None:
                log.warning("a message names a body that is gone: %s", message.body)
                return
            body = found
        frame = l0_frames.said(message, body)
        for peer_id in to:
            self._links.send(peer_id, frame)

    def _opened(self, peer: Peer, frame: bytes) -> None:
        try:
            found = l0_frames.opened(frame)
        except MessageError as error:
            log.warning("%s sent what is no message: %s", peer.id[:8], error)
            return
        if isinstance(found, Spread):
            self._take(peer, found)
            return
        if isinstance(found.message, Decided):
            self._bodies.put_decided(found)
        elif isinstance(found.message, Proposal):
            self._bodies.put(found.body)
        self._hear(Received(found.message))
        if isinstance(found.message, Decided):
            self._close_gap(peer, found.message.certificate.height)

    def _close_gap(self, peer: Peer, decided: int) -> None:
        """A height beyond the next one is decided: something was missed, and the peer that told of it has it."""
        core, now = self._core(), time.monotonic()
        height = 0 if core is None else core.height
        asked_height, asked_at = self._asked
        if decided > height and (height != asked_height or now - asked_at > ASK_AGAIN_SECONDS):
            self._asked = (height, now)
            self._hear(PeerUp(peer.id))

    def _look_around(self) -> None:
        """Tells the core who came and who went."""
        now = {peer.id for peer in self._membership.responsive()}
        came, went = now - self._up, self._up - now
        self._up = now
        for peer_id in sorted(went):
            self._hear(PeerDown(peer_id))
        for peer_id in sorted(came):
            self._hear(PeerUp(peer_id))
