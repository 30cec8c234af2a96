"""A throw-away deployment: made, brought up and taken down with the real ``ottochain``, as a user would.

Each stack lives in a new folder and at a port offset where everything is free, on the loopback address.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from benchmarks import processes
from benchmarks.ports import free_offset

TOOL: Final = (sys.executable, str(Path(sys.executable).parent / "ottochain"))
COMMAND_SECONDS_MAX: Final = 120.0
KEEP: Final = "OTTOCHAIN_BENCH_KEEP"
"""Set in the environment, it leaves the folders of stacks behind, to look into."""


class StackFailed(Exception):  # noqa: N818
    """A command of the tool did not succeed, or left things otherwise than it said; the text holds its last words."""


@dataclass(frozen=True, slots=True)
class Place:
    """One node: its name and layer, where it answers, where its data lies."""

    name: str
    layer: str
    port: int
    data: Path

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def pid(self) -> int | None:
        """The process that holds its data folder, or held it last; None when none ever did."""
        try:
            return int(json.loads((self.data / "node.lock").read_text())["pid"])
        except (OSError, ValueError, KeyError, TypeError):
            return None


class Stack:
    """A deployment in ``folder``, freshly initialised."""

    def __init__(self, folder: Path, offset: int, **counts: int) -> None:
        self.folder = folder
        self.run("init", "--name", "bench", "--port-offset", str(offset))
        if counts:
            self._resize(counts)
        self._shown = self._show()

    def run(self, *words: str) -> str:
        """What ``ottochain WORDS`` prints. Raises ``StackFailed``."""
        done = subprocess.run(
            [*TOOL, *words],
            cwd=self.folder,
            env=tool_environment(),
            capture_output=True,
            text=True,
            timeout=COMMAND_SECONDS_MAX,
        )
        if done.returncode:
            raise StackFailed(f"ottochain {words[0]} ended with {done.returncode}: {done.stderr.strip()[-2000:]}")
        return done.stdout

    def up(self) -> float:
        """``ottochain up``; gives the seconds until it ended, which is when everything is Ready."""
        began = time.perf_counter()
        self.run("up")
        seconds = time.perf_counter() - began
        self._shown = self._show()
        return seconds

    def down(self) -> None:
        """``ottochain down``."""
        self.run("down")

    def kill(self) -> None:
        """``kill -9`` of every node, and wait until all are gone."""
        processes.kill(self.pids())

    def pids(self) -> tuple[int, ...]:
        """The processes of the nodes that live, in the order of the deployment."""
        found = (place.pid() for place in self.places())
        return tuple(pid for pid in found if pid is not None and processes.is_alive(pid))

    def check_ready(self) -> None:
        """Raises ``StackFailed`` unless every node says that it is Ready."""
        status = json.loads(self.run("status", "--json"))
        other = {node["node"]: node["state"] for node in status["nodes"] if node["state"] != "Ready"}
        if other:
            raise StackFailed(f"not Ready after up: {other}")

    @property
    def token(self) -> str:
        """The metagraph's identifier, which exists once the stack was up."""
        token = self._shown["token"]
        if not isinstance(token, str):
            raise StackFailed("the deployment has no token yet: it was never up")
        return token

    def places(self, layer: str | None = None) -> tuple[Place, ...]:
        """The nodes, or those of one layer, in the order of the deployment."""
        return tuple(
            Place(node["node"], node["layer"], node["ports"]["public"], Path(node["data"]))
            for node in self._shown["nodes"]
            if layer in (None, node["layer"])
        )

    def _resize(self, counts: Mapping[str, int]) -> None:
        """Other numbers of nodes in some layers; their keys are made."""
        file = self.folder / "ottochain.toml"
        text = file.read_text()
        for layer, count in counts.items():
            text = re.sub(rf"^{layer} = \d+$", f"{layer} = {count}", text, flags=re.MULTILINE)
        file.write_text(text)
        self.run("init")

    def _show(self) -> dict[str, Any]:
        shown: dict[str, Any] = json.loads(self.run("deployment", "show", "--json"))
        return shown


@contextmanager
def throw_away(**counts: int) -> Iterator[Stack]:
    """A stack in a new folder, not up yet; at the end nothing of it is left, neither process nor file.

    ``counts`` are numbers of nodes by layer, where they differ from the usual ones.
    """
    with scratch("stack-") as folder:
        stack = Stack(folder, free_offset(), **counts)
        try:
            yield stack
        finally:
            processes.kill(stack.pids())


@contextmanager
def scratch(prefix: str) -> Iterator[Path]:
    """A folder that is removed at the end, on the disk where the system keeps temporary files."""
    folder = Path(tempfile.mkdtemp(prefix=f"ottochain-bench-{prefix}"))
    try:
        yield folder
    finally:
        if os.environ.get(KEEP):
            print(f"kept: {folder}", file=sys.stderr)
        else:
            shutil.rmtree(folder, ignore_errors=True)


def tool_environment() -> Mapping[str, str]:
    """Our environment without what makes Python slow, or makes it look elsewhere for its modules."""
    unwanted = ("PYTHONDONTWRITEBYTECODE", "PYTHONHOME", "PYTHONPATH", "OTTOCHAIN_DEPLOYMENT")
    return {name: value for name, value in os.environ.items() if name not in unwanted}
