"""``ottochain up``."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import TYPE_CHECKING

import click

from ottochain.cli.context import load_deployment
from ottochain.cli.operating import only_planned, plan_options
from ottochain.cli.output import is_terminal, say, show

if TYPE_CHECKING:
    from ottochain.ops.inventory.deployment import Deployment
    from ottochain.ops.operations.up import Up


@click.command()
@click.option("--init", "make", is_flag=True, help="Write a deployment here first, if there is none.")
@plan_options
@click.pass_context
def up(context: click.Context, make: bool, dry_run: bool, out: Path | None, as_json: bool) -> None:
    """Bring the whole deployment up, or back up, and wait until it is Ready.

    Founds the chain if it was never founded, and otherwise brings it back with its history. Ends when every node is
    Ready, the members of each layer see one another, and GL0 holds ML0's snapshots; the nodes go on by themselves.
    Run it again at any time: it does what is left to do.
    """
    deployment = _deployment(context, make)
    from ottochain.cli.progress import progress_of
    from ottochain.ops.operations.up import bring_up

    if dry_run or out or as_json:
        _only_plan(deployment, dry_run=dry_run, out=out, as_json=as_json)
        return

    with progress_of(deployment, live=is_terminal()) as audience:
        done = asyncio.run(bring_up(deployment, audience))
    _report(deployment, done)


def _only_plan(deployment: Deployment, *, dry_run: bool, out: Path | None, as_json: bool) -> None:
    from ottochain.ops.operations.operation import prepare
    from ottochain.ops.operations.up import small_steps, up_request

    only_planned(
        deployment,
        asyncio.run(prepare(deployment, up_request(deployment))),
        dry_run=dry_run,
        out=out,
        as_json=as_json,
    )
    if dry_run and not as_json:
        plan = asyncio.run(small_steps(deployment))
        show("As things are now, that is:" if plan else "As things are now, nothing is to be done.")
        for step in plan.steps:
            show(f"     {step.sentence}")


def _deployment(context: click.Context, make: bool) -> Deployment:
    from ottochain.ops.errors import DeploymentInvalid

    if make and context.find_root().obj is None:
        from ottochain.ops.inventory.reading import FILE_NAME, find

        try:
            find(Path.cwd())
        except DeploymentInvalid:
            from ottochain.ops.inventory.initialising import initialise

            for made in initialise(Path.cwd()).made:
                say(f"made {made}")
            say(f"made {Path.cwd() / FILE_NAME}; `ottochain deployment show` prints all that follows from it")
    return load_deployment(context)


def _report(deployment: Deployment, done: Up) -> None:
    if not done.changed:
        show(f"Already up: all {len(deployment.nodes)} nodes are Ready and see one another. Nothing was touched.")
        return
    show(
        f"Up: all {len(deployment.nodes)} nodes of {deployment.name!r} are Ready. The metagraph is {done.record.token}."
    )
    for layer in deployment.start_order:
        first = layer[0]
        others = f" (and {', '.join(str(node.ports.public) for node in layer[1:])})" if layer[1:] else ""
        show(f"  {first.layer}  http://{first.host}:{first.ports.public}{others}")
    say("Next: ottochain status, or ottochain fiber create DEFINITION; ottochain down stops it")
