"""What a real process told its core, and what the core answered, replays through ``step`` byte for byte."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
import urllib.request
from pathlib import Path

from node.layered import BALANCES, KEYS, free_port
from ottochain.codec import exact_json
from ottochain.consensus.core import Config
from ottochain.consensus.effects import Boot, Commit, Persist
from ottochain.consensus.journal import decode_line, recorded_signer, replay
from ottochain.consensus.votes import Chain
from ottochain.crypto.keystore import write_p12
from ottochain.layers.certificates import verify_statement
from ottochain.store.database import Database
from ottochain.store.meta import Meta

SNAPSHOTS = 5
PATIENCE_SECONDS = 30.0


def run_gl0(directory: Path, recording: Path, *arguments: str) -> None:
    """A GL0 process makes some snapshots and is killed in the middle of it."""
    port = free_port()
    environment = {
        **os.environ,
        "CL_KEYSTORE": str(directory / "key.p12"),
        "CL_KEYALIAS": "alias",
        "CL_PASSWORD": "password",
        "CL_PUBLIC_HTTP_PORT": str(port),
        "CL_P2P_HTTP_PORT": "0",
        "CL_CLI_HTTP_PORT": "0",
        "OTTOCHAIN_BIND_HOST": "127.0.0.1",
        "OTTOCHAIN_TIME_TRIGGER_SECONDS": "0.05",
        "OTTOCHAIN_CONSENSUS_RECORDING": str(recording),
    }
    command = [sys.executable, "-m", "ottochain.node", "gl0", *arguments]
    with subprocess.Popen(command, cwd=directory, env=environment, stderr=subprocess.DEVNULL) as process:
        try:
            first = until_ordinal(port, 1)
            until_ordinal(port, first + SNAPSHOTS)
        finally:
            process.send_signal(signal.SIGKILL)


def until_ordinal(port: int, least: int) -> int:
    end = time.monotonic() + PATIENCE_SECONDS
    while time.monotonic() < end:
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{port}/ottochain/node", timeout=5) as answer:
                ordinal = exact_json.loads(answer.read())["ordinal"]
        except OSError:
            ordinal = None
        if ordinal is not None and ordinal >= least:
            return int(ordinal)
        time.sleep(0.02)
    raise TimeoutError(f"GL0 did not come to ordinal {least}")


def test_what_a_process_did_replays_through_the_core(tmp_path: Path) -> None:
    key = KEYS["gl0"]
    (tmp_path / "key.p12").write_bytes(write_p12(key, "alias", "password"))
    (tmp_path / "balances.csv").write_text(BALANCES)
    recordings = [tmp_path / "first.jsonl", tmp_path / "second.jsonl"]
    run_gl0(tmp_path, recordings[0], "run-genesis", "balances.csv")
    run_gl0(tmp_path, recordings[1], "run-rollback")
    with Database.open(tmp_path / "node.sqlite") as database:
        identity = Meta(database).identity()
    assert identity is not None
    assert identity.chain_id is not None
    chain = Chain(identity.chain_id, identity.incarnation, "gl0")
    for recording in recordings:
        # The kill may have cut the last line off.
        lines = [line for line in recording.read_bytes().split(b"\n")[:-1] if line]
        assert isinstance(decode_line(lines[0]).event, Boot)
        effects = [effect for line in lines for effect in decode_line(line).effects]
        assert sum(isinstance(effect, Commit) for effect in effects) >= SNAPSHOTS
        assert any(isinstance(effect, Persist) for effect in effects)
        config = Config(me=key.peer_id, chain=chain, sign=recorded_signer(chain, lines), verify=verify_statement)
        assert replay(config, lines) is None
