"""The verbs that change a deployment, where there is nothing to change: words, exit codes, and nothing touched."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from tests.ops.worlds import FOUNDED, a_deployment
from tests.port_blocks import a_port_offset

from ottochain.ops import chain_record
from ottochain.ops.execute import journal

Run = Callable[..., subprocess.CompletedProcess[str]]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A deployment that was founded once, and is down."""
    with a_port_offset() as offset:
        made = a_deployment(tmp_path_factory.mktemp("down"), f"[deployment]\nport_offset = {offset}\n")
        chain_record.write(made.places.chain_record, FOUNDED)
        yield made.places.file.parent


@pytest.fixture
def run(folder: Path) -> Run:
    def call(*words: str, code: int = 0) -> subprocess.CompletedProcess[str]:
        done = subprocess.run(
            [sys.executable, "-m", "ottochain.cli", *words],
            cwd=folder,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=60,
        )
        assert done.returncode == code, (done.stdout, done.stderr)
        assert "Traceback" not in done.stderr
        return done

    return call


@pytest.mark.parametrize(
    "verb", [["restart"], ["stop"], ["start"], ["node", "join"], ["node", "leave"], ["node", "reset"]]
)
def test_an_unknown_target_is_a_usage_error_that_names_what_there_is(run: Run, verb: list[str]) -> None:
    said = run(*verb, "dl9", code=2).stderr
    assert "dl9" in said
    assert "one of gl0, ml0, cl1" in said


def test_what_is_stopped_already_is_a_result_and_no_operation(run: Run) -> None:
    assert "Already so: dl1, dl1-1, dl1-2 are stopped. Nothing was touched." in run("stop", "dl1").stdout
    assert "Already down" in run("down").stdout
    assert "No operation has been carried out here." in run("operations", "list").stdout
    assert json.loads(run("operations", "list", "--json").stdout) == []


def test_a_plan_can_be_seen_as_text_and_as_data_and_touches_nothing(run: Run, folder: Path) -> None:
    assert "Bring up dl1, dl1-1, dl1-2" in run("start", "dl1", "--dry-run").stdout
    document = json.loads(run("start", "dl1", "--dry-run", "--json").stdout)
    assert [step["id"] for step in document["steps"]] == ["bring up dl1 dl1-1 dl1-2"]
    assert set(document["steps"][0]) == {
        "id", "sentence", "why", "effect", "expectedSeconds", "gate", "undo", "after", "action",
    }  # fmt: skip
    assert "--json shows a plan" in run("start", "dl1", "--json", code=2).stderr
    assert not (folder / ".ottochain" / "operations").exists()


def test_a_file_that_is_no_plan_is_refused(run: Run, folder: Path) -> None:
    (folder / "no.json").write_text("{")
    assert "is not JSON" in run("apply", "no.json", code=2).stderr
    (folder / "no.json").write_text("{}")
    assert "this is no plan" in run("apply", "no.json", code=5).stderr


def test_nobody_to_ask_and_no_yes_is_a_usage_error(run: Run) -> None:
    said = run("restart", "dl1", code=2).stderr
    assert "Plan: restart dl1 --rolling" in said
    assert "nobody is there to approve this plan" in said
    assert "Next: the same command with --yes." in said


def test_there_is_nothing_to_go_on_with_and_no_lease_to_break(run: Run) -> None:
    for words in (["resume"], ["abort"], ["pause"]):
        assert "no operation stopped half way" in run("operations", *words, code=5).stderr
    assert "there is no operation 7" in run("operations", "show", "7", code=5).stderr
    assert run("lease", "show").stdout == "The lease is free.\nmaintenance: no\n"
    assert json.loads(run("lease", "show", "--json").stdout)["holder"] is None
    assert "--reason" in run("lease", "break", code=2).stderr
    assert "Already free" in run("lease", "break", "--reason", "none").stdout


def test_an_operation_that_was_cut_off_is_shown_and_nothing_passes_over_it(run: Run, folder: Path) -> None:
    operations = folder / ".ottochain" / "operations"
    document = json.loads(run("start", "dl1", "--dry-run", "--json").stdout)
    made = journal.begin(operations, "start dl1", "start", "somebody@elsewhere", document)
    made.note("began", step="bring up dl1 dl1-1 dl1-2")
    (listed,) = json.loads(run("operations", "list", "--json").stdout)
    assert (listed["state"], listed["who"], listed["steps"], listed["done"]) == ("cut off", "somebody@elsewhere", 1, 0)
    assert "not done" in run("operations", "show").stdout
    said = run("start", "cl1", code=4).stderr
    assert "operation 1, `ottochain start dl1` of somebody@elsewhere, was cut off" in said
    assert "Next: ottochain operations resume 1" in said
    assert "The reason is in its journal" in run("lease", "break", "--reason", "they went home").stdout
    shown = json.loads(run("operations", "show", "1", "--json").stdout)
    assert (shown["state"], shown["lastWord"]) == ("broken", "they went home")
    made.file.unlink()


def test_a_service_is_printed_or_written_and_never_enabled(run: Run, folder: Path) -> None:
    printed = run("install-service", "--print").stdout
    assert "ExecStart=" in printed
    done = run("install-service", "--into", "units")
    assert (folder / "units" / "ottochain-local.service").read_text().rstrip() == printed.rstrip()
    assert "systemctl --user enable ottochain-local.service" in done.stderr


def test_a_service_of_the_system_names_its_user(run: Run) -> None:
    assert "User=" in run("install-service", "--system", "--print").stdout
