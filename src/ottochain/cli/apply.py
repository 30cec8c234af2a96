"""``ottochain apply``."""

from __future__ import annotations

import json
from pathlib import Path

import click

from ottochain.cli.context import load_deployment
from ottochain.cli.operating import approve, carry_out_and_report, yes_option


@click.command()
@click.argument("file", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@yes_option
@click.pass_context
def apply(context: click.Context, file: Path, yes: bool) -> None:
    """Carry out a plan that a verb saved with --out.

    Refused when the deployment is not any more what the plan was made from, as far as it matters: the runs of the
    processes, their states, clusters and members.
    """
    from ottochain.ops.errors import UsageError
    from ottochain.ops.plan.document import from_json

    deployment = load_deployment(context)
    try:
        made = from_json(json.loads(file.read_bytes()))
    except ValueError as error:
        raise UsageError(f"{file} is not JSON: {error}.", next_step="--out FILE of a verb writes a plan.") from None
    approve(deployment, made, yes=yes)
    carry_out_and_report(deployment, made)
