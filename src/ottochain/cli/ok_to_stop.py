"""``ottochain ok-to-stop``."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import TYPE_CHECKING

import click

from ottochain.cli.context import json_option, load_deployment
from ottochain.cli.output import show, show_json

if TYPE_CHECKING:
    from ottochain.ops.facts.observation import Observation
    from ottochain.ops.inventory.deployment import Deployment

NOT_NOW = 3


@click.command(name="ok-to-stop")
@click.argument("targets", nargs=-1, required=True)
@json_option
@click.pass_context
def ok_to_stop(context: click.Context, targets: Sequence[str], as_json: bool) -> int:
    """Ask whether these may stop together now, and what pauses then.

    TARGETS are nodes and layers, or `stack`. Ends with 0 when every layer goes on without them, and with 3 when one
    would pause, pauses already, or can't be seen. Nothing is stopped.
    """
    from ottochain.ops.checks.finding import names
    from ottochain.ops.checks.stopping import ok_to_stop as answer_for
    from ottochain.ops.inventory.targets import nodes_of

    deployment = load_deployment(context)
    wanted = [node.name for node in nodes_of(deployment, targets)]
    answer = answer_for(deployment, asyncio.run(observed(deployment)), wanted)
    if as_json:
        show_json(answer.to_json())
        return 0 if answer.is_ok else NOT_NOW
    word = click.style("yes", fg="green", bold=True) if answer.is_ok else click.style("no", fg="red", bold=True)
    show(f"{word}: {names(answer.targets)}")
    for quorum in answer.layers:
        if quorum.goes_on:
            show(f"  {quorum.sentence}")
    for objection in answer.objections:
        show(f"  {objection}")
    for one in answer.waits:
        show(f"  waits meanwhile: {one}")
    show("  nothing is lost: what was acknowledged is on disk")
    return 0 if answer.is_ok else NOT_NOW


async def observed(deployment: Deployment) -> Observation:
    """One thorough look."""
    from ottochain.client.light import LightClient
    from ottochain.ops.facts.observe import observe

    async with LightClient() as client:
        return await observe(deployment, client)
