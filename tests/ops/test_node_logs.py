"""Reading logs: in order, over rotation, and following without losing a line."""

from __future__ import annotations

import logging.handlers
import re
from pathlib import Path

import pytest

from ottochain.ops.errors import UsageError
from ottochain.ops.facts.node_logs import BLOCK_BYTES, Follower, last_lines, read_backwards
from ottochain.ops.moments import moment


def stamped(second: int, text: str, level: str = "INFO") -> str:
    return f"2026-01-01T00:00:{second:02d}.500Z {level} gl0 1b4b9f98 ottochain.node.x: {text}"


def texts(path: Path, **options: object) -> list[str]:
    wanted = {"count": None, "since": None, **options}
    return [line.text for line in last_lines("gl0", path, **wanted)]  # type: ignore[arg-type]


class Rotating:
    """A log written as nodes write theirs."""

    def __init__(self, path: Path, bytes_max: int, kept: int = 4) -> None:
        self._handler = logging.handlers.RotatingFileHandler(path, maxBytes=bytes_max, backupCount=kept)

    def __enter__(self) -> Rotating:
        return self

    def __exit__(self, *_: object) -> None:
        self._handler.close()

    def write(self, text: str) -> None:
        self._handler.emit(logging.LogRecord("x", logging.INFO, "", 0, text, None, None))


def test_lines_come_back_in_their_order_over_rotated_files(tmp_path: Path) -> None:
    path = tmp_path / "gl0.log"
    written = [stamped(number, f"line {number}") for number in range(12)]
    with Rotating(path, 200) as log:
        for line in written:
            log.write(line)
    assert path.with_name("gl0.log.3").exists()
    assert texts(path) == written[-len(texts(path)) :]
    assert texts(path, count=7) == written[-7:]
    assert list(read_backwards(path))[:2] == [written[-1], written[-2]]


def test_a_long_file_is_read_from_its_end_block_by_block(tmp_path: Path) -> None:
    path = tmp_path / "gl0.log"
    written = [stamped(number % 60, "é" * (number % 500)) for number in range(2000)]
    path.write_text("\n".join(written) + "\n")
    assert path.stat().st_size > 3 * BLOCK_BYTES
    assert texts(path) == written


def test_since_leaves_out_what_is_older_and_keeps_what_belongs_to_a_later_line(tmp_path: Path) -> None:
    path = tmp_path / "gl0.log"
    path.write_text("\n".join([stamped(1, "old"), "of the old", stamped(5, "new"), "of the new"]) + "\n")
    begin = moment("2026-01-01T00:00:03Z", 0.0)
    assert texts(path, since=begin) == [stamped(5, "new"), "of the new"]


def test_the_last_lines_are_counted_after_the_search(tmp_path: Path) -> None:
    path = tmp_path / "gl0.log"
    path.write_text("".join(f"{stamped(n, f'even {n}' if n % 2 == 0 else f'odd {n}')}\n" for n in range(10)))
    found = texts(path, count=2, pattern=re.compile("even"))
    assert [line[-1] for line in found] == ["6", "8"]


def test_a_log_that_is_not_there_has_no_lines(tmp_path: Path) -> None:
    assert texts(tmp_path / "gl0.log") == []


def test_following_survives_rotation_without_losing_a_line(tmp_path: Path) -> None:
    path = tmp_path / "gl0.log"
    written = [stamped(number, f"line {number}") for number in range(60)]
    seen: list[str] = []
    with Rotating(path, 400, kept=9) as log:
        log.write(stamped(0, "before"))
        follower = Follower("gl0", path)
        for number, line in enumerate(written):
            log.write(line)
            if number % 7 == 0:  # several rotations may lie between two looks
                seen += [one.text for one in follower.added()]
        seen += [one.text for one in follower.added()]
    follower.close()
    assert seen == written


def test_following_begins_with_a_log_that_comes_later_and_goes_on_after_a_restart(tmp_path: Path) -> None:
    path = tmp_path / "gl0.log"
    follower = Follower("gl0", path)
    assert follower.added() == []
    path.write_text(stamped(1, "first life") + "\n")
    assert [one.text for one in follower.added()] == [stamped(1, "first life")]
    with path.open("a") as file:
        file.write(stamped(2, "second life") + "\nhalf a li")
    assert [one.text for one in follower.added()] == [stamped(2, "second life")]
    with path.open("a") as file:
        file.write("ne\n")
    assert [one.text for one in follower.added()] == ["half a line"]
    path.write_text("anew\n")
    assert [one.text for one in follower.added()] == ["anew"]
    follower.close()


def test_lines_of_the_error_file_are_errors(tmp_path: Path) -> None:
    path = tmp_path / "gl0.err"
    path.write_text("ottochain-node: no\n")
    (line,) = last_lines("gl0", path, count=5, since=None)
    assert (line.level, line.from_error_file, line.at) == ("ERROR", True, path.stat().st_mtime)


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("30s", 970.0), ("2m", 880.0), ("0.5h", -800.0), ("1d", -85_400.0),
        ("1970-01-01T00:00:10Z", 10.0), ("1970-01-01T01:00:10+01:00", 10.0), ("1970-01-01", 0.0),
    ],
)  # fmt: skip
def test_times_as_they_are_typed(text: str, seconds: float) -> None:
    assert moment(text, 1000.0) == seconds


def test_what_is_no_time_is_refused_with_examples() -> None:
    with pytest.raises(UsageError) as refused:
        moment("yesterday", 0.0)
    assert "10m" in refused.value.next_step
