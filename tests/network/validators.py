"""GL0 nodes started one by one, without the tool: what several validators do with each other."""

from __future__ import annotations

import contextlib
import json
import os
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
from tests.network.stack import until

from ottochain.crypto.keys import PrivateKey
from ottochain.crypto.keystore import write_p12
from ottochain.layers.validators import ValidatorChange

TIME_TRIGGER_SECONDS = "0.2"
"""A global chain without metagraphs moves by time alone."""


class Validator:
    """One GL0 process and its key."""

    def __init__(self, folder: Path, number: int, operator: str) -> None:
        self.key = PrivateKey.generate()
        self.folder = folder / f"gl0-{number}"
        self.folder.mkdir()
        self.log = folder / f"gl0-{number}.log"
        self.process: subprocess.Popen[bytes] | None = None
        keystore, password = folder / f"gl0-{number}.p12", folder / "password"
        keystore.write_bytes(write_p12(self.key, "alias", "secret"))
        password.write_text("secret")
        password.chmod(0o600)
        self.public, self.p2p, self.cli = free_ports(3)
        self._environment = {
            **os.environ,
            "CL_KEYSTORE": str(keystore),
            "CL_KEYALIAS": "alias",
            "OTTOCHAIN_PASSWORD_FILE": str(password),
            "CL_PUBLIC_HTTP_PORT": str(self.public),
            "CL_P2P_HTTP_PORT": str(self.p2p),
            "CL_CLI_HTTP_PORT": str(self.cli),
            "OTTOCHAIN_BIND_HOST": "127.0.0.1",
            "OTTOCHAIN_LOG_FILE": str(self.log),
            "OTTOCHAIN_TIME_TRIGGER_SECONDS": TIME_TRIGGER_SECONDS,
            "OTTOCHAIN_OPERATOR_PEER_ID": operator,
        }

    def start(self, *mode: str) -> None:
        """Start the process in a run mode."""
        command = [sys.executable, "-m", "ottochain.node", "gl0", *mode]
        self.process = subprocess.Popen(command, cwd=self.folder, env=self._environment)

    def kill(self) -> None:
        """``kill -9``, and wait for the remains."""
        if self.process is not None:
            self.process.kill()
            self.process.wait()
            self.process = None

    def get(self, path: str) -> Any:
        """The JSON of a public route; None while it does not answer 200."""
        try:
            answer = httpx.get(f"http://127.0.0.1:{self.public}{path}", timeout=5)
        except httpx.HTTPError:
            return None
        return answer.json() if answer.status_code == 200 else None

    def post(self, path: str, body: Any) -> httpx.Response:
        """A call on the operator's listener."""
        return httpx.post(f"http://127.0.0.1:{self.cli}{path}", json=body, timeout=10)

    @property
    def state(self) -> str | None:
        """The node's state, as it says."""
        info = self.get("/node/info")
        return None if info is None else info["state"]

    @property
    def facts(self) -> dict[str, Any]:
        """What the node tells beyond the reference; empty while it does not answer."""
        return self.get("/ottochain/node") or {}

    @property
    def ordinal(self) -> int:
        """The head; -1 while there is none."""
        found = self.facts.get("ordinal")
        return -1 if found is None else int(found)

    def reaches(self, *states: str) -> None:
        """Wait for one of the states."""
        until(f"{self.folder.name} in {states}", lambda: self.state in states)


class Layer:
    """A growing GL0 cluster with one operator key."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.operator = PrivateKey.generate()
        self.nodes: list[Validator] = []
        self.chain_id = ""

    def new_node(self) -> Validator:
        """Another node, not started."""
        node = Validator(self.folder, len(self.nodes), self.operator.peer_id)
        self.nodes.append(node)
        return node

    def found(self) -> Validator:
        """The founder, Ready."""
        balances = self.folder / "genesis.csv"
        balances.write_text(f"{self.operator.address},1000\n")
        founder = self.new_node()
        founder.start("run-genesis", str(balances))
        founder.reaches("Ready")
        self.chain_id = str(
            until("a first hash", lambda: founder.get("/global-snapshots/1"))["value"]["lastSnapshotHash"]
        )
        return founder

    def join(self, node: Validator) -> None:
        """Start a node as a validator and have it join the founder."""
        founder = next(other for other in self.nodes if other is not node and other.process is not None)
        node.start("run-validator")
        node.reaches("ReadyToJoin")
        target = {"id": founder.key.peer_id, "ip": "127.0.0.1", "p2pPort": founder.p2p}
        assert node.post("/cluster/join", target).status_code == 200

    def change(self, number: int, signer: PrivateKey | None = None, **member: str) -> dict[str, Any]:
        """The ``number``-th change of validators, signed by the operator or somebody else."""
        change = ValidatorChange(self.chain_id, 0, "gl0", number, **member)
        return json.loads(json.dumps(change.signed(signer or self.operator)))

    def grow_to(self, size: int) -> None:
        """Found, and add validators one by one."""
        self.found()
        for number in range(1, size):
            node = self.new_node()
            self.join(node)
            node.reaches("Observing")
            change = self.change(number, add=node.key.peer_id)
            assert self.nodes[0].post("/ottochain/validators", change).status_code == 200
            node.reaches("Ready")

    def advance_by(self, count: int, *nodes: Validator) -> None:
        """Wait until these nodes (all, when none is named) have so many snapshots more."""
        watched = nodes or tuple(self.nodes)
        goal = max(node.ordinal for node in watched) + count
        until(f"ordinal {goal} at {len(watched)} nodes", lambda: min(node.ordinal for node in watched) >= goal)

    def hashes(self, ordinal: int) -> set[str]:
        """What the running nodes hold at an ordinal."""
        running = [node for node in self.nodes if node.process is not None]
        return {node.get(f"/global-snapshots/{ordinal}/hash") for node in running}


@contextlib.contextmanager
def a_layer(folder: Path) -> Iterator[Layer]:
    """A layer that leaves no process behind."""
    layer = Layer(folder)
    try:
        yield layer
    finally:
        for node in layer.nodes:
            node.kill()


def free_ports(count: int) -> list[int]:
    """Ports that nobody listens on, below those that the system hands out to connections."""
    found: list[int] = []
    port = 23_000 + os.getpid() % 4_000
    while len(found) < count:
        port += 1
        if port in _given:
            continue
        with socket.socket() as probe, contextlib.suppress(OSError):
            probe.bind(("127.0.0.1", port))
            found.append(port)
            _given.add(port)
    return found


_given: set[int] = set()
