"""What is said of a node in each condition: the state, why, and the next command."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from tests.ops.checks.looks import healthy, telling, with_node, with_nodes, without_member
from tests.ops.worlds import a_deployment, id_of, running, stopped

from ottochain.cli.main import COMMANDS
from ottochain.client.readings import NodeInfo
from ottochain.ops.checks.explaining import Evidence, Explanation, explain
from ottochain.ops.facts.node_logs import LogLine, read_line
from ottochain.ops.facts.observation import Observation

NOW = 1_767_225_700.0
STAMP = "2026-01-01T00:00:{:02d}.000Z {} dl1 7969be72 ottochain.node.{}"
BEGAN = STAMP.format(1, "INFO", "process: starting dl1 run-validator as 7969be72")


def lines(*texts: str, errors: Sequence[str] = ()) -> list[LogLine]:
    logged = [read_line("dl1", text, number, 0.0) for number, text in enumerate((BEGAN, *texts))]
    return logged + [read_line("dl1", text, 100, NOW, from_error_file=True) for text in errors]


def said(folder: Path, observation: Observation, name: str = "dl1", **evidence: Any) -> Explanation:
    known: dict[str, Any] = {"lines": lines(), "paused": False, "listener": "", "operation": None, "now": NOW}
    deployment = a_deployment(folder)
    return explain(deployment, observation, deployment.by_name[name], Evidence(**{**known, **evidence}))


def in_state(state: str, seconds: float = 5.0, name: str = "dl1") -> Observation:
    return telling(with_node(healthy(), name, info=running(name, state).info), name, state_seconds=seconds)


ENDED = STAMP.format(9, "INFO", "node: the node ends: it was told to stop")
FAILED = STAMP.format(9, "ERROR", "process: could not start: port 9400 is in use")
REFUSED = STAMP.format(
    9, "INFO", 'joining: the handshake with f32f7525 at 127.0.0.1:9421 failed: refused (status 409: "VersionMismatch")'
)

STRANGER = NodeInfo("ff", "Ready", "4.0.0", "1", "s1")

CASES: list[tuple[str, Observation, dict[str, Any], str, str, str]] = [
    ("well", healthy(), {}, "Ready", "nothing is wrong", ""),
    (
        "told to stop",
        with_nodes(healthy(), stopped("dl1")),
        {"lines": lines(ENDED)},
        "stopped",
        "told to stop",
        "ottochain up, when it should run",
    ),
    (
        "killed",
        with_nodes(healthy(), stopped("dl1")),
        {},
        "stopped",
        "it was killed (kill -9",
        "ottochain up: it goes on",
    ),
    (
        "could not start",
        with_nodes(healthy(), stopped("dl1")),
        {"lines": lines(FAILED)},
        "stopped",
        "port 9400 is in use",
        "mend that, then ottochain up",
    ),
    (
        "died before its log was open",
        with_nodes(healthy(), stopped("dl1")),
        {"lines": lines(errors=["the keystore can't be used"])},
        "stopped",
        "these words: the keystore can't be used",
        "ottochain up",
    ),
    (
        "never ran",
        with_nodes(healthy(), stopped("dl1")),
        {"lines": []},
        "stopped",
        "never written a log",
        "ottochain up",
    ),
    ("paused", with_nodes(healthy(), running("dl1", None)), {"paused": True}, "paused", "SIGSTOP", "kill -CONT 1"),
    (
        "silent",
        with_nodes(healthy(), replace(running("dl1", None), silent_because="no answer within 2 s")),
        {},
        "silent",
        "no answer within 2 s",
        "ottochain logs dl1; if it",
    ),
    (
        "kept out",
        with_node(healthy(), "dl1", info=STRANGER),
        {"listener": "process 7 (nc)"},
        "kept out",
        "process 7 (nc) listens on its port 9400",
        "end that process",
    ),
    ("waits to be joined", in_state("ReadyToJoin"), {}, "ReadyToJoin", "waits for the operator's call", "ottochain up"),
    (
        "joined nobody",
        in_state("SessionStarted"),
        {"lines": lines(REFUSED)},
        "SessionStarted",
        "VersionMismatch",
        "ottochain up",
    ),
    ("downloads", in_state("DownloadInProgress"), {}, "DownloadInProgress", "downloads", "wait: this passes"),
    (
        "downloads for too long",
        in_state("DownloadInProgress", 999.0),
        {},
        "DownloadInProgress",
        "downloads",
        "ottochain up",
    ),
    (
        "diverged",
        telling(healthy(), "dl1", diverged=True),
        {},
        "diverged",
        "ml0 does not have the snapshot 7",
        "ottochain logs dl1 --grep diverged",
    ),
    (
        "not seen by a peer",
        without_member(healthy(), "dl1-1", "dl1"),
        {},
        "Ready, and not seen so by all",
        "dl1-1 does not see it",
        "ottochain up",
    ),
    (
        "its head stands still",
        telling(healthy(), "dl1", ordinal_seconds=300.0),
        {},
        "Ready, and standing still",
        "ordinal 7, has not moved",
        "ottochain explain ml0",
    ),
    (
        "the layer above is away",
        with_nodes(healthy(), stopped("ml0")),
        {},
        "Ready, and waiting",
        "ml0, which it reads from, is stopped",
        "ottochain explain ml0",
    ),
    (
        "an operation is at work",
        with_nodes(healthy(), stopped("dl1")),
        {"operation": "`ottochain restart dl1` of ada"},
        "stopped",
        "of ada is at work",
        "wait until that has ended",
    ),
]


@pytest.mark.parametrize(
    ("seen", "evidence", "state", "why", "step"), [case[1:] for case in CASES], ids=[case[0] for case in CASES]
)
def test_what_is_said(
    tmp_path: Path, seen: Observation, evidence: dict[str, Any], state: str, why: str, step: str
) -> None:
    found = said(tmp_path, seen, **evidence)
    assert found.state == state
    assert why in "\n".join(found.why)
    assert found.next_step.startswith(step)
    assert bool(found.next_step) == bool(step)


def test_every_command_that_is_named_as_the_next_step_exists(tmp_path: Path) -> None:
    unseen = replace(running("dl1", None), process="unknown", pid=None)
    steps = [said(tmp_path, seen, **evidence).next_step for _, seen, evidence, *_ in CASES]
    steps.append(said(tmp_path, with_nodes(healthy(), unseen)).next_step)
    named = {verb for step in steps for verb in re.findall(r"ottochain ([a-z-]+)", step)}
    assert named
    assert named <= set(COMMANDS)


def test_since_when_is_told_from_the_state_or_from_the_last_word(tmp_path: Path) -> None:
    assert said(tmp_path, healthy()).since == "2026-01-01T00:00:00Z"
    gone = with_nodes(healthy(), stopped("dl1"))
    assert said(tmp_path, gone, lines=lines(ENDED)).since == "2026-01-01T00:00:09Z"
    assert said(tmp_path, gone).since is None, "nobody saw when it was killed"


def test_whom_it_waits_for_is_named(tmp_path: Path) -> None:
    waiting = telling(healthy(), "gl0", waiting_for=(id_of("ml0"), "e" * 128))
    found = said(tmp_path, waiting, "gl0")
    assert found.why == ("for its next snapshot it waits for the votes of ml0 and eeeeeeee",)


def test_what_it_means_for_its_layer_and_those_below(tmp_path: Path) -> None:
    found = said(tmp_path, with_nodes(healthy(), stopped("ml0")), "ml0")
    assert found.means[0] == "ml0 pauses: 0 of 1 Ready, 1 needed"
    assert found.means[-1] == "cl1, cl1-1, cl1-2, dl1, dl1-1 and dl1-2 read from it, and stand still without it"


def test_troubles_of_an_earlier_life_are_left_out(tmp_path: Path) -> None:
    old = STAMP.format(0, "ERROR", "x: old trouble")
    new = STAMP.format(9, "WARNING", "x: new trouble")
    both = sorted([*lines(new), read_line("dl1", old, -1, 0.0)])
    found = said(tmp_path, in_state("Offline"), lines=both)
    assert [one for one in found.why if "trouble" in one] == [f"its log says: {new}"]
