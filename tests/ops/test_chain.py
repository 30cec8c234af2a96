"""A chain that was ever founded is never founded again, whatever is missing."""

from dataclasses import replace
from pathlib import Path

import pytest
from tests.ops.worlds import (
    FOUNDED,
    FOUNDING,
    NOW,
    OTHER_TOKEN,
    TOKEN,
    a_deployment,
    a_world,
    ready,
    running,
    stopped,
    with_chain,
)

from ottochain.client.readings import OwnFacts
from ottochain.ops.errors import Refused
from ottochain.ops.facts.observation import Observation, Tip
from ottochain.ops.plan.chain import Chain, judge


def judged(folder: Path, record: object, world: Observation) -> Chain:
    return judge(a_deployment(folder), record, world, NOW)  # type: ignore[arg-type]


def test_a_deployment_without_any_trace_is_founded(tmp_path: Path) -> None:
    chain = judged(tmp_path, None, a_world())
    assert (chain.record.phase, chain.record.token, chain.record.since) == ("founding", None, NOW)
    assert chain.to_write == chain.record


def test_an_interrupted_founding_goes_on(tmp_path: Path) -> None:
    for world in (a_world(), a_world(stopped("gl0", with_chain(1))), a_world(others=ready("gl0"))):
        chain = judged(tmp_path, FOUNDING, world)
        assert chain == Chain(FOUNDING)


def test_a_founded_chain_goes_on(tmp_path: Path) -> None:
    world = a_world(stopped("gl0", with_chain()), stopped("ml0", with_chain(token=TOKEN)))
    assert judged(tmp_path, FOUNDED, world) == Chain(FOUNDED)


@pytest.mark.parametrize(
    ("world", "missing"),
    [
        (a_world(), ["gl0", "ml0"]),
        (a_world(stopped("ml0", with_chain(token=TOKEN))), ["gl0"]),
        (a_world(stopped("gl0", with_chain())), ["ml0"]),
        (a_world(others=ready("gl0")), ["ml0"]),
    ],
    ids=["all data", "gl0's data", "ml0's data", "ml0's data beside a running gl0"],
)
def test_a_founded_chain_says_what_is_missing(tmp_path: Path, world: Observation, missing: list[str]) -> None:
    with pytest.raises(Refused) as refused:
        judged(tmp_path, FOUNDED, world)
    for name in ("gl0", "ml0"):
        assert (f"{name}: no chain in {tmp_path}/.ottochain/data/{name}" in refused.value.what) == (name in missing)
    assert "never founded again" in refused.value.what


def test_empty_l1_data_is_nothing_missing(tmp_path: Path) -> None:
    world = a_world(stopped("gl0", with_chain()), stopped("ml0", with_chain(token=TOKEN)), stopped("dl1"))
    assert judged(tmp_path, FOUNDED, world).record is FOUNDED


def test_a_lost_record_is_learnt_from_the_data(tmp_path: Path) -> None:
    chain = judged(tmp_path, None, a_world(stopped("gl0", with_chain()), stopped("ml0", with_chain(token=TOKEN))))
    assert chain.to_write
    assert (chain.record.phase, chain.record.token, chain.record.derived_from) == ("founded", TOKEN, "ml0")


def test_a_lost_record_is_learnt_from_running_nodes(tmp_path: Path) -> None:
    nodes = ready("gl0", "ml0")
    nodes["ml0"] = replace(nodes["ml0"], own=OwnFacts(7, None, None, None, None, None, {"metagraphId": TOKEN}))
    assert judged(tmp_path, None, a_world(others=nodes)).record.token == TOKEN


@pytest.mark.parametrize(
    "trace",
    [
        stopped("gl0", with_chain(0)),
        stopped("ml0", with_chain(0, TOKEN)),
        stopped("dl1-2", Tip(None, None, TOKEN)),
        *ready("cl1").values(),
    ],
    ids=["gl0's data", "ml0's data", "an L1 node's data", "a running L1 node"],
)
def test_one_trace_of_a_chain_is_enough_not_to_found_again(tmp_path: Path, trace: object) -> None:
    with pytest.raises(Refused, match="the chain record is lost"):
        judged(tmp_path, None, a_world(trace))  # type: ignore[arg-type]


def test_unreadable_data_is_refused_with_or_without_a_record(tmp_path: Path) -> None:
    damaged = stopped("gl0", Tip(None, None, None, unreadable="the file is damaged"))
    for record in (None, FOUNDING, FOUNDED):
        with pytest.raises(Refused, match="the file is damaged"):
            judged(tmp_path, record, a_world(damaged, stopped("ml0", with_chain(token=TOKEN))))


def test_a_founding_whose_gl0_is_gone_is_not_begun_again(tmp_path: Path) -> None:
    with pytest.raises(Refused, match="the founding had got as far as ml0"):
        judged(tmp_path, FOUNDING.with_token(TOKEN), a_world(stopped("ml0", with_chain(0, TOKEN))))


def test_data_of_another_chain_is_refused(tmp_path: Path) -> None:
    world = a_world(stopped("gl0", with_chain()), stopped("ml0", with_chain(token=OTHER_TOKEN)))
    with pytest.raises(Refused, match=f"ml0 belongs to the chain {OTHER_TOKEN}"):
        judged(tmp_path, FOUNDED, world)


def test_a_silent_node_that_runs_is_not_missing(tmp_path: Path) -> None:
    world = a_world(running("gl0", None), stopped("ml0", with_chain(token=TOKEN)))
    assert judged(tmp_path, FOUNDED, world).record is FOUNDED
