"""Whom a node turns to in the layer above: the parent that the operator configured, and that layer's other validators.

The addresses are hearsay, told by whichever node is followed. So only those of validators count, whose set is known
from certificates; what is heard at an address is believed only as far as it is certified; and the configured parent
always keeps its turn.
"""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Callable, Iterable
from ipaddress import ip_address
from typing import Any, Final

from ottochain.node.settings import ParentPeer, is_peer_id
from ottochain.node.supervisor import Supervisor
from ottochain.store.database import Database
from ottochain.store.meta import Fact, Meta, put_fact

MEMBERS_MAX: Final = 64
"""Of more than so many nodes a layer's word is cut: seven validators are the most."""


class Parents:
    """The configured parent and its fellow validators. ``on_change`` is called when there is something new to keep."""

    def __init__(self, configured: ParentPeer) -> None:
        self.configured = configured
        self.validators: tuple[str, ...] = ()
        self.on_change: Callable[[], None] = lambda: None
        self._members: tuple[ParentPeer, ...] = ()
        self._url = configured.url

    @property
    def url(self) -> str:
        """Where the one is that was heard last."""
        return self.urls()[0]

    @property
    def peers(self) -> list[ParentPeer]:
        """The configured one first, then the validators whose addresses are known."""
        fellows = {each.id: each for each in self._members if each.id in self.validators}
        fellows.pop(self.configured.id, None)
        return [self.configured, *(fellows[peer_id] for peer_id in sorted(fellows))]

    def urls(self) -> list[str]:
        """All of them in the order in which to try them: the one that was heard last first."""
        urls = list(dict.fromkeys(peer.url for peer in self.peers))
        turn = urls.index(self._url) if self._url in urls else 0
        return urls[turn:] + urls[:turn]

    def turn_to(self, url: str) -> None:
        """This one is heard."""
        self._url = url

    def believe(self, validators: tuple[str, ...]) -> None:
        """The layer's validators, from a certified header."""
        if validators != self.validators:
            self.validators = validators
            self.on_change()

    def learn(self, members: object) -> None:
        """The members of the layer above as one of them tells them; what is no member is passed over."""
        if not isinstance(members, list):
            return
        learned = tuple(_members(members[:MEMBERS_MAX]))
        if learned != self._members:
            self._members = learned
            self.on_change()

    def to_text(self) -> str:
        """What to keep over a restart."""
        members = [member_json(each.id, each.host, each.port) for each in self._members]
        return json.dumps({"of": self.configured.id, "validators": list(self.validators), "members": members})

    def restore(self, text: str) -> None:
        """Takes up what was kept; not so when the operator has configured another parent since."""
        kept = json.loads(text)
        if kept["of"] == self.configured.id:
            self._members = tuple(_members(kept["members"]))
            self.validators = tuple(kept["validators"])


def keep_parents(parents: Parents, fact: Fact, database: Database, supervisor: Supervisor) -> None:
    """Has the parents kept in a node's store: after a restart it finds the others when the configured one is down."""
    if (kept := Meta(database).get(fact)) is not None:
        parents.restore(kept)

    async def write() -> None:
        text = parents.to_text()

        def put(connection: sqlite3.Connection) -> None:
            put_fact(connection, fact, text)

        await database.write(put)

    def changed() -> None:
        supervisor.background("keep parents", write())

    parents.on_change = changed


def member_json(peer_id: str, host: str, public_port: int) -> dict[str, Any]:
    """A member of a layer as its feed names it."""
    return {"id": peer_id, "ip": host, "publicPort": public_port}


def _members(values: Iterable[object]) -> Iterable[ParentPeer]:
    for value in values:
        if not isinstance(value, dict):
            continue
        peer_id, host, port = value.get("id"), value.get("ip"), value.get("publicPort")
        if not (isinstance(peer_id, str) and isinstance(host, str) and type(port) is int):
            continue
        if is_peer_id(peer_id) and _is_host(host) and 0 < port < 65_536:
            yield ParentPeer(peer_id, host, port)


def _is_host(text: str) -> bool:
    """An address, or a name: nothing that could make another URL of it."""
    try:
        ip_address(text)
    except ValueError:
        return 0 < len(text) <= 253 and text.isascii() and all(each.isalnum() or each in "-." for each in text)
    return True
