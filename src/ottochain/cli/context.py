"""What commands share: finding the deployment, and the option ``--json``."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click

if TYPE_CHECKING:
    from ottochain.ops.inventory.deployment import Deployment

Command = TypeVar("Command", bound=Callable[..., Any])


def load_deployment(context: click.Context) -> Deployment:
    """The deployment named with ``--deployment``, or found from here upwards."""
    from ottochain.ops.inventory.reading import find, load

    file = context.find_root().obj
    return load(file if isinstance(file, Path) else find(Path.cwd()))


def json_option(command: Command) -> Command:
    """Adds ``--json`` as the argument ``as_json``."""
    return click.option("--json", "as_json", is_flag=True, help="Print the result as JSON.")(command)
