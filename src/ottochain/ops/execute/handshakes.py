"""Why a join led nowhere, in words: what the two sides said of their handshake, and what to do about it.

The names are the reference's (Tessellation, ``cluster/programs/Joining.scala``); both engines log them. The side that
refuses knows the reason, and the other often hears only that it was refused, so both logs are read.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from ottochain.ops.files import tail
from ottochain.ops.inventory.deployment import Node

EXPLAINED: Final = {
    "VersionMismatch": ("runs another engine version than its cluster", "ottochain versions; restart the older ones"),
    "EnvMismatch": ("is of another environment than its cluster", "mend environment, or the node's env, in the file"),
    "SeedlistDoesNotMatch": ("has another seedlist than its cluster", "give all nodes of the layer the same seedlist"),
    "PeerNotOnSeedlist": ("is not on the seedlist of its cluster", "add its peer id to the seedlist of every node"),
    "ClusterIdDoesNotMatch": ("belongs to another cluster id", "look whose data or settings it was given"),
    "ClusterSessionDoesNotMatch": (
        "is in another cluster session than the member it was to join",
        "ottochain restart NODE: it comes up without a session",
    ),
    "CollateralNotSatisfied": (
        "does not have the collateral that its cluster asks for",
        "lower collateral, or fund it",
    ),
    "IdDuplicationFound": ("has the same key as another node of its layer", "give it a key of its own"),
    "InvalidRemoteAddress": ("gives another address than it asks from", "mend its host in the file"),
    "LocalHostNotPermitted": (
        "has a loopback address, which only the environment dev permits",
        'host = "…" with an address that its peers reach, or environment = "dev"',
    ),
    "HandshakeSignatureNotValid": ("did not prove that it has its key", "ottochain logs NODE"),
    "NodeNotInCluster": ("asked a node that is in no cluster itself", "ottochain status; join it again"),
}
"""What is wrong with the node that was to join, and what to do."""

RETRIED: Final = frozenset({"NodeNotInCluster", "ClusterSessionDoesNotMatch"})
"""Reasons that may be gone at the next try."""

_SAID: Final = re.compile(r"the handshake with .* failed: (.*)|was not let in: (.*)")
LINES_MAX: Final = 200


@dataclass(frozen=True, slots=True)
class Reason:
    """``name`` is empty for one that is not in the table; then ``said`` is all that is known."""

    name: str
    said: str

    @property
    def is_final(self) -> bool:
        """Another try would meet the same."""
        return bool(self.name) and self.name not in RETRIED


class Ears:
    """Listens to the logs of both sides from now on."""

    def __init__(self, nodes: Sequence[Node]) -> None:
        self._begun = {node.log_file: _size(node.log_file) for node in nodes}

    def reason(self) -> Reason | None:
        """The first reason that the table explains, else the last that was given; None when none was."""
        said = [reason for file, size in self._begun.items() for reason in reasons(_added(file, size))]
        return next((reason for reason in said if reason.name), said[-1] if said else None)


def reasons(lines: Iterable[str]) -> Iterator[Reason]:
    """The reasons in these lines of a log, in their order."""
    for line in lines:
        if found := _SAID.search(line):
            text = next(group for group in found.groups() if group)
            yield Reason(next((name for name in EXPLAINED if name in text), ""), text)


def _size(file: Path) -> int:
    try:
        return file.stat().st_size
    except OSError:
        return 0


def _added(file: Path, size: int) -> list[str]:
    """What was written since; the log may have been rotated meanwhile."""
    now = _size(file)
    return tail(file, LINES_MAX, bytes_max=now - size if now >= size else now)
