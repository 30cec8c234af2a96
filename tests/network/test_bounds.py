"""What a node takes on at once has a bound, and beyond it clients are told to come again: seen from outside."""

from __future__ import annotations

import resource
import socket
from collections.abc import Iterator
from contextlib import ExitStack, closing
from pathlib import Path
from typing import Final

import pytest
from tests.network.stack import Stack, until
from tests.network.updates import accepted, create

from ottochain.crypto.keys import PrivateKey

pytestmark = [pytest.mark.network, pytest.mark.skipif(not Path("/proc").is_dir(), reason="the system has no /proc")]

CONNECTIONS_MAX: Final = 1_024
BODY_BYTES: Final = 16 * 1024 * 1024
BODIES_MAX: Final = 16
GROWTH_BYTES_MAX: Final = 64 * 1024 * 1024
KEY: Final = PrivateKey.generate()


@pytest.fixture
def many_files() -> Iterator[None]:
    """This process may hold more descriptors than is usual."""
    given, allowed = resource.getrlimit(resource.RLIMIT_NOFILE)
    if allowed != resource.RLIM_INFINITY and allowed < 4096:
        pytest.skip(f"4096 open files are needed, {allowed} are allowed")
    resource.setrlimit(resource.RLIMIT_NOFILE, (max(given, 4096), allowed))
    yield
    resource.setrlimit(resource.RLIMIT_NOFILE, (given, allowed))


def resident_bytes(pid: int) -> int:
    """How much memory a process has now."""
    return int((Path("/proc") / str(pid) / "statm").read_text().split()[1]) * resource.getpagesize()


def descriptors(pid: int) -> int:
    return len(list((Path("/proc") / str(pid) / "fd").iterdir()))


def connected(stack: Stack, name: str) -> socket.socket:
    return socket.create_connection(("127.0.0.1", stack.port(name)), timeout=10)


@pytest.mark.parametrize("name", ["gl0", "ml0", "cl1", "dl1"])
def test_connections_that_say_little_keep_nobody_out(running: Stack, many_files: None, name: str) -> None:
    pid = running.pid(name)
    assert pid is not None
    before, memory = descriptors(pid), resident_bytes(pid)
    with ExitStack() as held:
        for _ in range(CONNECTIONS_MAX + 300):
            client = held.enter_context(closing(connected(running, name)))
            client.sendall(b"GET /node/state HTTP/1.1\r\nX-Slow: ")
        assert running.json(name, "/node/state") == "Ready"
        if name == "dl1":
            accepted(running, create(KEY))
        until("no more than it takes", lambda: descriptors(pid) <= before + CONNECTIONS_MAX)
        assert resident_bytes(pid) < memory + GROWTH_BYTES_MAX


def test_bodies_beyond_what_a_node_holds_are_told_to_come_again(running: Stack) -> None:
    head = b"POST /data HTTP/1.1\r\nHost: x\r\nContent-Length: %d\r\n\r\n" % BODY_BYTES
    with ExitStack() as held:
        clients = [held.enter_context(closing(connected(running, "dl1"))) for _ in range(BODIES_MAX + 8)]
        for client in clients:
            client.sendall(head)
        told = [client.recv(4096) for client in clients[BODIES_MAX:]]
        assert all(answer.startswith(b"HTTP/1.1 503 ") and b"\r\nRetry-After: 1\r\n" in answer for answer in told)
        accepted(running, create(KEY))  # what is small goes on
    until("there is room again", lambda: running.post("dl1", "/data", b"x" * 1_000_000).status_code != 503)
