"""One command founds eight nodes, finds them up, takes them down, and brings the same chain back."""

from __future__ import annotations

import json
import os
import pty
import signal
import subprocess
from collections.abc import Callable

import pytest
from tests.network.stack import DL1, L1, PORTS, TOOL, Stack, accepts, environment, until

pytestmark = pytest.mark.network


def test_the_life_of_a_deployment(new_stack: Callable[..., Stack]) -> None:
    stack = new_stack(template=None)
    first = stack.ottochain("up")
    assert "all 8 nodes of 'test' are Ready" in first.stdout
    assert stack.token in first.stdout
    stack.assert_ready()
    assert len(set(stack.pids().values())) == 8
    assert stack.held_by_gl0()[stack.token] == stack.ordinal("ml0")

    pids, hashes = stack.pids(), stack.first_hashes()
    assert "Nothing was touched" in stack.up()
    assert stack.pids() == pids

    stack.down()
    assert stack.pids() == {}
    assert not any(accepts(stack.port(name)) for name in PORTS)
    stack.down()

    before = stack.state / "chain.json"
    record = before.read_bytes()
    stack.up()
    stack.assert_ready()
    assert stack.first_hashes() == hashes
    assert before.read_bytes() == record
    assert not set(stack.pids().values()) & set(pids.values())


def test_status_tells_of_every_node_and_layer(running: Stack) -> None:
    shown = json.loads(running.ottochain("status", "--json").stdout)
    assert set(shown) == {"deployment", "nodes", "layers"}
    assert shown["deployment"] == "test"
    assert [node["node"] for node in shown["nodes"]] == list(PORTS)
    pids = running.pids()
    for node in shown["nodes"]:
        name = node["node"]
        info = running.json(name, "/node/info")
        expected = {
            "layer": name.partition("-")[0],
            "host": "127.0.0.1",
            "process": "running",
            "state": "Ready",
            "cluster_size": 3 if name in L1 else 1,
            "engine_version": info["version"],
            "app_version": "0.6.0",
            "release": None,
            "session": str(info["session"]),
            "pid": pids[name],
        }
        assert {key: node[key] for key in expected} == expected
        assert node["ordinal"] >= 1
    layers = {layer["layer"]: layer for layer in shown["layers"]}
    assert list(layers) == ["gl0", "ml0", "cl1", "dl1"]
    assert all(set(layer) == {"layer", "ready", "need", "ordinal", "advancing"} for layer in layers.values())
    assert [(layer["ready"], layer["need"]) for layer in layers.values()] == [(1, 1), (1, 1), (3, 2), (3, 2)]


def test_status_of_what_is_down_is_unknown_and_no_error(own: Stack) -> None:
    shown = json.loads(own.ottochain("status", "--json").stdout)
    for node in shown["nodes"]:
        assert node["process"] == "stopped"
        assert {node[key] for key in ("state", "ordinal", "cluster_size", "session", "engine_version")} == {None}
    assert [layer["ready"] for layer in shown["layers"]] == [0, 0, 0, 0]


def test_logs_show_a_node_a_layer_or_all(running: Stack) -> None:
    one = running.ottochain("logs", "ml0", "--tail", "1000").stdout
    assert "founded metagraph" in one
    layer = running.ottochain("logs", "dl1", "--tail", "3").stdout.splitlines()
    assert {line.split()[0] for line in layer} == set(DL1)
    everything = running.ottochain("logs", "--tail", "1").stdout.splitlines()
    assert {line.split()[0] for line in everything} >= set(PORTS)
    assert "there is no node or layer 'nobody'" in running.ottochain("logs", "nobody", code=2).stderr


def test_nodes_survive_the_terminal_that_started_them(own: Stack) -> None:
    """`up` runs as a shell's child on a terminal of its own; then the terminal hangs up."""
    leader, terminal = pty.openpty()
    with subprocess.Popen(
        [*TOOL, "up"],
        cwd=own.folder,
        env=environment(),
        stdin=terminal,
        stdout=terminal,
        stderr=terminal,
        start_new_session=True,
        preexec_fn=lambda: os.close(os.open(os.ttyname(0), os.O_RDWR)),  # makes it the controlling terminal
    ) as tool:
        os.close(terminal)
        said = _read_all(leader)
        assert tool.wait(10) == 0, said
    os.close(leader)
    assert "all 8 nodes of 'test' are Ready" in said
    pids = own.pids()
    own.assert_ready()
    assert own.pids() == pids
    for pid in pids.values():
        assert os.getsid(pid) not in (os.getsid(0), tool.pid)


def _read_all(leader: int) -> str:
    """What is written to a terminal until its last writer is gone."""
    pieces = []
    while True:
        try:
            piece = os.read(leader, 65536)
        except OSError:  # how Linux says the end
            break
        if not piece:
            break
        pieces.append(piece)
    return b"".join(pieces).decode(errors="replace")


@pytest.mark.parametrize("name", ["dl1", "cl1-2"])
def test_up_brings_back_who_left_its_cluster(own: Stack, name: str) -> None:
    """The founder of a layer comes back as a validator by itself; one that had joined stays Offline until then."""
    own.up()
    assert own.post(name, "/cluster/leave", b"", "cli").status_code == 200
    until("it has left", lambda: own.json(name, "/node/state") in ("Offline", "Initial", "ReadyToJoin"))
    peer = "cl1" if name.startswith("cl1") else "dl1-1"
    until("its peers have heard", lambda: len(own.json(peer, "/cluster/info")) == 2)
    own.up()
    own.assert_ready()


def test_an_interrupted_up_goes_on_where_it_was(own: Stack) -> None:
    with own.under_way("up") as tool:
        until("GL0 answers", lambda: accepts(own.port("gl0")))
        tool.send_signal(signal.SIGINT)
        _, said = tool.communicate(timeout=20)
        assert tool.returncode == 130
    assert "the same command goes on from here" in said
    assert "Traceback" not in said
    own.up()
    own.assert_ready()


def test_two_commands_at_once_do_not_cross(own: Stack) -> None:
    with own.under_way("up") as first:
        until("the first holds the lease", lambda: (own.state / "run" / "lease").exists())
        until("the first has begun", lambda: (own.state / "chain.json").exists())
        refused = own.ottochain("up", code=4)
        assert "another operation is changing this deployment: `ottochain up`" in refused.stderr
        first.communicate(timeout=60)
        assert first.returncode == 0
    own.assert_ready()
    assert list(own.held_by_gl0()) == [own.token]
