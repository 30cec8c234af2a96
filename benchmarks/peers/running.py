"""A peer's process: started in a folder of its own, waited for by asking it, and ended whatever happens."""

from __future__ import annotations

import os
import subprocess
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Final

LOOK_SECONDS: Final = 0.002
PATIENCE_SECONDS: Final = 30.0


class PeerFailed(Exception):  # noqa: N818  a fact about the world
    """A peer that is installed did not come up; the text holds its last words."""


@contextmanager
def running(command: Sequence[str], folder: Path, env: Mapping[str, str] | None = None) -> Iterator[int]:
    """The process id of ``command``, which works in ``folder`` and writes to ``output.log`` there."""
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / "output.log").open("ab") as log:
        process = subprocess.Popen(
            command, cwd=folder, env={**os.environ, **(env or {})}, stdin=subprocess.DEVNULL, stdout=log, stderr=log
        )
    try:
        yield process.pid
    finally:
        process.terminate()
        try:
            process.wait(5)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def wait_until(what: str, check: Callable[[], bool], folder: Path) -> None:
    """Ask again and again. Raises ``PeerFailed``, with the end of the log in ``folder``, when it takes too long."""
    end = time.monotonic() + PATIENCE_SECONDS
    while not check():
        if time.monotonic() > end:
            words = " | ".join((folder / "output.log").read_text(errors="replace").splitlines()[-3:])
            raise PeerFailed(f"{what}: not within {PATIENCE_SECONDS:g} s; it said: {words}")
        time.sleep(LOOK_SECONDS)


def answer_of(url: str, body: bytes | None = None) -> bytes:
    """What ``url`` answers, empty when it does not answer well; GET, or POST of JSON when there is a body."""
    request = urllib.request.Request(url, body, {"Content-Type": "application/json"})  # noqa: S310  our own loopback
    with suppress(OSError, urllib.error.URLError), urllib.request.urlopen(request, timeout=2) as answer:  # noqa: S310
        found: bytes = answer.read()
        return found
    return b""
