"""``ottochain logs``."""

from __future__ import annotations

import contextlib
import time
from pathlib import Path
from typing import TYPE_CHECKING

import click

from ottochain.cli.context import load_deployment
from ottochain.cli.output import say, show

if TYPE_CHECKING:
    from ottochain.ops.inventory.deployment import Deployment, Node

LOOK_AGAIN_SECONDS = 0.1


@click.command()
@click.argument("target", required=False)
@click.option("-f", "--follow", is_flag=True, help="Go on showing what is added, until interrupted.")
@click.option("--tail", "lines", default=20, show_default=True, help="Begin with this many lines of each node.")
@click.pass_context
def logs(context: click.Context, target: str | None, follow: bool, lines: int) -> None:
    """Show, or follow, the logs of a node, a layer or all.

    TARGET is a node or a layer; left out, all nodes are meant.
    """
    from ottochain.ops.files import tail

    nodes = _targets(load_deployment(context), target)
    mark = len(nodes) > 1
    seen = {node.name: _Follower(node.log_file) for node in nodes}
    for node in nodes:
        if not node.log_file.exists():
            say(f"{node.name} has no log yet ({node.log_file})")
        for line in tail(node.log_file, lines):
            show(f"{node.name:6} {line}" if mark else line)
        for line in tail(node.error_file, lines):
            show(f"{node.name:6} ! {line}" if mark else f"! {line}")
    with contextlib.suppress(KeyboardInterrupt):  # the way to end it
        while follow:
            for node in nodes:
                for line in seen[node.name].added():
                    show(f"{node.name:6} {line}" if mark else line)
            time.sleep(LOOK_AGAIN_SECONDS)


def _targets(deployment: Deployment, target: str | None) -> list[Node]:
    from ottochain.ops.errors import UsageError

    if target in (None, "stack"):
        return list(deployment.nodes)
    nodes = [node for node in deployment.nodes if target in (node.name, node.layer)]
    # `cl1` is both a node and a layer: the layer is meant, for it holds the node.
    if not nodes:
        raise UsageError(
            f"there is no node or layer {target!r} in this deployment.",
            next_step=f"one of {', '.join(node.name for node in deployment.nodes)}, or a layer.",
        )
    return nodes


class _Follower:
    """Reads what is added to a file, over its rotation: a file that shrank or was replaced is begun again."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._identity, self._offset = self._look()
        self._rest = b""

    def _look(self) -> tuple[int | None, int]:
        try:
            found = self._path.stat()
        except OSError:
            return None, 0
        return found.st_ino, found.st_size

    def added(self) -> list[str]:
        identity, size = self._look()
        if identity != self._identity or size < self._offset:
            self._identity, self._offset, self._rest = identity, 0, b""
        if identity is None or size == self._offset:
            return []
        with self._path.open("rb") as file:
            file.seek(self._offset)
            content = file.read()
        self._offset += len(content)
        *whole, self._rest = (self._rest + content).split(b"\n")
        return [line.decode("utf-8", "replace") for line in whole]
