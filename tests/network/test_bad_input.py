"""Whatever is sent to a listener of a running node: the reference's status and body, and the node goes on unharmed.

After all of it no node has logged a traceback, none has ended, and none has grown.
"""

from __future__ import annotations

import json
import socket
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

import httpx
import pytest
from tests.network.stack import APPLICATION, PORTS, Stack, accepts, environment, until
from tests.network.updates import accepted, create, create_script

from ottochain.crypto.keys import PrivateKey
from ottochain.crypto.keystore import write_p12

pytestmark = pytest.mark.network

KEY: Final = PrivateKey.generate()
GROWTH_BYTES_MAX: Final = 96 * 1024 * 1024
"""A public body may have 16 MiB, and is held twice for a moment; 50 MB of JSON, read, would be 250 MB."""

MEGABYTES_50: Final = 50_000_000


@pytest.fixture(scope="module", autouse=True)
def unharmed(running: Stack) -> Iterator[None]:
    """The same processes before and after, none much larger at any time, no traceback in any log, and they work."""
    pids = running.pids()
    before = {name: peak_bytes(pid) for name, pid in pids.items()}
    yield
    assert running.pids() == pids
    for name, pid in pids.items():
        assert "Traceback" not in running.log(name), name
        assert peak_bytes(pid) - before[name] < GROWTH_BYTES_MAX, name
    running.assert_ready()
    accepted(running, create(KEY))


def peak_bytes(pid: int) -> int:
    """The most memory that the process ever had. Needs Linux; elsewhere nothing is measured."""
    try:
        text = Path(f"/proc/{pid}/status").read_text()
    except FileNotFoundError:
        return 0
    (line,) = (line for line in text.splitlines() if line.startswith("VmHWM:"))
    return int(line.split()[1]) * 1024


def with_data(data: bytes) -> bytes:
    """A creation that is signed, for other data than this."""
    body = json.loads(create(KEY).body)
    body["value"]["CreateStateMachine"]["initialData"] = "here"
    return json.dumps(body).encode().replace(b'"here"', data)


def wrongly_signed() -> bytes:
    body, other = json.loads(create(KEY).body), json.loads(create_script(KEY).body)
    return json.dumps({"value": body["value"], "proofs": other["proofs"]}).encode()


NO_JSON: Final[dict[str, bytes]] = {
    "broken": b'{"value":',
    "half a string": b'"value',
    "a zero byte": b"\0",
    "invalid UTF-8": b'{"value":"\xff\xfe"}',
    "arrays nested 10,000 deep": b"[" * 10_000 + b"]" * 10_000,
    "objects nested 10,000 deep": b'{"a":' * 10_000 + b"1" + b"}" * 10_000,
    "a number of a billion digits": b'{"value":1e999999999}',
}
NO_MESSAGE: Final[dict[str, bytes]] = {
    "null": b"null",
    "an array": b"[]",
    "no value": b"{}",
    "an unknown message": b'{"value":{"MintAsset":{}},"proofs":[{"id":"00","signature":"00"}]}',
    "no proofs": json.dumps({"value": dict(create(KEY).message), "proofs": []}).encode(),
}
UNSIGNABLE: Final[dict[str, bytes]] = {
    "1e400": with_data(b'{"x":1e400}'),
    "a lone surrogate": with_data(b'{"x":"\\ud800"}'),
    "another's signature": wrongly_signed(),
}


def assert_undecodable(response: httpx.Response) -> None:
    assert response.status_code == 500
    body = response.json()
    reason = body.pop("details")["reason"]
    assert body == {"code": 1, "message": "Unknown error", "retriable": True}
    assert reason.startswith("Could not decode as DataTransactions or Signed data: ")


def assert_unprocessable(response: httpx.Response) -> None:
    assert response.status_code == 500
    body = response.json()
    assert body.pop("details")["reason"]
    assert body == {"code": 3, "message": "Invalid request body", "retriable": False}


def assert_empty(status: int) -> Callable[[httpx.Response], None]:
    def check(response: httpx.Response) -> None:
        assert (response.status_code, response.content) == (status, b"")

    return check


def assert_words(response: httpx.Response) -> None:
    assert response.status_code == 400
    assert isinstance(response.json(), str)


def assert_no_subscription(response: httpx.Response) -> None:
    assert response.status_code == 400
    assert list(response.json()) == ["error"]


@pytest.mark.parametrize("kind", NO_JSON | NO_MESSAGE)
def test_data_that_is_no_update(running: Stack, kind: str) -> None:
    assert_undecodable(running.post("dl1", "/data", (NO_JSON | NO_MESSAGE)[kind]))


@pytest.mark.parametrize("kind", UNSIGNABLE)
def test_data_that_nobody_signed(running: Stack, kind: str) -> None:
    response = running.post("dl1", "/data", UNSIGNABLE[kind])
    assert (response.status_code, response.json()) == (400, {"error": "Invalid signature in data transactions"})


DOORS: Final[dict[tuple[str, str, str], Callable[[httpx.Response], None]]] = {
    ("dl1", "public", "/data/estimate-fee"): assert_unprocessable,
    ("dl1", "public", f"{APPLICATION}/util/hash"): assert_unprocessable,
    ("ml0", "public", f"{APPLICATION}/util/hash"): assert_unprocessable,
    ("ml0", "public", f"{APPLICATION}/webhooks/subscribe"): assert_no_subscription,
    ("ml0", "public", "/currency/l1-data-output"): assert_empty(400),
    ("gl0", "public", "/state-channels/{token}/snapshot"): assert_empty(500),
    **{(name, "cli", "/cluster/join"): assert_words for name in ("gl0", "ml0", "cl1", "dl1")},
    **{(name, "p2p", "/registration/sign"): assert_words for name in ("gl0", "ml0", "cl1", "dl1")},
    **{(name, "p2p", "/cluster/join"): assert_words for name in ("gl0", "ml0", "cl1", "dl1")},
}


@pytest.mark.parametrize("door", DOORS, ids=" ".join)
def test_every_door(running: Stack, door: tuple[str, str, str]) -> None:
    name, listener, path = door
    bodies = NO_JSON | {kind: NO_MESSAGE[kind] for kind in ("null", "an array", "no value")}
    for kind, body in bodies.items():
        response = running.post(name, path.replace("{token}", running.token), body, listener)
        try:
            DOORS[door](response)
        except AssertionError as error:
            raise AssertionError(f"{kind}: {response.status_code} {response.text[:300]}") from error
    nothing = running.post(name, path.replace("{token}", running.token), b"", listener)
    assert nothing.status_code == (422 if DOORS[door] is assert_words else nothing.status_code)
    assert nothing.status_code in (400, 422, 500)


def _large() -> Iterator[bytes]:
    yield b"["
    piece = b"0," * 50_000
    for _ in range(MEGABYTES_50 // len(piece)):
        yield piece
    yield b"0]"


@pytest.mark.parametrize("door", [("dl1", "public", "/data"), *DOORS], ids=" ".join)
def test_a_body_of_50_mb(running: Stack, door: tuple[str, str, str]) -> None:
    name, listener, path = door
    url = running.url(name, path.replace("{token}", running.token), listener)
    try:
        response = running.http.post(url, content=_large(), headers={"Content-Type": "application/json"})
    except (httpx.WriteError, httpx.ReadError):
        pass  # the node closed the connection before all of it was sent
    else:
        assert (response.status_code, response.content) == (413, b"")


@pytest.mark.parametrize("name", ["gl0", "ml0", "cl1", "dl1"])
def test_a_stranger_s_message_on_p2p_is_unauthorized(running: Stack, name: str) -> None:
    for method, path in (("GET", "/cluster/peers"), ("POST", "/ottochain/l1"), ("GET", "/no/such/path")):
        response = running.http.request(method, running.url(name, path, "p2p"), content=b"{}")
        assert (response.status_code, response.content) == (401, b"")


@pytest.mark.parametrize("name", ["gl0", "ml0", "cl1", "dl1"])
def test_paths_and_methods_that_nobody_serves(running: Stack, name: str) -> None:
    for method, path in (("GET", "/no/such/path"), ("POST", "/node/info"), ("DELETE", "/cluster/info")):
        response = running.http.request(method, running.url(name, path))
        assert (response.status_code, response.text) == (404, "Not found")


GARBAGE: Final[dict[str, bytes]] = {
    "a TLS greeting": b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + bytes(64) + b"\r\n\r\n",
    "no HTTP": b"hello, node\r\n\r\n",
    "another protocol's preface": b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
    "a header without end": b"GET /node/info HTTP/1.1\r\nX: " + b"x" * 100_000 + b"\r\n\r\n",
    "ten thousand headers": b"GET /node/info HTTP/1.1\r\n" + b"X: x\r\n" * 10_000 + b"\r\n",
    "a negative length": b"POST /data HTTP/1.1\r\nHost: x\r\nContent-Length: -5\r\n\r\n",
    "a length that is no number": b"POST /data HTTP/1.1\r\nHost: x\r\nContent-Length: many\r\n\r\n",
    "a chunk that is no number": b"POST /data HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n",
    "two lengths": b"POST /data HTTP/1.1\r\nHost: x\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nab",
    "a length and chunks": (
        b"POST /data HTTP/1.1\r\nHost: x\r\nContent-Length: 4\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n"
    ),
    "a line feed in the path": b"GET /node\n/info HTTP/1.1\r\nHost: x\r\n\r\n",
    "half a request": b"POST /data HTTP/1.1\r\nHost: x\r\nContent-Length: 500\r\n\r\n{",
    "nothing": b"",
}


@pytest.mark.parametrize("listener", ["public", "p2p", "cli"])
@pytest.mark.parametrize("name", ["gl0", "ml0", "cl1", "dl1"])
def test_garbage_instead_of_http(running: Stack, name: str, listener: str) -> None:
    for kind, garbage in GARBAGE.items():
        with socket.create_connection(("127.0.0.1", running.port(name, listener)), timeout=10) as connection:
            connection.sendall(garbage)
            connection.shutdown(socket.SHUT_WR)
            answer = _read(connection)
        assert answer == b"" or answer.split(b" ")[1][:1] in (b"4", b"5"), (kind, answer[:200])
        assert b"Traceback" not in answer
    assert running.get(name, "/node/health").status_code == 200


def _read(connection: socket.socket) -> bytes:
    pieces = []
    try:
        while piece := connection.recv(65536):
            pieces.append(piece)
    except ConnectionResetError:
        pass
    return b"".join(pieces)


def test_two_hundred_silent_connections_keep_nobody_out(running: Stack) -> None:
    idle = [socket.create_connection(("127.0.0.1", running.port("dl1")), timeout=10) for _ in range(200)]
    try:
        for connection in idle[::2]:
            connection.sendall(b"POST /data HTTP/1.1\r\nHost: x\r\nContent-Length: 100\r\n\r\n{")
        accepted(running, create(KEY))
    finally:
        for connection in idle:
            connection.close()


def test_a_block_that_no_l1_node_signed_is_refused(running: Stack) -> None:
    """Well made, but signed by strangers; and the same without any proof that holds."""
    update = json.loads(create(KEY).body)
    value = {
        "roundId": "3f0e1c6e-6c6f-4c53-9a36-0a4b5f1f7b11",
        "dataTransactions": [[update]],
        "dataTransactionsHashes": [[create(KEY).hash]],
    }
    proofs = update["proofs"]
    response = running.post("ml0", "/currency/l1-data-output", json.dumps({"value": value, "proofs": proofs}).encode())
    assert (response.status_code, response.content) == (400, b"")


def test_a_binary_that_is_not_the_metagraph_s_is_refused_with_the_reasons(running: Stack) -> None:
    binary = {"value": {"lastSnapshotHash": "0" * 64, "content": [1, 2, 3], "fee": 0}}
    body = json.dumps(binary | {"proofs": [{"id": KEY.peer_id, "signature": KEY.sign_hash("0" * 64)}]}).encode()
    response = running.post("gl0", f"/state-channels/{running.token}/snapshot", body)
    assert response.status_code in (400, 500)
    if response.status_code == 400:
        assert isinstance(response.json(), list)
    assert running.held_by_gl0().keys() == {running.token}


# Joining.


def contact(stack: Stack, name: str, **changes: Any) -> bytes:
    target = {"id": stack.json(name, "/node/info")["id"], "ip": "127.0.0.1", "p2pPort": stack.port(name, "p2p")}
    return json.dumps(target | changes).encode()


@pytest.mark.parametrize("name", PORTS)
def test_who_is_ready_does_not_join_again(running: Stack, name: str) -> None:
    response = running.post(name, "/cluster/join", contact(running, "dl1"), "cli")
    assert (response.status_code, response.json()) == (
        409,
        "Node state=Ready does not allow for joining the cluster.",
    )


class Stranger:
    """A DL1 node with a key that is not the deployment's, started by hand beside it, which waits to join."""

    def __init__(self, stack: Stack, folder: Path, ports: tuple[int, int, int]) -> None:
        self.ports = ports
        self.folder = folder
        folder.mkdir()
        key = PrivateKey.generate()
        (folder / "key.p12").write_bytes(write_p12(key, "alias", "password"))
        settings = {
            "CL_KEYSTORE": "key.p12",
            "CL_KEYALIAS": "alias",
            "CL_PASSWORD": "password",
            "CL_L0_TOKEN_IDENTIFIER": stack.token,
            "OTTOCHAIN_LOG_FILE": "node.log",
            **dict(zip(("CL_PUBLIC_HTTP_PORT", "CL_P2P_HTTP_PORT", "CL_CLI_HTTP_PORT"), map(str, ports), strict=True)),
        }
        for layer, prefix in (("ml0", "CL_L0_PEER"), ("gl0", "CL_GLOBAL_L0_PEER")):
            settings[f"{prefix}_ID"] = stack.json(layer, "/node/info")["id"]
            settings[f"{prefix}_HTTP_HOST"] = "127.0.0.1"
            settings[f"{prefix}_HTTP_PORT"] = str(stack.port(layer))
        self.process = subprocess.Popen(
            [sys.executable, "-m", "ottochain.node", "dl1", "run-validator"],
            cwd=folder,
            env=environment() | settings,
            stdin=subprocess.DEVNULL,
        )

    def info(self) -> Any:
        return httpx.get(f"http://127.0.0.1:{self.ports[0]}/node/info").json()

    def join(self, body: bytes) -> httpx.Response:
        url = f"http://127.0.0.1:{self.ports[2]}/cluster/join"
        return httpx.post(url, content=body, headers={"Content-Type": "application/json"})

    @property
    def log(self) -> str:
        return (self.folder / "node.log").read_text()


@contextmanager
def stranger(stack: Stack, folder: Path) -> Iterator[Stranger]:
    first = stack.port("dl1-2") + 10
    node = Stranger(stack, folder, (first, first + 1, first + 2))
    try:
        until("it waits to join", lambda: accepts(first) and node.info()["state"] == "ReadyToJoin")
        yield node
    finally:
        node.process.terminate()
        node.process.wait(20)


@pytest.mark.parametrize(
    ("kind", "reason"),
    [
        ("a wrong id", "the answer is not signed by"),
        ("nobody there", "Cannot connect to host 127.0.0.1:1 "),
        ("itself", "refused by the peer"),
        ("a node of another layer", "ClusterIdDoesNotMatch"),
    ],
)
def test_a_wrong_join_target_is_told_by_the_state_and_the_log(
    running: Stack, tmp_path: Path, kind: str, reason: str
) -> None:
    """The call's answer says nothing of it, as in the reference: 200, and the node stays in SessionStarted."""
    with stranger(running, tmp_path / "stranger") as node:
        body = {
            "a wrong id": lambda: contact(running, "dl1", id=KEY.peer_id),
            "nobody there": lambda: contact(running, "dl1", p2pPort=1),
            "itself": lambda: json.dumps(
                {"id": node.info()["id"], "ip": "127.0.0.1", "p2pPort": node.ports[1]}
            ).encode(),
            "a node of another layer": lambda: contact(running, "gl0"),
        }[kind]()
        assert (node.join(body).status_code, node.info()["clusterSession"]) == (200, None)
        until("its session is started", lambda: node.info()["state"] == "SessionStarted")
        until("the log says why", lambda: "WARNING" in node.log)
        again = node.join(contact(running, "dl1"))
        assert again.json() == "Node state=SessionStarted does not allow for joining the cluster."
        assert again.status_code == 409
        assert reason in node.log
        assert "Traceback" not in node.log
    for name in ("dl1", "dl1-1", "dl1-2"):
        assert len(running.json(name, "/cluster/info")) == 3
