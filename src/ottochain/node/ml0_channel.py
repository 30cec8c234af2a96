"""The state channel of ML0: its snapshots as binaries on their way to GL0, and what GL0 holds of them.

What GL0 holds is the truth. A binary is done with when a GL0 snapshot includes it. A GL0 that was restored from a
backup holds less than it did: the rest is sent again. Where GL0 took another validator's binary of a snapshot, that one
takes the place of ours, and what comes after it is made again on top of it.
"""

from __future__ import annotations

import logging
import sqlite3
from collections.abc import Callable, Sequence
from typing import Any, Final

import aiohttp

from ottochain.codec import exact_json
from ottochain.codec.hashing import EMPTY_HASH
from ottochain.consensus.outbox import Binary as OutboxBinary
from ottochain.consensus.outbox import OutboxConfig
from ottochain.crypto.keys import PrivateKey
from ottochain.crypto.proofs import sign
from ottochain.layers.delivery import Delivery
from ottochain.model.binary import Binary, SignedBinary
from ottochain.model.header import Header
from ottochain.model.signed import decode_proofs, proofs_text
from ottochain.node.feed import FeedError, Line
from ottochain.node.following import follower_of
from ottochain.node.l0_terms import ChainProblem
from ottochain.node.node import Node
from ottochain.node.outbox_shell import OutboxShell
from ottochain.node.parents import keep_parents
from ottochain.node.upstream import GlobalView
from ottochain.store.chain import Chain
from ottochain.store.database import Database
from ottochain.store.meta import Fact
from ottochain.store.outbox import (
    Outbox,
    OutboxRow,
    binary_at,
    confirm,
    confirm_other,
    contents_above,
    rechain,
    unconfirm_above,
)

log = logging.getLogger(__name__)

DELIVERY_SECONDS: Final = 10.0


class StateChannel:
    """Follows GL0 from ``follow`` on, and sends from ``open`` on. ``founding`` gives what goes with the genesis."""

    def __init__(self, node: Node, database: Database, founding: Callable[[], dict[str, Any]]) -> None:
        assert node.config.global_l0_peer is not None
        self._node = node
        self._database = database
        self._founding = founding
        self._members: tuple[str, ...] = ()
        self._frames = True
        self.outbox = Outbox(database)
        self.view = GlobalView(node.config.global_l0_peer, node.config.token_identifier)
        keep_parents(self.view.parents, Fact.GL0_PARENTS, database, node.supervisor)
        self.sender: OutboxShell | None = None

    def follow(self) -> None:
        """Listens to GL0, if it does not do so already."""
        if self.view.followed:
            return
        self.view.followed = True
        self._node.supervisor.loop("follow gl0", follower_of(self._node, self.view, self.hear, "gl0").run())

    async def first_word(self) -> None:
        """Waits until GL0 was heard. Raises ``ChainProblem`` when it is not the one it should be."""
        self.follow()
        if self.view.ordinal is None:
            log.info("waiting for GL0 at %s", self.view.parent.url)
        try:
            await self.view.first_word()
        except FeedError as error:
            raise ChainProblem(f"{error}: check CL_GLOBAL_L0_PEER_ID and the address. Nothing was changed") from error

    async def check(self, metagraph_id: str, head: int) -> None:
        """What GL0 holds must be a part of this chain, whose newest ordinal is ``head``. It may be in the binary of
        another validator, of which this node had not heard when it ended.

        Raises ``ChainProblem``: going on otherwise would fork the metagraph.
        """
        self.view.metagraph_id = metagraph_id
        await self.first_word()
        ordinal, binary_hash = self.view.confirmed_ordinal, self.view.confirmed_hash
        if ordinal is None or self.outbox.at(ordinal) == binary_hash:
            return
        snapshot_hash = self.view.confirmed_snapshot
        if snapshot_hash is not None and snapshot_hash == Chain(self._database).hash_at(ordinal):
            return
        raise ChainProblem(
            f"GL0 holds snapshot {ordinal} of this metagraph as binary {binary_hash}, which is not in this data"
            f" directory (its head is ordinal {head}): it is older than what was confirmed, or another chain. Nothing"
            " was changed; restore the newest backup of ML0"
        )

    def open(self, metagraph_id: str, members: tuple[str, ...]) -> None:
        """Sends what GL0 does not hold. ``members`` are the validators, who take turns."""
        self.view.metagraph_id = metagraph_id
        self._members = members
        if self.view.ordinal is not None:
            self._agree_with_global()
        self._start_sending()
        self.follow()

    def enqueue_newest(self) -> None:
        """A snapshot was committed: its binary is durable.

        What GL0 said meanwhile may be durable, too, and not yet told to the sender; and GL0 may hold this very snapshot
        already, from another validator, who was faster.
        """
        row = self.outbox.last()
        if self.sender is None or row is None:
            return
        if self.view.confirmed_ordinal == row.ordinal and self.view.confirmed_hash is not None:
            held = (row.ordinal, self.view.confirmed_hash)
            self._node.supervisor.background("confirm", self._take_in((held,)))
        binary = OutboxBinary(row.ordinal, row.hash, row.previous)
        if self.outbox.included(row.hash) is None and self.sender.is_next(binary):
            self.sender.enqueue(binary)
        else:
            self._start_sending(leads=self.sender.leads)

    def close(self) -> None:
        """Sends nothing more."""
        if self.sender is not None:
            self.sender.close()

    def facts(self) -> dict[str, Any]:
        """How far GL0 has the metagraph."""
        sender = self.sender
        return {
            "globalOrdinal": self.view.ordinal,
            "confirmedOrdinal": self.view.confirmed_ordinal,
            "outbox": None
            if sender is None
            else {"depth": sender.depth, "oldestSeconds": sender.oldest_seconds, "lastProblem": sender.last_problem},
        }

    async def hear(self, line: Line) -> None:
        """A line of GL0's feed."""
        included = self.view.apply_line(line)
        if self.sender is None:
            return  # once it is opened, it asks the view
        if included:
            await self._take_in(included)
        if "state" in line:
            self.sender.gl0_up()

    async def _take_in(self, included: Sequence[tuple[int, str]]) -> None:
        """GL0 holds these binaries."""
        others = await self._database.write_at_last(lambda connection: self._confirm(connection, included))
        if self.sender is None:
            return
        if others:
            self._start_sending(leads=False)
        for _, binary_hash in included:
            self.sender.included(binary_hash)

    def _agree_with_global(self) -> None:
        """At the start: what GL0 holds is confirmed, and what it does not hold is not, whatever was noted before."""
        ordinal, binary_hash = self.view.confirmed_ordinal, self.view.confirmed_hash
        held = [] if ordinal is None or binary_hash is None else [(ordinal, binary_hash)]

        def write(connection: sqlite3.Connection) -> None:
            last = -1 if ordinal is None else ordinal
            lost = unconfirm_above(connection, last)
            self._confirm(connection, held)
            if lost:
                log.warning("GL0 does not hold %d binaries that it held once: they are sent again", lost)
                # Some may have been other validators': noted by their hashes, and only where GL0 told of them.
                rechain(connection, self._made_again(connection, last, binary_hash or EMPTY_HASH))

        self._database.write_now(write)

    def _confirm(self, connection: sqlite3.Connection, included: Sequence[tuple[int, str]]) -> bool:
        """Notes that GL0 holds these; true when it holds another binary of one of these snapshots than ours."""
        others = [each for each in included if binary_at(connection, each[0]) not in (None, each[1])]
        global_ordinal = self.view.ordinal or 0
        for ordinal, binary_hash in others:
            confirm_other(connection, ordinal, binary_hash, global_ordinal)
        confirm(connection, [binary_hash for _, binary_hash in included], global_ordinal)
        if others:
            rechain(connection, self._made_again(connection, *others[-1]))
        return bool(others)

    def _made_again(self, connection: sqlite3.Connection, ordinal: int, previous: str) -> list[OutboxRow]:
        """The binaries after ``ordinal`` on top of ``previous``, signed by this node."""
        made = []
        for number, content in contents_above(connection, ordinal):
            binary = Binary(previous, content)
            made.append(outbox_row(number, binary, self._node.key))
            previous = binary.hash
        return made

    def _start_sending(self, leads: bool | None = None) -> None:
        if self.sender is not None:
            self.sender.close()
        config = OutboxConfig(me=self._node.id, members=self._members)
        self.sender = OutboxShell(config, self.deliver, self._node.supervisor)
        rows = self.outbox.pending_rows()
        self.sender.boot(tuple(OutboxBinary(row.ordinal, row.hash, row.previous) for row in rows), leads)

    async def deliver(self, ordinal: int, attempt: int) -> str | None:
        """Posts one binary to GL0; None when it was taken. Each further attempt goes to another of its validators."""
        entry = self.outbox.entry(ordinal)
        metagraph_id = self.view.metagraph_id
        if entry is None or metagraph_id is None:
            return None
        proofs = decode_proofs(exact_json.loads(entry.row.proofs))
        signed = SignedBinary(Binary(entry.row.previous, entry.content), proofs)
        founding = self._founding() if ordinal == 0 else None
        delivery = Delivery(metagraph_id, signed, Header.from_bytes(entry.header), founding)
        urls = self.view.parents.urls()
        url = urls[attempt % len(urls)]
        status, said = 404, ""
        try:
            if self._frames:
                address = f"{url}/ottochain/state-channels/{metagraph_id}"
                status, said = await self._post(address, delivery.to_frame(), "application/octet-stream")
            if status == 404:
                # A GL0 of another engine: it knows the reference's route alone.
                self._frames = False
                address = f"{url}/state-channels/{metagraph_id}/snapshot"
                status, said = await self._post(address, delivery.to_bytes(), "application/json")
        except (aiohttp.ClientError, TimeoutError, OSError) as error:
            return type(error).__name__
        return None if status == 200 else f"status {status}: {said}"

    async def _post(self, url: str, body: bytes, content_type: str) -> tuple[int, str]:
        """Status and first words of GL0's answer."""
        headers = {"Content-Type": content_type}
        timeout = aiohttp.ClientTimeout(total=DELIVERY_SECONDS)
        async with self._node.http.post(url, data=body, headers=headers, timeout=timeout) as response:
            return response.status, "" if response.status == 200 else (await response.text())[:300]


def outbox_row(ordinal: int, binary: Binary, key: PrivateKey) -> OutboxRow:
    """A binary as the outbox keeps it, signed."""
    return OutboxRow(ordinal, binary.last_snapshot_hash, binary.hash, proofs_text([sign(binary.hash, key)]))
