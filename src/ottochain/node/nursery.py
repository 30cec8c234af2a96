"""The nursery: a process that imports everything once and then forks a node per line it is asked for.

Eight nodes so cost one import, and share the memory of what was imported. Requests and answers are JSON lines on stdin
and stdout:

* ``{"argv": [LAYER, MODE, ARGUMENT?], "cwd": …, "env": {…}, "stderr": path}`` starts a detached node: own session, own
  environment, no descriptor of the nursery's; the answer is ``{"pid": n}``.
* ``{"tip": DATA_DIR}`` answers what ``ottochain-node tip`` prints.
* ``{"waiting": DATA_DIR}`` answers what waits in a stopped L1 node's pool.
* whatever fails is answered ``{"error": sentence}``.

At the end of stdin the nursery ends; the nodes go on, adopted by init. On macOS forking after imports is not safe (its
system libraries forbid it), so there each node is spawned.
"""

from __future__ import annotations

import contextlib
import gc
import importlib
import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO, Final

from ottochain.artifact import artifact_digest

PRELOADED: Final = (
    "ottochain.node.process",
    "ottochain.node.tip",
    "ottochain.crypto.keystore",
    "ottochain.node.gl0",
    "ottochain.node.ml0",
    "ottochain.node.l1",
    "ottochain.node.dl1",
)

NODE_COMMAND: Final = [sys.executable, "-m", "ottochain.node"]
LINE_BYTES_MAX: Final = 1024 * 1024
_DESCRIPTORS_MAX: Final = 65536


class NurseryError(Exception):
    """A request can't be served; the text is the answer."""


@dataclass(frozen=True, slots=True)
class Birth:
    """A node to be started."""

    argv: tuple[str, ...]
    cwd: str
    env: dict[str, str]
    stderr: str


Bear = Callable[[Birth], int]
"""Starts a node and returns its process id."""


def serve() -> int:
    """Serves stdin until it ends."""
    answers = os.fdopen(os.dup(1), "wb", buffering=0)
    if sys.platform == "darwin":
        return serve_lines(sys.stdin.buffer, answers, spawn)
    preload()
    return serve_lines(sys.stdin.buffer, answers, fork)


def preload(modules: tuple[str, ...] = PRELOADED) -> None:
    """Imports what nodes need, and keeps it out of the garbage collector's way so that its pages stay shared."""
    gc.disable()
    for module in modules:
        importlib.import_module(module)
    artifact_digest()  # of the code that the newborn will run, which may be replaced on disk before they are born
    gc.collect()
    gc.freeze()
    gc.enable()


def serve_lines(requests: BinaryIO, answers: BinaryIO, bear: Bear) -> int:
    """One answer per line, in order."""
    while line := requests.readline(LINE_BYTES_MAX):
        try:
            answer = _answer(line, bear)
        except NurseryError as error:
            answer = {"error": str(error)}
        answers.write(json.dumps(answer).encode() + b"\n")
    return 0


def _answer(line: bytes, bear: Bear) -> dict[str, Any]:
    try:
        request = json.loads(line)
    except ValueError as error:
        raise NurseryError(f"not a JSON line: {error}") from error
    match request:
        case {"tip": str(directory)}:
            return _tip(directory)
        case {"waiting": str(directory)}:
            return _waiting(directory)
        case {"argv": [*argv], "cwd": str(cwd), "env": {**env}, "stderr": str(stderr)}:
            birth = Birth(tuple(map(str, argv)), cwd, {str(k): str(v) for k, v in env.items()}, stderr)
            _check(birth)
            return {"pid": bear(birth)}
        case _:
            raise NurseryError("expected argv, cwd, env and stderr, or tip, or waiting")


def _tip(directory: str) -> dict[str, Any]:
    from ottochain.node.tip import TipError, tip_json

    try:
        return dict(tip_json(Path(directory)))
    except TipError as error:
        raise NurseryError(str(error)) from error


def _waiting(directory: str) -> dict[str, Any]:
    from ottochain.node.tip import TipError
    from ottochain.node.waiting import waiting_json

    try:
        return waiting_json(Path(directory))
    except TipError as error:
        raise NurseryError(str(error)) from error


def _check(birth: Birth) -> None:
    """What a newborn could only fail at in silence is refused before."""
    if not Path(birth.cwd).is_dir():
        raise NurseryError(f"cwd: there is no directory {birth.cwd}")
    try:
        os.close(_open_stderr(birth))
    except OSError as error:
        raise NurseryError(f"stderr: {error}") from error


def _open_stderr(birth: Birth) -> int:
    path = os.path.join(birth.cwd, birth.stderr)  # noqa: PTH118  an absolute stderr stays as it is
    return os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, 0o644)


def fork(birth: Birth) -> int:
    """Forks twice: the node's parent ends at once, so init adopts the node and reaps it."""
    reading, writing = os.pipe()
    parent = os.fork()
    if parent == 0:
        _between(birth, writing)
    os.close(writing)
    with os.fdopen(reading, "rb") as pipe:
        told = pipe.read()
    os.waitpid(parent, 0)
    if not told:
        raise NurseryError("the node's process could not be started")
    return int(told)


def _between(birth: Birth, writing: int) -> None:
    """The process between nursery and node; never returns."""
    try:
        os.setsid()
        child = os.fork()
        if child:
            os.write(writing, str(child).encode())
            os._exit(0)
        _live(birth)
    finally:
        os._exit(1)


def _live(birth: Birth) -> None:
    """The newborn becomes a node of its own; never returns."""
    code = 1
    try:
        error = _open_stderr(birth)
        nothing = os.open(os.devnull, os.O_RDWR)
        for descriptor, source in ((0, nothing), (1, nothing), (2, error)):
            os.dup2(source, descriptor)
        os.closerange(3, _descriptors_max())
        sys.stdin, sys.stdout, sys.stderr = open(0), open(1, "w"), open(2, "w", buffering=1)  # noqa: SIM115
        _forget_signals()
        os.chdir(birth.cwd)
        os.environ.clear()
        os.environ.update(birth.env)
        from ottochain.node.main import run_node

        code = run_node(birth.argv)
    except SystemExit as ending:
        code = ending.code if isinstance(ending.code, int) else 1
    except BaseException:
        sys.excepthook(*sys.exc_info())
    finally:
        with contextlib.suppress(Exception):
            sys.stderr.flush()
        os._exit(code)


def _descriptors_max() -> int:
    import resource

    return min(resource.getrlimit(resource.RLIMIT_NOFILE)[0], _DESCRIPTORS_MAX)


def _forget_signals() -> None:
    signal.set_wakeup_fd(-1)
    for number in signal.valid_signals() - {signal.SIGKILL, signal.SIGSTOP}:
        with contextlib.suppress(OSError, ValueError):
            signal.signal(number, signal.SIG_DFL)
    signal.signal(signal.SIGPIPE, signal.SIG_IGN)
    signal.signal(signal.SIGINT, signal.default_int_handler)
    signal.pthread_sigmask(signal.SIG_SETMASK, ())


def spawn(birth: Birth) -> int:
    """Starts a fresh interpreter through a shell that ends at once, so that init adopts and reaps the node."""
    command = [*NODE_COMMAND, *birth.argv]
    script = 'log=$1; shift; "$@" </dev/null >/dev/null 2>>"$log" & echo $!'
    finished = subprocess.run(  # noqa: S603  the words come from the operator's own tool
        ["/bin/sh", "-c", script, "sh", birth.stderr, *command],
        cwd=birth.cwd,
        env=birth.env,
        stdout=subprocess.PIPE,
        stdin=subprocess.DEVNULL,
        start_new_session=True,
        check=False,
    )
    if finished.returncode != 0 or not finished.stdout.strip():
        raise NurseryError(f"the node could not be spawned: the shell ended with {finished.returncode}")
    return int(finished.stdout)
