"""Expected against actual."""

from __future__ import annotations

from pathlib import Path

from tests.ops.checks.looks import HASH, OTHER_HASH, healthy, telling, with_node, with_nodes
from tests.ops.worlds import OTHER_TOKEN, TOKEN, a_deployment, running, stopped

from ottochain.client.readings import NodeInfo
from ottochain.model.versions import APPLICATION_VERSION, ENGINE_VERSION, TESSELLATION_VERSION
from ottochain.ops.checks.versions import Versions, compare
from ottochain.ops.facts.observation import Observation


def told(observation: Observation) -> Observation:
    """Every node with this tool's own versions."""
    for name in observation.nodes:
        info = observation[name].info
        assert info
        new = NodeInfo(info.id, info.state, TESSELLATION_VERSION, info.session, info.cluster_session)
        observation = with_node(
            telling(observation, name, engine_version=ENGINE_VERSION, app_version=APPLICATION_VERSION), name, info=new
        )
    return observation


def compared(folder: Path, observation: Observation) -> Versions:
    return compare(a_deployment(folder), observation, TOKEN, HASH)


def test_the_same_everywhere_agrees(tmp_path: Path) -> None:
    found = compared(tmp_path, told(healthy()))
    assert (found.agree, list(found.sentences())) == (True, [])


def test_each_difference_is_found_and_told_once_for_all_who_have_it(tmp_path: Path) -> None:
    seen = told(healthy())
    for name in ("cl1", "cl1-1"):
        seen = telling(seen, name, artifact=OTHER_HASH)
    seen = telling(seen, "ml0", metagraph_id=OTHER_TOKEN, app_version="0.5.0")
    seen = telling(seen, "dl1", environment="testnet")
    found = compared(tmp_path, seen)
    assert not found.agree
    assert [one.partition(",")[0] for one in found.sentences()] == [
        "ml0: application 0.5.0",
        f"ml0: token {OTHER_TOKEN}",
        "cl1 and cl1-1: artifact cdcdcdcdcdcd",
        "dl1: environment testnet",
    ]
    assert {(one["node"], one["what"]) for one in found.to_json()["differences"]} == {
        ("ml0", "application"), ("ml0", "token"), ("cl1", "artifact"), ("cl1-1", "artifact"), ("dl1", "environment"),
    }  # fmt: skip


def test_what_is_not_told_is_no_difference_and_no_agreement(tmp_path: Path) -> None:
    found = compared(tmp_path, with_nodes(told(healthy()), stopped("dl1"), running("gl0", None)))
    assert (found.differences, found.unseen, found.agree) == ((), ("gl0", "dl1"), False)


def test_two_founders_of_two_clusters_are_told(tmp_path: Path) -> None:
    seen = told(healthy())
    for name in ("cl1", "cl1-1"):
        seen = telling(seen, name, mode="run-initial-validator")
    assert compared(tmp_path, seen).agree, "a founder that restarted in its cluster is none any more"
    other = seen["cl1-1"].info
    assert other
    split = with_node(seen, "cl1-1", info=NodeInfo(other.id, other.state, other.version, other.session, "s2"))
    assert compared(tmp_path, split).founders == ("cl1 was founded by cl1 and cl1-1: these are 2 clusters",)
