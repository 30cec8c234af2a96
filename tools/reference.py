"""Write the pages of ``docs/reference`` that follow from the code: ``python tools/reference.py``.

``cli.md`` lists every command and option, ``rejections.md`` every reason for which a message is refused or a transition
fails. A test compares the pages with what this makes of today's code.
"""

from __future__ import annotations

import inspect
import re
import sys
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from types import ModuleType
from typing import Any

import click

from ottochain.cli.main import root
from ottochain.fibers import failures, rejections

FOLDER = Path(__file__).resolve().parent.parent / "docs" / "reference"


def main() -> int:
    for name, text in pages().items():
        (FOLDER / name).write_text(text)
    return 0


def pages() -> Mapping[str, str]:
    """Each page by its name."""
    return {"cli.md": command_line(), "rejections.md": reasons()}


# The command line.


def command_line() -> str:
    head = (
        "# Command line\n\n"
        "Every command with its options, as `--help` has them. Results go to standard output, everything else to\n"
        "standard error; `--json` changes the form of a result, never its content. What a command ends with is in\n"
        "[Exit codes](exit-codes.md).\n"
    )
    return "\n".join([head, *(_section(path, command) for path, command in commands(root, "ottochain"))])


def commands(group: click.Group, path: str) -> Iterator[tuple[str, click.Command]]:
    """The group itself, then everything below it."""
    yield path, group
    context = click.Context(group)
    for name in group.list_commands(context):
        command = group.get_command(context, name)
        assert command is not None
        if isinstance(command, click.Group):
            yield from commands(command, f"{path} {name}")
        else:
            yield f"{path} {name}", command


def _section(path: str, command: click.Command) -> str:
    context = click.Context(command, info_name=path)
    usage = " ".join(command.collect_usage_pieces(context))
    parts = [f"## {path}", f"    {path} {usage}", inspect.cleandoc(command.help or "")]
    options = [one for one in command.params if isinstance(one, click.Option) and not one.hidden]
    if options:
        rows = [_option(one, context) for one in options]
        parts.append("\n".join(["| option | what it does |", "|---|---|", *rows]))
    return "\n\n".join(parts) + "\n"


def _option(option: click.Option, context: click.Context) -> str:
    record = option.get_help_record(context)
    assert record is not None
    names, text = (_cell(part) for part in record)
    variable = f" [variable: {option.envvar}]" if option.envvar else ""
    return f"| `{names}` | {text}{variable} |"


def _cell(text: str) -> str:
    return text.replace("|", "\\|")


# Why messages are refused and transitions fail.


def reasons() -> str:
    parts = [
        "# Rejections and failures\n\n"
        "Validation refuses a message with one or more *rejections*. DL1 checks what it can before it answers\n"
        "`POST /data` (400 with the rejections); ML0 checks everything when the update's turn comes (`GET /data/HASH`\n"
        "says Rejected, with code and text).\n",
        _table("code", rejections, lambda made: (made.code, made.message)),
        "## Failures\n\n"
        "A transition that was valid and then failed leaves a receipt with `success: false` and one of these as its\n"
        "`errorMessage`; the machine stays as it was. A script invocation that fails is rejected with it. PHASE is\n"
        "GUARD, EFFECT, ORACLE, TRIGGER or SPAWN.\n",
        _table("reason", failures, lambda made: (made.reason, made.message)),
    ]
    return "\n".join(parts)


class Placeholder(str):
    """Stands for an argument in a text: ``FIBER_ID``."""

    @property
    def rendered(self) -> str:
        return self

    def capitalize(self) -> str:
        return self


def _table(title: str, module: ModuleType, read: Callable[[Any], tuple[str, str]]) -> str:
    rows = []
    for make in _makers(module):
        arguments = inspect.signature(make).parameters
        name, text = read(make(*(Placeholder(argument.upper()) for argument in arguments)))
        meaning = re.sub(
            r"`(\w+)`", lambda word: word[1].upper(), inspect.cleandoc(make.__doc__ or "").replace("``", "")
        )
        rows.append(f"| `{name}` | {_cell(meaning)} | {_cell(text)} |")
    return "\n".join([f"| {title} | when | text |", "|---|---|---|", *rows, ""])


def _makers(module: ModuleType) -> Iterator[Callable[..., object]]:
    """The functions of a module that make one reason each, in the order of its text."""
    for name, value in vars(module).items():
        is_own = inspect.isfunction(value) and value.__module__ == module.__name__
        if is_own and not name.startswith("_") and name != "refused_reason":
            yield value


if __name__ == "__main__":
    sys.exit(main())
