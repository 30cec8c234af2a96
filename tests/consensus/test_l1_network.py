"""Whole L1 layers under a seed: every acknowledged item is decided once, and none is lost on the way."""

import pytest

from consensus.false_l1 import FalseL1
from consensus.false_network import Faults
from consensus.kit import names
from consensus.test_l1_items import item

CALM_MS = 200_000


def load(network: FalseL1, count: int, within_ms: int) -> None:
    """Let clients send items to random nodes: some of them runs of a fiber, some out of order, a few that never fit."""
    at = dict.fromkeys("fgh", 0)
    for arrival in range(count):
        fiber = network.dice.choice("fghxyz")
        if fiber in "xyz":
            name = fiber
        elif network.dice.random() < 0.05:
            name = f"{fiber}{at[fiber] + 500 + arrival}"
        else:
            name = f"{fiber}{at[fiber]}"
            at[fiber] += 1
        network.after(
            network.dice.randint(0, within_ms), lambda name=name, arrival=arrival: deliver(network, name, arrival)
        )


def deliver(network: FalseL1, name: str, arrival: int) -> None:
    up = [node for node in network.nodes.values() if node.up]
    if up:
        node = network.dice.choice(up)
        node.acknowledge(item(name, arrival, node.me))


def settles(network: FalseL1) -> None:
    network.run(8_000)
    assert network.run(CALM_MS, network.is_done), (
        network.lost(),
        {node.me: (node.state.undecided, len(node.pool), node.up) for node in network.nodes.values()},
    )
    assert network.lost() == []


@pytest.mark.parametrize("n", [1, 2, 3, 4, 7])
def test_a_calm_layer_decides_everything_and_falls_silent(n: int) -> None:
    network = FalseL1(n, n, Faults(until=0))
    load(network, 60, 500)
    settles(network)
    network.run(CALM_MS * 2)
    assert network.queue == []
    assert all(not node.timers for node in network.nodes.values())


@pytest.mark.parametrize("n", [1, 2, 3, 4, 5, 7])
@pytest.mark.parametrize("seed", range(12))
def test_storms_lose_nothing(n: int, seed: int) -> None:
    faults = Faults(
        drop=0.1 * (seed % 4), duplicate=0.2, delay=(1, 60), crash=0.004 * (seed % 5), down=(50, 3_000), until=6_000
    )
    network = FalseL1(n, seed, faults)
    load(network, 80, 5_000)
    settles(network)


@pytest.mark.parametrize("seed", range(6))
def test_an_ml0_that_is_away_gets_everything_later(seed: int) -> None:
    network = FalseL1(3, seed, Faults(drop=0.05, delay=(1, 20), until=5_000), ml0_away=(500, 60_000))
    load(network, 80, 5_000)
    settles(network)


@pytest.mark.parametrize("seed", range(6))
def test_what_a_dead_node_had_offered_is_decided_without_it(seed: int) -> None:
    """One of three dies for good once its clients were answered; what peers co-signed reaches ML0 all the same."""
    network = FalseL1(3, seed, Faults(until=0, down=(10**9, 10**9)), ml0_away=(0, 1_000))
    for arrival in range(10):
        network.nodes["a"].acknowledge(item("x", arrival, "a"))
    network.run(30 * (1 + seed))
    held = [key for key in network.acknowledged if any(key in network.nodes[peer].pool for peer in "bc")]
    assert held
    network.kill(network.nodes["a"])
    assert network.run(CALM_MS, lambda: all(key in network.ml0.decided for key in held))


def test_an_item_that_never_fits_is_rejected_and_takes_nobody_with_it() -> None:
    network = FalseL1(3, 1, Faults(until=0))
    network.nodes["a"].acknowledge(item("f900", 0, "a"))
    for arrival in range(1, 10):
        network.nodes["a"].acknowledge(item("x", arrival, "a"))
    settles(network)
    rejected = [key for key, accepted in network.ml0.decided.items() if not accepted]
    assert rejected == [item("f900", 0).key]


def test_a_busy_layer_batches() -> None:
    """Hundreds of items at one node, three rounds open: blocks are full, not one per item."""
    network = FalseL1(3, 1, Faults(until=0))
    for arrival in range(400):
        network.after(arrival // 20, lambda arrival=arrival: network.nodes["a"].acknowledge(item("x", arrival, "a")))
    settles(network)
    assert network.ml0.blocks < 80


def test_a_run_is_the_same_for_the_same_seed() -> None:
    feeds = []
    for _ in range(2):
        network = FalseL1(3, 4, Faults(drop=0.1, delay=(1, 30), crash=0.01, until=3_000))
        load(network, 40, 2_000)
        network.run(CALM_MS, network.is_done)
        feeds.append(network.ml0.feed)
    assert feeds[0] == feeds[1]
    assert set(names(3)) == set(network.nodes)
