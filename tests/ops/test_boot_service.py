"""The unit that brings a deployment up at boot."""

from __future__ import annotations

import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest
from tests.ops.worlds import a_deployment
from tests.tools_on_path import need

from ottochain.ops.boot_service import unit, unit_name

COMMAND = (sys.executable, "-m", "ottochain.cli")


@pytest.mark.parametrize("user", [None, "root"])
def test_systemd_finds_nothing_wrong_with_it(tmp_path: Path, user: str | None) -> None:
    need("systemd-analyze")
    folder = tmp_path / "with blank and 100%"
    folder.mkdir()
    deployment = a_deployment(folder)
    file = tmp_path / unit_name(deployment)
    file.write_text(unit(deployment, COMMAND, user))
    done = subprocess.run(["systemd-analyze", "verify", str(file)], capture_output=True, text=True, timeout=60)
    assert [line for line in done.stderr.splitlines() if file.name in line] == []


def test_it_runs_up_and_leaves_the_nodes_alone_when_that_has_ended(tmp_path: Path) -> None:
    lines = unit(a_deployment(tmp_path), COMMAND, None).splitlines()
    (start,) = [line for line in lines if line.startswith("ExecStart=")]
    assert start.endswith(f"--deployment {tmp_path / 'ottochain.toml'} up")
    assert {"Type=oneshot", "RemainAfterExit=yes", "KillMode=process"} <= set(lines)
    assert not any(line.startswith("User=") for line in lines)
    assert "User=otto" in unit(a_deployment(tmp_path), COMMAND, "otto").splitlines()


def test_two_deployments_of_one_machine_have_two_units(tmp_path: Path) -> None:
    one = a_deployment(tmp_path)
    assert unit_name(one) != unit_name(replace(one, name="other"))
