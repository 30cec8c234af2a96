"""Every ``console`` block of README and guide, run on a real stack: what a page shows is what comes back."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.network.stack import PORTS, accepts, environment

from .console import Command, Saved, Terminal, matches, shifted, shifted_back, steps_of

pytestmark = pytest.mark.network

ROOT = Path(__file__).parents[2]
PAGES = [page for page in (ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md"))) if steps_of(page)]
OFFSETS = range(14_500, 20_001, 500)
"""Where the stacks of these tests are, above those of others."""

SETTLING_SECONDS = 10.0
"""Reading with curl is asked again until the network has come to what the page shows."""

OTTOCHAIN = f'#!/bin/sh\nexec {sys.executable} -m ottochain.cli "$@"\n'
PYTHON = f'#!/bin/sh\nexec {sys.executable} "$@"\n'
NODE = f'#!/bin/sh\nexec {sys.executable} -m ottochain.node "$@"\n'
DEV = """#!/bin/sh
verb=$1; shift
case $verb in
    up) [ -f ottochain.toml ] || ottochain init --port-offset "$PAGE_OFFSET" >/dev/null 2>&1; exec ottochain up "$@" ;;
    ottochain) exec ottochain "$@" ;;
esac
echo "the pages use ./dev $verb: teach it to this test"; exit 1
"""


def free_offset() -> int:
    """An offset at which nobody listens; another one first in each process."""
    start = os.getpid() % len(OFFSETS)
    for offset in (*OFFSETS[start:], *OFFSETS[:start]):
        if not any(accepts(port + offset + kind) for port in PORTS.values() for kind in range(3)):
            return offset
    raise LookupError("other programs listen at every port offset that these tests may use")


@pytest.fixture(scope="module")
def written(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A clone, as far as the pages use it, with a deployment: keys take longer to make than a page to run."""
    folder = tmp_path_factory.mktemp("written") / "ottochain"
    (folder / "bin").mkdir(parents=True)
    shutil.copytree(ROOT / "examples", folder / "examples")
    for name, text in (
        ("bin/ottochain", OTTOCHAIN),
        ("bin/ottochain-node", NODE),
        ("bin/python", PYTHON),
        ("dev", DEV),
    ):
        (folder / name).write_text(text)
        (folder / name).chmod(0o755)
    subprocess.run([folder / "bin/ottochain", "init"], cwd=folder, env=environment(), check=True, capture_output=True)
    return folder


@pytest.fixture
def clone(written: Path, tmp_path: Path) -> Iterator[tuple[Path, int]]:
    """Such a clone of one's own with its port offset; nothing of it runs at the end."""
    folder, offset = tmp_path / "ottochain", free_offset()
    shutil.copytree(written, folder)
    file = folder / "ottochain.toml"
    file.write_text(file.read_text().replace("# port_offset = 1000 ", f"port_offset = {offset} "))
    yield folder, offset
    subprocess.run([folder / "bin/ottochain", "down"], cwd=folder, env=environment(), check=True, capture_output=True)


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.relative_to(ROOT).as_posix())
def test_what_the_page_shows_is_what_comes_back(page: Path, clone: tuple[Path, int]) -> None:
    folder, offset = clone
    there = environment() | {"PAGE_OFFSET": str(offset), "COLUMNS": "120"}
    terminal = Terminal(folder, there | {"PATH": f"{folder / 'bin'}:{there['PATH']}"})
    try:
        if page.name != "README.md":
            said, code = terminal.run("ottochain up")
            assert code == 0, said
        for step in steps_of(page):
            if isinstance(step, Saved):
                (folder / step.name).write_text(step.content)
            else:
                try_command(terminal, step, offset)
    finally:
        terminal.close()


def try_command(terminal: Terminal, command: Command, offset: int) -> None:
    """Fails with both texts when they do not match, and when an unforeseen failure came."""
    is_reading = command.text.startswith("curl -s localhost") and "--data" not in command.text
    deadline = time.monotonic() + (SETTLING_SECONDS if is_reading else 0)
    while True:
        found, code = terminal.run(shifted(command.text, offset))
        found = shifted_back(found, offset)
        if matches(command.shown, found):
            break
        assert time.monotonic() < deadline, (
            f"line {command.line}: $ {command.text}\n--- the page shows\n{command.shown}\n--- came back\n{found}"
        )
        time.sleep(0.1)
    assert code == 0 or "ottochain: " in command.shown, f"line {command.line}: $ {command.text} ended with {code}"
