"""The schedule as systemd and cron read it."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest
from tests.ops.worlds import a_deployment
from tests.tools_on_path import need

from ottochain.ops.schedule import health_schedule

PYTHON = "/usr/bin/python3"


def test_systemd_takes_the_units(tmp_path: Path) -> None:
    need("systemd-analyze")
    folder = tmp_path / "a folder of 100% care"
    folder.mkdir()
    made = health_schedule(a_deployment(folder), (PYTHON, "-m", "ottochain.cli"), 5, "systemd")
    for name, text in made.files.items():
        (tmp_path / name).write_text(text)
    paths = [str(tmp_path / name) for name in made.files]
    done = subprocess.run(["systemd-analyze", "verify", *paths], capture_output=True, text=True)
    complaints = [line for line in done.stderr.splitlines() if "ottochain-health" in line]
    assert (done.returncode, complaints) == (0, [])
    assert "100%% care" in made.files["ottochain-health-local.service"]


def test_cron_gets_one_line_that_a_shell_reads_as_it_was_meant(tmp_path: Path) -> None:
    folder = tmp_path / "it's 100%"
    folder.mkdir()
    made = health_schedule(a_deployment(folder), ("echo",), 7, "cron")
    (text,) = made.files.values()
    times, command = text.split(" * * * * ")
    assert times == "*/7"
    assert text.count("\n") == 1
    unescaped = command.replace("\\%", "%").replace(">/dev/null", "").replace("2>&1", "")
    said = subprocess.run(["sh", "-c", unescaped], capture_output=True, text=True, check=True).stdout
    assert said == f"--deployment {folder / 'ottochain.toml'} health --quiet\n"


@pytest.mark.parametrize("form", ["systemd", "cron"])
def test_the_interval_is_in_it(tmp_path: Path, form: str) -> None:
    made = health_schedule(a_deployment(tmp_path), ("ottochain",), 13, form)  # type: ignore[arg-type]
    assert any("13" in text for text in made.files.values())
