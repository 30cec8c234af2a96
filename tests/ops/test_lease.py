"""One operation at a time; a holder that dies holds nothing, and what it left is not forgotten."""

import os
import signal
import time
from pathlib import Path

import pytest

from ottochain.ops import lease
from ottochain.ops.errors import LeaseHeld


def killed_while_holding(file: Path) -> int:
    """A process that takes the lease and is killed; its id."""
    child = os.fork()
    if child == 0:
        with lease.hold(file, "restart dl1"):
            os.kill(os.getpid(), signal.SIGKILL)
    os.waitpid(child, 0)
    return child


def test_a_second_operation_is_refused_with_the_holders_name(tmp_path: Path) -> None:
    file = tmp_path / "run" / "lease"
    with lease.hold(file, "up"), pytest.raises(LeaseHeld) as held, lease.hold(file, "down"):
        pass
    assert "`ottochain up` of" in held.value.what
    assert f"process {os.getpid()}" in held.value.what
    assert held.value.exit_code == 4
    with lease.hold(file, "down"):
        assert "`ottochain down`" in lease.holder(file)


def test_a_killed_holder_holds_nothing(tmp_path: Path) -> None:
    killed_while_holding(tmp_path / "lease")
    with lease.hold(tmp_path / "lease", "down"):
        pass


def test_the_record_says_who_holds_it_and_for_which_operation(tmp_path: Path) -> None:
    file = tmp_path / "lease"
    assert lease.read(file) is None
    with lease.hold(file, "restart dl1") as held:
        held.is_for(7)
        record = lease.read(file)
        assert record
        assert (record.operation, record.number, record.pid, record.ended) == ("restart dl1", 7, os.getpid(), False)
        assert lease.lives(file)
    record = lease.read(file)
    assert record
    assert record.ended
    assert not lease.lives(file)


def test_the_heart_beats(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(lease, "HEARTBEAT_SECONDS", 0.01)
    file = tmp_path / "lease"
    with lease.hold(file, "up"):
        first = lease.read(file)
        assert first
        deadline = time.monotonic() + 10
        while (now := lease.read(file)) is None or now.heartbeat <= first.heartbeat:
            assert time.monotonic() < deadline
        assert now.since == first.since


def test_the_maintenance_flag_lasts_as_long_as_its_holder_lives(tmp_path: Path) -> None:
    file = tmp_path / "lease"
    now = time.time()
    assert lease.maintenance(file, now) is None
    with lease.hold(file, "up"):
        assert lease.maintenance(file, now + 10 * lease.FLAG_SECONDS)
    assert lease.maintenance(file, now) is None


def test_the_flag_of_a_dead_holder_expires(tmp_path: Path) -> None:
    file = tmp_path / "lease"
    pid = killed_while_holding(file)
    record = lease.maintenance(file, time.time())
    assert record
    assert record.pid == pid
    assert not lease.lives(file)
    assert lease.maintenance(file, time.time() + lease.FLAG_SECONDS) is None


def test_a_process_that_was_given_the_dead_holders_id_holds_nothing(tmp_path: Path) -> None:
    file = tmp_path / "lease"
    pid = killed_while_holding(file)
    file.write_bytes(file.read_bytes().replace(str(pid).encode(), str(os.getppid()).encode()))
    assert not lease.lives(file)


def test_nonsense_in_the_file_is_nobodys_record(tmp_path: Path) -> None:
    file = tmp_path / "lease"
    file.write_text("nonsense")
    assert lease.read(file) is None
    with lease.hold(file, "up"):
        assert lease.lives(file)
