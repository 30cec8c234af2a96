"""One operation at a time; a holder that dies holds nothing."""

import os
import signal
from pathlib import Path

import pytest

from ottochain.ops import lease
from ottochain.ops.errors import LeaseHeld


def test_a_second_operation_is_refused_with_the_holders_name(tmp_path: Path) -> None:
    file = tmp_path / "run" / "lease"
    with lease.hold(file, "up"), pytest.raises(LeaseHeld) as held, lease.hold(file, "down"):
        pass
    assert f"`ottochain up` of" in held.value.what  # noqa: F541
    assert f"process {os.getpid()}" in held.value.what
    assert held.value.exit_code == 4
    with lease.hold(file, "down"):
        assert "`ottochain down`" in lease.holder(file)


def test_a_killed_holder_holds_nothing(tmp_path: Path) -> None:
    file = tmp_path / "lease"
    child = os.fork()
    if child == 0:
        with lease.hold(file, "up"):
            os.kill(os.getpid(), signal.SIGKILL)
    os.waitpid(child, 0)
    with lease.hold(file, "down"):
        pass
