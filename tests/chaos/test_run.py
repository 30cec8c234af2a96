"""A short storm over a network of real processes; and what is broken on purpose is found."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

pytestmark = [pytest.mark.network, pytest.mark.timeout(300)]

ROOT = Path(__file__).parents[2]
RUN_SECONDS = 280


def chaos(*words: str) -> tuple[int, str]:
    """Exit code and words of ``./dev chaos``."""
    command = [sys.executable, "-m", "tests.chaos", *words]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=RUN_SECONDS, check=False)
    return done.returncode, done.stdout + done.stderr


def test_nothing_is_lost_doubled_or_forked_in_a_short_storm() -> None:
    code, words = chaos("--rounds", "2", "--seed", "5")
    assert code == 0, words
    assert "chaos: nothing found" in words
    assert "struck: " in words
    assert "kill" in words


def test_an_acknowledged_update_that_the_pools_lost_is_reported_with_all_that_is_needed() -> None:
    code, words = chaos("--rounds", "0", "--nodes", "1", "1", "1", "2", "--seed", "1", "--sabotage", "forget-an-update")
    assert code == 1, words
    (violation,) = (line for line in words.splitlines() if line.startswith("VIOLATION"))
    assert violation.startswith("VIOLATION lost: update ")
    assert "acknowledged by dl1" in violation
    assert "no DL1 node knows it" in violation
    assert "./dev chaos --seed 1 --rounds 0 --sabotage forget-an-update --nodes 1 1 1 2" in words
    assert ".ottochain/logs" in words
