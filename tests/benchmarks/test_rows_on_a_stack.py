"""Each row runs on the real stack in a tiny size, and names every peer that is not there. No figure is judged."""

from __future__ import annotations

import importlib
from pathlib import Path

import pytest
from benchmarks.effort import Effort
from benchmarks.peers import places
from benchmarks.report import Result, render

pytestmark = [
    pytest.mark.network,
    pytest.mark.skipif(not Path("/proc/self/smaps_rollup").exists(), reason="needs Linux's /proc"),
]

TINY = Effort(
    pairs=1,
    commands=1,
    idle_seconds=0.3,
    settle_seconds=0.3,
    updates=3,
    fibers=6,
    other_fibers=(1,),
    warm_seconds=0.2,
    load_seconds=1.0,
    peer_load_seconds=0.2,
    in_flight=4,
    commits=4,
    agreeing_seconds=0.3,
    death_seconds=0.5,
)

MISSING = {
    "start": {"hardhat", "etcd"},
    "idle": {"etcd"},
    "latency": {"anvil"},
    "load": {"anvil"},
    "consensus": {"etcd"},
    "cli": {"patronictl", "ansible"},
}


@pytest.mark.parametrize("name", MISSING)
def test_the_row_measures_a_stack_and_names_missing_peers(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(places, "HOME", tmp_path)
    monkeypatch.setenv("PATH", "/usr/bin:/bin")
    result: Result = importlib.import_module(f"benchmarks.{name}").run(TINY)
    assert {line.split()[0] for line in result.missing} == MISSING[name]
    assert all(len(figure.ours) == TINY.pairs for figure in result.figures)
    assert all(not figure.peers for figure in result.figures)
    assert "not installed" in render(result)


def test_a_rolling_restart_is_measured_with_a_client_that_is_served() -> None:
    result: Result = importlib.import_module("benchmarks.restart").run(TINY)
    assert [len(figure.ours) for figure in result.figures] == [TINY.pairs, TINY.pairs]
    assert "rolling restart" in render(result)
