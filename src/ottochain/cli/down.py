"""``ottochain down``."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import click

from ottochain.cli.context import load_deployment
from ottochain.cli.output import say, show

if TYPE_CHECKING:
    from ottochain.ops.inventory.deployment import Node
    from ottochain.ops.runtimes.process import Stopped


@click.command()
@click.pass_context
def down(context: click.Context) -> None:
    """Stop every node, children first. Nothing is deleted.

    `ottochain up` brings it all back.
    """
    from ottochain.ops.operations.down import bring_down

    deployment = load_deployment(context)
    done = asyncio.run(bring_down(deployment, _tell))
    if not done.changed:
        show("Already down: no node is running.")
        return
    stopped = [name for name, how in done.nodes.items() if how.was_running]
    show(f"Down: {len(stopped)} nodes stopped, {', '.join(stopped)}. Their data stays in {deployment.places.data}.")
    say("Next: ottochain up")


def _tell(node: Node, stopped: Stopped) -> None:
    if stopped.was_running:
        how = "killed: it did not end when asked" if stopped.by_force else "stopped"
        say(f"{node.name} {how} after {stopped.seconds:.2f} s")
