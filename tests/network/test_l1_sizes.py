"""L1 layers of one to seven nodes: how many must sign, and that nothing is lost when nodes die, some for good."""

from __future__ import annotations

import shutil
from collections.abc import Callable

import pytest
from tests.network.load import KEY, Load, clients
from tests.network.stack import Stack, until
from tests.network.tokens import ALICE, BOB, CAROL, TOKEN, balance, enrich, hash_of, send, transfers, until_decided
from tests.network.updates import accepted, assert_each_decided_once, create, hand_in, machines, settled

from ottochain.codec.canonical import canonical_bytes
from ottochain.codec.hashing import data_update_hash

pytestmark = pytest.mark.network

SIGNATURES = {1: 1, 2: 2, 3: 2, 5: 3, 7: 4}
"""How many of so many nodes sign each block."""


@pytest.fixture
def of_size(new_stack: Callable[..., Stack]) -> Callable[[int], Stack]:
    """Makes stacks with so many CL1 and DL1 nodes, and brings them up."""

    def make(nodes: int) -> Stack:
        stack = new_stack(counts={"cl1": nodes, "dl1": nodes})
        enrich(stack)
        stack.up()
        return stack

    return make


@pytest.mark.parametrize("nodes", SIGNATURES)
def test_any_number_of_nodes_carries_everything_through_the_deaths_of_some(
    of_size: Callable[[int], Stack], nodes: int
) -> None:
    stack = of_size(nodes)
    stack.assert_ready()
    cl1, dl1 = stack.layer("cl1"), stack.layer("dl1")
    for name in (*cl1, *dl1):
        assert stack.json(name, "/ottochain/node")["quorum"] == SIGNATURES[nodes]
    for name in cl1:
        send(stack, transfers(stack, ALICE, 3, name=name), name)
        until_decided(stack)
    assert balance(stack, CAROL) == 3 * nodes * TOKEN

    since = stack.ordinal("ml0")
    fibers = machines(stack, KEY, 3)
    last = transfers(stack, ALICE, 20)
    sent = 3 * nodes + 20 + (nodes > 2)
    with clients(stack, fibers) as load:
        acknowledged_more(load, 30)
        send(stack, last)
        spared = nodes - SIGNATURES[nodes]
        # As many die as may, the founder and the node that acknowledged among them; of one or two nodes just one.
        stack.kill(*cl1[: max(1, spared)], *dl1[: max(1, spared)])
        if spared:
            accepted(stack, create(KEY), dl1[-1])
            send(stack, transfers(stack, BOB, 1, name=cl1[-1]), cl1[-1])
            until_decided(stack, *cl1[spared:])
        acknowledged_more(load, 10 if nodes > 1 else 0)
        stack.kill("ml0")
        stack.up()
        acknowledged_more(load, 30)
    stack.assert_ready()
    assert load.refused == []
    assert assert_each_decided_once(stack, load.acknowledged, since)["Accepted"] > 0
    until_decided(stack)
    assert balance(stack, CAROL) == sent * TOKEN


@pytest.mark.parametrize("index", [0, 1], ids=["the founder", "another"])
def test_of_a_node_whose_disk_is_lost_what_it_had_offered_is_decided(
    of_size: Callable[[int], Stack], index: int
) -> None:
    """Not one of its updates and transactions is missing, though neither the node nor ML0 was there any more."""
    stack = of_size(3)
    cl1, dl1 = stack.layer("cl1"), stack.layer("dl1")
    stack.pause("ml0")
    updates = [create(KEY) for _ in range(40)]
    for update in updates:
        hand_in(stack, update, dl1[index])
    payments = transfers(stack, ALICE, 40, name=cl1[index])
    send(stack, payments, cl1[index])
    hashes, payment_hashes = {update.hash for update in updates}, [hash_of(payment) for payment in payments]
    others = [name for name in dl1 if name != dl1[index]]
    until("others hold all updates", lambda: hashes <= set().union(*(waiting(stack, name) for name in others)))
    for payment in payment_hashes:
        until("another holds it", lambda payment=payment: held_by_another(stack, payment, cl1[index]))
    stack.kill("ml0", cl1[index], dl1[index])
    for name in (cl1[index], dl1[index]):
        shutil.rmtree(stack.data(name))

    stack.up()
    stack.assert_ready()
    for update in updates:
        assert settled(stack, update.hash, dl1[index])["status"] == "Accepted"
    until_decided(stack)
    assert balance(stack, CAROL) == 40 * TOKEN


def acknowledged_more(load: Load, count: int) -> None:
    wanted = len(load.acknowledged) + count
    until(f"{count} more acknowledged", lambda: len(load.acknowledged) >= wanted or load.refused)


def waiting(stack: Stack, name: str) -> set[str]:
    """The hashes of the updates that a DL1 node holds."""
    return {data_update_hash(canonical_bytes(each["value"])) for (each,) in stack.json(name, "/data")}


def held_by_another(stack: Stack, payment: str, node: str) -> bool:
    """Does another CL1 node hold this transaction, too?"""
    others = [name for name in stack.layer("cl1") if name != node]
    return any(stack.get(name, f"/transactions/{payment}").status_code == 200 for name in others)
