"""``ottochain status``."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import click

from ottochain.cli.context import json_option, load_deployment
from ottochain.cli.output import say, show, show_json, table
from ottochain.cli.status_rows import HEADER, NUMBERS, rows

if TYPE_CHECKING:
    from ottochain.ops.facts.observation import Observation
    from ottochain.ops.inventory.deployment import Deployment


@click.command()
@json_option
@click.pass_context
def status(context: click.Context, as_json: bool) -> None:
    """Show every node and layer as they are now.

    A dash (JSON: null) means that it could not be seen.
    """
    from ottochain.ops.checks.picture import describe

    deployment = load_deployment(context)
    observation = asyncio.run(_look(deployment))
    if as_json:
        show_json(describe(deployment, observation))
        return
    shown = list(rows(deployment, observation))
    colours = {"Ready": "green", "stopped": "red"}
    lines = table(HEADER, [row for row, _ in shown], right=NUMBERS).splitlines()
    show(lines[0])
    for line, (_, state) in zip(lines[1:], shown, strict=True):
        show(click.style(line, fg=colours.get(state, "yellow")))
    _advise(observation)


async def _look(deployment: Deployment) -> Observation:
    from ottochain.client.light import LightClient
    from ottochain.ops.facts.observe import observe

    async with LightClient() as client:
        return await observe(deployment, client)


def _advise(observation: Observation) -> None:
    if any(not facts.is_ready for facts in observation.nodes.values()):
        say("Next: ottochain up brings back what is not Ready")
