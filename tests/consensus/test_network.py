"""Whole networks under a seed: they agree through drops, duplicates, reordering and crashes, and decide when calm.

Every failure prints its seed by the test's name. The checkers run after every step; that they can see is tested below
by breaking the core on purpose.
"""

from collections.abc import Iterable
from typing import Any

import pytest
from msgspec.structs import replace

from consensus.checkers import Checkers, Violated
from consensus.false_network import FalseNetwork, Faults
from consensus.kit import by, digest, names
from ottochain.consensus import core, inbox, rules, state
from ottochain.consensus.effects import Broadcast, Effect, Persist
from ottochain.consensus.votes import Certificate, Message, Precommit, Prevote, Proposal

SIZES = (1, 2, 3, 4, 5, 6, 7)
CALM_MS = 90_000


def decides(network: FalseNetwork, limit_ms: int = CALM_MS) -> None:
    assert network.run(limit_ms), f"not decided: {network.heights()} at {network.now} ms"


@pytest.mark.parametrize("n", SIZES)
def test_a_calm_network_decides_in_the_first_view(n: int) -> None:
    network = FalseNetwork(n, seed=n, wanted=10)
    network.start()
    decides(network, 500)
    views = {proof.view for node in network.nodes.values() for _, proof, _ in node.disk.chain if proof is not None}
    assert views == {0}


@pytest.mark.parametrize("n", SIZES)
def test_a_decided_network_falls_silent(n: int) -> None:
    """Nothing is left to decide: no message, no timer, nothing in the queue."""
    network = FalseNetwork(n, seed=n, wanted=3)
    network.start()
    decides(network)
    network.run(network.now + 60_000, until=lambda: False)
    sent = network.sent
    network.run(network.now + 60_000, until=lambda: False)
    assert (network.sent, network.queue) == (sent, [])
    assert {node.state.phase for node in network.nodes.values()} == {"cold"}


@pytest.mark.parametrize("n", SIZES)
@pytest.mark.parametrize("seed", range(6))
def test_drops_duplicates_and_reordering_cost_time_and_nothing_else(n: int, seed: int) -> None:
    faults = Faults(drop=0.1 * (seed % 5), duplicate=0.3, delay=(1, 10 + 40 * (seed % 4)), until=5_000)
    network = FalseNetwork(n, seed, wanted=25, faults=faults)
    network.start()
    decides(network)


@pytest.mark.parametrize("n", SIZES)
@pytest.mark.parametrize("seed", range(12))
def test_crashes_between_any_two_effects_cost_time_and_nothing_else(n: int, seed: int) -> None:
    faults = Faults(drop=0.02 * (seed % 6), duplicate=0.1, delay=(1, 20), crash=0.005 * (1 + seed % 8), until=8_000)
    network = FalseNetwork(n, seed, wanted=25, faults=faults, hints=seed % 2 == 0)
    network.start()
    decides(network)


@pytest.mark.parametrize("n", [2, 3, 4, 5, 7])
def test_a_lost_quorum_pauses_and_a_returning_node_resumes(n: int) -> None:
    """One more than may crash is down: nothing is decided. It returns: the network goes on by itself."""
    network = FalseNetwork(n, seed=n, wanted=5)
    network.start()
    decides(network)
    needed = network.nodes["a"].state.needed
    down = names(n)[needed - 1 :]
    for member in down:
        network.nodes[member].crash()
    network.wanted = 8
    network.heat()
    assert not network.run(network.now + 20_000)
    assert max(network.heights().values()) == 5
    for member in down:
        network.revive(network.nodes[member])
    resumed = network.now
    decides(network)
    assert network.now - resumed < 5_000


@pytest.mark.parametrize("n", [3, 4, 5, 6, 7])
def test_as_many_as_may_crash_do_not_stop_the_others(n: int) -> None:
    network = FalseNetwork(n, seed=n, wanted=10)
    network.start()
    network.run(20, until=lambda: False)
    needed = network.nodes["a"].state.needed
    for member in names(n)[needed:]:
        network.kill(network.nodes[member])
    network.faults.down = (10**9, 10**9)
    assert network.run(20_000, until=lambda: min(sorted(network.heights().values())[-needed:]) >= 10)


def test_a_node_that_was_away_for_long_catches_up_by_certificates() -> None:
    network = FalseNetwork(4, seed=1, wanted=60)
    network.start()
    network.run(20, until=lambda: False)
    network.nodes["d"].crash()
    network.run(60_000, until=lambda: min(network.heights()[member] for member in "abc") >= 60)
    assert network.heights()["d"] < 10
    network.revive(network.nodes["d"])
    came_back = network.now
    decides(network)
    assert network.now - came_back < 1_000


@pytest.mark.parametrize("seed", range(8))
def test_a_healed_partition_goes_on_by_itself(seed: int) -> None:
    """Four validators, cut two and two: neither half decides. Healed, all do."""
    network = FalseNetwork(4, seed, wanted=20)
    half = set(network.dice.sample(names(4), 2))
    network.cut = lambda sender, to, _: 30 < network.now < 4_000 and (sender in half) != (to in half)
    network.start()
    network.run(200, until=lambda: False)
    before = max(network.heights().values())
    network.run(3_900, until=lambda: False)
    assert max(network.heights().values()) == before
    decides(network)


@pytest.mark.parametrize("seed", range(10))
def test_a_precommit_that_only_some_saw_is_decided_by_all(seed: int) -> None:
    """Precommits of view 0 reach one node only: it decides. The others are locked and must decide the same."""
    network = FalseNetwork(4, seed, wanted=4)
    chosen = names(4)[seed % 4]
    network.cut = lambda _sender, to, message: (
        isinstance(message, Precommit) and message.view == 0 and to != chosen and network.now < 3_000
    )
    network.start()
    decides(network)


# -- a liar ------------------------------------------------------------------------------------------------------------


def two_faced(network: FalseNetwork, liar: str) -> Any:
    """Return a forger: to the second half of the members the liar signs something else, in proposals and votes."""
    far = set(names(len(network.members))[len(network.members) // 2 :])

    def forge(sender: str, to: str, message: Message) -> Iterable[Message]:
        if sender != liar or to not in far or not isinstance(message, Proposal | Prevote | Precommit):
            return (message,)
        other = None if message.hash is None else digest("other", message.hash)
        lie = replace(message, hash=other, signature="")
        return (by(liar, lie), message) if network.dice.random() < 0.3 else (by(liar, lie),)

    return forge


@pytest.mark.parametrize("n", [4, 7])
@pytest.mark.parametrize("seed", range(15))
def test_one_two_faced_validator_of_four_splits_nobody(n: int, seed: int) -> None:
    """The honest agree, decide, and have the proof of the lie on disk."""
    network = FalseNetwork(n, seed, wanted=8, faults=Faults(drop=0.05, delay=(1, 20), until=3_000))
    liar = names(n)[seed % n]
    network.forge = two_faced(network, liar)
    network.start()
    honest = [node for member, node in network.nodes.items() if member != liar]
    assert network.run(CALM_MS, until=lambda: all(node.disk.height >= 8 for node in honest)), network.heights()
    blocks = {node.disk.chain[height][0] for node in honest for height in (8,)}
    assert len(blocks) == 1
    accused = {proof.first.sender for node in honest for proof in node.disk.accusations}
    assert accused <= {liar}


@pytest.mark.parametrize("seed", range(6))
def test_a_leader_whose_values_are_bad_is_passed_over(seed: int) -> None:
    network = FalseNetwork(4, seed, wanted=6)

    def forge(sender: str, to: str, message: Message) -> Iterable[Message]:
        if sender == "a" and isinstance(message, Proposal) and message.polka is None:
            return (by("a", replace(message, body="bad", signature="")),)
        return (message,)

    network.forge = forge
    network.start()
    assert network.run(CALM_MS, until=lambda: all(network.heights()[member] >= 6 for member in "bcd"))


# -- the checkers see --------------------------------------------------------------------------------------------------


def storm(n: int, seed: int) -> FalseNetwork:
    network = FalseNetwork(n, seed, wanted=15, faults=Faults(drop=0.25, delay=(1, 120), crash=0.01, until=6_000))
    network.start()
    return network


def violation(n: int, seeds: Iterable[int]) -> str:
    """Run storms until a checker complains; return what it said, or an empty string."""
    for seed in seeds:
        try:
            storm(n, seed).run(CALM_MS)
        except (Violated, core.ConsensusError) as found:
            return str(found)
    return ""


def test_the_storms_are_survived_by_the_core_as_it_is() -> None:
    assert violation(4, range(10)) == ""


def test_a_quorum_one_too_small_is_seen(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(state, "quorum", lambda n, model: n // 2)
    monkeypatch.setattr(inbox, "quorum", lambda n, model: n // 2)
    found = violation(4, range(10))
    assert "without a quorum" in found or "committed" in found


def test_forgetting_the_lock_is_seen(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rules, "unlocked", lambda _state, _proposal: True)
    monkeypatch.setattr(rules, "lead", fresh_every_time)
    monkeypatch.setitem(rules.TABLE, "propose", with_rule(rules.TABLE["propose"], "lead", fresh_every_time))
    assert "is locked on" in violation(4, range(40))


def fresh_every_time(known: state.State) -> state.Move | None:
    """A leader that forgets the valid value."""
    me = known.config.me
    if known.leader(known.view) != me or known.slot(me, known.view).proposal or known.building != "no":
        return None
    order = rules.Build(known.height, known.view, "event", known.parent, known.parent_certificate)
    return replace(known, building="asked"), (order,)


def with_rule(row: tuple[rules.Rule, ...], name: str, other: rules.Rule) -> tuple[rules.Rule, ...]:
    return tuple(other if rule.__name__ == name else rule for rule in row)


def test_sending_before_writing_is_seen(monkeypatch: pytest.MonkeyPatch) -> None:
    def last(effects: tuple[Effect, ...]) -> tuple[Effect, ...]:
        written = tuple(effect for effect in effects if isinstance(effect, Persist))
        return tuple(effect for effect in effects if not isinstance(effect, Persist)) + written

    monkeypatch.setattr(core, "gather", last)
    assert "not on its disk" in violation(4, range(3))


def test_a_vote_that_is_not_written_is_seen(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(
        core, "gather", lambda effects: tuple(effect for effect in effects if not isinstance(effect, Persist))
    )
    assert "not on its disk" in violation(3, range(3))


def test_voting_twice_after_a_crash_is_seen(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(core, "restored", lambda known, _ballot: known)
    assert "signed twice" in violation(4, range(20))


def test_precommitting_without_a_polka_on_disk_is_seen() -> None:
    checkers = Checkers(names(4))
    with pytest.raises(Violated, match="without its polka"):
        checkers.persisted("a", (rules.Voted(by("a", Precommit(1, 0, "a", digest("X")))),))


def test_committing_two_values_is_seen() -> None:
    checkers = Checkers(names(1))
    for block in (digest("X"), digest("Y")):
        proof = Certificate("precommit", 1, 0, block, ())
        order = rules.Commit(1, 0, block, "", proof)
        with pytest.raises(Violated, match="without a quorum" if block == digest("X") else "others"):
            checkers.committed("a", order)


def test_a_run_is_the_same_for_the_same_seed() -> None:
    journals = []
    for _ in range(2):
        network = storm(3, 5)
        network.run(CALM_MS)
        journals.append([journal for node in network.nodes.values() for journal in node.journals])
    assert journals[0] == journals[1]
    assert any(Broadcast.__name__.lower() in line.decode() for line in journals[0][0])
