"""Tools that are not Python's: a test that needs one says which."""

from __future__ import annotations

import os
import shutil

import pytest


def need(*tools: str) -> None:
    """Skips the test by the name of the tool that is missing; in CI, which installs them all, that fails it."""
    missing = [tool for tool in tools if shutil.which(tool) is None]
    if not missing:
        return
    sentence = f"not on PATH: {', '.join(missing)}"
    if os.environ.get("CI") == "true":
        pytest.fail(f"{sentence}; .ci/run installs what tests need")
    pytest.skip(sentence)
