"""``ottochain versions``."""

from __future__ import annotations

import asyncio

import click

from ottochain.cli.context import json_option, load_deployment
from ottochain.cli.output import say, show, show_json, table

DIFFER = 3


@click.command()
@json_option
@click.pass_context
def versions(context: click.Context, as_json: bool) -> int:
    """Compare what each node runs with what it should.

    Protocol, engine, application, digest of the running code, environment, token and run mode. Ends with 3 when a value
    differs, or a node does not tell.
    """
    from ottochain.artifact import artifact_digest
    from ottochain.cli.ok_to_stop import observed
    from ottochain.ops import chain_record
    from ottochain.ops.checks.finding import names
    from ottochain.ops.checks.versions import COLUMNS, compare, shortened

    deployment = load_deployment(context)
    record = chain_record.read(deployment.places.chain_record)
    observation = asyncio.run(observed(deployment))
    found = compare(deployment, observation, record.token if record else None, artifact_digest())
    if as_json:
        show_json(found.to_json())
        return 0 if found.agree else DIFFER
    rows = [("expected", *(shortened(what, found.expected[what]) for what in COLUMNS))]
    rows += [(name, *(shortened(what, values[what]) for what in COLUMNS)) for name, values in found.nodes.items()]
    lines = table(("node", *COLUMNS), rows).splitlines()
    wrong = {one.node for one in found.differences}
    for line, name in zip(lines, ("", "expected", *found.nodes), strict=True):
        colour = "red" if name in wrong else "yellow" if name in found.unseen else None
        show(click.style(line, fg=colour))
    for sentence in found.sentences():
        show(sentence)
    if found.unseen:
        show(f"not seen: {names(found.unseen)}")
        say("Next: ottochain up")
    elif not found.agree:
        say("Next: ottochain down, then ottochain up: nodes that start now run what is expected")
    else:
        show(f"All {len(found.nodes)} nodes run what is expected.")
    return 0 if found.agree else DIFFER
