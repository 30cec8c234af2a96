"""Profiles: what nodes are told to work by the reference's rules and timings, and how many of them a layer needs."""

from __future__ import annotations

from pathlib import Path

import pytest

from ops.worlds import a_deployment
from ottochain.ops.inventory.deployment import Deployment
from ottochain.ops.launch import environment

PROFILED = (
    "OTTOCHAIN_L1_BLOCK_SIGNATURES",
    "OTTOCHAIN_CL1_BLOCK_SIGNATURES",
    "OTTOCHAIN_L1_BLOCK_INTERVAL_SECONDS",
    "OTTOCHAIN_LEAVING_DELAY_SECONDS",
    "OTTOCHAIN_RESTART_DELAY_SECONDS",
    "OTTOCHAIN_TIME_TRIGGER_SECONDS",
)


def told(deployment: Deployment, name: str) -> dict[str, str]:
    """What a node is told that a profile has a say in, without the common part of the names."""
    found = environment(deployment, deployment.by_name[name], "run-validator", None)
    return {key.removeprefix("OTTOCHAIN_"): found[key] for key in PROFILED if key in found}


def test_the_engine_s_own_profile_leaves_all_to_the_engine(tmp_path: Path) -> None:
    deployment = a_deployment(tmp_path)
    assert deployment.profile.name == "ottochain"
    assert [deployment.need(layer) for layer in ("gl0", "ml0", "cl1", "dl1")] == [1, 1, 2, 2]
    assert told(deployment, "ml0") == told(deployment, "dl1") == {"TIME_TRIGGER_SECONDS": "43"}


@pytest.mark.parametrize("dl1", [3, 5])
def test_the_reference_s_profile_takes_its_rules_and_timings(tmp_path: Path, dl1: int) -> None:
    deployment = a_deployment(tmp_path, f'[deployment]\nprofile = "tessellation"\n[layers]\ndl1 = {dl1}\n')
    assert [deployment.need(layer) for layer in ("gl0", "ml0", "cl1", "dl1")] == [1, 1, 3, 3]
    timings = {"LEAVING_DELAY_SECONDS": "30", "RESTART_DELAY_SECONDS": "5", "TIME_TRIGGER_SECONDS": "43"}
    assert told(deployment, "gl0") == timings
    assert told(deployment, "ml0") == {**timings, "L1_BLOCK_SIGNATURES": "3", "CL1_BLOCK_SIGNATURES": "3"}
    l1 = {**timings, "L1_BLOCK_SIGNATURES": "3", "L1_BLOCK_INTERVAL_SECONDS": "5"}
    assert told(deployment, "cl1") == told(deployment, "dl1-2") == l1


def test_the_file_has_the_last_word_on_a_timing(tmp_path: Path) -> None:
    text = '[deployment]\nprofile = "tessellation"\ntime_trigger_seconds = 7\n'
    assert told(a_deployment(tmp_path, text), "gl0")["TIME_TRIGGER_SECONDS"] == "7"
