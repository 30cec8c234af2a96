"""The row about JSON logic: it measures with ours alone, and says whom it missed."""

from dataclasses import replace
from pathlib import Path

import pytest
from benchmarks.effort import LOOK
from benchmarks.peers import places

from benchmarks import jlvm


def test_without_peers_it_measures_ours_and_names_the_missing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(places, "HOME", tmp_path)
    monkeypatch.setattr(jlvm, "SECONDS", 0.01)
    result = jlvm.run(replace(LOOK, pairs=1))
    assert [figure.what for figure in result.figures] == ["guard", "fold of 10"]
    assert all(0 < figure.ours[0] < 1_000 for figure in result.figures)
    assert len(result.missing) == 4
    assert all("./dev peers" in line for line in result.missing)


def test_the_expressions_are_the_kind_that_guards_and_effects_are_made_of() -> None:
    from ottochain.jlvm import compile_expression

    guard = compile_expression(jlvm.GUARD).run(jlvm.GUARD_DATA)
    assert guard.value is True
    assert compile_expression(jlvm.FOLD).run(jlvm.FOLD_DATA).value == sum(range(12, 40, 4))
