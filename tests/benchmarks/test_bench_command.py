"""``./dev bench`` as a person types it: what can be measured, what can't, and which sizes."""

from __future__ import annotations

import importlib

import pytest
from benchmarks.__main__ import LATER, ROWS, leaves, main
from benchmarks.effort import FULL
from benchmarks.network import Lost
from benchmarks.pairs import PAIRS_MIN
from benchmarks.peers.places import PEERS
from benchmarks.ports import STACK_PORTS, free_offset
from benchmarks.stack import StackFailed


def test_without_a_name_it_says_what_there_is(capsys: pytest.CaptureFixture[str]) -> None:
    assert main([]) == 0
    shown = capsys.readouterr().out
    assert all(name in shown for name in (*ROWS, *LATER))


@pytest.mark.parametrize("name", LATER)
def test_a_row_of_a_later_version_is_refused_with_the_reason(name: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main([name]) == 5
    assert LATER[name] in capsys.readouterr().err


def test_a_row_that_does_not_exist_is_a_wrong_word(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["speed"]) == 2
    assert "there is no row 'speed'" in capsys.readouterr().err


@pytest.mark.parametrize("name", ROWS)
def test_every_row_that_is_named_can_run(name: str) -> None:
    assert callable(importlib.import_module(f"benchmarks.{name}").run)


def test_a_full_measurement_takes_enough_pairs() -> None:
    assert FULL.pairs >= PAIRS_MIN


def test_peers_have_names_of_their_own() -> None:
    names = [peer.name for peer in PEERS]
    assert len(names) == len(set(names))


def test_a_free_offset_keeps_a_stack_below_the_outgoing_ports() -> None:
    assert max(STACK_PORTS) + free_offset() < 32_768


def test_what_went_wrong_is_told_once_however_many_tasks_met_it() -> None:
    lost = ExceptionGroup("tasks", [Lost("an update"), ExceptionGroup("more", [Lost("an update"), StackFailed("gl0")])])
    assert [str(reason) for reason in leaves(lost)] == ["an update", "gl0"]
