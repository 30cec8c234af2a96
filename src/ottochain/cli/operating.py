"""What the verbs that change a deployment share: show the plan, ask once, carry it out, report."""

from __future__ import annotations

import asyncio
import json
import sys
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click

from ottochain.cli.output import is_terminal, say, show, show_json

if TYPE_CHECKING:
    from ottochain.ops.inventory.deployment import Deployment
    from ottochain.ops.operations.operation import Report
    from ottochain.ops.plan.document import Procedure
    from ottochain.ops.plan.request import Request

Command = TypeVar("Command", bound=Callable[..., Any])


def plan_options(command: Command) -> Command:
    """Adds ``--dry-run``, ``--out`` and ``--json``."""
    for option in (
        click.option("--json", "as_json", is_flag=True, help="With --dry-run: print the plan as JSON."),
        click.option(
            "--out", type=click.Path(path_type=Path, dir_okay=False), help="Save the plan for apply and stop."
        ),
        click.option("--dry-run", is_flag=True, help="Show the plan and stop; nothing is touched."),
    ):
        command = option(command)
    return command


yes_option = click.option("-y", "--yes", is_flag=True, help="Go on without asking.")


def plan_and_carry_out(
    deployment: Deployment, request: Request, *, dry_run: bool, out: Path | None, as_json: bool, ask: bool, yes: bool
) -> None:
    """The whole way of a verb, from the request to the report."""
    from ottochain.ops.operations.operation import prepare

    made = asyncio.run(prepare(deployment, request))
    if only_planned(deployment, made, dry_run=dry_run, out=out, as_json=as_json):
        return
    if not made.plan:
        show(f"Already so: {_already(request)}")
        return
    if ask:
        approve(deployment, made, yes=yes)
    carry_out_and_report(deployment, made)


def _already(request: Request) -> str:
    names, several = ", ".join(request.nodes), len(request.nodes) > 1
    what = (
        "stopped"
        if request.verb in ("stop", "down", "leave")
        else f"Ready, and {'they see' if several else 'its peers see'}"
    )
    if what != "stopped":
        what += " one another" if several else " it"
    return f"{names} {'are' if several else 'is'} {what}. Nothing was touched."


def only_planned(deployment: Deployment, made: Procedure, *, dry_run: bool, out: Path | None, as_json: bool) -> bool:
    """Shows or saves the plan where that was asked for; True when that was all."""
    from ottochain.ops.files import write_durably
    from ottochain.ops.plan.document import to_json
    from ottochain.ops.plan.render import lines_of

    if as_json and not dry_run:
        from ottochain.ops.errors import UsageError

        raise UsageError("--json shows a plan: it goes with --dry-run.", next_step="ottochain status --json after it.")
    document = to_json(deployment, made)
    if out is not None:
        write_durably(out.absolute(), json.dumps(document, indent=2).encode() + b"\n", mode=0o600)
        say(f"saved in {out}")
        say(f"Next: ottochain apply {out}")
    if dry_run and as_json:
        show_json(document)
    elif dry_run:
        show("\n".join(lines_of(deployment, made)))
    return dry_run or out is not None


def approve(deployment: Deployment, made: Procedure, *, yes: bool) -> None:
    """Show the plan and ask once. Nobody there to ask, and no ``--yes``: that is refused."""
    from ottochain.ops.errors import UsageError
    from ottochain.ops.plan.render import lines_of

    for line in lines_of(deployment, made):
        say(line)
    if yes:
        return
    if not (is_terminal() and sys.stdin.isatty()):
        raise UsageError("nobody is there to approve this plan.", next_step="the same command with --yes.")
    if not click.confirm("Carry this out?", err=True):
        raise UsageError("not approved; nothing was touched.")


def carry_out_and_report(deployment: Deployment, made: Procedure) -> None:
    """Execute an approved procedure, with progress, and say how it ended."""
    from ottochain.cli.progress import progress_of
    from ottochain.ops.operations.operation import execute

    with progress_of(deployment, live=is_terminal()) as audience:
        report = asyncio.run(execute(deployment, made, audience))
    if is_terminal() and report.number is not None:
        _tell_timeline(deployment, made, report.number)
    show(f"Done: {made.request.words}, operation {report.number}.")
    tell_pauses(report)


def _tell_timeline(deployment: Deployment, made: Procedure, number: int) -> None:
    """How it went, where a live table left no lines: each step with what it took and found."""
    from ottochain.ops.execute.journal import entry

    sentences = {step.id: step.sentence for step in made.plan.steps}
    for event in entry(deployment.places.operations, number).events:
        if event["event"] == "done":
            say(f"{event['seconds']:6.2f} s  {sentences[event['step']]}: {event['note']}")


def tell_pauses(report: Report) -> None:
    """The pauses as they were measured."""
    for layer, seconds in report.pauses.items():
        show(f"{layer} paused for {seconds:.2f} s")
    for layer in report.lasting:
        show(f"{layer} pauses: ottochain start {layer} ends that")
    if not report.pauses and not report.lasting:
        show("No layer paused")
