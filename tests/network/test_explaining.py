"""``explain``, ``ok-to-stop``, ``versions`` and ``logs`` on a real stack: well, and with real faults."""

from __future__ import annotations

import json
from typing import Any

from tests.network.stack import Stack


def explained(stack: Stack, name: str) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(stack.ottochain("explain", name, "--json").stdout)
    return found


def test_a_node_that_was_killed_is_told_from_one_that_hangs_and_one_that_waits(own: Stack) -> None:
    own.up()
    own.kill("ml0")
    own.pause("cl1-1")
    killed, hanging, waiting = explained(own, "ml0"), explained(own, "cl1-1"), explained(own, "dl1")
    assert "it was killed" in killed["why"][0]
    assert any("stand still without it" in one for one in killed["means"])
    assert killed["next"].startswith("ottochain up")
    assert (hanging["state"], hanging["next"].split()[:2]) == ("paused", ["kill", "-CONT"])
    assert "ml0, which it reads from, is stopped" in waiting["why"][0]
    own.go_on("cl1-1")


def test_what_may_stop_and_what_may_not(running: Stack) -> None:
    assert "yes: dl1-1" in running.ottochain("ok-to-stop", "dl1-1").stdout
    refused = running.ottochain("ok-to-stop", "dl1-1", "dl1-2", code=3).stdout
    assert "dl1 pauses: 1 of 3 stay Ready, 2 needed" in refused
    answer = json.loads(running.ottochain("ok-to-stop", "stack", "--json", code=3).stdout)
    assert [one["layer"] for one in answer["layers"]] == ["gl0", "ml0", "cl1", "dl1"]


def test_every_node_runs_what_is_expected_and_a_silent_one_is_not_taken_for_right(own: Stack) -> None:
    own.up()
    assert "All 8 nodes run what is expected." in own.ottochain("versions").stdout
    own.kill("dl1-2")
    assert "not seen: dl1-2" in own.ottochain("versions", code=3).stdout


def test_logs_of_several_nodes_come_in_the_order_of_their_times(running: Stack) -> None:
    lines = running.ottochain("logs", "dl1", "--grep", "-> Ready$").stdout.splitlines()
    assert {line.split()[0] for line in lines} == {"dl1", "dl1-1", "dl1-2"}
    times = [line.split()[1] for line in lines]
    assert times == sorted(times)
