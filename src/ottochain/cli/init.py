"""``ottochain init``."""

from __future__ import annotations

from pathlib import Path

import click

from ottochain.cli.output import say, show


@click.command()
@click.option("--name", help="The deployment's name [default: local].")
@click.option("--port-offset", type=int, help="Shift every port by this much [default: 0].")
def init(name: str | None, port_offset: int | None) -> None:
    """Write a deployment that works: file, keys, wallet, genesis.

    One GL0, one ML0, three CL1 and three DL1 nodes, each with a key of its own. Run again, it makes only what is
    missing; a key that exists is never written over.
    """
    from ottochain.ops.inventory.initialising import initialise

    done = initialise(Path.cwd(), name, port_offset)
    for made in done.made:
        show(made)
    if not done.made:
        show(f"Already so: {done.deployment.places.file} and everything it needs exist.")
    say("Next: ottochain up")
