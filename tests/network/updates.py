"""What a client does: sign messages, hand them to DL1, ask what became of them, and read ML0's snapshots."""

from __future__ import annotations

import json
import uuid
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from itertools import cycle
from typing import Any, Final

import constellation_sdk
import httpx
from tests.network.stack import Stack, until

from ottochain.codec.canonical import canonical_bytes
from ottochain.codec.hashing import data_update_hash
from ottochain.codec.wire import signed_bytes, unbrotli
from ottochain.crypto.keys import PrivateKey

TALLY: Final[Mapping[str, Any]] = {
    "states": {"open": {"id": "open", "isFinal": False, "metadata": None}},
    "initialState": "open",
    "transitions": [
        {
            "from": "open",
            "to": "open",
            "eventName": "add",
            "guard": {">": [{"var": "event.amount"}, 0]},
            "effect": {"total": {"+": [{"var": "state.total"}, {"var": "event.amount"}]}},
            "dependencies": [],
        }
    ],
    "metadata": None,
}
"""A machine that adds up amounts and never ends."""

FAILING: Final[Mapping[str, Any]] = {"/": [{"var": "args.a"}, {"var": "args.b"}]}
"""A script whose invocation with b = 0 can only be found out in combining."""


@dataclass(frozen=True, slots=True)
class Update:
    """A signed message: its hash, and the body to be posted."""

    message: Mapping[str, Any]
    hash: str
    body: bytes

    @property
    def fiber(self) -> str:
        (payload,) = self.message.values()
        fiber: str = payload["fiberId"]
        return fiber


def signed(message: Mapping[str, Any], *keys: PrivateKey) -> Update:
    """Signed by each key, as one of our own clients does it."""
    canonical = canonical_bytes(message)
    update_hash = data_update_hash(canonical)
    proofs = [{"id": key.peer_id, "signature": key.sign_hash(update_hash)} for key in keys]
    return Update(message, update_hash, b'{"value":%b,"proofs":%b}' % (canonical, json.dumps(proofs).encode()))


def signed_by_sdk(message: Mapping[str, Any], *private_keys: str) -> Update:
    """Signed with the public Python SDK of Constellation metagraphs, in the shape of its own types."""
    done = constellation_sdk.batch_sign(message, list(private_keys), is_data_update=True)
    update_hash = constellation_sdk.hash_data(message, is_data_update=True).value
    proofs = [{"id": proof.id, "signature": proof.signature} for proof in done.proofs]
    return Update(message, update_hash, json.dumps({"value": done.value, "proofs": proofs}).encode())


def create(key: PrivateKey, *, fiber: str | None = None, definition: Mapping[str, Any] = TALLY) -> Update:
    """The founding of a machine, by default a tally at 0."""
    payload = {
        "fiberId": fiber or str(uuid.uuid4()),
        "definition": definition,
        "initialData": {"total": 0},
        "parentFiberId": None,
    }
    return signed({"CreateStateMachine": payload}, key)


def add(
    key: PrivateKey, fiber: str, sequence: int, amount: object = 1, *, event: str = "add", extra: object = None
) -> Update:
    """An event for a tally. ``extra`` makes it another update than one that is otherwise the same."""
    payload = {"amount": amount} if extra is None else {"amount": amount, "extra": extra}
    message = {"fiberId": fiber, "eventName": event, "payload": payload, "targetSequenceNumber": sequence}
    return signed({"TransitionStateMachine": message}, key)


def create_script(key: PrivateKey, *, fiber: str | None = None, program: object = FAILING) -> Update:
    payload = {
        "fiberId": fiber or str(uuid.uuid4()),
        "scriptProgram": program,
        "initialState": None,
        "accessControl": {"Public": {}},
    }
    return signed({"CreateScript": payload}, key)


def invoke(key: PrivateKey, fiber: str, sequence: int, arguments: object, *, method: str = "run") -> Update:
    payload = {"fiberId": fiber, "method": method, "args": arguments, "targetSequenceNumber": sequence}
    return signed({"InvokeScript": payload}, key)


# Handing in, and what becomes of it.


def post(stack: Stack, update: Update, name: str = "dl1") -> httpx.Response:
    return stack.post(name, "/data", update.body)


def hand_in(stack: Stack, update: Update, name: str = "dl1") -> str:
    """Post an update that must be acknowledged; gives its hash."""
    response = post(stack, update, name)
    assert response.status_code == 200, f"{name}: {response.status_code} {response.text[:500]}"
    assert response.json() == {"hash": update.hash, "feeHash": None}
    return update.hash


def fate(stack: Stack, update_hash: str, name: str = "dl1") -> dict[str, Any] | None:
    """What a DL1 says became of an update; None where it does not know of it (404)."""
    response = stack.get(name, f"/data/{update_hash}")
    if response.status_code == 404:
        return None
    assert response.status_code == 200, response.text
    found: dict[str, Any] = response.json()
    assert list(found) == ["hash", "status", "ordinal", "reason"]
    assert found["hash"] == update_hash
    return found


def settled(stack: Stack, update_hash: str, name: str = "dl1", seconds: float = 20.0) -> dict[str, Any]:
    """Its fate, once it is decided. Before that a node that was not given it may not know it."""

    def decided() -> dict[str, Any] | None:
        found = fate(stack, update_hash, name)
        return found if found and found["status"] != "Waiting" else None

    found = until(f"{update_hash} decided at {name}", decided, seconds)
    assert isinstance(found["ordinal"], int)
    assert (found["reason"] is None) == (found["status"] == "Accepted")
    return found


def accepted(stack: Stack, update: Update, name: str = "dl1") -> int:
    """Hand in and wait until it is applied; gives the ordinal."""
    found = settled(stack, hand_in(stack, update, name), name)
    assert found["status"] == "Accepted", found
    ordinal: int = found["ordinal"]
    return ordinal


def seen_by(stack: Stack, name: str, fiber: str, sequence: int = 0) -> None:
    """Wait until a DL1 judges by this sequence number of the fiber, or a later one."""

    def follows() -> bool:
        commit = stack.application("/onchain", name)["fiberCommits"].get(fiber)
        return commit is not None and commit["sequenceNumber"] >= sequence

    until(f"{name} knows sequence {sequence} of {fiber}", follows)


def machines(stack: Stack, key: PrivateKey, count: int) -> list[str]:
    """That many tallies, known to every DL1."""
    created = [create(key) for _ in range(count)]
    names = stack.layer("dl1")
    for update, name in zip(created, cycle(names), strict=False):
        hand_in(stack, update, name)
    for update in created:
        assert settled(stack, update.hash)["status"] == "Accepted"
    for name in names:
        for update in created:
            seen_by(stack, name, update.fiber)
    return [update.fiber for update in created]


# What the chain says.


def blocks(stack: Stack, since: int = 0) -> Iterator[tuple[int, dict[str, Any]]]:
    """Every data block in ML0's snapshots after ``since``, decoded, with the ordinal of its snapshot."""
    for ordinal in range(since + 1, stack.ordinal("ml0") + 1):
        data = stack.json("ml0", f"/snapshots/{ordinal}")["value"]["dataApplication"]
        for content in data["blocks"]:
            yield ordinal, json.loads(signed_bytes(content))


def applied(stack: Stack, since: int = 0) -> dict[str, list[int]]:
    """For each update in a block the ordinals where it stands: hashes are computed anew from what was signed."""
    found: dict[str, list[int]] = {}
    for ordinal, block in blocks(stack, since):
        value = block["value"]
        hashes = [data_update_hash(canonical_bytes(each["value"])) for (each,) in value["dataTransactions"]]
        assert [[each] for each in hashes] == value["dataTransactionsHashes"]
        for each in hashes:
            found.setdefault(each, []).append(ordinal)
    return found


def assert_each_decided_once(stack: Stack, updates: Iterable[Update], since: int) -> Counter[str]:
    """Every acknowledged update stands in one block and is Accepted, or in none and is Rejected with a reason.

    No update stands in two blocks, and sequence numbers add up. ``since``: ML0's ordinal before the first of them.
    Gives how many there are of each.
    """
    statuses: Counter[str] = Counter()
    transitions: Counter[str] = Counter()
    updates = {update.hash: update for update in updates}.values()
    asked = next(name for name in reversed(stack.layer("dl1")) if stack.pid(name) is not None)
    fates = {update.hash: settled(stack, update.hash, asked) for update in updates}
    in_blocks = applied(stack, since)
    for update in updates:
        told = fates[update.hash]
        statuses[told["status"]] += 1
        if told["status"] == "Accepted":
            assert in_blocks.get(update.hash) == [told["ordinal"]], (update, told)
            transitions[update.fiber] += "Create" not in next(iter(update.message))
        else:
            assert told["reason"], told
            assert update.hash not in in_blocks, told
    assert all(len(ordinals) == 1 for ordinals in in_blocks.values())
    state = stack.application("/checkpoint")["state"]
    for fiber, count in transitions.items():
        record = state["stateMachines"].get(fiber) or state["scripts"][fiber]
        assert record["sequenceNumber"] >= count
        total = record["stateData"].get("total") if isinstance(record["stateData"], dict) else None
        assert total in (None, record["sequenceNumber"])
    return statuses


def ordinals_in_gl0(stack: Stack, since: int = 0) -> list[int]:
    """The ML0 ordinals in GL0's snapshots after ``since``, in their order."""
    found = []
    token = stack.token
    for ordinal in range(since + 1, stack.ordinal("gl0") + 1):
        channels = stack.json("gl0", f"/global-snapshots/{ordinal}")["value"]["stateChannelSnapshots"]
        for binary in channels.get(token, ()):
            content = json.loads(unbrotli(signed_bytes(binary["value"]["content"]), 64 * 1024 * 1024))
            found.append(content["value"]["ordinal"])
    return found


def assert_all_in_gl0(stack: Stack, since: int = 0) -> None:
    """Each ML0 snapshot stands in GL0's chain after ``since`` once, none is missing, and none is out of order."""
    head = stack.ordinal("ml0")
    until(f"GL0 holds ordinal {head}", lambda: stack.held_by_gl0().get(stack.token, -1) >= head)
    found = ordinals_in_gl0(stack, since)
    assert found[-1] >= head
    assert found == list(range(found[0], found[-1] + 1))
    assert found[0] == 0 or since
