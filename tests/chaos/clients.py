"""Clients that go on whatever happens: each asks another node when one does not answer, and keeps what it was told."""

from __future__ import annotations

import contextlib
import itertools
import json
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Final, Literal

import httpx
from tests.network.stack import Stack
from tests.network.updates import add, create

from ottochain.crypto.keys import PrivateKey
from ottochain.ledger.references import Reference
from ottochain.ledger.transactions import Transaction

ANSWER_SECONDS: Final = 3.0
"""A node that is slower than this is asked no longer; the next one is."""
UPDATES_PAUSE_SECONDS: Final = 0.08
TOKENS_PAUSE_SECONDS: Final = 0.15
FEE: Final = 200_000
"""Lifts the limit for free transactions."""
MACHINES: Final = 6
"""Of one client; its events go round among them."""


@dataclass(frozen=True, slots=True)
class Item:
    """Something that a client handed in: an update, or a transaction."""

    kind: Literal["update", "transaction"]
    hash: str
    body: bytes
    fiber: str = ""
    """The machine that an event is for; empty for its founding, and for a transaction."""


@dataclass(frozen=True, slots=True)
class Acknowledged:
    """An item whose 200 was read: from whom, and how many seconds after the run began."""

    item: Item
    node: str
    at: float


@dataclass
class Ledger:
    """What the clients were told. ``unsure``: handed in, and the answer never came."""

    began: float = field(default_factory=time.monotonic)
    acknowledged: dict[str, Acknowledged] = field(default_factory=dict)
    unsure: dict[str, Item] = field(default_factory=dict)
    answers: dict[str, int] = field(default_factory=dict)
    """How often each other answer came, for the report."""
    surprises: list[str] = field(default_factory=list)
    """Answers that no fault explains."""
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def taken(self, item: Item, node: str) -> None:
        """A 200 was read."""
        with self._lock:
            at = round(time.monotonic() - self.began, 2)
            self.acknowledged.setdefault(item.hash, Acknowledged(item, node, at))
            self.unsure.pop(item.hash, None)

    def other(self, answer: str) -> None:
        with self._lock:
            self.answers[answer] = self.answers.get(answer, 0) + 1


class Clients:
    """Threads that post until the end of the block. ``rich``: keys with tokens, one for each client that sends some."""

    def __init__(self, stack: Stack, ledger: Ledger, rich: list[PrivateKey], updaters: int = 2) -> None:
        self._stack = stack
        self._ledger = ledger
        self._nodes = {layer: stack.layer(layer) for layer in ("cl1", "dl1")}
        self._stop = threading.Event()
        self._threads = [threading.Thread(target=self._guarded(self._send_updates), args=(n,)) for n in range(updaters)]
        self._threads += [threading.Thread(target=self._guarded(self._send_tokens), args=(key,)) for key in rich]

    def __enter__(self) -> Clients:
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        for thread in self._threads:
            thread.join()

    def _guarded(self, work: Callable[..., None]) -> Callable[..., None]:
        """A client that fails on its own says so: a run without load has shown nothing."""

        def run(*arguments: object) -> None:
            try:
                work(*arguments)
            except Exception as error:
                self._ledger.surprises.append(f"a client ended: {type(error).__name__}: {error}")

        return run

    def _send_updates(self, number: int) -> None:
        """Found machines and drive them, each event at another node."""
        key = PrivateKey.generate()
        nodes = itertools.cycle(self._nodes["dl1"][number:] + self._nodes["dl1"][:number])
        sequences: dict[str, int] = {}
        with httpx.Client(timeout=ANSWER_SECONDS) as http:
            for turn in itertools.count():
                if len(sequences) < MACHINES or turn % 10 == 9:
                    update = create(key)
                    fiber = ""
                else:
                    fiber = list(sequences)[turn % len(sequences)]
                    update = add(key, fiber, sequences[fiber])
                item = Item("update", update.hash, update.body, fiber)
                if not self._hand_in(http, item, "/data", nodes):
                    return
                if fiber:
                    sequences[fiber] += 1
                elif len(sequences) < MACHINES:
                    if not self._known(http, update.fiber):
                        return
                    sequences[update.fiber] = 0
                self._stop.wait(UPDATES_PAUSE_SECONDS)

    def _known(self, http: httpx.Client, fiber: str) -> bool:
        """Wait until every DL1 node judges by a state that has the machine; False when the run ends before."""
        for name in self._nodes["dl1"]:
            while not self._stop.is_set():
                with contextlib.suppress(httpx.TransportError, ValueError):
                    answer = http.get(self._stack.url(name, "/data-application/v1/onchain"))
                    if answer.status_code == 200 and fiber in answer.json()["fiberCommits"]:
                        break
                self._stop.wait(0.05)
        return not self._stop.is_set()

    def _hand_in(self, http: httpx.Client, item: Item, path: str, nodes: Iterator[str]) -> bool:
        """Ask node after node until one takes it. False: the run ended, or the item was refused."""
        while not self._stop.is_set():
            name = next(nodes)
            answer = self._post(http, item, path, name)
            if answer is None:
                continue
            if answer.status_code == 200:
                self._ledger.taken(item, name)
                return True
            self._ledger.other(f"{path} {answer.status_code} {answer.text[:120]}")
            if answer.status_code < 500:
                # The first 200 was lost with its connection, and the update is decided already.
                if item.hash in self._ledger.unsure:
                    return True
                self._ledger.surprises.append(f"{name} refused {item.hash}: {answer.text[:300]}")
                return False
            self._stop.wait(UPDATES_PAUSE_SECONDS)
        return False

    def _post(self, http: httpx.Client, item: Item, path: str, name: str) -> httpx.Response | None:
        """The answer; None when there was none, and it is not known whether the node has the item."""
        try:
            headers = {"Content-Type": "application/json"}
            return http.post(self._stack.url(name, path), content=item.body, headers=headers)
        except httpx.ConnectError:
            self._ledger.other("no connection")
        except httpx.TransportError as error:
            self._ledger.unsure[item.hash] = item
            self._ledger.other(type(error).__name__)
        self._stop.wait(UPDATES_PAUSE_SECONDS)
        return None

    def _send_tokens(self, key: PrivateKey) -> None:
        """A chain of transactions of one address, each at another node. Where a node refuses one, for it has not
        heard of the one before, the next node is asked; when nobody takes it, the chain is taken up anew."""
        nodes = itertools.cycle(self._nodes["cl1"])
        destination = PrivateKey.generate().address
        parent: Reference | None = None
        salts = itertools.count()
        with httpx.Client(timeout=ANSWER_SECONDS) as http:
            while not self._stop.is_set():
                parent = parent or self._last_reference(http, key.address, next(nodes))
                if parent is None:
                    continue
                transaction = Transaction(key.address, destination, 1, FEE, parent, next(salts))
                parent = self._hand_in_tokens(http, key, transaction, nodes)
                self._stop.wait(TOKENS_PAUSE_SECONDS)

    def _hand_in_tokens(
        self, http: httpx.Client, key: PrivateKey, transaction: Transaction, nodes: Iterator[str]
    ) -> Reference | None:
        """What the next one follows; None when that has to be asked for."""
        proof = {"id": key.peer_id, "signature": key.sign_hash(transaction.hash)}
        body = json.dumps({"value": transaction.to_json(), "proofs": [proof]}).encode()
        item = Item("transaction", transaction.hash, body)
        for name in itertools.islice(nodes, 2 * len(self._nodes["cl1"])):
            answer = self._post(http, item, "/transactions", name)
            if answer is not None and answer.status_code == 200:
                self._ledger.taken(item, name)
                return Reference(transaction.parent.ordinal + 1, transaction.hash)
            if answer is not None:
                words = answer.text[:80].partition("{error")[0]
                self._ledger.other(f"/transactions {answer.status_code} {words}")
            if self._stop.wait(TOKENS_PAUSE_SECONDS):
                break
        return None

    def _last_reference(self, http: httpx.Client, address: str, name: str) -> Reference | None:
        with contextlib.suppress(httpx.TransportError):
            answer = http.get(self._stack.url(name, f"/transactions/last-reference/{address}"))
            if answer.status_code == 200:
                return Reference.from_json(answer.json())
        self._stop.wait(TOKENS_PAUSE_SECONDS)
        return None
