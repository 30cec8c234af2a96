"""A deployment of eight real processes, as an operator has it: the command, its files, HTTP and signals.

Nothing here knows the inside of a node. ``until`` is the only way to wait: for a fact, up to a deadline.
"""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any, Final, TypeVar

import httpx
from tests.port_blocks import a_port_offset

T = TypeVar("T")

TOOL: Final = (sys.executable, "-m", "ottochain.cli")
PORTS: Final = {
    "gl0": 9000, "ml0": 9200, "cl1": 9300, "cl1-1": 9310, "cl1-2": 9320, "dl1": 9400, "dl1-1": 9410, "dl1-2": 9420,
}  # fmt: skip
"""The guide's names and public ports; p2p is one above, cli two."""
DL1: Final = ("dl1", "dl1-1", "dl1-2")
L1: Final = ("cl1", "cl1-1", "cl1-2", *DL1)
APPLICATION: Final = "/data-application/v1"

COMMAND_SECONDS: Final = 60.0
PATIENCE_SECONDS: Final = 20.0


def until(what: str, check: Callable[[], T | None], seconds: float = PATIENCE_SECONDS) -> T:
    """Ask until the answer is true; give it. Fails with ``what`` when that takes too long."""
    end = time.monotonic() + seconds
    while not (found := check()):
        assert time.monotonic() < end, f"not seen within {seconds:g} s: {what}"
        time.sleep(0.005)
    return found


def accepts(port: int) -> bool:
    """Does somebody listen on this port of the loopback address?"""
    with socket.socket() as client:
        client.settimeout(1)
        return client.connect_ex(("127.0.0.1", port)) == 0


def is_alive(pid: int) -> bool:
    """Is there such a process, and not only the remains of one?"""
    try:
        os.kill(pid, 0)
        return "\nState:\tZ" not in Path(f"/proc/{pid}/status").read_text()
    except ProcessLookupError:
        return False
    except OSError:
        return not Path("/proc").is_dir()


def nodes_of(layer: str, count: int) -> tuple[str, ...]:
    """The names of a layer of that many nodes."""
    return tuple(layer if index == 0 else f"{layer}-{index}" for index in range(count))


class Stack:
    """A deployment in ``folder``, written by ``init`` and not up yet. ``close`` leaves no process behind.

    ``settings`` go into the file's ``[deployment]`` table, ``tables`` behind it. ``template``: the ``.ottochain`` of a
    deployment that was written before, whose keys are taken over instead of making new ones. ``counts``: how many nodes
    the layers have that do not have the usual number.
    """

    def __init__(
        self,
        folder: Path,
        *,
        settings: str = "",
        tables: str = "",
        template: Path | None = None,
        counts: Mapping[str, int] | None = None,
    ) -> None:
        self.folder = folder
        self._held = contextlib.ExitStack()
        self.offset = self._held.enter_context(a_port_offset())
        self.http = httpx.Client(timeout=20, headers={"Accept": "application/json"})
        folder.mkdir(parents=True, exist_ok=True)
        if template is not None:
            shutil.copytree(template, folder / ".ottochain")
            self.file.write_text(f'[deployment]\nname = "test"\nport_offset = {self.offset}\n')
        else:
            self.ottochain("init", "--name", "test", "--port-offset", str(self.offset))
        self.counts = {"gl0": 1, "ml0": 1, "cl1": 3, "dl1": 3} | dict(counts or {})
        self.names = tuple(name for layer, count in self.counts.items() for name in nodes_of(layer, count))
        if counts:
            self._write_counts()
        self.file.write_text(self.file.read_text().replace("port_offset", f"{settings}\nport_offset", 1) + tables)
        if counts:
            self.ottochain("init")

    def _write_counts(self) -> None:
        head = self.file.read_text().partition("\n[layers]")[0]
        counts = "".join(f"{layer} = {count}\n" for layer, count in self.counts.items())
        self.file.write_text(f"{head}\n[layers]\n{counts}")

    def layer(self, layer: str) -> tuple[str, ...]:
        """The names of its nodes."""
        return nodes_of(layer, self.counts[layer])

    # The command.

    @property
    def file(self) -> Path:
        return self.folder / "ottochain.toml"

    @property
    def state(self) -> Path:
        """The folder where the tool keeps what it knows."""
        return self.folder / ".ottochain"

    def ottochain(self, *words: str, code: int = 0) -> subprocess.CompletedProcess[str]:
        """Run the command in the deployment's folder; fails unless it ends with ``code``."""
        done = self.try_ottochain(*words)
        assert done.returncode == code, f"ottochain {words[0]} ended with {done.returncode}: {done.stderr}{done.stdout}"
        return done

    def try_ottochain(self, *words: str, seconds: float = COMMAND_SECONDS) -> subprocess.CompletedProcess[str]:
        """Run the command in the deployment's folder, however it ends."""
        return subprocess.run(
            [*TOOL, *words],
            cwd=self.folder,
            env=environment(),
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=seconds,
        )

    def up(self) -> str:
        """``ottochain up``; gives what it printed."""
        return self.ottochain("up").stdout

    def down(self) -> None:
        self.ottochain("down")

    @contextlib.contextmanager
    def under_way(self, *words: str) -> Iterator[subprocess.Popen[str]]:
        """A command under way, its talk in a pipe. It is killed at the end, if it has not ended."""
        with subprocess.Popen(
            [*TOOL, *words],
            cwd=self.folder,
            env=environment(),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            text=True,
        ) as process:
            try:
                yield process
            finally:
                process.kill()

    # Processes.

    def data(self, name: str) -> Path:
        """A node's data folder."""
        return self.state / "data" / name

    def log(self, name: str) -> str:
        """What a node has logged, and what it said on standard error."""
        files = (self.state / "logs" / f"{name}{kind}" for kind in (".log", ".err"))
        return "".join(file.read_text(errors="replace") for file in files if file.exists())

    def pid(self, name: str) -> int | None:
        """The process that holds the node's data folder; None when none does."""
        try:
            pid = int(json.loads((self.data(name) / "node.lock").read_text())["pid"])
        except (OSError, ValueError):
            return None
        return pid if is_alive(pid) else None

    def pids(self) -> dict[str, int]:
        """The processes of the nodes that live."""
        found = {name: self.pid(name) for name in self.names}
        return {name: pid for name, pid in found.items() if pid is not None}

    def kill(self, *names: str) -> None:
        """``kill -9`` of these nodes, or of everything in the deployment's folder; gone when it returns."""
        if names:
            pids = [pid for name in names if (pid := self.pid(name)) is not None]
            end_processes(pids)
            return
        while pids := self._processes():
            end_processes(pids)

    def _processes(self) -> list[int]:
        """Whatever works in the folder: nodes, those just being born, and the process that bears them."""
        found = set(self.pids().values())
        for process in Path("/proc").glob("[0-9]*"):
            with contextlib.suppress(OSError):
                here = (process / "cwd").readlink().is_relative_to(self.folder)
                if here and is_alive(int(process.name)):
                    found.add(int(process.name))
        return sorted(found - {os.getpid()})

    def pause(self, name: str) -> None:
        """``kill -STOP``: the process is there, and does nothing."""
        self._signal(name, signal.SIGSTOP)

    def go_on(self, name: str) -> None:
        self._signal(name, signal.SIGCONT)

    def _signal(self, name: str, number: signal.Signals) -> None:
        pid = self.pid(name)
        assert pid is not None, f"{name} does not run"
        os.kill(pid, number)

    def close(self) -> None:
        self.kill()
        self.http.close()
        self._held.close()

    # HTTP.

    def port(self, name: str, listener: str = "public") -> int:
        layer, _, index = name.partition("-")
        return PORTS[layer] + 10 * int(index or 0) + self.offset + ("public", "p2p", "cli").index(listener)

    def url(self, name: str, path: str, listener: str = "public") -> str:
        return f"http://127.0.0.1:{self.port(name, listener)}{path}"

    def get(self, name: str, path: str, listener: str = "public") -> httpx.Response:
        return self.http.get(self.url(name, path, listener))

    def post(self, name: str, path: str, body: bytes, listener: str = "public") -> httpx.Response:
        headers = {"Content-Type": "application/json"}
        return self.http.post(self.url(name, path, listener), content=body, headers=headers)

    def json(self, name: str, path: str) -> Any:
        """The decoded body of a 200."""
        response = self.get(name, path)
        assert response.status_code == 200, f"{name}{path}: {response.status_code} {response.text[:300]}"
        return response.json()

    # What everybody asks.

    @property
    def token(self) -> str:
        """The metagraph's id, as GL0 holds it: there is exactly one."""
        (token,) = self.held_by_gl0()
        return token

    def held_by_gl0(self) -> dict[str, int]:
        """The newest ordinal of each metagraph in GL0's latest snapshot."""
        _, info = self.json("gl0", "/global-snapshots/latest/combined")
        held = info["lastCurrencySnapshots"].items()
        return {
            token: (either["Right"][0] if "Right" in either else either["Left"])["value"]["ordinal"]
            for token, either in held
        }

    def ordinal(self, layer: str) -> int:
        prefix = {"gl0": "global-snapshots", "ml0": "snapshots"}[layer]
        return int(self.json(layer, f"/{prefix}/latest/ordinal")["value"])

    def first_hashes(self) -> tuple[str, str]:
        """The hashes of ordinal 1 of both chains: another chain has others."""
        return self.json("gl0", "/global-snapshots/1/hash"), self.json("ml0", "/snapshots/1/hash")

    def application(self, path: str, name: str = "ml0") -> Any:
        """One of OttoChain's routes."""
        return self.json(name, f"{APPLICATION}{path}")

    def assert_ready(self) -> None:
        """Every node Ready, each layer one cluster in the eyes of every member, and the L1 nodes following ML0."""
        for name in self.names:
            assert self.json(name, "/node/info")["state"] == "Ready", name
        for name in (*self.layer("cl1"), *self.layer("dl1")):
            seen = self.json(name, "/cluster/info")
            count = self.counts[name.partition("-")[0]]
            assert [peer["state"] for peer in seen] == ["Ready"] * count, f"{name} sees {seen}"
            until(f"{name} follows ML0", lambda name=name: self.json(name, "/ottochain/node")["ordinal"])


def end_processes(pids: list[int]) -> None:
    for pid in pids:
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)
    until(f"{pids} gone", lambda: not any(map(is_alive, pids)))


def environment() -> dict[str, str]:
    """Ours, without what would lead the command elsewhere or make it slow."""
    unwanted = ("PYTHONDONTWRITEBYTECODE", "PYTHONHOME", "OTTOCHAIN_DEPLOYMENT")
    return {name: value for name, value in os.environ.items() if name not in unwanted}
