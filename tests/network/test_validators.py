"""Several validators of one L0 layer, as real processes."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from tests.network.stack import until
from tests.network.validators import Layer, a_layer

from ottochain.crypto.keys import PrivateKey

pytestmark = pytest.mark.network


@pytest.fixture(scope="module")
def four(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Layer]:
    """Four validators: any one may crash."""
    with a_layer(tmp_path_factory.mktemp("four")) as layer:
        layer.grow_to(4)
        yield layer


def test_four_validators_make_one_chain(four: Layer) -> None:
    four.advance_by(3)
    facts = [node.facts for node in four.nodes]
    assert {tuple(each["validators"]) for each in facts} == {tuple(sorted(node.key.peer_id for node in four.nodes))}
    assert {each["quorum"] for each in facts} == {3}
    assert not any(each["diverged"] for each in facts)
    lowest = min(node.ordinal for node in four.nodes)
    for ordinal in range(1, lowest + 1):
        assert len(four.hashes(ordinal)) == 1


def test_a_killed_validator_does_not_stop_the_chain_and_returns_by_the_join_call_alone(four: Layer) -> None:
    victim, others = four.nodes[1], [four.nodes[0], four.nodes[2], four.nodes[3]]
    victim.kill()
    four.advance_by(3, *others)
    four.join(victim)
    victim.reaches("Ready")
    four.advance_by(3)
    assert len(four.hashes(min(node.ordinal for node in four.nodes))) == 1


def test_a_validator_that_lost_its_disk_only_learns_until_it_is_removed_and_added_again(four: Layer) -> None:
    """It could vote for a second time at a height that it has voted at: nobody knows any more what it said there."""
    victim, others = four.nodes[1], [four.nodes[0], four.nodes[2], four.nodes[3]]
    me = victim.key.peer_id
    victim.kill()
    for file in victim.folder.glob("node.sqlite*"):
        file.unlink()
    four.join(victim)
    victim.reaches("Observing")
    four.advance_by(3)
    assert (victim.state, victim.facts["votesLost"], me in victim.facts["validators"]) == ("Observing", True, True)
    # A restart does not make it forget that.
    victim.kill()
    four.join(victim)
    victim.reaches("Observing")
    four.advance_by(2)
    assert (victim.state, victim.facts["votesLost"]) == ("Observing", True)
    done = four.nodes[0].facts["validatorChanges"]
    assert others[0].post("/ottochain/validators", four.change(done + 1, remove=me)).status_code == 200
    until("a set of three", lambda: all(len(node.facts["validators"]) == 3 for node in others))
    assert others[1].post("/ottochain/validators", four.change(done + 2, add=me)).status_code == 200
    victim.reaches("Ready")
    # It votes: with another one gone, three of four are needed.
    others[2].kill()
    four.advance_by(3, others[0], others[1], victim)
    assert victim.facts["votesLost"] is False
    four.join(others[2])
    others[2].reaches("Ready")
    four.advance_by(1)


def test_a_lost_quorum_pauses_the_chain_and_a_returning_validator_resumes_it(four: Layer) -> None:
    first, second = four.nodes[2], four.nodes[3]
    first.kill()
    second.kill()
    left = [four.nodes[0], four.nodes[1]]
    until("a height that waits", lambda: all(node.facts.get("waitingFor") for node in left))
    paused = max(node.ordinal for node in left)
    assert {node.state for node in left} == {"Ready"}
    four.join(first)
    first.reaches("Ready")
    four.advance_by(2, *left, first)
    assert max(node.ordinal for node in left) > paused
    four.join(second)
    second.reaches("Ready")
    four.advance_by(2)


def test_a_joined_node_only_learns_until_the_operator_makes_it_a_validator(four: Layer) -> None:
    learner = four.new_node()
    four.join(learner)
    learner.reaches("Observing")
    four.advance_by(3)
    assert learner.state == "Observing"
    assert learner.key.peer_id not in four.nodes[0].facts["validators"]
    done = four.nodes[0].facts["validatorChanges"]
    stranger = four.change(done + 1, PrivateKey.generate(), add=learner.key.peer_id)
    refused = four.nodes[0].post("/ottochain/validators", stranger)
    assert (refused.status_code, "operator key" in refused.json()) == (400, True)
    assert (
        four.nodes[2].post("/ottochain/validators", four.change(done + 1, add=learner.key.peer_id)).status_code == 200
    )
    learner.reaches("Ready")
    four.advance_by(2)
    removed = four.change(done + 2, remove=learner.key.peer_id)
    assert four.nodes[1].post("/ottochain/validators", removed).status_code == 200
    until("a set of four", lambda: all(len(node.facts["validators"]) == 4 for node in four.nodes[:4]))


def test_time_goes_on_through_changes_that_events_commit(four: Layer) -> None:
    """A time trigger that falls due while an event's snapshot is being made must not be forgotten with it."""
    member = four.nodes[4].key.peer_id
    first = four.nodes[0].facts["validatorChanges"] + 1
    for number in range(first, first + 10, 2):
        for change, size in ((four.change(number, add=member), 5), (four.change(number + 1, remove=member), 4)):
            assert four.nodes[0].post("/ottochain/validators", change).status_code == 200
            until(f"a set of {size}", lambda size=size: all(len(n.facts["validators"]) == size for n in four.nodes[:4]))
    four.advance_by(2, *four.nodes[:4])
