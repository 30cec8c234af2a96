"""The journal: one file for each operation, a JSON line for each thing that happened, synced before the next begins.

    planned → (began STEP → done STEP)* → ended done
                                        → failed / paused / interrupted   it stopped half way, and can be resumed
    … → resumed → …                     → ended aborted | broken | superseded

``began`` is on disk before a step touches anything, ``done`` before the next step begins. A line that a power cut tore
is no line. A file is never written over, and an operation's number is never given again.
"""

from __future__ import annotations

import errno
import json
import os
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, Literal, TypeAlias

from ottochain.ops.errors import HalfWay, Refused
from ottochain.ops.files import make_folder, sync_folder
from ottochain.ops.moments import utc_now

State: TypeAlias = Literal["running", "half way", "done", "aborted", "broken", "superseded", "refused"]

_NAME: Final = re.compile(r"(\d{4,})-[a-z-]+\.jsonl")


@dataclass(frozen=True, slots=True)
class Entry:
    """One operation as its journal has it."""

    id: int
    file: Path
    events: tuple[Mapping[str, Any], ...]

    @property
    def words(self) -> str:
        """What was asked, as one types it."""
        return str(self.events[0]["words"])

    @property
    def who(self) -> str:
        return str(self.events[0]["who"])

    @property
    def since(self) -> str:
        return str(self.events[0]["at"])

    @property
    def document(self) -> Mapping[str, Any]:
        """The procedure, as ``plan.document`` wrote it."""
        found: Mapping[str, Any] = self.events[0]["plan"]
        return found

    @property
    def state(self) -> State:
        """``running`` also when the process that ran it is dead: whether it lives is the lease's to tell."""
        for event in reversed(self.events):
            match event["event"]:
                case "ended":
                    how: State = event["how"]
                    return how
                case "failed" | "paused" | "interrupted":
                    return "half way"
                case "planned" | "resumed" | "began" | "done":
                    return "running"
        return "running"

    @property
    def begun(self) -> tuple[str, ...]:
        """The steps that were begun, each once, in their order."""
        return tuple(dict.fromkeys(event["step"] for event in self.events if event["event"] == "began"))

    @property
    def done(self) -> tuple[str, ...]:
        return tuple(dict.fromkeys(event["step"] for event in self.events if event["event"] == "done"))

    @property
    def last_word(self) -> str:
        """Why it is where it is."""
        event = self.events[-1]
        return str(event.get("what") or event.get("reason") or event["event"])


class Journal:
    """Appends to one operation's file."""

    def __init__(self, entry_id: int, file: Path) -> None:
        self.id = entry_id
        self.file = file

    def note(self, event: str, **facts: object) -> None:
        """Append a line, and return when it is on disk. Raises ``HalfWay`` when it can't be written: what can't be
        written down is not done."""
        line = json.dumps({"event": event, "at": utc_now(), **facts}).encode() + b"\n"
        try:
            descriptor = os.open(self.file, os.O_WRONLY | os.O_APPEND | os.O_CLOEXEC)
            try:
                if os.write(descriptor, line) < len(line):
                    raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
                os.fsync(descriptor)
            finally:
                os.close(descriptor)
        except OSError as error:
            raise HalfWay(
                f"the journal {self.file} can't be written: {error.strerror}. Nothing more was done.",
                next_step=f"make room there; then ottochain operations resume {self.id}.",
            ) from None

    @property
    def pause_request(self) -> Path:
        """While this file is there, the next step is not begun."""
        return self.file.with_suffix(".pause")


def begin(folder: Path, words: str, verb: str, who: str, document: Mapping[str, Any]) -> Journal:
    """A new operation's journal, with its plan in it. Raises ``Refused`` when it can't be written."""
    make_folder(folder)
    number = 1 + max((number for number, _ in _files(folder)), default=0)
    while True:
        file = folder / f"{number:04}-{verb}.jsonl"
        try:
            os.close(os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o644))
            break
        except FileExistsError:
            number += 1
    journal = Journal(number, file)
    try:
        journal.note("planned", id=number, words=words, who=who, plan=document)
    except HalfWay as error:
        raise Refused(error.what, next_step="make room there; nothing was touched.") from None
    sync_folder(folder)
    return journal


def reopen(entry: Entry) -> Journal:
    """The journal of an operation that goes on. What a power cut tore off its last line is cut away."""
    content = entry.file.read_bytes()
    whole = content.rfind(b"\n") + 1
    if whole < len(content):
        os.truncate(entry.file, whole)
    return Journal(entry.id, entry.file)


def entries(folder: Path) -> list[Entry]:
    """Every operation, oldest first. A file without a whole first line is that of an operation that never began."""
    found = []
    for number, file in sorted(_files(folder)):
        events = tuple(_events(file))
        if events and events[0]["event"] == "planned":
            found.append(Entry(number, file, events))
    return found


def entry(folder: Path, number: int) -> Entry:
    """One operation. Raises ``Refused`` when there is none of this number."""
    found = next((each for each in entries(folder) if each.id == number), None)
    if found is None:
        raise Refused(f"there is no operation {number} in {folder}.", next_step="ottochain operations list")
    return found


def _files(folder: Path) -> Iterator[tuple[int, Path]]:
    for file in folder.iterdir() if folder.is_dir() else ():
        if name := _NAME.fullmatch(file.name):
            yield int(name[1]), file


def _events(file: Path) -> Iterator[Mapping[str, Any]]:
    for line in file.read_bytes().split(b"\n")[:-1]:
        try:
            event = json.loads(line)
        except ValueError:
            return  # what follows a torn line was never relied upon
        if not isinstance(event, dict) or "event" not in event:
            return
        yield event
