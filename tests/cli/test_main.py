"""The command line's manners: help without loading the tool, exit codes, stdout for results and stderr for talk."""

import json
import subprocess
import sys
from pathlib import Path

import click
import pytest
from click.testing import CliRunner
from tests.port_blocks import a_port_offset

from ottochain.cli import main as cli
from ottochain.cli.lazy import LazyGroup
from ottochain.ops import errors
from ottochain.ops.inventory.reading import FILE_NAME


def run(*words: str, folder: Path, code: int = 0) -> subprocess.CompletedProcess[str]:
    done = subprocess.run(
        [sys.executable, "-m", "ottochain.cli", *words], cwd=folder, capture_output=True, text=True, timeout=60
    )
    assert done.returncode == code, (done.stdout, done.stderr)
    assert "Traceback" not in done.stderr
    return done


def groups(group: click.Group, path: str = "ottochain") -> list[tuple[str, click.Command]]:
    """Every command below ``group``, with its full name."""
    context = click.Context(group)
    found: list[tuple[str, click.Command]] = []
    for name in group.list_commands(context):
        command = group.get_command(context, name)
        assert command is not None, f"{path} {name} is listed and can't be loaded"
        found.append((f"{path} {name}", command))
        if isinstance(command, click.Group):
            found += groups(command, f"{path} {name}")
    return found


def test_every_command_has_help_and_every_option_too() -> None:
    for name, command in groups(cli.root):
        assert command.help, name
        for parameter in command.params:
            assert not isinstance(parameter, click.Option) or parameter.help, f"{name} {parameter.name}"


def test_the_line_shown_for_a_lazy_command_is_its_own_first_line() -> None:
    for name, command in groups(cli.root):
        words = name.split()
        if len(words) == 2:
            assert command.help
            assert cli.COMMANDS[words[1]][1] == command.help.split("\n")[0], name


def test_every_reading_command_has_json() -> None:
    reading = {"status", "show", "list", "get", "version", "simulate", "health", "balance", "last-reference"}
    for name, command in groups(cli.root):
        if name.split()[-1] in reading and not isinstance(command, click.Group):
            assert any(parameter.name == "as_json" for parameter in command.params), name


def test_help_loads_nothing_heavy(tmp_path: Path) -> None:
    script = (
        "import sys; from ottochain.cli.main import root\n"
        "root.main(['--help'], standalone_mode=False)\n"
        "heavy = {'asyncio', 'rich', 'aiohttp', 'coincurve', 'cryptography', 'orjson', 'tomllib', 'ottochain.ops'}\n"
        "print(sorted(heavy & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", script], cwd=tmp_path, capture_output=True, text=True, check=True)
    assert done.stdout.splitlines()[-1] == "[]"


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (errors.OttochainError("x"), 1),
        (errors.UsageError("x"), 2),
        (errors.GateNotMet("x"), 3),
        (errors.LeaseHeld("x"), 4),
        (errors.Refused("x"), 5),
        (errors.DeploymentInvalid("x"), 5),
        (errors.Rejected("x"), 5),
        (errors.HalfWay("x"), 6),
        (ZeroDivisionError("x"), 1),
        (click.UsageError("x"), 2),
    ],
)
def test_an_error_becomes_words_and_its_exit_code(
    error: Exception, code: int, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def fail(**_: object) -> None:
        raise error

    monkeypatch.setattr(cli.root, "main", fail)
    assert cli.main() == code
    said = capsys.readouterr()
    assert said.out == ""
    assert "x" in said.err
    assert "Traceback" not in said.err


def test_what_to_do_next_is_said(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    def fail(**_: object) -> None:
        raise errors.Refused("it is raining.", next_step="take an umbrella.")

    monkeypatch.setattr(cli.root, "main", fail)
    cli.main()
    assert capsys.readouterr().err == "ottochain: it is raining.\nNext: take an umbrella.\n"


def test_a_misspelt_command_is_guessed(tmp_path: Path) -> None:
    assert "Did you mean 'status'?" in run("statsu", folder=tmp_path, code=2).stderr


def test_without_a_deployment_the_next_command_is_said(tmp_path: Path) -> None:
    for words in (["status"], ["up"], ["down"], ["logs"], ["deployment", "show"], ["wallet", "show"]):
        done = run(*words, folder=tmp_path, code=5)
        assert done.stdout == ""
        assert "Next: ottochain init" in done.stderr


def test_a_stopped_deployment_is_shown_as_stopped(tmp_path: Path) -> None:
    with a_port_offset() as offset:
        run("init", "--port-offset", str(offset), folder=tmp_path)
        shown = json.loads(run("status", "--json", folder=tmp_path).stdout)
        assert shown["deployment"] == "local"
        assert [node["node"] for node in shown["nodes"]][:3] == ["gl0", "ml0", "cl1"]
        assert {node["process"] for node in shown["nodes"]} == {"stopped"}
        assert {node["state"] for node in shown["nodes"]} == {None}
        assert [layer["need"] for layer in shown["layers"]] == [1, 1, 2, 2]
        assert "stopped" in run("status", folder=tmp_path).stdout
        assert "Already down" in run("down", folder=tmp_path).stdout


def test_show_prints_all_that_is_derived_and_no_secret(tmp_path: Path) -> None:
    run("init", folder=tmp_path)
    shown = run("deployment", "show", "--json", folder=tmp_path).stdout
    assert json.loads(shown)["nodes"][3]["joinTargets"] == ["cl1", "cl1-2"]
    plain = run("deployment", "show", folder=tmp_path).stdout
    for file in tmp_path.rglob("*.password"):
        for text in (shown, plain):
            assert file.read_text().strip() not in text


def test_logs_of_an_unknown_target_are_refused(tmp_path: Path) -> None:
    run("init", folder=tmp_path)
    assert "no node or layer 'dl7'" in run("logs", "dl7", folder=tmp_path, code=2).stderr
    folder = tmp_path / ".ottochain/logs"
    folder.mkdir()
    (folder / "dl1-1.log").write_text("".join(f"line {n}\n" for n in range(50)))
    assert run("logs", "dl1-1", "--tail", "2", folder=tmp_path).stdout == "line 48\nline 49\n"


def test_another_file_can_be_named(tmp_path: Path) -> None:
    run("init", folder=tmp_path)
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    run("--deployment", str(tmp_path / FILE_NAME), "status", folder=elsewhere)


def test_a_reader_that_leaves_is_no_error() -> None:
    done = subprocess.run(
        f"{sys.executable} -m ottochain.cli --help | true", shell=True, capture_output=True, text=True, check=True
    )
    assert done.stderr == ""


def test_a_lazy_group_imports_a_command_when_it_is_asked_for() -> None:
    group = LazyGroup(name="g", lazy={"version": ("ottochain.cli.version:version", "Show.")})
    assert "0.1.0" in CliRunner().invoke(group, ["version", "--json"]).output
