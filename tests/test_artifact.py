"""The digest of the code: another one for other content, and the one of the start for a running process."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

import ottochain

SHOW = "import sys; sys.path.insert(0, sys.argv[1]); from ottochain.artifact import artifact_digest as d; print(d())"


def digest_of(folder: Path) -> str:
    command = [sys.executable, "-I", "-c", SHOW, str(folder)]
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout.strip()


def test_a_changed_or_renamed_module_is_another_artifact(tmp_path: Path) -> None:
    shutil.copytree(Path(ottochain.__file__).parent, tmp_path / "ottochain", ignore=shutil.ignore_patterns("*.pyc"))
    first = digest_of(tmp_path)
    assert len(first) == 64
    assert digest_of(tmp_path) == first
    changed = tmp_path / "ottochain" / "model" / "versions.py"
    changed.write_text(changed.read_text() + "\n")
    second = digest_of(tmp_path)
    changed.rename(changed.with_name("other_versions.py"))
    assert len({first, second, digest_of(tmp_path)}) == 3
