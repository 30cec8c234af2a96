"""Secrets by reference: the deployment file says where a password is kept, never what it is."""

from __future__ import annotations

import os
import shlex
import subprocess
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from ottochain.ops.errors import Refused


@dataclass(frozen=True, slots=True)
class Secret:
    """Where a secret is kept. Printing it prints the place."""

    kind: Literal["file", "env", "command"]
    place: str

    def __str__(self) -> str:
        return f"{self.kind}:{self.place}"

    def reveal(self) -> str:
        """The value, without the line end a file or a command may close with. ``Refused`` when it can't be had."""
        try:
            value = self._read()
        except (OSError, KeyError, subprocess.SubprocessError) as error:
            why = error.strerror if isinstance(error, OSError) else type(error).__name__
            raise Refused(f"the password kept in {self} could not be read: {why}.", next_step=self._remedy()) from None
        return value.rstrip("\r\n")

    def check(self) -> None:
        """``Refused`` when the secret can't be had, as far as that can be told without running a command."""
        if self.kind != "command":
            self.reveal()

    def _read(self) -> str:
        if self.kind == "file":
            return Path(self.place).read_text(encoding="utf-8")
        if self.kind == "env":
            return os.environ[self.place]
        words = shlex.split(self.place)
        done = subprocess.run(words, capture_output=True, text=True, timeout=30, check=True)  # noqa: S603  the operator's
        return done.stdout

    def _remedy(self) -> str:
        return {
            "file": f"put the file back at {self.place}, readable by you alone (mode 0600).",
            "env": f"set the environment variable {self.place} and repeat the command.",
            "command": "run that command by hand; it must print the password and exit 0.",
        }[self.kind]
