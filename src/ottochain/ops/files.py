"""Files that are there whole or not at all, and still there after a power cut."""

from __future__ import annotations

import fcntl
import os
from pathlib import Path

PRIVATE = 0o600


def write_durably(path: Path, content: bytes, *, mode: int = 0o644) -> None:
    """Write beside, sync, rename, sync the folder. The mode is set before the first byte of content is there."""
    make_folder(path.parent)
    partial = path.with_name(f".{path.name}.{os.getpid()}.part")
    descriptor = os.open(partial, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, mode)
    try:
        with os.fdopen(descriptor, "wb") as file:
            os.fchmod(file.fileno(), mode)
            file.write(content)
            file.flush()
            _sync(file.fileno())
        partial.replace(path)
    except BaseException:
        partial.unlink(missing_ok=True)
        raise
    sync_folder(path.parent)


def write_new(path: Path, content: bytes, *, mode: int = 0o644) -> None:
    """As ``write_durably``, but never over a file that is there: ``FileExistsError``, and that file is as it was."""
    make_folder(path.parent)
    partial = path.with_name(f".{path.name}.{os.getpid()}.new")
    try:
        write_durably(partial, content, mode=mode)
        os.link(partial, path)
    finally:
        partial.unlink(missing_ok=True)
    sync_folder(path.parent)


def make_folder(folder: Path) -> None:
    """Make a folder and those above it that are missing, each there for good before anything is put into it."""
    if not folder.is_dir():
        make_folder(folder.parent)
        folder.mkdir(exist_ok=True)
        sync_folder(folder.parent)


def sync_folder(folder: Path) -> None:
    """Make the names in ``folder`` durable."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        _sync(descriptor)
    finally:
        os.close(descriptor)


def _sync(descriptor: int) -> None:
    """To the medium: on macOS a plain fsync stops at the drive's cache."""
    if (full := getattr(fcntl, "F_FULLFSYNC", None)) is not None:
        try:
            fcntl.fcntl(descriptor, full)
        except OSError:  # a file system that knows no such thing
            os.fsync(descriptor)
    else:
        os.fsync(descriptor)


def tail(path: Path, lines: int, *, bytes_max: int = 64 * 1024) -> list[str]:
    """The last lines of a text file; nothing when there is no such file."""
    try:
        with path.open("rb") as file:
            size = file.seek(0, os.SEEK_END)
            file.seek(max(0, size - bytes_max))
            text = file.read().decode("utf-8", "replace")
    except OSError:
        return []
    return text.splitlines()[-lines:] if lines else []
