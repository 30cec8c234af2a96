"""The chain record goes one way, and is there whole or not at all, wherever the writer is killed."""

import json
import os
import signal
from pathlib import Path

import pytest
from tests.ops.worlds import FOUNDED, FOUNDING, OTHER_TOKEN, TOKEN

from ottochain.ops import chain_record, files
from ottochain.ops.chain_record import begin
from ottochain.ops.errors import Refused


def test_what_is_written_is_read(tmp_path: Path) -> None:
    file = tmp_path / "deep" / "chain.json"
    assert chain_record.read(file) is None
    for record in (FOUNDING, FOUNDING.with_token(TOKEN), FOUNDED):
        chain_record.write(file, record)
        assert chain_record.read(file) == record
    assert [path.name for path in file.parent.iterdir()] == ["chain.json"]


def test_a_founding_has_one_token() -> None:
    record = begin("now").with_token(TOKEN)
    assert record.with_token(TOKEN) == record
    with pytest.raises(Refused, match="two chains"):
        record.with_token(OTHER_TOKEN)


def test_a_chain_without_a_token_is_not_founded() -> None:
    with pytest.raises(ValueError, match="without a token"):
        FOUNDING.as_founded("now")
    assert FOUNDING.with_token(TOKEN).as_founded("then").phase == "founded"


@pytest.mark.parametrize(
    "content",
    ["", "{", "[]", "{}", "\udc80", "[" * 20_000,
     json.dumps({"format": 2, "phase": "founded", "token": TOKEN, "since": "x"}),
     json.dumps({"format": 1, "phase": "lost", "token": TOKEN, "since": "x"}),
     json.dumps({"format": 1, "phase": "founded", "token": 5, "since": "x"})],
)  # fmt: skip
def test_an_unreadable_record_does_not_look_like_none(tmp_path: Path, content: str) -> None:
    file = tmp_path / "chain.json"
    file.write_bytes(content.encode(errors="surrogateescape"))
    with pytest.raises(Refused, match="can't be read"):
        chain_record.read(file)


@pytest.mark.parametrize("moment", ["open", "fchmod", "fsync", "replace"])
def test_killed_while_writing_the_old_record_or_the_new_one_is_there(
    tmp_path: Path, moment: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = tmp_path / "chain.json"
    chain_record.write(file, FOUNDING)
    child = os.fork()
    if child == 0:
        owner = Path if moment == "replace" else files.os
        monkeypatch.setattr(owner, moment, lambda *_, **__: os.kill(os.getpid(), signal.SIGKILL))
        chain_record.write(file, FOUNDED)
        os._exit(0)
    assert os.WTERMSIG(os.waitpid(child, 0)[1]) == signal.SIGKILL
    assert chain_record.read(file) == FOUNDING
    chain_record.write(file, FOUNDED)
    assert chain_record.read(file) == FOUNDED


def test_the_names_of_new_folders_are_synced_from_the_top(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    synced: list[Path] = []
    monkeypatch.setattr(files, "sync_folder", synced.append)
    for _ in range(2):
        files.make_folder(tmp_path / "a" / "b")
    assert synced == [tmp_path, tmp_path / "a"]
