"""The process of a node: data directory, log, key, exit codes; and the nursery that bears many."""

from __future__ import annotations

import json
import logging
import os
import resource
import signal
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from aiohttp.http_exceptions import BadStatusLine

from ottochain.crypto.keys import PrivateKey
from ottochain.crypto.keystore import write_p12
from ottochain.node import datadir
from ottochain.node.log import LineFormatter, blame_the_caller
from ottochain.node.main import main
from ottochain.node.process import DESCRIPTORS, widen_descriptors

KEY = PrivateKey.from_hex("223976ff50d5f695e90654cdfc94bde5ad33877ee9fd6d43661163c49e6bf336")
PATIENCE_SECONDS = 20.0
BASE_PORT = 23_400

SOURCE = Path(__file__).parents[2] / "src"
TESTS = Path(__file__).parents[1]


def test_a_directory_is_held_by_one_process(tmp_path: Path) -> None:
    with datadir.locked(tmp_path, "ml0", KEY.peer_id):
        holder = json.loads((tmp_path / "node.lock").read_text())
        assert (holder["pid"], holder["layer"], holder["id"]) == (os.getpid(), "ml0", KEY.peer_id)
        with (
            pytest.raises(datadir.DataDirectoryInUse, match=rf"process {os.getpid()} \(ml0 1b4b9f98, since 20"),
            datadir.locked(tmp_path, "ml0", KEY.peer_id),
        ):
            pass
    with datadir.locked(tmp_path, "ml0", KEY.peer_id):
        pass


def test_a_lock_file_full_of_nonsense_is_no_obstacle(tmp_path: Path) -> None:
    (tmp_path / "node.lock").write_text("nonsense" * 1000)
    with datadir.locked(tmp_path, "gl0", KEY.peer_id):
        assert json.loads((tmp_path / "node.lock").read_text())["layer"] == "gl0"


def test_a_log_line_is_one_line_even_with_a_traceback() -> None:
    try:
        raise ValueError("first\nsecond")
    except ValueError:
        record = logging.LogRecord("a.b", logging.ERROR, "x.py", 1, "it %s", ("failed",), sys.exc_info())
    record.args = ("failed\x1b[2J",)
    record.created, record.msecs = 1_732_428_789.123, 123.0
    line = LineFormatter("gl0", KEY.peer_id).format(record)
    assert line.startswith("2024-11-24T06:13:09.123Z ERROR gl0 1b4b9f98 a.b: it failed?[2J | Traceback")
    assert "\n" not in line


@pytest.mark.parametrize("fault", [BadStatusLine("hello"), ConnectionResetError("Connection lost")])
def test_what_a_caller_does_wrong_leaves_a_line_and_no_traceback(fault: Exception) -> None:
    what = (type(fault), fault, None)
    record = logging.LogRecord("aiohttp.server", logging.ERROR, "", 0, "Error from %s", ("::1",), what)
    assert blame_the_caller(record)
    line = LineFormatter("gl0", KEY.peer_id).format(record)
    assert line.endswith(f" INFO gl0 1b4b9f98 aiohttp.server: Error from ::1: {type(fault).__name__}")


def test_what_we_do_wrong_leaves_a_traceback() -> None:
    what = (ValueError, ValueError(), None)
    record = logging.LogRecord("aiohttp.server", logging.ERROR, "", 0, "Error", (), what)
    assert blame_the_caller(record)
    assert (record.levelno, record.exc_info) == (logging.ERROR, what)


def test_a_node_is_not_left_with_the_few_descriptors_of_a_shell() -> None:
    given, allowed = resource.getrlimit(resource.RLIMIT_NOFILE)
    try:
        resource.setrlimit(resource.RLIMIT_NOFILE, (256, allowed))
        widen_descriptors()
        wide = resource.getrlimit(resource.RLIMIT_NOFILE)
        assert wide == (DESCRIPTORS if allowed == resource.RLIM_INFINITY else min(DESCRIPTORS, allowed), allowed)
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (given, allowed))


def test_the_command_line_explains_itself(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--help"]) == 0
    assert "ml0 create-genesis BALANCES.csv" in capsys.readouterr().out
    assert main([]) == 2
    assert "usage" in capsys.readouterr().err
    assert main(["gl0", "run-initial-validator"]) == 2
    assert "the run mode of gl0 must be one of" in capsys.readouterr().err


def test_the_tip_of_an_empty_directory_is_an_error(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["tip", str(tmp_path)]) == 1
    assert "no store" in capsys.readouterr().err


# Real processes from here on. They run this file, which carries the plain service.


def environment(directory: Path, index: int, **changes: str) -> dict[str, str]:
    port = BASE_PORT + 10 * index
    return {
        "PATH": os.environ["PATH"],
        "PYTHONPATH": f"{SOURCE}{os.pathsep}{TESTS}",
        "CL_KEYSTORE": "key.p12",
        "CL_KEYALIAS": "alias",
        "CL_PASSWORD": "a secret word",
        "CL_PUBLIC_HTTP_PORT": str(port),
        "CL_P2P_HTTP_PORT": str(port + 1),
        "CL_CLI_HTTP_PORT": str(port + 2),
        "CL_L0_PEER_ID": KEY.peer_id,
        "CL_L0_PEER_HTTP_HOST": "127.0.0.1",
        "CL_GLOBAL_L0_PEER_ID": KEY.peer_id,
        "CL_GLOBAL_L0_PEER_HTTP_HOST": "127.0.0.1",
        "CL_L0_TOKEN_IDENTIFIER": KEY.address,
        "OTTOCHAIN_BIND_HOST": "127.0.0.1",
        "OTTOCHAIN_LOG_FILE": "logs/node.log",
    } | changes


def make_directory(parent: Path, name: str, key: PrivateKey = KEY) -> Path:
    directory = parent / name
    directory.mkdir()
    (directory / "key.p12").write_bytes(write_p12(key, "alias", "a secret word"))
    return directory


def run(directory: Path, words: list[str], env: dict[str, str]) -> subprocess.Popen[str]:
    command = [sys.executable, str(TESTS / "node" / "plain_node.py"), *words]
    return subprocess.Popen(command, cwd=directory, env=env, stderr=subprocess.PIPE, text=True)


def info(port: int) -> dict[str, Any] | None:
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/node/info", timeout=1) as answer:
            body: dict[str, Any] = json.load(answer)
            return body
    except OSError:
        return None


def wait_for(true: Any) -> Any:
    deadline = time.monotonic() + PATIENCE_SECONDS
    while time.monotonic() < deadline:
        if found := true():
            return found
        time.sleep(0.02)
    raise AssertionError("it did not happen in time")


@pytest.mark.network
def test_a_process_lives_holds_its_directory_and_stops_on_a_signal(tmp_path: Path) -> None:
    directory = make_directory(tmp_path, "dl1")
    env = environment(directory, 0)
    node = run(directory, ["dl1", "run-initial-validator"], env)
    try:
        wait_for(lambda: in_state(BASE_PORT, "Ready"))
        second = run(directory, ["dl1", "run-validator"], env | {"CL_PUBLIC_HTTP_PORT": "0"})
        assert second.wait(PATIENCE_SECONDS) == 1
        assert second.stderr is not None
        assert f"is in use by process {node.pid} (dl1 1b4b9f98" in second.stderr.read()
        second.stderr.close()
    finally:
        node.send_signal(signal.SIGTERM)
        assert node.wait(PATIENCE_SECONDS) == 0
        assert node.stderr is not None
        node.stderr.close()
    log = (directory / "logs" / "node.log").read_text()
    assert "state SessionStarted -> Ready" in log
    assert "a secret word" not in log
    assert KEY.hex not in log


@pytest.mark.network
@pytest.mark.parametrize(
    ("changes", "code", "said"),
    [
        ({"CL_PASSWORD": "wrong"}, 1, "key.p12 can't be used"),
        ({"CL_KEYALIAS": "another"}, 1, "key.p12 can't be used"),
        ({"CL_KEYSTORE": "none.p12"}, 2, "CL_KEYSTORE: there is no file"),
        ({"CL_PUBLIC_HTTP_PORT": "x"}, 2, "CL_PUBLIC_HTTP_PORT must be a port"),
    ],
)
def test_a_process_that_can_t_start_says_why(tmp_path: Path, changes: dict[str, str], code: int, said: str) -> None:
    directory = make_directory(tmp_path, "dl1")
    node = run(directory, ["dl1", "run-validator"], environment(directory, 1, **changes))
    _, stderr = node.communicate(timeout=PATIENCE_SECONDS)
    assert node.returncode == code
    assert said in stderr
    assert "Traceback" not in stderr
    assert "a secret word" not in stderr


class Nursery:
    """Talks to a nursery."""

    def __init__(self, *words: str) -> None:
        self.process = subprocess.Popen(
            [sys.executable, str(TESTS / "node" / "plain_node.py"), *words],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            env={"PATH": os.environ["PATH"], "PYTHONPATH": f"{SOURCE}{os.pathsep}{TESTS}"},
        )
        self.born: list[int] = []

    def ask(self, request: object) -> dict[str, Any]:
        assert self.process.stdin is not None
        assert self.process.stdout is not None
        self.process.stdin.write(json.dumps(request).encode() + b"\n")
        self.process.stdin.flush()
        answer: dict[str, Any] = json.loads(self.process.stdout.readline())
        if "pid" in answer:
            self.born.append(answer["pid"])
        return answer

    def end(self) -> int:
        assert self.process.stdin is not None
        assert self.process.stdout is not None
        self.process.stdin.close()
        code = self.process.wait(PATIENCE_SECONDS)
        self.process.stdout.close()
        return code


def is_alive(pid: int) -> bool:
    """A dead process that init has not reaped yet counts as dead."""
    try:
        os.kill(pid, 0)
        stat = Path(f"/proc/{pid}/stat")
        return not stat.exists() or stat.read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


def in_state(port: int, state: str) -> bool:
    found = info(port)
    return found is not None and found["state"] == state


@pytest.fixture(params=["fork", "spawn"])
def nursery(request: pytest.FixtureRequest) -> Iterator[Nursery]:
    nursery = Nursery("nursery", request.param)
    yield nursery
    if nursery.process.poll() is None:
        nursery.end()
    for pid in nursery.born:
        if is_alive(pid):
            os.kill(pid, signal.SIGKILL)


@pytest.mark.network
def test_nodes_of_a_nursery_are_detached_and_outlive_it(tmp_path: Path, nursery: Nursery) -> None:
    ports = []
    for index in range(3):
        directory = make_directory(tmp_path, f"dl1-{index}", PrivateKey.generate())
        env = environment(directory, 2 + index)
        ports.append(int(env["CL_PUBLIC_HTTP_PORT"]))
        answer = nursery.ask(
            {"argv": ["dl1", "run-initial-validator"], "cwd": str(directory), "env": env, "stderr": "stderr.txt"}
        )
        assert set(answer) == {"pid"}
    for port in ports:
        wait_for(lambda port=port: in_state(port, "Ready"))
    assert nursery.end() == 0
    for pid in nursery.born:
        assert is_alive(pid)
        assert os.getsid(pid) != os.getsid(0)
        os.kill(pid, signal.SIGTERM)
    for pid in nursery.born:
        wait_for(lambda pid=pid: not is_alive(pid))
    assert (tmp_path / "dl1-0" / "stderr.txt").read_text() == ""
    assert not (tmp_path / "dl1-0" / "core").exists()


@pytest.mark.network
def test_a_node_of_a_nursery_keeps_nothing_of_it(tmp_path: Path) -> None:
    nursery = Nursery("nursery", "fork")
    directory = make_directory(tmp_path, "dl1")
    env = environment(directory, 5)
    pid = nursery.ask({"argv": ["dl1", "run-validator"], "cwd": str(directory), "env": env, "stderr": "e"})["pid"]
    try:
        wait_for(lambda: in_state(BASE_PORT + 50, "ReadyToJoin"))
        if Path("/proc/self/fd").exists():
            opened = {descriptor.readlink() for descriptor in Path(f"/proc/{pid}/fd").iterdir()}
            nursery_pipes = {Path(f"/proc/{nursery.process.pid}/fd/{number}").readlink() for number in (0, 1)}
            assert not opened & nursery_pipes
            assert Path(f"/proc/{pid}/cwd").resolve() == directory.resolve()
            assert Path(f"/proc/{pid}/stat").read_text().split()[3] == "1", "init adopted it"
    finally:
        nursery.end()
        os.kill(pid, signal.SIGTERM)
        wait_for(lambda: not is_alive(pid))


@pytest.mark.network
def test_what_a_nursery_can_t_do_is_answered(tmp_path: Path) -> None:
    nursery = Nursery("nursery", "fork")
    try:
        assert "no directory" in nursery.ask({"argv": [], "cwd": "/none", "env": {}, "stderr": "e"})["error"]
        assert "stderr" in nursery.ask({"argv": [], "cwd": str(tmp_path), "env": {}, "stderr": "no/e"})["error"]
        assert "expected" in nursery.ask({"argv": "x"})["error"]
        assert "expected" in nursery.ask([])["error"]
        assert "no store" in nursery.ask({"tip": str(tmp_path)})["error"]
        answer = nursery.ask({"argv": ["dl1"], "cwd": str(tmp_path), "env": {}, "stderr": "e"})
        wait_for(lambda: not is_alive(answer["pid"]))
        assert "the run mode of dl1" in (tmp_path / "e").read_text()
    finally:
        assert nursery.end() == 0
