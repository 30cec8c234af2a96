"""``ottochain down``."""

from __future__ import annotations

import asyncio
from pathlib import Path

import click

from ottochain.cli.context import load_deployment
from ottochain.cli.operating import only_planned, plan_options
from ottochain.cli.output import is_terminal, say, show


@click.command()
@plan_options
@click.pass_context
def down(context: click.Context, dry_run: bool, out: Path | None, as_json: bool) -> None:
    """Stop every node, children first. Nothing is deleted.

    `ottochain up` brings it all back.
    """
    from ottochain.cli.progress import progress_of
    from ottochain.ops.operations.down import bring_down, down_request
    from ottochain.ops.operations.operation import prepare

    deployment = load_deployment(context)
    if dry_run or out or as_json:
        only_planned(
            deployment,
            asyncio.run(prepare(deployment, down_request(deployment))),
            dry_run=dry_run,
            out=out,
            as_json=as_json,
        )
        return
    with progress_of(deployment, live=is_terminal()) as audience:
        done = asyncio.run(bring_down(deployment, audience))
    if not done.changed:
        show("Already down: no node is running.")
        return
    show(
        f"Down: {len(done.nodes)} nodes stopped, {', '.join(done.nodes)}. Their data stays in {deployment.places.data}."
    )
    say("Next: ottochain up")
