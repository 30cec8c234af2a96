"""How a node that joins an L0 layer gets its chain: from a peer, each snapshot checked as if it were proposed now.

A peer is asked for pages of what it committed. The founder's two snapshots are checked against the signed founding;
every later one is built again from what the validators voted on, must give the hash they voted for, and must carry
their certificate. So it does not matter whom a node asks, and nothing is believed that a quorum did not make final.
"""

from __future__ import annotations

import asyncio
import json
import logging
from base64 import b64decode, b64encode
from binascii import Error as Base64Error
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any, Final

from aiohttp import web

from ottochain.codec import exact_json
from ottochain.codec.errors import CodecError
from ottochain.crypto.proofs import Proof, verify
from ottochain.model.errors import ModelError
from ottochain.model.header import Header
from ottochain.model.signed import Signed
from ottochain.node.membership import Membership, Peer
from ottochain.node.peer_client import PeerClient, PeerError
from ottochain.node.responses import json_response
from ottochain.store.chain import Chain as ChainStore
from ottochain.store.chain import Committed as StoredSnapshot

log = logging.getLogger(__name__)

CHAIN_PATH: Final = "/ottochain/chain"
PAGE_SNAPSHOTS: Final = 50
PAGE_BYTES_SOFT_MAX: Final = 16 * 1024 * 1024
PAGE_SECONDS: Final = 60.0
OTHERS_SECONDS: Final = 2.0
RETRY_SECONDS: Final = (0.05, 2.0)


class ChainRefused(Exception):  # noqa: N818  what happened
    """What a peer sent is not this chain's continuation; the text says why."""


@dataclass(frozen=True, slots=True)
class Page:
    """Some snapshots of a peer, oldest first, and the signed founding of its chain."""

    founding: dict[str, Any]
    snapshots: tuple[StoredSnapshot, ...]


def serve_chain(chain: ChainStore, founding: Callable[[], str | None]) -> web.RouteDef:
    """The route on the p2p listener; ``founding`` is the stored JSON of the signed founding."""

    async def page(request: web.Request) -> web.Response:
        first = request.query.get("first", "")
        signed_founding = founding()
        if not (first.isascii() and first.isdigit() and len(first) < 16) or signed_founding is None:
            return web.Response(status=404)
        snapshots, size = [], 0
        for stored in chain.since(int(first), PAGE_SNAPSHOTS):
            snapshots.append(_snapshot_json(stored))
            size += len(stored.body) + len(stored.proposal)
            if size > PAGE_BYTES_SOFT_MAX:
                break
        return json_response({"founding": json.loads(signed_founding), "snapshots": snapshots})

    return web.get(CHAIN_PATH, page)


class Downloader:
    """Asks the members of the cluster, one after the other, until one has given all it has."""

    def __init__(self, membership: Membership, peers: PeerClient) -> None:
        self._membership = membership
        self._peers = peers

    async def run(self, next_ordinal: Callable[[], int], apply: Callable[[Page], Awaitable[None]]) -> None:
        """Returns when a member had nothing more, and the others were asked, too, as far as they answer at once: one of
        them may be ahead, and whether this node is a validator is judged by the newest.

        Raises ``ChainRefused`` when ``apply`` does for every member.
        """
        retry_seconds, longest = RETRY_SECONDS
        while True:
            refusals: list[str] = []
            members = self._membership.responsive()
            complete = False
            for peer in members:
                try:
                    await self._from(peer, next_ordinal, apply, OTHERS_SECONDS if complete else PAGE_SECONDS)
                    complete = True
                except PeerError as error:
                    log.info("%s gave no chain: %s", peer.id[:8], error)
                except ChainRefused as refusal:
                    log.error("the chain of %s is refused: %s", peer.id[:8], refusal)
                    refusals.append(str(refusal))
            if complete:
                return
            if members and len(refusals) == len(members):
                raise ChainRefused(refusals[0])
            await asyncio.sleep(retry_seconds)
            retry_seconds = min(retry_seconds * 2, longest)

    async def _from(
        self,
        peer: Peer,
        next_ordinal: Callable[[], int],
        apply: Callable[[Page], Awaitable[None]],
        timeout_seconds: float,
    ) -> None:
        while True:
            path = f"{CHAIN_PATH}?first={next_ordinal()}"
            answer = await self._peers.get(peer, path, timeout_seconds=timeout_seconds)
            page = _read_page(answer.body)
            if not page.snapshots:
                return
            await apply(page)


def certified_proofs(stored: StoredSnapshot, header: Header) -> tuple[Proof, ...]:
    """The proofs of a downloaded snapshot that validators made. Raises ``ModelError`` when there is none."""
    proofs = Signed.from_json(exact_json.loads(stored.signed)).proofs
    held = tuple(proof for proof in proofs if proof.id in header.validators and verify(header.snapshot_hash, proof))
    if not held:
        raise ModelError(f"snapshot {header.ordinal} has no proof of a validator")
    return held


def _snapshot_json(stored: StoredSnapshot) -> dict[str, Any]:
    return {
        "ordinal": stored.ordinal,
        "hash": stored.hash,
        "header": exact_json.loads(stored.header),
        "body": b64encode(stored.body).decode(),
        "proposal": b64encode(stored.proposal).decode(),
    }


def _read_page(body: bytes) -> Page:
    """Raises ``ChainRefused``."""
    try:
        value = exact_json.loads(body)
        snapshots = tuple(
            StoredSnapshot(
                each["ordinal"],
                each["hash"],
                b64decode(each["body"], validate=True),
                exact_json.dumps(each["header"]),
                b64decode(each["proposal"], validate=True),
            )
            for each in value["snapshots"]
        )
        return Page(value["founding"], snapshots)
    except (CodecError, Base64Error, KeyError, TypeError, ValueError) as error:
        raise ChainRefused(f"not a page of a chain: {error!r}") from error
