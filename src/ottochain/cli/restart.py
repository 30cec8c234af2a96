"""``ottochain start``, ``stop`` and ``restart``."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

import click

from ottochain.cli.context import load_deployment
from ottochain.cli.operating import plan_and_carry_out, plan_options, yes_option

node_option = click.option("--node", "only_node", is_flag=True, help="TARGET is a node, though a layer has that name.")


@click.command()
@click.argument("target")
@node_option
@plan_options
@click.pass_context
def start(context: click.Context, target: str, only_node: bool, dry_run: bool, out: Path | None, as_json: bool) -> None:
    """Start a node, a layer or the stack, and wait until it is Ready.

    Each node is started in the run mode that fits what is found, and joined to its cluster. Other nodes are left
    alone. What is up already stays as it is.
    """
    from ottochain.ops.operations.restart import request_for

    deployment = load_deployment(context)
    request = request_for(deployment, "start", target, only_node=only_node)
    plan_and_carry_out(deployment, request, dry_run=dry_run, out=out, as_json=as_json, ask=False, yes=True)


@click.command()
@click.argument("target")
@node_option
@yes_option
@plan_options
@click.pass_context
def stop(
    context: click.Context, target: str, only_node: bool, yes: bool, dry_run: bool, out: Path | None, as_json: bool
) -> None:
    """Stop a node, a layer or the stack, children first. Nothing is deleted.

    The plan says which layers pause by that. `ottochain start TARGET` brings it back.
    """
    from ottochain.ops.operations.restart import request_for

    deployment = load_deployment(context)
    request = request_for(deployment, "stop", target, only_node=only_node)
    plan_and_carry_out(deployment, request, dry_run=dry_run, out=out, as_json=as_json, ask=True, yes=yes)


@click.command()
@click.argument("target")
@node_option
@click.option(
    "--rolling", "how", flag_value="rolling", help="One node after the other [default, except for the stack]."
)
@click.option("--full", "how", flag_value="full", help="Stop all of them, then start all: the layer pauses.")
@click.option("--accept-pause", is_flag=True, help="Agree that a layer falls below its floor meanwhile.")
@yes_option
@plan_options
@click.pass_context
def restart(
    context: click.Context,
    target: str,
    only_node: bool,
    how: Literal["rolling", "full"] | None,
    accept_pause: bool,
    yes: bool,
    dry_run: bool,
    out: Path | None,
    as_json: bool,
) -> None:
    """Restart a node, a layer or the stack, and see that the cluster is what it was.

    Every node comes back as a member of the cluster that it left, the one that had founded it too: the run mode is
    decided anew at each start. Ends when members, sessions, history and followers are what they were.
    """
    from ottochain.ops.operations.restart import request_for

    deployment = load_deployment(context)
    request = request_for(
        deployment,
        "restart",
        target,
        only_node=only_node,
        how=how or "",
        accept_pause=accept_pause,
    )
    plan_and_carry_out(deployment, request, dry_run=dry_run, out=out, as_json=as_json, ask=True, yes=yes)
