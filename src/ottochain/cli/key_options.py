"""The options by which a command finds a key: a name within the deployment, a keystore, or the environment."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click

if TYPE_CHECKING:
    from ottochain.ops.keystores import Place

Command = TypeVar("Command", bound=Callable[..., Any])


def keystore_options(command: Command) -> Command:
    """Adds ``--keystore``, ``--alias`` and ``--password-file``."""
    for option in reversed(_OPTIONS):
        command = option(command)
    return command


_OPTIONS = (
    click.option(
        "--keystore", type=click.Path(path_type=Path), help="A PKCS#12 file [default: what CL_KEYSTORE names]."
    ),
    click.option("--alias", help="The entry in it [default: CL_KEYALIAS, else whichever is there]."),
    click.option(
        "--password-file",
        type=click.Path(path_type=Path),
        help="Where its password is [default: NAME.password beside it, the environment, else it is asked for].",
    ),
)


def find_key(
    context: click.Context,
    name: str | None,
    keystore: Path | None,
    alias: str | None,
    password_file: Path | None,
    key_file: Path | None = None,
) -> Place:
    """The key that is meant. ``UsageError`` when none is named, or two are."""
    from ottochain.cli.context import load_deployment
    from ottochain.ops import keystores
    from ottochain.ops.errors import UsageError

    if name and keystore:
        raise UsageError(
            f"both {name!r} and --keystore name a key.", next_step="give one of them: a name is the deployment's."
        )
    if name:
        return keystores.named(load_deployment(context), name)
    if keystore:
        return keystores.of_file(keystore, alias, password_file, os.environ, key_file)
    if file := os.environ.get("CL_KEYSTORE"):
        if alias or password_file or key_file:
            return keystores.of_file(Path(file), alias, password_file, os.environ, key_file)
        found = keystores.of_environment(os.environ)
        assert found is not None
        return found
    raise UsageError(
        "no key is named.",
        next_step="give a name that ottochain keys list shows, or --keystore FILE, or set CL_KEYSTORE and CL_KEYALIAS.",
    )


def ask(what: str) -> str | None:
    """Asks at the terminal; None where there is none."""
    if not sys.stdin.isatty():
        return None
    answer: str = click.prompt(f"Password of {what}", hide_input=True, err=True)
    return answer


def ask_new(what: str) -> str | None:
    """Asks twice for a password that is going to be set."""
    if not sys.stdin.isatty():
        return None
    answer: str = click.prompt(f"New password of {what}", hide_input=True, confirmation_prompt=True, err=True)
    return answer
