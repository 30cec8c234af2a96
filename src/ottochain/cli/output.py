"""Results to standard output, talk to standard error."""

from __future__ import annotations

import json
import sys
from collections.abc import Sequence

import click


def say(text: str) -> None:
    """A word to the person at the terminal; not part of the result."""
    click.echo(text, err=True)


def show(text: str) -> None:
    """A piece of the result."""
    click.echo(text)


def show_json(value: object) -> None:
    """The result as JSON, indented. For chain values use ``show_chain_json``: their numbers are exact."""
    click.echo(json.dumps(value, indent=2, ensure_ascii=False))


def table(header: Sequence[str], rows: Sequence[Sequence[str]], *, right: Sequence[int] = ()) -> str:
    """Columns as wide as they must be, two spaces between; those in ``right`` are set to the right."""
    lines = [header, *rows]
    widths = [max(len(line[column]) for line in lines) for column in range(len(header))]
    return "\n".join(
        "  ".join(
            cell.rjust(widths[column]) if column in right else cell.ljust(widths[column])
            for column, cell in enumerate(line)
        ).rstrip()
        for line in lines
    )


def is_terminal() -> bool:
    """Whether a person looks at the talk as it is said."""
    return sys.stderr.isatty()
