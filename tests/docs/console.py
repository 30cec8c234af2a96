"""The ``console`` blocks of the pages: what a reader types, and what the page says comes back.

    ```console
    $ ottochain fiber get $ID
    fiber     6e0c1a52-3f5d-4a6e-9a42-0d6c2f7f5b11
    …
    ```

A block that begins with ``json file=NAME`` or ``python file=NAME`` is a file that the reader saves under that name.

A command goes on over a line that ends with a backslash. ``…`` stands for anything; alone on its line for any lines.
What is different at each run is compared by its kind only: ids, hashes, keys, times, process ids, ordinals. Ports are
the guide's in the pages; the stack that runs them is shifted, and its answers are shifted back.
"""

from __future__ import annotations

import re
import subprocess
import threading
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

MARK: Final = "--- end of output"
COMMAND_SECONDS: Final = 60.0

_FENCE: Final = re.compile(r"^```(console|(?:json|python) file=(\S+))\n(.*?)^```$", re.MULTILINE | re.DOTALL)
_PORT: Final = re.compile(r"(?<![\d.])9[0-4]\d[012](?![\d.])")
_ROW: Final = re.compile(
    r"^((?:gl0|ml0|cl1|dl1) +\S+ +.*?) +(?:\d+|-) +(\d+|-) +(\d+) +(?:\d+|-) +(\S+)$", re.MULTILINE
)
_KINDS: Final = (
    (r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}", "<uuid>"),
    (r"\b[0-9a-f]{128}\b", "<peer id>"),
    (r"\b30[0-9a-f]{128,144}\b", "<signature>"),
    (r"\b[0-9a-f]{64}\b", "<hash>"),
    (r"(?<![0-9a-f])[0-9a-f]{8}\b", "<short id>"),
    (r"\bDAG[0-9][1-9A-HJ-NP-Za-km-z]{36}\b", "<address>"),
    (r"\b20\d\d-\d\d-\d\dT[0-9:.]+Z", "<time>"),
    (r"\b\d+\.\d+ s\b", "<seconds>"),
    (r"(?<=process )\d+", "<pid>"),
    (r"(?<=[oO]rdinal )\d+", "<ordinal>"),
    (r'(?<=[oO]rdinal":)\d+', "<ordinal>"),
    (r"created \d+, last changed \d+", "created <ordinal>, last changed <ordinal>"),
)


@dataclass(frozen=True, slots=True)
class Command:
    """One command of a page, and what the page shows below it."""

    text: str
    shown: str
    line: int


@dataclass(frozen=True, slots=True)
class Saved:
    """A file that the page lets its reader save."""

    name: str
    content: str


def steps_of(page: Path) -> list[Command | Saved]:
    """What the reader of a page does, in order."""
    text = page.read_text()
    steps: list[Command | Saved] = []
    for block in _FENCE.finditer(text):
        if block[2]:
            steps.append(Saved(block[2], block[3]))
        else:
            steps += _commands(block[3], text.count("\n", 0, block.start()) + 2)
    return steps


def _commands(block: str, first_line: int) -> Iterator[Command]:
    lines = block.splitlines()
    assert lines[0].startswith("$ "), f"line {first_line}: a console block begins with a command"
    at = 0
    while at < len(lines):
        start, typed = at, lines[at][2:]
        while typed.endswith("\\"):
            at += 1
            typed += "\n" + lines[at]
        at += 1
        shown = []
        while at < len(lines) and not lines[at].startswith("$ "):
            shown.append(lines[at])
            at += 1
        yield Command(typed, "\n".join(shown), first_line + start)


def matches(shown: str, found: str) -> bool:
    """Is what came back what the page shows?"""
    lines = [
        r"(?:.*\n)*?" if line.strip() == "…" else re.escape(line).replace("…", ".*") + r"\n" for line in _kinds(shown)
    ]
    return re.fullmatch("".join(lines), "".join(f"{line}\n" for line in _kinds(found))) is not None


def _kinds(text: str) -> list[str]:
    text = _ROW.sub(r"\1 <ordinal> \2 \3 <pid> \4", text)
    for pattern, kind in _KINDS:
        text = re.sub(pattern, kind, text)
    return [re.sub(r"  +", "  ", line).rstrip() for line in text.splitlines() if line.strip()]


def shifted(text: str, offset: int) -> str:
    """The guide's ports, shifted."""
    return _PORT.sub(lambda port: str(int(port[0]) + offset), text)


def shifted_back(text: str, offset: int) -> str:
    return re.sub(r"(?<![\d.])\d{4,5}(?![\d.])", lambda port: _back(port[0], offset), text)


def _back(digits: str, offset: int) -> str:
    port = str(int(digits) - offset)
    return port if _PORT.fullmatch(port) else digits


class Terminal:
    """One shell for all commands of a page: what the reader sets stays set."""

    def __init__(self, folder: Path, environment: Mapping[str, str]) -> None:
        self._shell = subprocess.Popen(
            ["bash", "--noprofile", "--norc"],
            cwd=folder,
            env=environment,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )

    def run(self, command: str) -> tuple[str, int]:
        """What the command printed, both streams as they came, and its exit code."""
        assert self._shell.stdin
        assert self._shell.stdout
        self._shell.stdin.write(f"{{ {command}\n}} </dev/null\nprintf '\\n%s %d\\n' '{MARK}' $?\n")
        self._shell.stdin.flush()
        lines: list[str] = []
        alarm = threading.Timer(COMMAND_SECONDS, self._shell.kill)
        alarm.start()
        try:
            for line in self._shell.stdout:
                if line.startswith(MARK):
                    return "".join(lines).rstrip("\n"), int(line.removeprefix(MARK))
                lines.append(line)
        finally:
            alarm.cancel()
        raise AssertionError(f"it did not end within {COMMAND_SECONDS:g} s: {command}\n{''.join(lines)}")

    def close(self) -> None:
        self._shell.kill()
        self._shell.communicate()
