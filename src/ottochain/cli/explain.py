"""``ottochain explain NODE``."""

from __future__ import annotations

import asyncio
import textwrap
import time
from collections.abc import Sequence

import click

from ottochain.cli.context import json_option, load_deployment
from ottochain.cli.findings import screen_width
from ottochain.cli.output import say, show, show_json

LINES_READ = 400


@click.command()
@click.argument("name", metavar="NODE")
@json_option
@click.pass_context
def explain(context: click.Context, name: str, as_json: bool) -> None:
    """Say of one node what state it is in, why, and what to do.

    Since when, what its log says last, what it means for its layer, and the next command.
    """
    from ottochain.cli.ok_to_stop import observed
    from ottochain.ops.checks.explaining import Evidence
    from ottochain.ops.checks.explaining import explain as explained
    from ottochain.ops.facts.health import operation_at_work
    from ottochain.ops.facts.node_logs import last_lines
    from ottochain.ops.inventory.targets import nodes_of
    from ottochain.ops.runtimes import host, resources

    deployment = load_deployment(context)
    (node,) = nodes_of(deployment, (name,), only_nodes=True)
    observation = asyncio.run(observed(deployment))
    facts = observation[node.name]
    lines = [
        line
        for file in (node.log_file, node.error_file)
        for line in last_lines(name, file, count=LINES_READ, since=None)
    ]
    found = explained(
        deployment,
        observation,
        node,
        Evidence(
            lines=sorted(lines),
            paused=facts.pid is not None and resources.is_paused(facts.pid),
            listener=host.listener_of(node.ports.public) if facts.is_stranger else "",
            operation=operation_at_work(deployment.places.lease),
            now=time.time(),
        ),
    )
    if as_json:
        show_json(found.to_json())
        return
    colour = "green" if found.state == "Ready" else "red" if found.state in ("stopped", "diverged") else "yellow"
    show(f"{node.name} is {click.style(found.state, fg=colour, bold=True)}")
    _paragraph("since", [found.since] if found.since else [])
    _paragraph("why", found.why)
    _paragraph("means", found.means)
    if found.next_step:
        say(f"Next: {found.next_step}")


def _paragraph(title: str, sentences: Sequence[str]) -> None:
    width = screen_width()
    for at, sentence in enumerate(sentences):
        label = title if at == 0 else ""
        folded = [sentence] if width is None else textwrap.wrap(sentence, max(30, width - 8), break_on_hyphens=False)
        show(f"{label:7} {folded[0]}")
        for more in folded[1:]:
            show(" " * 8 + more)
