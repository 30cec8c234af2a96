"""``ottochain node``: members of clusters."""

from __future__ import annotations

from pathlib import Path

import click

from ottochain.cli.context import load_deployment
from ottochain.cli.operating import plan_and_carry_out, plan_options, yes_option

accept_option = click.option("--accept-pause", is_flag=True, help="Agree that its layer falls below its floor.")


@click.group()
def node() -> None:
    """Let a node join or leave its cluster, or begin anew."""


@node.command()
@click.argument("name")
@plan_options
@click.pass_context
def join(context: click.Context, name: str, dry_run: bool, out: Path | None, as_json: bool) -> None:
    """Join a node to its cluster, at any Ready member; start it first where it is stopped.

    Done when every Ready peer sees it Ready, not when the call was answered.
    """
    from ottochain.ops.operations.membership import membership_request

    deployment = load_deployment(context)
    request = membership_request(deployment, "join", name)
    plan_and_carry_out(deployment, request, dry_run=dry_run, out=out, as_json=as_json, ask=False, yes=True)


@node.command()
@click.argument("name")
@accept_option
@yes_option
@plan_options
@click.pass_context
def leave(
    context: click.Context, name: str, accept_pause: bool, yes: bool, dry_run: bool, out: Path | None, as_json: bool
) -> None:
    """Let a node leave its cluster, stop it, and hand what waits in its pool to a peer.

    Its data stays; `ottochain node join NAME` brings it back. Refused where its layer can't spare it.
    """
    from ottochain.ops.operations.membership import membership_request

    deployment = load_deployment(context)
    request = membership_request(deployment, "leave", name, accept_pause=accept_pause)
    plan_and_carry_out(deployment, request, dry_run=dry_run, out=out, as_json=as_json, ask=True, yes=yes)


@node.command()
@click.argument("name")
@click.option("--layer", is_flag=True, help="NAME is a layer: reset its nodes, one after the other.")
@accept_option
@yes_option
@plan_options
@click.pass_context
def reset(
    context: click.Context,
    name: str,
    layer: bool,
    accept_pause: bool,
    yes: bool,
    dry_run: bool,
    out: Path | None,
    as_json: bool,
) -> None:
    """Let an L1 node begin anew: for one that won't rejoin, or whose state has diverged.

    What waits in its pool goes to a Ready peer, its data to the quarantine, and it comes back with none. Nothing is
    deleted. Refused where nobody else holds as much as the node.
    """
    from ottochain.ops.operations.membership import membership_request

    deployment = load_deployment(context)
    request = membership_request(deployment, "reset", name, layer=layer, accept_pause=accept_pause)
    plan_and_carry_out(deployment, request, dry_run=dry_run, out=out, as_json=as_json, ask=True, yes=yes)
