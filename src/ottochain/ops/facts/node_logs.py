"""The logs of nodes, over rotation: ``NODE.log`` and before it ``NODE.log.1`` up to ``.4``; ``NODE.err`` beside them.

Lines are those of ``node/log.py``: time, level, layer, short id, logger, text. A line that begins with no time (what a
process says before its log is open, or as it dies) takes the time of the line before it, or of its file.
"""

from __future__ import annotations

import contextlib
import datetime
import os
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO, Final

ROTATED_MAX: Final = 9
BLOCK_BYTES: Final = 64 * 1024

_STAMP: Final = re.compile(r"^(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d+)?)Z (\S+) ")


@dataclass(frozen=True, slots=True, order=True)
class LogLine:
    """One line of one node. Lines sort by time, and keep their order where it is the same."""

    at: float
    """Seconds since 1970."""
    number: int
    node: str
    text: str
    level: str = "INFO"
    from_error_file: bool = False


def read_line(node: str, text: str, number: int, before: float, *, from_error_file: bool = False) -> LogLine:
    """``before``: the time that a line without one gets."""
    stamp = _STAMP.match(text)
    if stamp is None:
        return LogLine(before, number, node, text, "ERROR" if from_error_file else "INFO", from_error_file)
    return LogLine(_seconds(stamp[1]), number, node, text, stamp[2], from_error_file)


def _seconds(stamp: str) -> float:
    return datetime.datetime.fromisoformat(stamp).replace(tzinfo=datetime.UTC).timestamp()


def files_of(path: Path) -> list[Path]:
    """A log's files, the oldest first."""
    rotated = [path.with_name(f"{path.name}.{number}") for number in range(ROTATED_MAX, 0, -1)]
    return [file for file in (*rotated, path) if file.exists()]


def read_backwards(path: Path) -> Iterator[str]:
    """The lines of a log over all its files, the last one first. Reads no more than is asked for."""
    for file in reversed(files_of(path)):
        with contextlib.suppress(FileNotFoundError), file.open("rb") as content:
            yield from _lines_backwards(content)


def _lines_backwards(content: BinaryIO) -> Iterator[str]:
    at = content.seek(0, os.SEEK_END)
    rest = b""
    while at > 0:
        size = min(BLOCK_BYTES, at)
        at -= size
        content.seek(at)
        rest = content.read(size) + rest
        head, *whole = rest.split(b"\n")
        for line in reversed(whole):
            if line:
                yield line.decode("utf-8", "replace")
        rest = head
    if rest:
        yield rest.decode("utf-8", "replace")


def last_lines(
    node: str, path: Path, *, count: int | None, since: float | None, pattern: re.Pattern[str] | None = None
) -> list[LogLine]:
    """The last ``count`` lines (None: all) of a log that are not older than ``since`` and that ``pattern`` is found in.

    The oldest first.
    """
    found: list[LogLine] = []
    unstamped: list[str] = []
    is_error = path.suffix == ".err"
    fallback = _written(path)
    for number, text in enumerate(read_backwards(path)):
        if _STAMP.match(text) is None and not is_error:
            unstamped.append(text)
            continue
        line = read_line(node, text, -number, fallback, from_error_file=is_error)
        if since is not None and line.at < since:
            break
        for later in unstamped:
            _keep(found, read_line(node, later, -number, line.at), pattern)
        unstamped.clear()
        _keep(found, line, pattern)
        if count is not None and len(found) >= count:
            break
    else:
        for later in unstamped:
            _keep(found, read_line(node, later, 0, fallback), pattern)
    found = found if count is None else found[:count]
    return [
        LogLine(line.at, number, line.node, line.text, line.level, line.from_error_file)
        for number, line in enumerate(reversed(found))
    ]


def _keep(found: list[LogLine], line: LogLine, pattern: re.Pattern[str] | None) -> None:
    if pattern is None or pattern.search(line.text):
        found.append(line)


def _written(path: Path) -> float:
    try:
        return path.stat().st_mtime
    except OSError:
        return 0.0


class Follower:
    """Reads what is added to a log: it holds the file open, so that what was written before a rotation is read to its
    end, and goes on with the files that came after it."""

    def __init__(self, node: str, path: Path) -> None:
        self._node = node
        self._path = path
        self._file: BinaryIO | None = None
        self._rest = b""
        self._number = 0
        self._before = 0.0
        with contextlib.suppress(FileNotFoundError):
            self._file = path.open("rb")
            self._file.seek(0, os.SEEK_END)

    def close(self) -> None:
        if self._file is not None:
            self._file.close()

    def added(self) -> list[LogLine]:
        """The whole lines that were added since the last call."""
        lines = self._read()
        for file in self._newer():
            if self._file is not None:
                self._file.close()
            self._file, self._rest = file, b""
            lines += self._read()
        return lines

    def _read(self) -> list[LogLine]:
        if self._file is None:
            return []
        if self._file.tell() > os.fstat(self._file.fileno()).st_size:  # it was emptied: a process began it anew
            self._file.seek(0)
            self._rest = b""
        *whole, self._rest = (self._rest + self._file.read()).split(b"\n")
        return [self._line(one.decode("utf-8", "replace")) for one in whole]

    def _line(self, text: str) -> LogLine:
        self._number += 1
        is_error = self._path.suffix == ".err"
        before = _written(self._path) if is_error or not self._before else self._before
        line = read_line(self._node, text, self._number, before, from_error_file=is_error)
        self._before = line.at
        return line

    def _newer(self) -> list[BinaryIO]:
        """The files that came after the open one, opened, the oldest first; none while it is the newest."""
        held = None if self._file is None else os.fstat(self._file.fileno()).st_ino
        opened: list[BinaryIO] = []
        for file in reversed(files_of(self._path)):  # the newest first
            try:
                content = file.open("rb")
            except FileNotFoundError:
                continue
            inode = os.fstat(content.fileno()).st_ino
            if inode == held or any(os.fstat(one.fileno()).st_ino == inode for one in opened):
                content.close()
                if inode == held:
                    break
                continue
            opened.insert(0, content)
            if held is None:
                break
        return opened
