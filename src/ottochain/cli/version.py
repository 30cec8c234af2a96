"""``ottochain version``."""

from __future__ import annotations

import platform

import click

from ottochain import __version__
from ottochain.cli.context import json_option
from ottochain.cli.output import show, show_json


@click.command()
@json_option
def version(as_json: bool) -> None:
    """Show the versions of this tool."""
    from ottochain.model import versions

    facts = {
        "ottochain": __version__,
        "application": versions.APPLICATION_VERSION,
        "protocol": versions.TESSELLATION_VERSION,
        "python": platform.python_version(),
    }
    if as_json:
        show_json(facts)
    else:
        show("\n".join(f"{name:12} {value}" for name, value in facts.items()))
