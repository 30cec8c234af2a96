"""Results as data, and as the table that is printed. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from benchmarks.pairs import PAIRS_MIN, Better, Ratio, ratio
from benchmarks.samples import median


@dataclass(frozen=True, slots=True)
class Goal:
    """What a figure must reach (``at_least``) and where it is going (``aim``); None where nothing is said.

    ``against`` names the peer when the goal is a ratio: so many times as good as that one.
    """

    at_least: float | None = None
    aim: float | None = None
    against: str | None = None


@dataclass(frozen=True, slots=True)
class Figure:
    """One number: ``ours`` and each of ``peers`` have one value per pair, in ``unit``."""

    what: str
    unit: str
    better: Better
    ours: tuple[float, ...]
    peers: Mapping[str, tuple[float, ...]] = field(default_factory=dict)
    goals: tuple[Goal, ...] = ()

    def ratio_to(self, peer: str) -> Ratio:
        """How many times as good ours is as ``peer``."""
        return ratio(self.ours, self.peers[peer], self.better)

    def value_for(self, goal: Goal) -> float | None:
        """What ``goal`` is held against; None when its peer was not measured."""
        if goal.against is None:
            return median(self.ours)
        return self.ratio_to(goal.against).median if goal.against in self.peers else None

    def reaches(self, goal: Goal, mark: float | None) -> bool | None:
        """Is ``mark`` (one of the goal's two) reached? None: nothing to reach, or nothing to hold it against."""
        value = self.value_for(goal)
        if mark is None or value is None:
            return None
        return value <= mark if self.better == "less" and goal.against is None else value >= mark


@dataclass(frozen=True, slots=True)
class Result:
    """A row that was measured: its figures, the peers that could not be had, and what else a reader must know."""

    name: str
    what: str
    figures: tuple[Figure, ...]
    missing: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()


def as_data(result: Result) -> dict[str, Any]:
    """The result for ``--json``: everything the table says, and every pair."""
    return {
        "row": result.name,
        "what": result.what,
        "figures": [_figure_as_data(figure) for figure in result.figures],
        "missing": list(result.missing),
        "notes": list(result.notes),
    }


def _figure_as_data(figure: Figure) -> dict[str, Any]:
    peers = {}
    for name, values in figure.peers.items():
        found = figure.ratio_to(name)
        peers[name] = {
            "median": median(values),
            "values": list(values),
            "timesAsGood": {"median": found.median, "least": found.least, "greatest": found.greatest},
        }
    goals = [
        {
            "atLeast": goal.at_least,
            "aim": goal.aim,
            "against": goal.against,
            "value": figure.value_for(goal),
            "atLeastReached": figure.reaches(goal, goal.at_least),
            "aimReached": figure.reaches(goal, goal.aim),
        }
        for goal in figure.goals
    ]
    return {
        "what": figure.what,
        "unit": figure.unit,
        "better": figure.better,
        "median": median(figure.ours),
        "values": list(figure.ours),
        "peers": peers,
        "goals": goals,
    }


HEADER = ("", "ours", "at least", "aim", "reached", "peer", "peer's", "ours is … times as good")


def render(result: Result) -> str:
    """The table, with what is missing and the notes under it."""
    lines = [f"{result.name}: {result.what}", ""]
    lines += table([HEADER, *(row for figure in result.figures for row in _rows(figure))])
    pairs = {len(figure.ours) for figure in result.figures if figure.peers}
    if pairs and min(pairs) < PAIRS_MIN:
        lines += ["", f"  a look only: {min(pairs)} pairs, a measurement takes {PAIRS_MIN}"]
    if result.missing or result.notes:
        lines.append("")
    lines += [f"  missing: {line}" for line in result.missing]
    lines += [f"  {line}" for line in result.notes]
    return "\n".join(line.rstrip() for line in lines)


def _rows(figure: Figure) -> Iterator[tuple[str, ...]]:
    """One line for the figure and its first goal and peer; one more for each further goal or peer."""
    goals: Sequence[Goal | None] = figure.goals or (None,)
    peers: Sequence[str | None] = tuple(figure.peers) or (None,)
    ours = quantity(median(figure.ours), figure.unit)
    for line in range(max(len(goals), len(peers))):
        goal = goals[line] if line < len(goals) else None
        peer = peers[line] if line < len(peers) else None
        yield (
            f"  {figure.what}" if line == 0 else "",
            _with_spread(ours, figure) if line == 0 else "",
            *_goal_cells(figure, goal),
            *_peer_cells(figure, peer),
        )


def _with_spread(ours: str, figure: Figure) -> str:
    low, high = min(figure.ours), max(figure.ours)
    return ours if low == high else f"{ours} ({_short(low)}–{_short(high)})"


def _goal_cells(figure: Figure, goal: Goal | None) -> tuple[str, str, str]:
    if goal is None:
        return "", "", ""
    return _mark(figure, goal, goal.at_least), _mark(figure, goal, goal.aim), _reached(figure, goal)


def _mark(figure: Figure, goal: Goal, value: float | None) -> str:
    if value is None:
        return ""
    return quantity(value, figure.unit) if goal.against is None else f"{_short(value)} × {goal.against}"


def _reached(figure: Figure, goal: Goal) -> str:
    if figure.value_for(goal) is None:
        return "unknown"
    if figure.reaches(goal, goal.aim):
        return "aim"
    reached = figure.reaches(goal, goal.at_least)
    return "" if reached is None else "at least" if reached else "NO"


def _peer_cells(figure: Figure, peer: str | None) -> tuple[str, str, str]:
    if peer is None:
        return "", "", ""
    found = figure.ratio_to(peer)
    spread = f"{_short(found.median)} ({_short(found.least)}–{_short(found.greatest)})"
    return peer, quantity(median(figure.peers[peer]), figure.unit), spread


def quantity(value: float, unit: str) -> str:
    """A number to three figures with its unit."""
    return f"{_short(value)} {unit}".rstrip()


def _short(value: float) -> str:
    if value != value or value in (float("inf"), float("-inf")):
        return str(value)
    if abs(value) >= 100:
        return f"{value:,.0f}"
    return f"{value:.3g}"


def table(rows: Sequence[Sequence[str]]) -> list[str]:
    """Columns as wide as their widest cell, two spaces apart."""
    widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]))]
    return ["  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip() for row in rows]
