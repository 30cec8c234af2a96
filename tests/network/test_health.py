"""``health`` and ``status`` on a real stack: well, and with real faults."""

from __future__ import annotations

import json
import signal
import subprocess
from typing import Any

from tests.network.stack import TOOL, Stack, environment, until

PAUSE_BETWEEN_LOOKS = "0.05"


def looked(stack: Stack, code: int) -> dict[str, Any]:
    """What ``health --json`` prints, by check and subject under ``at``."""
    found = json.loads(stack.ottochain("health", "--json", code=code).stdout)
    by_place = {f"{one['subject']} {one['check']}": one for one in found["findings"]}
    return {**found, "by": by_place}


def test_a_stack_that_is_well(running: Stack) -> None:
    found = looked(running, 0)
    assert found["verdict"] == "healthy"
    assert found["by"]["cl1 members"]["evidence"] == "each of 3 sees all 3, one session"
    assert "ml0 have the same at ordinal" in found["by"]["dl1 hash"]["evidence"]
    assert "nothing waits" in found["by"]["ml0 confirmed"]["evidence"]
    assert found["by"]["machine files"]["level"] == "ok"
    shown = running.ottochain("health").stdout
    assert f"test is healthy: all {len(found['findings'])} checks passed" in shown
    assert running.ottochain("health", "--quiet").stdout == ""
    history = json.loads(running.ottochain("health", "--history", "--json").stdout)
    assert [one["verdict"] for one in history[-3:]] == ["healthy"] * 3


def test_status_says_whether_each_layer_advances(new_stack: Any) -> None:
    stack: Stack = new_stack(settings="time_trigger_seconds = 1")
    stack.up()

    def advancing() -> dict[str, Any]:
        layers = json.loads(stack.ottochain("status", "--json").stdout)["layers"]
        return {one["layer"]: one["advancing"] for one in layers}

    until("all layers advance", lambda: advancing() == dict.fromkeys(("gl0", "ml0", "cl1", "dl1"), True))
    stack.kill("gl0")
    assert advancing()["gl0"] is False


def test_what_is_wrong_is_found_and_told(own: Stack) -> None:
    own.up()
    own.kill("dl1-2")
    own.pause("cl1-1")
    found = looked(own, 3)
    assert (found["verdict"], found["next"][0]) == ("degraded", "ottochain explain cl1-1")
    dl1, cl1 = found["by"]["dl1 nodes"], found["by"]["cl1 nodes"]
    assert (dl1["level"], dl1["evidence"]) == ("degraded", "2 of 3 Ready, 2 needed: dl1-2 stopped")
    assert (cl1["level"], "cl1-1 runs and does not answer" in cl1["evidence"]) == ("degraded", True)
    own.pause("cl1-2")
    own.kill("gl0")
    found = looked(own, 7)
    assert found["by"]["gl0 nodes"]["level"] == "down"
    assert found["by"]["cl1 nodes"]["level"] == "unknown", "a silent node is not down"
    own.go_on("cl1-1")
    own.go_on("cl1-2")
    told = own.ottochain("health", "--history").stdout
    assert "degraded  1 look" in told
    assert "down      1 look" in told


def test_watching_ends_with_the_last_verdict(running: Stack) -> None:
    words = [*TOOL, "health", "--watch", "--every", PAUSE_BETWEEN_LOOKS, "--json"]
    with subprocess.Popen(
        words, cwd=running.folder, env=environment(), stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as watch:
        assert watch.stdout
        assert watch.stderr
        looks = [json.loads(watch.stdout.readline()) for _ in range(3)]
        watch.send_signal(signal.SIGINT)
        watch.stdout.read()
        assert watch.wait(20) == 0
        assert watch.stderr.read() == ""
    assert [one["verdict"] for one in looks] == ["healthy"] * 3


def test_a_deployment_of_which_nothing_runs_is_down(own: Stack) -> None:
    found = looked(own, 7)
    assert {one["level"] for name, one in found["by"].items() if name.endswith("nodes")} == {"down"}
