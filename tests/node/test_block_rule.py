"""Whose signatures count on an L1 layer's blocks: what the operator's file says now."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from layers.metagraph import ALICE, BOB, L1, block, create
from ottochain.node.block_rule import block_rule


def test_without_a_file_anybody_may_sign() -> None:
    assert block_rule(None, None)().violation(block(1, [create(1)])) is None
    assert block_rule(None, 2)().violation(block(1, [create(1)])) == "expected signatures of 2 L1 nodes, found 1"
    assert block_rule(None, 2)().violation(block(1, [create(1)], L1, BOB)) is None


def test_the_file_names_the_signers_and_more_than_half_must_sign(tmp_path: Path) -> None:
    peers = tmp_path / "dl1.peers"
    peers.write_text(f"{L1.peer_id}\n\n{BOB.peer_id}\n  {ALICE.peer_id}\n")
    rule = block_rule(peers, None)
    assert rule().violation(block(1, [create(1)], L1, BOB)) is None
    violation = rule().violation(block(1, [create(1)], L1))
    assert violation == "expected signatures of 2 L1 nodes, found 1"
    assert block_rule(peers, 1)().violation(block(1, [create(1)], L1)) is None


def test_the_file_may_change_while_the_node_runs(tmp_path: Path) -> None:
    """Also within one tick of the file system's clock, which the tools that write it do not wait for."""
    peers = tmp_path / "dl1.peers"
    peers.write_text(f"{BOB.peer_id}\n")
    rule = block_rule(peers, None)
    assert rule().violation(block(1, [create(1)], L1)) is not None
    times = peers.stat()
    renamed = tmp_path / "new"
    renamed.write_text(f"{L1.peer_id}\n")
    os.utime(renamed, ns=(times.st_atime_ns, times.st_mtime_ns))
    renamed.replace(peers)
    assert rule().violation(block(1, [create(1)], L1)) is None


def test_a_file_that_is_not_there_is_an_error_and_no_rule(tmp_path: Path) -> None:
    rule = block_rule(tmp_path / "missing", None)
    with pytest.raises(FileNotFoundError):
        rule()
    (tmp_path / "missing").write_text(f"{L1.peer_id}\n")
    assert rule().violation(block(1, [create(1)], L1)) is None


def test_a_file_without_names_is_an_error_and_no_rule(tmp_path: Path) -> None:
    peers = tmp_path / "dl1.peers"
    peers.write_text("\n")
    with pytest.raises(OSError, match="names no node"):
        block_rule(peers, 1)()
