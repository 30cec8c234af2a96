"""``ottochain lease``: who changes the deployment now."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

import click

from ottochain.cli.context import json_option, load_deployment
from ottochain.cli.output import show, show_json

if TYPE_CHECKING:
    from ottochain.ops.inventory.deployment import Deployment


@click.group()
def lease() -> None:
    """Show who changes the deployment now, and end what a dead holder left."""


@lease.command(name="show")
@json_option
@click.pass_context
def show_command(context: click.Context, as_json: bool) -> None:
    """Show the holder of the lease, and whether watchers see maintenance."""
    facts = describe(load_deployment(context))
    if as_json:
        show_json(facts)
        return
    if facts["holder"] is None:
        show("The lease is free.")
    else:
        show(f"{facts['holder']}: {'it lives' if facts['lives'] else 'it was cut off'}")
    show(f"maintenance: {'yes' if facts['maintenance'] else 'no'}")


def describe(deployment: Deployment) -> dict[str, Any]:
    """The lease as plain data."""
    from ottochain.ops import lease as leases

    file = deployment.places.lease
    record = leases.read(file)
    held = record if record is not None and not record.ended else None
    return {
        "holder": held.words if held else None,
        "operation": held.number if held else None,
        "lives": leases.lives(file) if held else None,
        "heartbeatSeconds": round(time.time() - held.heartbeat, 1) if held else None,
        "maintenance": leases.maintenance(file, time.time()) is not None,
    }


@lease.command(name="break")
@click.option("--reason", required=True, help="Why; it goes into the journal.")
@click.pass_context
def break_command(context: click.Context, reason: str) -> None:
    """Give up an operation whose process died, and leave everything as it is.

    Never takes the lease from a process that lives.
    """
    from ottochain.ops.operations.resuming import break_lease

    broken = break_lease(load_deployment(context), reason)
    if not broken:
        show("Already free: no operation was cut off.")
    for entry in broken:
        show(f"Given up: operation {entry.id}, `ottochain {entry.words}`. The reason is in its journal.")
