"""``ottochain operations``: the journal, and operations that stopped half way."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import click

from ottochain.cli.context import json_option, load_deployment
from ottochain.cli.operating import tell_pauses
from ottochain.cli.output import is_terminal, say, show, show_json, table

if TYPE_CHECKING:
    from ottochain.ops.execute.journal import Entry
    from ottochain.ops.inventory.deployment import Deployment

SHOWN_MAX = 20

number_argument = click.argument("number", type=int, required=False)


@click.group()
def operations() -> None:
    """Show what was done to the deployment, and go on with what stopped half way."""


@operations.command(name="list")
@json_option
@click.pass_context
def list_command(context: click.Context, as_json: bool) -> None:
    """List the operations, the newest last."""
    from ottochain.ops.execute.journal import entries

    deployment = load_deployment(context)
    found = entries(deployment.places.operations)
    if as_json:
        show_json([_summary(deployment, entry) for entry in found])
        return
    if not found:
        show("No operation has been carried out here.")
        return
    rows = [
        (str(one["operation"]), str(one["words"]), str(one["state"]), str(one["since"]), str(one["who"]))
        for one in (_summary(deployment, entry) for entry in found[-SHOWN_MAX:])
    ]
    show(table(("number", "operation", "state", "since", "who"), rows, right=(0,)))


@operations.command(name="show")
@number_argument
@json_option
@click.pass_context
def show_command(context: click.Context, number: int | None, as_json: bool) -> None:
    """Show one operation step by step. NUMBER left out: the latest."""
    from ottochain.ops.errors import Refused
    from ottochain.ops.execute import journal

    deployment = load_deployment(context)
    every = journal.entries(deployment.places.operations)
    if number is None and not every:
        raise Refused("no operation has been carried out here.", next_step="ottochain up")
    entry = every[-1] if number is None else journal.entry(deployment.places.operations, number)
    summary = _summary(deployment, entry)
    if as_json:
        show_json({**summary, "events": list(entry.events), "plan": entry.document})
        return
    show(f"operation {entry.id}: ottochain {entry.words}, {summary['state']}, by {entry.who}")
    sentences = {step["id"]: step["sentence"] for step in entry.document["steps"]}
    for event in entry.events:
        step = sentences.get(event.get("step", ""), event.get("step", ""))
        said = event.get("note") or event.get("what") or event.get("reason") or event.get("how") or event.get("who")
        show(
            "  ".join(part for part in (event["at"], f"{event['event']:11}", step, f"({said})" if said else "") if part)
        )
    for step in entry.document["steps"]:
        if step["id"] not in entry.done:
            show(f"{'':20}  {'not done':11}  {step['sentence']}")


@operations.command()
@number_argument
@click.pass_context
def pause(context: click.Context, number: int | None) -> None:
    """Let the running operation stop before its next step."""
    from ottochain.ops.operations import resuming

    entry = resuming.pause(load_deployment(context), number)
    show(f"Asked: operation {entry.id}, `ottochain {entry.words}`, stops before its next step.")
    say(f"Next: ottochain operations resume {entry.id}, or abort {entry.id}")


@operations.command()
@number_argument
@click.pass_context
def resume(context: click.Context, number: int | None) -> None:
    """Go on with an operation that was cut off, paused, or failed at a gate.

    Every step asks first whether it is done. NUMBER left out: the latest.
    """
    _bring_to_an_end(context, number, go_on=True)


@operations.command()
@number_argument
@click.pass_context
def abort(context: click.Context, number: int | None) -> None:
    """Take back what an operation did that stopped half way: what it stopped is started again.

    NUMBER left out: the latest.
    """
    _bring_to_an_end(context, number, go_on=False)


def _bring_to_an_end(context: click.Context, number: int | None, *, go_on: bool) -> None:
    from ottochain.cli.progress import progress_of
    from ottochain.ops.operations import resuming

    deployment = load_deployment(context)
    act = resuming.resume if go_on else resuming.abort
    with progress_of(deployment, live=is_terminal()) as audience:
        entry, report = asyncio.run(act(deployment, number, audience))
    show(f"{'Done' if go_on else 'Taken back'}: {entry.words}, operation {entry.id}.")
    tell_pauses(report)


def _summary(deployment: Deployment, entry: Entry) -> dict[str, object]:
    from ottochain.ops import lease

    state: str = entry.state
    if state == "running" and not lease.lives(deployment.places.lease):
        state = "cut off"
    return {
        "operation": entry.id,
        "words": entry.words,
        "state": state,
        "since": entry.since,
        "who": entry.who,
        "steps": len(entry.document["steps"]),
        "done": len(entry.done),
        "lastWord": entry.last_word,
    }
