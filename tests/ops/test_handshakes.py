"""Why a join led nowhere, from the logs of both sides."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from tests.ops.worlds import a_deployment

from ottochain.ops.execute.handshakes import EXPLAINED, Ears, Reason, reasons

BY_US = (
    "2026-01-01T00:00:00.000Z WARNING dl1 ab ottochain.node.joining: the handshake with cd at 127.0.0.1:9401 failed: "
)
BY_THE_PEER = "2026-01-01T00:00:00.000Z WARNING dl1 cd ottochain.node.join_routes: peer ab was not let in: "


@pytest.mark.parametrize("name", EXPLAINED)
def test_every_reason_of_the_reference_is_explained_by_its_name(name: str) -> None:
    for line in (
        f"{BY_US}{name}: this and that",
        f"{BY_THE_PEER}{name}: this and that",
        f"{BY_US}refused by the peer ({name})",
    ):
        (found,) = reasons([line])
        assert found.name == name


def test_other_lines_say_nothing_and_an_unknown_reason_is_passed_on() -> None:
    lines = ["something else", f"{BY_US}connection refused"]
    assert list(reasons(lines)) == [Reason("", "connection refused")]


def test_only_what_is_said_from_now_on_counts_and_the_one_who_knows_is_believed(tmp_path: Path) -> None:
    deployment = a_deployment(tmp_path)
    ours, peers = deployment.by_name["dl1-1"], deployment.by_name["dl1"]
    ours.log_file.parent.mkdir(parents=True)
    ours.log_file.write_text(f"{BY_US}EnvMismatch: long ago\n")
    ears = Ears([ours, peers])
    assert ears.reason() is None
    with ours.log_file.open("a") as log:
        log.write(f"{BY_US}refused by the peer (500)\n")
    assert ears.reason() == Reason("", "refused by the peer (500)")
    peers.log_file.write_text(f"{BY_THE_PEER}VersionMismatch: version hash a, expected b\n")
    reason = ears.reason()
    assert reason
    assert (reason.name, reason.is_final) == ("VersionMismatch", True)
    assert not replace(reason, name="NodeNotInCluster").is_final


def test_a_log_that_was_rotated_meanwhile_is_read_from_its_beginning(tmp_path: Path) -> None:
    node = a_deployment(tmp_path).by_name["dl1-1"]
    node.log_file.parent.mkdir(parents=True)
    node.log_file.write_text("x" * 10_000)
    ears = Ears([node])
    node.log_file.write_text(f"{BY_US}SeedlistDoesNotMatch: another\n")
    reason = ears.reason()
    assert reason
    assert reason.name == "SeedlistDoesNotMatch"
