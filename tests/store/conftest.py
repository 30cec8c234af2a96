from collections.abc import Iterator
from pathlib import Path

import pytest

from ottochain.store.database import Database


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "node.sqlite"


@pytest.fixture
def database(path: Path) -> Iterator[Database]:
    with Database.open(path) as opened:
        yield opened
