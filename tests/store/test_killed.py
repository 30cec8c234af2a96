"""``kill -9`` at any moment loses nothing that was acknowledged."""

import random
import subprocess
import sys
import time
from pathlib import Path

from ottochain.store.database import Database
from ottochain.store.pool import Pool

_PROGRAM = Path(__file__).with_name("acknowledging_writer.py")
_ROUNDS = 6


def test_everything_acknowledged_survives_kill_9(tmp_path: Path) -> None:
    path = tmp_path / "node.sqlite"
    moments = random.Random(20)
    acknowledged: set[int] = set()
    for _ in range(_ROUNDS):
        first = 1 + max(acknowledged, default=0) + 1000
        acknowledged |= write_until_killed(path, first, after_s=moments.uniform(0.02, 0.4))
        with Database.open(path) as database:
            stored = {int(item.key, 16) for item in Pool(database).items()}
        assert acknowledged <= stored
    assert len(acknowledged) > 100


def write_until_killed(path: Path, first: int, after_s: float) -> set[int]:
    """Run the writer, kill it ``after_s`` seconds after its first acknowledgement; what it acknowledged."""
    with subprocess.Popen([sys.executable, str(_PROGRAM), str(path), str(first)], stdout=subprocess.PIPE) as writer:
        assert writer.stdout is not None
        output = writer.stdout.readline()
        time.sleep(after_s)
        writer.kill()
        output += writer.stdout.read()
    *lines, _torn = output.split(b"\n")
    return {int(line) for line in lines}
