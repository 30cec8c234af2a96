"""``ottochain health``."""

from __future__ import annotations

import asyncio
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING

import click

from ottochain.cli.context import json_option, load_deployment
from ottochain.cli.findings import VERDICT_COLOURS, finding_lines, screen_width, verdict_line
from ottochain.cli.output import say, show, show_json

if TYPE_CHECKING:
    from ottochain.ops.checks.finding import Finding
    from ottochain.ops.inventory.deployment import Deployment

CLEAR_SCREEN = "\x1b[H\x1b[2J"


@click.command()
@click.option("--watch", is_flag=True, help="Look again and again, until interrupted.")
@click.option("--every", "seconds", default=2.0, show_default=True, help="Seconds between two looks of --watch.")
@click.option("--quiet", is_flag=True, help="Print only what did not pass, and nothing when all is well.")
@click.option("--history", is_flag=True, help="Show what earlier looks found.")
@click.option(
    "--install-schedule",
    "form",
    type=click.Choice(["systemd", "cron"]),
    help="Write a systemd timer, or a line for cron, that looks every few minutes.",
)
@click.option("--minutes", type=click.IntRange(1, 59), default=5, show_default=True, help="Minutes between its looks.")
@click.option(
    "--into",
    "folder",
    type=click.Path(path_type=Path, file_okay=False),
    help="Where the schedule is written [default: it is only printed].",
)
@json_option
@click.pass_context
def health(
    context: click.Context,
    watch: bool,
    seconds: float,
    quiet: bool,
    history: bool,
    form: str | None,
    minutes: int,
    folder: Path | None,
    as_json: bool,
) -> int:
    """Check everything: nodes, members, progress, hashes, machine.

    A line for each check, with what was seen. Ends with 0 when the deployment is healthy, 3 when it is degraded or
    something could not be seen, 7 when a layer is down. --watch ends with the last look's code when it is interrupted.
    Each look is kept in a history of bounded size.
    """
    deployment = load_deployment(context)
    if form is not None:
        return _schedule(deployment, form, minutes, folder)
    if history:
        return _show_history(deployment, as_json)
    if watch:
        return _watch(deployment, seconds, quiet, as_json)
    return _show(deployment, _findings(deployment), quiet, as_json)


def _findings(deployment: Deployment) -> list[Finding]:
    from ottochain.client.light import LightClient
    from ottochain.ops.checks.health import check_health
    from ottochain.ops.facts.health import look

    async def looked() -> list[Finding]:
        async with LightClient() as client:
            return check_health(deployment, await look(deployment, client))

    return asyncio.run(looked())


def _show(deployment: Deployment, findings: list[Finding], quiet: bool, as_json: bool) -> int:
    from ottochain.ops.checks.finding import EXIT_CODES, next_steps, verdict_of
    from ottochain.ops.checks.health import describe_health
    from ottochain.ops.moments import utc_now

    at, verdict = utc_now(), verdict_of(findings)
    _remember(deployment, at, findings)
    if as_json:
        show_json(describe_health(deployment, findings, at))
        return EXIT_CODES[verdict]
    shown = [one for one in findings if not (quiet and one.passed)]
    for line in finding_lines(shown, screen_width()):
        show(line)
    if shown:
        show(verdict_line(deployment.name, verdict, findings))
    for step in next_steps(findings):
        say(f"Next: {step}")
    return EXIT_CODES[verdict]


def _remember(deployment: Deployment, at: str, findings: list[Finding]) -> None:
    from ottochain.ops.health_history import Look, remember

    file = deployment.places.health_history
    try:
        remember(file, Look.of(at, findings))
    except OSError as error:
        say(f"this look is not kept: {file}: {error.strerror}")


def _watch(deployment: Deployment, seconds: float, quiet: bool, as_json: bool) -> int:
    """On a terminal the screen is drawn anew; elsewhere each look is printed. Kept is only what changed."""
    from ottochain.ops.checks.finding import EXIT_CODES, verdict_of
    from ottochain.ops.checks.health import describe_health
    from ottochain.ops.health_history import Look
    from ottochain.ops.moments import utc_now

    code, known = 0, None
    try:
        while True:
            findings = _findings(deployment)
            at, verdict = utc_now(), verdict_of(findings)
            code, found = EXIT_CODES[verdict], Look.of(at, findings)
            if known != found.what:
                known = found.what
                _remember(deployment, at, findings)
            shown = [one for one in findings if not (quiet and one.passed)]
            if as_json:
                import json

                show(json.dumps(describe_health(deployment, findings, at), ensure_ascii=False))
            else:
                lines = [*finding_lines(shown, screen_width()), verdict_line(deployment.name, verdict, findings), at]
                show((CLEAR_SCREEN if sys.stdout.isatty() else "") + "\n".join(lines))
            time.sleep(seconds)
    except KeyboardInterrupt:  # the way to end it
        return code


def _show_history(deployment: Deployment, as_json: bool) -> int:
    from ottochain.ops.health_history import periods, recall

    looks = recall(deployment.places.health_history)
    if as_json:
        show_json([look.to_json() for look in looks])
        return 0
    if not looks:
        show("No look was kept yet: `ottochain health` keeps each of its own.")
    for period in periods(looks):
        count = "1 look" if period.looks == 1 else f"{period.looks} looks"
        verdict = click.style(period.last.verdict.ljust(8), fg=VERDICT_COLOURS.get(period.last.verdict))
        show(f"{period.first.at}  {period.last.at}  {verdict}  {count}")
        for check, subject, level, evidence in period.last.failed:
            show(f"    {level}  {subject}  {check}  {evidence}")
    return 0


def _schedule(deployment: Deployment, form: str, minutes: int, folder: Path | None) -> int:
    from ottochain.ops.files import write_durably
    from ottochain.ops.schedule import health_schedule

    made = health_schedule(
        deployment, (sys.executable, "-m", "ottochain.cli"), minutes, "cron" if form == "cron" else "systemd"
    )
    for name, text in made.files.items():
        if folder is None:
            show(f"# {name}\n{text}")
        else:
            folder.mkdir(parents=True, exist_ok=True)
            write_durably(folder / name, text.encode())
            show(str(folder / name))
    if folder is None:
        say("Next: the same with --into FOLDER writes it; for systemd, ~/.config/systemd/user")
    else:
        say(f"Next: {made.next_step}")
    return 0
