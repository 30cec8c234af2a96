"""The journal: what is in it when, and what a power cut leaves of it."""

from __future__ import annotations

from pathlib import Path

import pytest

from ottochain.ops.errors import HalfWay, Refused
from ottochain.ops.execute import journal as journals

DOCUMENT = {"steps": [{"id": "stop dl1"}, {"id": "bring up dl1"}]}


def begun(folder: Path, verb: str = "restart") -> journals.Journal:
    return journals.begin(folder, f"{verb} dl1", verb, "me@here", DOCUMENT)


def only(folder: Path) -> journals.Entry:
    (entry,) = journals.entries(folder)
    return entry


def test_an_operation_runs_from_its_plan_to_its_end(tmp_path: Path) -> None:
    journal = begun(tmp_path)
    assert (only(tmp_path).state, only(tmp_path).words, only(tmp_path).who) == ("running", "restart dl1", "me@here")
    journal.note("began", step="stop dl1")
    journal.note("done", step="stop dl1", note="stopped", seconds=0.1)
    journal.note("began", step="bring up dl1")
    entry = only(tmp_path)
    assert (entry.begun, entry.done, entry.state) == (("stop dl1", "bring up dl1"), ("stop dl1",), "running")
    journal.note("ended", how="done")
    assert only(tmp_path).state == "done"
    assert only(tmp_path).document == DOCUMENT


@pytest.mark.parametrize("event", ["failed", "paused", "interrupted"])
def test_what_stopped_half_way_goes_on_when_it_is_resumed(tmp_path: Path, event: str) -> None:
    journal = begun(tmp_path)
    journal.note(event, what="the disk is full")
    assert (only(tmp_path).state, only(tmp_path).last_word) == ("half way", "the disk is full")
    journal.note("resumed", who="me@here")
    assert only(tmp_path).state == "running"


@pytest.mark.parametrize("torn", [1, 5, 20])
def test_a_torn_last_line_is_no_line_and_is_cut_away_when_it_goes_on(tmp_path: Path, torn: int) -> None:
    journal = begun(tmp_path)
    journal.note("began", step="stop dl1")
    whole = journal.file.read_bytes()
    journal.note("done", step="stop dl1", note="", seconds=0)
    journal.file.write_bytes(journal.file.read_bytes()[:-torn])
    assert only(tmp_path).done == ()
    again = journals.reopen(only(tmp_path))
    assert again.file.read_bytes() == whole
    again.note("done", step="stop dl1", note="", seconds=0)
    assert only(tmp_path).done == ("stop dl1",)


def test_a_journal_whose_plan_was_torn_is_that_of_an_operation_that_never_began(tmp_path: Path) -> None:
    first = begun(tmp_path)
    first.file.write_bytes(first.file.read_bytes()[:-3])
    assert journals.entries(tmp_path) == []
    assert begun(tmp_path).id == 2
    assert only(tmp_path).id == 2


def test_numbers_are_never_given_twice(tmp_path: Path) -> None:
    assert [begun(tmp_path, verb).id for verb in ("up", "down", "up")] == [1, 2, 3]
    assert [entry.id for entry in journals.entries(tmp_path)] == [1, 2, 3]
    (tmp_path / "0002-down.jsonl").unlink()
    assert begun(tmp_path).id == 4


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="this system has no disk that is always full")
def test_what_cannot_be_written_down_is_not_done(tmp_path: Path) -> None:
    with pytest.raises(HalfWay, match="can't be written: No space left on device"):
        journals.Journal(1, Path("/dev/full")).note("began", step="stop dl1")


def test_an_unknown_number_is_refused(tmp_path: Path) -> None:
    with pytest.raises(Refused, match="no operation 7"):
        journals.entry(tmp_path, 7)
