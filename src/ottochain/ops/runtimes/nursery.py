"""Talk to the nursery, ``ottochain-node nursery``: it loads everything once and forks nodes from itself.

JSON lines over its standard input and output: ``{"argv": …, "cwd": …, "env": …, "stderr": …}`` → ``{"pid": n}``,
``{"tip": FOLDER}`` → the tip of a stopped node, ``{"waiting": FOLDER}`` → what waits in its pool. At the end of its
input it exits, and the nodes go on: they are in sessions of their own, and neither a closed terminal nor our end
reaches them.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Final

from ottochain.ops.errors import OttochainError
from ottochain.ops.files import make_folder, tail
from ottochain.ops.launch import INHERITED, Launch, secret_environment

COMMAND: Final = (sys.executable, "-m", "ottochain.node", "nursery")
ANSWER_SECONDS: Final = 60.0
"""An answer takes milliseconds; the first waits for the loading, and a laptop may be busy."""


class Nursery:
    """The nursery. It begins when it is first asked for something, or earlier, with ``begin``."""

    def __init__(self, error_file: Path, command: Sequence[str] = COMMAND) -> None:
        self._error_file = error_file
        self._command = command
        self._one_at_a_time = asyncio.Lock()
        self._process: subprocess.Popen[bytes] | None = None

    def begin(self) -> None:
        """Start it now: it loads while the caller still looks around."""
        if self._process is None:
            self._process = self._spawn()

    def _spawn(self) -> subprocess.Popen[bytes]:
        self._error_file.parent.mkdir(parents=True, exist_ok=True)
        environment = {name: os.environ[name] for name in INHERITED if name in os.environ}
        with self._error_file.open("wb") as errors:
            return subprocess.Popen(  # noqa: S603  our own program
                self._command,
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=errors,
                env=environment | _import_path(),
                start_new_session=True,
            )

    async def start(self, launch: Launch) -> int:
        """Fork a node; gives its process id. That it was forked is all that is known then."""
        make_folder(launch.node.data_dir)
        launch.node.error_file.parent.mkdir(parents=True, exist_ok=True)
        answer = await self._ask(
            {
                "argv": list(launch.arguments),
                "cwd": str(launch.node.data_dir),
                "env": {**launch.environment, **_import_path(), **secret_environment(launch.node)},
                "stderr": str(launch.node.error_file),
            }
        )
        pid = answer.get("pid")
        if not isinstance(pid, int):
            raise OttochainError(f"{launch.node.name} could not be started: {answer.get('error', answer)}.")
        return pid

    async def warm(self) -> None:
        """Wait until it has loaded everything: what is stopped after that is away for the shortest time."""
        await self._ask({"tip": os.devnull})

    async def tip(self, folder: Path) -> Mapping[str, Any]:
        """What lies at the end of a stopped node's chain, as the node's own code reads it."""
        return await self._ask({"tip": str(folder)})

    async def waiting(self, folder: Path) -> list[tuple[str, bytes]]:
        """What waits in a stopped L1 node's pool: hash and signed message of each. Raises ``OttochainError`` when that
        can't be read."""
        answer = await self._ask({"waiting": str(folder)})
        if "items" not in answer:
            raise OttochainError(f"what waits in {folder} can't be read: {answer.get('error', answer)}.")
        return [(str(item["hash"]), str(item["signed"]).encode()) for item in answer["items"]]

    async def _ask(self, request: Mapping[str, Any]) -> Mapping[str, Any]:
        self.begin()
        line = json.dumps(request).encode() + b"\n"
        async with self._one_at_a_time:
            try:
                async with asyncio.timeout(ANSWER_SECONDS):
                    answer = await asyncio.to_thread(self._exchange, line)
            except (TimeoutError, OSError) as error:
                raise self._broken(str(error) or "it did not answer") from None
        try:
            found = json.loads(answer)
        except ValueError:
            raise self._broken("it ended" if not answer else "its answer was not JSON") from None
        if not isinstance(found, dict):
            raise self._broken("its answer was no object")
        return found

    def _exchange(self, line: bytes) -> bytes:
        assert self._process
        assert self._process.stdin
        assert self._process.stdout
        self._process.stdin.write(line)
        self._process.stdin.flush()
        return self._process.stdout.readline()

    def _broken(self, why: str) -> OttochainError:
        said = "\n".join(f"  {line}" for line in tail(self._error_file, 5))
        return OttochainError(
            f"the nursery, which starts the nodes, failed: {why}.\n{said}".rstrip(),
            next_step="repeat the command; if it fails again, the lines above say why.",
        )

    def close(self) -> None:
        """End it, if it began. The nodes it forked go on."""
        if self._process is None:
            return
        for stream in (self._process.stdin, self._process.stdout):
            if stream:
                with contextlib.suppress(OSError):
                    stream.close()
        try:
            self._process.wait(2)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()


def _import_path() -> dict[str, str]:
    """A path set by hand in the operator's shell is where this package was found: the nodes must find it too."""
    return {"PYTHONPATH": os.environ["PYTHONPATH"]} if "PYTHONPATH" in os.environ else {}
