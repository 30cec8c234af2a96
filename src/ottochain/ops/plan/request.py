"""What an operator asked for, as data. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, TypeAlias

Verb: TypeAlias = Literal["up", "down", "start", "stop", "restart", "join", "leave", "reset"]

How: TypeAlias = Literal["", "rolling", "full"]


@dataclass(frozen=True, slots=True)
class Request:
    """A verb and the nodes it is for. ``target`` is what was typed, ``nodes`` what it means, in starting order."""

    verb: Verb
    nodes: tuple[str, ...]
    target: str = ""
    how: How = ""
    accept_pause: bool = False
    stamp: str = ""
    """When it was asked, for names of what it puts aside: no two requests have the same."""

    @property
    def words(self) -> str:
        """As one types it, without ``ottochain``."""
        verb = f"node {self.verb}" if self.verb in ("join", "leave", "reset") else self.verb
        how = f"--{self.how}" if self.how and len(self.nodes) > 1 else ""
        return " ".join(word for word in (verb, self.target, how) if word)
