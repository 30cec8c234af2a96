"""The memory of looks: bounded, tolerant, and told in periods."""

from __future__ import annotations

import threading
from pathlib import Path

import pytest

from ottochain.ops import health_history
from ottochain.ops.checks.finding import Finding
from ottochain.ops.health_history import Look, periods, recall, remember

WELL = Finding("nodes", "gl0", "ok", "1 of 1")
ILL = Finding("nodes", "cl1", "degraded", "2 of 3 Ready: cl1-1 stopped", "ottochain up")


def look(number: int, *findings: Finding) -> Look:
    return Look.of(f"2026-01-01T00:00:{number:02d}Z", findings or (WELL,))


def test_what_is_remembered_is_recalled(tmp_path: Path) -> None:
    file = tmp_path / "health" / "history.jsonl"
    assert recall(file) == []
    remember(file, look(1))
    remember(file, look(2, WELL, ILL))
    assert recall(file) == [look(1), look(2, WELL, ILL)]
    assert recall(file)[1].failed == (("nodes", "cl1", "degraded", "2 of 3 Ready: cl1-1 stopped"),)


def test_the_oldest_looks_are_forgotten(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(health_history, "LOOKS_KEPT", 5)
    monkeypatch.setattr(health_history, "LOOKS_OVER", 2)
    file = tmp_path / "history.jsonl"
    for number in range(8):
        remember(file, look(number))
    assert [one.at[-3:-1] for one in recall(file)] == ["03", "04", "05", "06", "07"]
    assert file.stat().st_size < 1000


def test_looks_at_the_same_time_lose_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(health_history, "LOOKS_OVER", 1)
    monkeypatch.setattr(health_history, "LOOKS_KEPT", 1000)
    file = tmp_path / "history.jsonl"
    threads = [threading.Thread(target=lambda: [remember(file, look(1)) for _ in range(50)]) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(recall(file)) == 200


def test_a_torn_line_is_left_out(tmp_path: Path) -> None:
    file = tmp_path / "history.jsonl"
    remember(file, look(1))
    with file.open("ab") as content:
        content.write(b'{"at": "2026\n[]\n\xff\n')
    remember(file, look(2))
    assert recall(file) == [look(1), look(2)]


def test_looks_in_a_row_that_found_the_same_are_one_period() -> None:
    worse = Finding("nodes", "cl1", "degraded", "other numbers")
    found = periods([look(1), look(2), look(3, ILL), look(4, worse), look(5)])
    assert [(one.first.at[-3:-1], one.last.at[-3:-1], one.looks, one.last.verdict) for one in found] == [
        ("01", "02", 2, "healthy"),
        ("03", "04", 2, "degraded"),
        ("05", "05", 1, "healthy"),
    ]
