"""JSON logic, metered, beside engines that do not meter: the same expressions over the same data.

Each engine has a process of its own, which stays while the others measure; values are Python's or JavaScript's own,
so that nobody is charged for parsing who does not have to parse.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any, Final

from benchmarks.effort import Effort
from benchmarks.pairs import alternate
from benchmarks.peers import places
from benchmarks.peers.places import PeerMissing
from benchmarks.report import Figure, Goal, Result

WHAT: Final = "one evaluation, expression made ready beforehand"
SECONDS: Final = 0.4
"""How long each engine measures each expression in each pair."""

HERE: Final = Path(__file__).parent
GUARD: Final = {
    "and": [
        {">=": [{"var": "event.amount"}, 100]},
        {"==": [{"var": "state.status"}, "open"]},
        {"in": [{"var": "event.bidder"}, {"var": "state.bidders"}]},
    ]
}
GUARD_DATA: Final = {
    "event": {"amount": 150, "bidder": "DAG2"},
    "state": {"status": "open", "bidders": ["DAG1", "DAG2", "DAG3"]},
}
FOLD: Final = {
    "reduce": [
        {"filter": [{"var": "bids"}, {">": [{"var": "amount"}, 10]}]},
        {"+": [{"var": "accumulator"}, {"var": "current.amount"}]},
        0,
    ]
}
FOLD_DATA: Final = {"bids": [{"bidder": f"DAG{number}", "amount": 4 * number} for number in range(10)]}

EXPRESSIONS: Final = {"guard": (GUARD, GUARD_DATA), "fold of 10": (FOLD, FOLD_DATA)}
GOALS: Final = (
    Goal(at_least=6, aim=12, against="json-logic-qubit"),
    Goal(aim=7, against="jsonlogic-rs"),
    Goal(aim=1.3, against="json-logic-js"),
)


def run(effort: Effort) -> Result:
    """A guard as most transitions have one, and a filter with a reduction over ten elements."""
    missing: list[str] = []
    with ExitStack() as workers:
        engines = {"ours": workers.enter_context(_worker([sys.executable, str(HERE / "logic_worker.py"), "ours"]))}
        for name, command in _peers().items():
            try:
                engines[name] = workers.enter_context(_worker(*command()))
            except PeerMissing as reason:
                missing.append(str(reason))
        figures = tuple(_figure(what, *asked, engines, effort.pairs) for what, asked in EXPRESSIONS.items())
    return Result("jlvm", WHAT, figures, tuple(missing), NOTES)


NOTES: Final = (
    "ours counts gas and stops at a limit of 10,000,000; the peers do neither",
    "jsonlogic-rs and datalogic-py take Python data and turn it into their own at every evaluation",
)

Engine = Callable[[object, object, float], dict[str, Any]]


def _figure(what: str, expression: object, data: object, engines: Mapping[str, Engine], pairs: int) -> Figure:
    answers = {name: engine(expression, data, 0.05)["value"] for name, engine in engines.items()}
    if any(value != answers["ours"] for value in answers.values()):
        raise AssertionError(f"the engines disagree on {what}: {answers}")

    def timed(engine: Engine) -> Callable[[], float]:
        return lambda: float(engine(expression, data, SECONDS)["microseconds"])

    found = alternate({name: timed(engine) for name, engine in engines.items()}, pairs)
    ours = tuple(found.pop("ours"))
    return Figure(what, "µs", "less", ours, {name: tuple(times) for name, times in found.items()}, GOALS)


def _peers() -> dict[str, Callable[[], tuple[list[str], dict[str, str]]]]:
    def python(name: str) -> Callable[[], tuple[list[str], dict[str, str]]]:
        return lambda: ([str(places.python_of("logic", name)), str(HERE / "logic_worker.py"), name], {})

    def node() -> tuple[list[str], dict[str, str]]:
        modules = places.node_modules("json-logic-js")
        return ["node", str(HERE / "logic_worker.js")], {"NODE_PATH": str(modules)}

    return {
        "json-logic-qubit": python("json-logic-qubit"),
        "jsonlogic-rs": python("jsonlogic-rs"),
        "datalogic-py": python("datalogic-py"),
        "json-logic-js": node,
    }


@contextmanager
def _worker(command: list[str], environment: Mapping[str, str] | None = None) -> Iterator[Engine]:
    """A process that answers one question at a time; it ends with the context."""
    process = subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, env={**os.environ, **(environment or {})}
    )
    assert process.stdin is not None
    assert process.stdout is not None
    asked, answers = process.stdin, process.stdout

    def ask(expression: object, data: object, seconds: float) -> dict[str, Any]:
        asked.write(json.dumps({"expr": expression, "data": data, "seconds": seconds}) + "\n")
        asked.flush()
        line = answers.readline()
        if not line:
            raise RuntimeError(f"{' '.join(command)} ended with {process.wait()}")
        answer: dict[str, Any] = json.loads(line)
        return answer

    try:
        yield ask
    finally:
        asked.close()
        process.wait(timeout=10)
        answers.close()
