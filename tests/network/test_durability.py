"""A kill never tests the disk: a trace of a DL1's system calls shows its pool synced before it says 200."""

from __future__ import annotations

import re
import shutil
import signal
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

import pytest
from tests.network.stack import Stack, until
from tests.network.updates import Update, add, create, hand_in, machines, settled

from ottochain.crypto.keys import PrivateKey

pytestmark = [
    pytest.mark.network,
    pytest.mark.skipif(shutil.which("strace") is None, reason="strace is not installed: apt-get install strace"),
]

KEY: Final = PrivateKey.generate()
UPDATES: Final = 20
SENDING: Final = ("write", "writev", "sendto", "sendmsg")
CALLS: Final = ",".join((*SENDING, "pwrite64", "fsync", "fdatasync"))
LINE: Final = re.compile(r"(?P<thread>\d+) +(?:<\.\.\. (?P<resumed>\w+) resumed>|(?P<call>\w+)\()(?P<rest>.*)")


@contextmanager
def traced(pid: int, file: Path) -> Iterator[None]:
    """What the process and all its threads do, written to ``file``."""
    command = ["strace", "-f", "-y", "-s", "65536", "-e", f"trace={CALLS}", "-e", "signal=none", "-o", str(file)]
    with subprocess.Popen([*command, "-p", str(pid)], stderr=subprocess.PIPE, text=True) as tracer:
        assert tracer.stderr
        first = tracer.stderr.readline()
        assert "attached" in first, f"strace could not attach: {first}{tracer.stderr.read()}"
        try:
            yield
        finally:
            tracer.send_signal(signal.SIGINT)
            tracer.communicate(timeout=20)


def calls(file: Path) -> Iterator[tuple[str, str]]:
    """The calls in the order in which they returned, but writes to sockets in the order in which they began: what
    matters of those is when the first byte may have left."""
    begun: dict[str, str] = {}
    whole, _, _ = file.read_text(errors="replace").rpartition("\n")  # the tracer may still be writing
    for line in whole.splitlines():
        match = LINE.match(line)
        if match is None:
            continue
        thread, call, rest = match["thread"], match["call"], match["rest"]
        if call is None:
            yield match["resumed"], begun.pop(thread, "") + rest
        elif rest.endswith("<unfinished ...>") and not (call in SENDING and is_socket(rest)):
            begun[thread] = rest
        else:
            yield call, rest


def is_socket(rest: str) -> bool:
    return "<socket:" in rest.partition(">")[0]


def story(file: Path, update: Update, told: str) -> list[str]:
    """What happened with an update, in order: its record written to the log of the store, the log synced, and a
    message with ``told`` in it sent, which ends it. Repetitions are left out."""
    found: list[str] = []
    for call, rest in calls(file):
        in_log = "node.sqlite-wal>" in rest
        if call == "pwrite64" and in_log and update.hash in rest:
            mark = "written"
        elif call in ("fsync", "fdatasync") and in_log and found:
            assert rest.endswith("= 0"), rest
            mark = "synced"
        elif call in SENDING and is_socket(rest) and told in rest:
            mark = "sent"
        else:
            continue
        if found[-1:] != [mark]:
            found.append(mark)
        if mark == "sent":
            break
    return found


def test_the_pool_is_synced_before_the_first_byte_of_200(running: Stack, tmp_path: Path) -> None:
    fibers = machines(running, KEY, 2)
    pid = running.pids()["dl1"]
    updates = [create(KEY) for _ in range(UPDATES - 2)] + [add(KEY, fiber, 0) for fiber in fibers]
    trace = tmp_path / "trace"
    with traced(pid, trace):
        for update in updates:
            hand_in(running, update)
    for update in updates:
        told = story(trace, update, f'{{\\"hash\\":\\"{update.hash}')
        # Its page may be written again on behalf of another update before the answer leaves.
        assert (told[:2], told[-1]) == (["written", "synced"], "sent")
        assert settled(running, update.hash)["status"] == "Accepted"


def test_a_co_signer_syncs_before_its_signature_leaves(running: Stack, tmp_path: Path) -> None:
    """The messages of DL1 nodes are frames of a WebSocket, which begin with this byte when they are a client's. Of two
    blocks one goes to this peer: they take turns."""
    frame = '"\\202\\3'
    updates = [create(KEY), create(KEY)]
    trace = tmp_path / "trace"
    with traced(running.pids()["dl1-1"], trace):
        for update in updates:
            hand_in(running, update, "dl1")
            assert settled(running, update.hash)["status"] == "Accepted"
        signed = until(
            "the trace shows an answer",
            lambda: [told for each in updates if {"written", "sent"} <= set(told := story(trace, each, frame))],
        )
    assert [told[:2] for told in signed] == [["written", "synced"]]
