"""Nodes that behave at their edges as real ones do and have nothing inside, so that ``up`` can be tried on every
misfortune in a moment. ``python fake_network.py`` serves as the nursery.

A node's variable ``FAKE`` makes it misbehave: ``dies`` at its start, ``hangs`` in Initial, ``deaf`` joins nowhere the
first time, ``stranded`` never; ``shy`` joins and tells no peer, ``busy`` answers 409 to every join, ``other version``
is refused for that.
"""

from __future__ import annotations

import asyncio
import contextlib
import fcntl
import json
import os
import signal
import sys
import time
from pathlib import Path
from typing import Any

from ottochain.client.light import LightClient, Unreachable

HOST = "127.0.0.1"


class FakeNode:
    """One node. Its chain is a small file; its cluster is whoever said hello."""

    def __init__(self, layer: str, mode: str, argument: str | None) -> None:
        self.layer, self.mode, self.argument = layer, mode, argument
        self.id = Path(os.environ["CL_KEYSTORE"]).with_suffix(".peer-id").read_text().strip()
        self.ports = [int(os.environ[f"CL_{kind}_HTTP_PORT"]) for kind in ("PUBLIC", "P2P", "CLI")]
        self.state = "Initial"
        self.session: int | None = None
        self.members: dict[str, list[int]] = {}
        """Port and session of each."""
        self.store = Path("node.sqlite")
        self.chain: dict[str, Any] = json.loads(self.store.read_text()) if self.store.exists() else {}
        self.http = LightClient()
        self.fault = os.environ.get("FAKE", "")
        self.was_deaf = bool(self.chain)
        self.taken: list[Any] = []

    async def live(self) -> None:
        for port in self.ports:
            await asyncio.start_server(self._serve, HOST, port)
        if self.fault == "hangs":
            await asyncio.Event().wait()
        await self._begin()
        await asyncio.Event().wait()

    async def _begin(self) -> None:
        match self.layer, self.mode:
            case "gl0", "run-genesis":
                assert not self.chain
                self._keep(ordinal=1, hash="11" * 32, metagraphId=None, held={})
            case "gl0", "run-rollback":
                assert self.argument == self.chain["hash"], "another chain"
            case "ml0", "run-genesis":
                assert not self.chain
                token = Path(self.argument or "").with_name("genesis.address").read_text()
                self._keep(ordinal=0, hash="22" * 32, metagraphId=token)
            case "ml0", "run-rollback":
                assert self.chain["metagraphId"] == os.environ["CL_L0_TOKEN_IDENTIFIER"]
            case (("cl1" | "dl1"), "run-initial-validator"):
                self._keep(ordinal=None, hash=None, metagraphId=os.environ["CL_L0_TOKEN_IDENTIFIER"])
            case (("cl1" | "dl1"), "run-validator"):
                self._keep(ordinal=None, hash=None, metagraphId=os.environ["CL_L0_TOKEN_IDENTIFIER"])
                self.state = "ReadyToJoin"
                return
        self.session, self.state = os.getpid(), "Ready"
        if self.layer == "ml0":
            await self._confirm()

    async def _confirm(self) -> None:
        body = json.dumps([self.chain["metagraphId"], self.chain["ordinal"]]).encode()
        while True:
            with contextlib.suppress(Unreachable):
                await self.http.post(HOST, int(os.environ["CL_GLOBAL_L0_PEER_HTTP_PORT"]), "/fake/hold", body)
                return
            await asyncio.sleep(0.02)

    def _keep(self, **chain: Any) -> None:
        self.chain = chain
        self.store.write_text(json.dumps(chain))

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(asyncio.IncompleteReadError, ConnectionError):
            while True:
                head = (await reader.readuntil(b"\r\n\r\n")).decode()
                length = head.lower().partition("content-length: ")[2].partition("\r\n")[0]
                body = await reader.readexactly(int(length or 0))
                status, value = await self._answer(head.split(" ")[1], body)
                text = json.dumps(value).encode()
                writer.write(b"HTTP/1.1 %d X\r\nContent-Length: %d\r\n\r\n" % (status, len(text)) + text)
                await writer.drain()
        writer.close()

    async def _answer(self, path: str, body: bytes) -> tuple[int, Any]:
        session = os.getpid() if self.session else None
        me = {"id": self.id, "state": self.state, "session": session, "clusterSession": self.session}
        match path:
            case "/node/info":
                return 200, {**me, "version": "fake"}
            case "/cluster/info" if self.session:
                return 200, [
                    me,
                    *({**me, "id": one, "state": "Ready", "session": seen[1]} for one, seen in self.members.items()),
                ]
            case "/ottochain/node":
                return 200, {"ordinal": self.chain.get("ordinal"), "metagraphId": self.chain.get("metagraphId")}
            case "/global-snapshots/latest/combined":
                held = {token: {"Left": {"value": {"ordinal": n}}} for token, n in self.chain["held"].items()}
                return 200, [{}, {"lastCurrencySnapshots": held}]
            case "/fake/hold":
                token, ordinal = json.loads(body)
                self._keep(**{**self.chain, "held": {**self.chain["held"], token: ordinal}})
                return 200, None
            case "/fake/hello":
                self.members |= json.loads(body)
                return 200, [self.session, {self.id: [self.ports[1], session], **self.members}]
            case "/fake/goodbye":
                self.members.pop(json.loads(body), None)
                return 200, None
            case "/cluster/leave":
                self.state = "Offline"
                for port, _ in self.members.values():
                    with contextlib.suppress(Unreachable):
                        await self.http.post(HOST, port, "/fake/goodbye", json.dumps(self.id).encode())
                return 200, None
            case "/data" if body:
                update = json.loads(body)
                if update == "bad":
                    return 400, None
                self.taken.append(update)
                return 200, None
            case "/data":
                return 200, self.taken
            case "/cluster/join" if self.fault == "busy":
                return 409, "Node state=ReadyToJoin does not allow for joining the cluster."
            case "/cluster/join":
                if self.state != "ReadyToJoin":
                    return 409, f"Node state={self.state} does not allow for joining the cluster."
                self.state = "SessionStarted"
                self.joining = asyncio.create_task(self._join(json.loads(body)))
                return 200, None
        return 404, None

    async def _join(self, target: dict[str, Any]) -> None:
        if self.fault == "stranded" or (self.fault == "deaf" and not self.was_deaf):
            return
        if self.fault == "other version":
            say("the handshake with 11111111 at x:1 failed: VersionMismatch: version hash a, expected b")
            return
        if self.fault == "shy":
            self.session, self.members = os.getpid(), {target["id"]: [target["p2pPort"], 0]}
            self.state = "Ready"
            return
        me = json.dumps({self.id: [self.ports[1], os.getpid()]}).encode()
        answer = await self.http.post(HOST, target["p2pPort"], "/fake/hello", me)
        self.session, others = json.loads(answer.body)
        for peer_id, (port, _) in others.items():
            if peer_id not in (self.id, target["id"]):
                with contextlib.suppress(Unreachable):
                    await self.http.post(HOST, port, "/fake/hello", me)
        self.members = {peer_id: seen for peer_id, seen in others.items() if peer_id != self.id}
        self.state = "Ready"


def say(line: str) -> None:
    """A line in the node's log."""
    with Path(os.environ["OTTOCHAIN_LOG_FILE"]).open("a") as log:
        log.write(f"{line}\n")


def be_a_node(request: dict[str, Any]) -> None:
    os.chdir(request["cwd"])
    os.environ.clear()
    os.environ.update(request["env"])
    errors = os.open(request["stderr"], os.O_WRONLY | os.O_CREAT | os.O_APPEND)
    null = os.open(os.devnull, os.O_RDWR)
    for number, target in ((0, null), (1, null), (2, errors)):
        os.dup2(target, number)
    os.closerange(3, 256)
    layer, mode, *argument = request["argv"]
    say(f"{layer} {mode} {' '.join(argument)}")
    if os.environ.get("FAKE") == "dies":
        sys.stderr.write("ottochain-node: the disk is full\n")
        os._exit(1)
    if mode == "create-genesis":
        for name, content in (("genesis.snapshot", b"genesis"), ("genesis.address", f"DAG{os.getpid()}".encode())):
            Path(argument[0]).with_name(name).write_bytes(content)
        os._exit(0)
    lock = os.open("node.lock", os.O_RDWR | os.O_CREAT)
    fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    node = FakeNode(layer, mode, argument[0] if argument else None)
    os.ftruncate(lock, 0)
    os.pwrite(
        lock, json.dumps({"pid": os.getpid(), "started": str(time.time()), "layer": layer, "id": node.id}).encode(), 0
    )
    asyncio.run(node.live())


def fork_node(request: dict[str, Any]) -> int:
    """Forks twice, so that the node is nobody's child here and leaves no zombie."""
    reading, writing = os.pipe()
    if os.fork() == 0:
        os.setsid()
        if (pid := os.fork()) != 0:
            os.write(writing, str(pid).encode())
            os._exit(0)
        try:
            be_a_node(request)
        except BaseException as error:
            sys.stderr.write(f"ottochain-node: {type(error).__name__}: {error}\n")
            sys.stderr.flush()
        os._exit(1)
    os.close(writing)
    os.wait()
    return int(os.read(reading, 32))


def tip(folder: str) -> dict[str, Any]:
    try:
        found = json.loads((Path(folder) / "node.sqlite").read_text())
    except (ValueError, OSError):
        return {"error": f"{folder} is damaged"}
    return {name: found.get(name) for name in ("ordinal", "hash", "metagraphId")}


def waiting(folder: str) -> dict[str, Any]:
    """A node's pool: a file that a test wrote."""
    pool = Path(folder) / "pool.json"
    return {"items": json.loads(pool.read_text()) if pool.exists() else []}


def main() -> None:
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    for line in sys.stdin:
        request = json.loads(line)
        if "tip" in request:
            answer = tip(request["tip"])
        elif "waiting" in request:
            answer = waiting(request["waiting"])
        else:
            answer = {"pid": fork_node(request)}
        print(json.dumps(answer), flush=True)


if __name__ == "__main__":
    main()
