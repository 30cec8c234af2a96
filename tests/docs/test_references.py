"""The pages to look things up in are whole, and of today."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from tools import pictures, reference

from ottochain.node import config, settings
from ottochain.node import main as node_command
from ottochain.ops import errors
from ottochain.ops.checks.finding import EXIT_CODES
from ottochain.ops.engine import LAYERS
from ottochain.ops.inventory import reading

ROOT = Path(__file__).parents[2]
REFERENCE = ROOT / "docs" / "reference"
VARIABLE = re.compile(r"\b(?:CL|OTTOCHAIN)_[A-Z0-9_]+\b")


@pytest.mark.parametrize("name", reference.pages())
def test_the_pages_that_follow_from_the_code_are_current(name: str) -> None:
    assert (REFERENCE / name).read_text() == reference.pages()[name], "python tools/reference.py writes it anew"


def test_the_picture_of_the_rooms_is_current_and_shows_every_room() -> None:
    assert (ROOT / "docs" / "rooms.svg").read_text() == pictures.rooms(), "python tools/pictures.py draws it anew"
    packages = {folder.parent.name for folder in (ROOT / "src" / "ottochain").glob("*/__init__.py")}
    assert {room[0] for room in pictures.ROOMS} == packages


# Settings.


class Recorder(settings.Reader):
    """Notes which settings a node reads."""

    def __init__(self, *arguments: object) -> None:
        super().__init__(*arguments)  # type: ignore[arg-type]
        self.read: set[tuple[str | None, str | None]] = RECORDED

    def _raw(self, variable: str | None, flag: str | None) -> tuple[str, str] | None:
        self.read.add((variable, flag))
        return super()._raw(variable, flag)


RECORDED: set[tuple[str | None, str | None]] = set()


def settings_of_nodes(monkeypatch: pytest.MonkeyPatch) -> set[tuple[str | None, str | None]]:
    """Variable and flag of each setting that some layer reads in some mode."""
    RECORDED.clear()
    monkeypatch.setattr(config, "Reader", Recorder)
    for layer, modes in config.MODES.items():
        for mode in modes:
            with pytest.raises(config.ConfigError):
                config.read_config([layer, mode], {}, ROOT)
    return set(RECORDED)


def settings_rows() -> Iterator[tuple[str | None, str | None]]:
    """Variable and flag of each row of the page's tables for a node."""
    text = (REFERENCE / "settings.md").read_text().partition("## The tool")[0]
    for row in re.finditer(r"^\| (?:`(\w+)`)? ?\| (?:`--(\w[\w-]*)` \|)?", text, re.MULTILINE):
        if (row[1] and VARIABLE.fullmatch(row[1])) or row[2]:
            yield row[1], row[2]


def test_every_setting_of_a_node_is_documented_with_its_flag(monkeypatch: pytest.MonkeyPatch) -> None:
    documented = set(settings_rows())
    without_flag = {variable for variable, _ in documented}
    for variable, flag in settings_of_nodes(monkeypatch):
        assert (variable, flag) in documented, f"--{flag} and {variable} are not one row of settings.md"
    assert "CL_PASSWORD" in without_flag


def test_every_variable_that_the_code_names_is_documented_and_no_other() -> None:
    files = [ROOT / "dev", *(file for top in ("src", "tools", "benchmarks") for file in (ROOT / top).rglob("*.py"))]
    named = {name for file in files for name in VARIABLE.findall(file.read_text())}
    for prefix in ("CL_L0_PEER", "CL_GLOBAL_L0_PEER"):
        named |= {f"{prefix}_{part}" for part in ("ID", "HTTP_HOST", "HTTP_PORT")}
        named.discard(prefix)
    assert named == set(VARIABLE.findall((REFERENCE / "settings.md").read_text()))


def test_every_setting_of_the_deployment_file_is_documented() -> None:
    text = (REFERENCE / "deployment-file.md").read_text()
    for key in (*reading._DEPLOYMENT_KEYS, *reading._NODE_KEYS, *LAYERS, *reading.ENVIRONMENTS):
        assert f"`{key}`" in text, key


# Exit codes.


def codes_of(error: type[errors.OttochainError]) -> Iterator[int]:
    yield error.exit_code
    for kind in error.__subclasses__():
        yield from codes_of(kind)


def test_every_exit_code_is_documented() -> None:
    tool, node, _ = re.split(r"^## ", (REFERENCE / "exit-codes.md").read_text(), flags=re.MULTILINE)[1:]
    assert table_codes(tool) == {0, *codes_of(errors.OttochainError), *EXIT_CODES.values(), 130, 141}
    assert table_codes(node) == {0, node_command.EXIT_FAILED, node_command.EXIT_USAGE}


def table_codes(section: str) -> set[int]:
    return {int(code) for code in re.findall(r"^\| (\d+) \|", section, re.MULTILINE)}
