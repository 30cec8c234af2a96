"""``ottochain logs``."""

from __future__ import annotations

import contextlib
import json
import re
import time
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING

import click

from ottochain.cli.context import json_option, load_deployment
from ottochain.cli.output import say, show

if TYPE_CHECKING:
    from ottochain.ops.facts.node_logs import LogLine
    from ottochain.ops.inventory.deployment import Node

LOOK_AGAIN_SECONDS = 0.1
LINES = 20
NODE_COLOURS = ("cyan", "magenta", "blue", "green", "bright_cyan", "bright_magenta", "bright_blue", "bright_green")
LEVEL_COLOURS = {"WARNING": "yellow", "ERROR": "red", "CRITICAL": "red"}


@click.command()
@click.argument("targets", nargs=-1)
@click.option("-f", "--follow", is_flag=True, help="Go on showing what is added, until interrupted.")
@click.option(
    "--tail",
    "count",
    type=click.IntRange(0),
    help=f"Begin with this many lines of each node [default: {LINES}; all with --since].",
)
@click.option("--since", help="Only what is not older: 30s, 10m, 2h, 1d, or a time such as 2026-01-31T12:00:00Z.")
@click.option("--grep", "expression", help="Only lines in which this regular expression is found.")
@json_option
@click.pass_context
def logs(
    context: click.Context,
    targets: Sequence[str],
    follow: bool,
    count: int | None,
    since: str | None,
    expression: str | None,
    as_json: bool,
) -> None:
    """Show, or follow, the logs of nodes and layers.

    TARGETS are nodes and layers; left out, all nodes are meant. The lines of several nodes are merged in the order of
    their times, over rotated files. What a process said outside its log (NODE.err) is marked with `!`. --json prints an
    object a line.
    """
    from ottochain.ops.facts.node_logs import Follower, last_lines
    from ottochain.ops.inventory.targets import STACK, nodes_of
    from ottochain.ops.moments import moment

    nodes = nodes_of(load_deployment(context), targets or (STACK,))
    pattern = _pattern(expression)
    begin = None if since is None else moment(since, time.time())
    lines = count if count is not None else (None if since is not None else LINES)
    printer = _Printer(nodes, as_json)
    places = [(node.name, file) for node in nodes for file in (node.log_file, node.error_file)]
    # Followers first: what is written while the past is read is not lost between the two.
    followers = [Follower(name, file) for name, file in places] if follow else []
    for node in nodes:
        if not node.log_file.exists():
            say(f"{node.name} has no log yet ({node.log_file})")
    past = (last_lines(name, file, count=lines, since=begin, pattern=pattern) for name, file in places)
    printer.show(line for part in past for line in part)
    with contextlib.suppress(KeyboardInterrupt):  # the way to end it
        while follow:
            added = (line for follower in followers for line in follower.added())
            printer.show(line for line in added if pattern is None or pattern.search(line.text))
            time.sleep(LOOK_AGAIN_SECONDS)


def _pattern(expression: str | None) -> re.Pattern[str] | None:
    from ottochain.ops.errors import UsageError

    try:
        return None if expression is None else re.compile(expression)
    except re.error as error:
        raise UsageError(f"{expression!r} is no regular expression: {error}.", next_step="mend it.") from None


class _Printer:
    """Lines as they are shown: with the node's name before them where there are several, in colour on a terminal."""

    def __init__(self, nodes: Sequence[Node], as_json: bool) -> None:
        self._as_json = as_json
        self._width = max(len(node.name) for node in nodes)
        self._colours = {node.name: NODE_COLOURS[at % len(NODE_COLOURS)] for at, node in enumerate(nodes)}

    def show(self, lines: Iterable[LogLine]) -> None:
        for line in sorted(lines):
            show(self._json(line) if self._as_json else self._text(line))

    def _json(self, line: LogLine) -> str:
        place = "err" if line.from_error_file else "log"
        shown = {"node": line.node, "at": line.at, "level": line.level, "file": place, "text": line.text}
        return json.dumps(shown, ensure_ascii=False)

    def _text(self, line: LogLine) -> str:
        mark = "! " if line.from_error_file else ""
        text = click.style(f"{mark}{line.text}", fg=LEVEL_COLOURS.get(line.level))
        if len(self._colours) == 1:
            return text
        return f"{click.style(line.node.ljust(self._width), fg=self._colours[line.node])}  {text}"
