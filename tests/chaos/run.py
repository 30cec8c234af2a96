"""One run: a network is founded, clients begin, rounds of faults follow, and all is compared at the end."""

from __future__ import annotations

import json
import re
import sqlite3
import subprocess
import threading
import time
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

import httpx
from tests.chaos.chain import Chain, read_chain
from tests.chaos.checks import violations
from tests.chaos.clients import Clients, Item, Ledger
from tests.chaos.faults import Faults
from tests.chaos.plan import STORM_SECONDS, Fault, Kind, Plan
from tests.chaos.watcher import Watcher
from tests.network.stack import Stack, until
from tests.network.updates import create

from ottochain.crypto.keys import PrivateKey

FULL: Final = {"gl0": 4, "ml0": 4, "cl1": 3, "dl1": 3}
UP_TRIES: Final = 3
"""The first should do; that it did not is told, and after the last the run has failed."""
UP_SECONDS: Final = 180.0
LONG_SECONDS: Final = 5.0
HEALING_SECONDS: Final = 60.0
"""After a storm every node has caught up within this, and what is handed in is decided."""
SETTLING_SECONDS: Final = 120.0
"""After the last 200 everything is decided within this: an event whose predecessor never comes waits for 30 s."""
RICH: Final = 10**15

Say = Callable[[str], None]
Sabotage = Callable[[Stack, Ledger, Faults], None]


@dataclass
class Report:
    """What a run has shown."""

    struck: Counter[str] = field(default_factory=Counter)
    """How many nodes each kind of fault struck."""
    violations: list[str] = field(default_factory=list)
    remarks: list[str] = field(default_factory=list)
    acknowledged: Counter[str] = field(default_factory=Counter)
    snapshots: dict[str, int] = field(default_factory=dict)
    answers: dict[str, int] = field(default_factory=dict)


class Run:
    """``sabotage`` breaks something on purpose before the end, to see it found."""

    def __init__(
        self,
        folder: Path,
        plan: Plan,
        counts: Mapping[str, int],
        kinds: tuple[Kind, ...],
        say: Say,
        sabotage: Sabotage | None = None,
    ) -> None:
        self._plan = plan
        self._say_line = say
        self._sabotage = sabotage
        self._stack = Stack(folder, counts=counts)
        self._faults = Faults(self._stack, kinds, plan.small)
        self._ledger = Ledger()
        self._rich = [PrivateKey.generate() for _ in range(1)]
        self._ups: list[threading.Thread] = []
        self._patience = SETTLING_SECONDS
        self.report = Report()

    def run(self) -> Report:
        """The whole of it. Whatever goes wrong in it is in the report; no process is left behind."""
        try:
            self._found()
            self._ledger.began = time.monotonic()
            with Watcher(self._stack, self._faults.killed, self._ledger.began) as watcher:
                try:
                    self._storm()
                except AssertionError as error:
                    self._violation(f"not healed: {error}")
                    self._patience = 5.0
                chain = self._end()
            self.report.violations += watcher.violations
            if chain is not None:
                self.report.violations += violations(self._ledger.acknowledged, chain)
                self.report.snapshots = {layer: len(chain.computed[layer]) for layer in chain.computed}
        finally:
            for thread in self._ups:
                thread.join()
            self._stack.close()
            self._faults.close()
        self.report.violations += [f"client: {each}" for each in self._ledger.surprises]
        self.report.acknowledged = Counter(told.item.kind for told in self._ledger.acknowledged.values())
        self.report.answers = self._ledger.answers
        if len(self._kinds_acknowledged()) < 2:
            self._violation("idle: nothing was acknowledged, so nothing was shown")
        return self.report

    def _kinds_acknowledged(self) -> set[str]:
        return {told.item.kind for told in tuple(self._ledger.acknowledged.values())}

    def _say(self, text: str) -> None:
        self._say_line(f"{time.monotonic() - self._ledger.began:7.1f} s  {text}")

    def _violation(self, text: str) -> None:
        self.report.violations.append(text)

    def _found(self) -> None:
        balances = "".join(f"{key.address},{RICH}\n" for key in self._rich)
        (self._stack.state / "genesis" / "ml0" / "genesis.csv").write_text(balances)
        self._faults.prepare()
        self._stack.up()
        self._faults.up_again()

    def _storm(self) -> None:
        with Clients(self._stack, self._ledger, self._rich):
            until("clients of both kinds are heard", lambda: len(self._kinds_acknowledged()) == 2)
            for number, faults in enumerate(self._plan.rounds, start=1):
                self._say(f"round {number} of {len(self._plan.rounds)}")
                try:
                    self._strike(faults)
                finally:
                    self._faults.mend_all(faults)
                self._heal()
            if self._sabotage:
                self._say("sabotage")
                self._sabotage(self._stack, self._ledger, self._faults)
                self._up()

    def _strike(self, faults: tuple[Fault, ...]) -> None:
        """Each fault at its time, each mended at its time."""
        began = time.monotonic()
        due = [(fault.at, "strike", fault) for fault in faults]
        due += [(fault.at + fault.lasts, "mend", fault) for fault in faults if fault.lasts]
        for at, what, fault in sorted(due, key=lambda each: each[0]):
            time.sleep(max(0.0, began + at - time.monotonic()))
            if what == "mend":
                self._say(f"  mended: {fault.kind} {' '.join(fault.nodes)}")
                self._faults.mend(fault)
            elif fault.kind == "up":
                self._begin_up()
            else:
                self._say(f"  {fault.kind} {' '.join(fault.nodes)}{f' for {fault.lasts:g} s' * bool(fault.lasts)}")
                self._faults.strike(fault)
                self.report.struck[fault.kind] += len(fault.nodes)
        time.sleep(max(0.0, began + STORM_SECONDS - time.monotonic()))

    def _begin_up(self) -> None:
        """In the middle of a storm; faults go on meanwhile."""
        if self._ups and self._ups[-1].is_alive():
            return
        self._ups.append(threading.Thread(target=self._up_in_the_storm))
        self._ups[-1].start()

    def _up_in_the_storm(self) -> None:
        """It may fail, for nodes are paused or cut off; then it says why, and never in a traceback."""
        self.report.struck["up"] += 1
        code, words = self._up_once()
        if code not in (0, 3, 5, 6):
            self._violation(f"up: ended with {code} in the storm: {words}")
        self._faults.up_again()

    def _up_once(self) -> tuple[int, str]:
        """The exit code, and its last words. They are in the timeline, too."""
        began = time.monotonic()
        try:
            done = self._stack.try_ottochain("up", seconds=UP_SECONDS)
        except subprocess.TimeoutExpired:
            self._say(f"  up: not done within {UP_SECONDS:g} s")
            return -1, f"not done within {UP_SECONDS:g} s"
        # What it said before are its steps.
        code, words = done.returncode, done.stderr[max(0, done.stderr.rfind("ottochain:")) :].strip()
        seconds = time.monotonic() - began
        self._say(f"  up: {code} after {seconds:.1f} s{f': {words}' if code else ''}")
        if not code and seconds > LONG_SECONDS:
            self._say(f"      it waited longest for: {_longest_step(done.stderr)}")
        return code, words

    def _up(self) -> None:
        if self._ups:
            self._ups[-1].join()
        for attempt in range(1, UP_TRIES + 1):
            code, words = self._up_once()
            if code == 0:
                break
            self.report.remarks.append(f"up ended with {code} after healing (try {attempt}): {words}")
        else:
            raise AssertionError(f"`ottochain up` failed {UP_TRIES} times, the last time: {words}")
        self._faults.up_again()

    def _heal(self) -> None:
        """Everything is up, every L0 node reaches what the first one has now, and work is done again."""
        began = time.monotonic()
        self._up()
        up = time.monotonic()
        for layer in ("gl0", "ml0"):
            names = self._stack.layer(layer)
            goal = max(self._fact(name, "ordinal") or 0 for name in names)
            until(
                f"all of {layer} at ordinal {goal}",
                lambda names=names, goal=goal: all((self._fact(name, "ordinal") or 0) >= goal for name in names),
                HEALING_SECONDS,
            )
        self._works()
        self._say(f"  healed: up in {up - began:.1f} s, all caught up and working {time.monotonic() - up:.1f} s later")

    def _works(self) -> None:
        """An update that is handed in now is decided."""
        update = create(PrivateKey.generate())
        item = Item("update", update.hash, update.body)
        name = self._stack.layer("dl1")[0]

        def taken() -> bool:
            answer = self._ask("POST", name, "/data", update.body)
            return answer is not None and answer.status_code == 200

        until(f"{name} takes an update", taken, HEALING_SECONDS)
        self._ledger.taken(item, name)

        def decided() -> bool:
            answer = self._ask("GET", name, f"/data/{update.hash}")
            return answer is not None and answer.status_code == 200 and answer.json()["status"] != "Waiting"

        until(f"{update.hash} decided", decided, HEALING_SECONDS)

    def _end(self) -> Chain | None:
        """Nothing is undecided and unconfirmed any more, heads agree: now the chain is read."""
        self._say("the load has ended; waiting until all is decided and confirmed")
        self._await(self._pools_empty)
        settled = self._fact(self._stack.layer("ml0")[0], "ordinal") or 0
        self._await(self._outboxes_empty)
        self._await(self._heads_agree)
        self._say("reading what every node holds")
        try:
            items = [told.item for told in self._ledger.acknowledged.values()]
            return read_chain(self._stack, [*items, *self._ledger.unsure.values()], settled)
        except (AssertionError, OSError, KeyError, TypeError, ValueError) as error:
            self._violation(f"unreadable: the chain could not be read: {type(error).__name__}: {error}")
            return None

    def _await(self, check: Callable[[], str | None]) -> None:
        """Wait until a check finds nothing; what it finds after that is a violation."""
        try:
            until(str(check.__doc__), lambda: check() is None, self._patience)
        except AssertionError as error:
            self._violation(f"not settled: {error}: {check()}")

    def _pools_empty(self) -> str | None:
        """Nothing waits on an L1 node."""
        names = (*self._stack.layer("cl1"), *self._stack.layer("dl1"))
        left = {name: pool for name in names if (pool := self._fact(name, "pool")) is None or pool["items"]}
        return str(left) if left else None

    def _outboxes_empty(self) -> str | None:
        """GL0 has everything of ML0."""
        names = self._stack.layer("ml0")
        left = {name: box for name in names if (box := self._fact(name, "outbox")) is None or box["depth"]}
        return str(left) if left else None

    def _heads_agree(self) -> str | None:
        """The heads of each L0 layer are the same."""
        for layer in ("gl0", "ml0"):
            heads = {name: self._fact(name, "hash") for name in self._stack.layer(layer)}
            if len(set(heads.values())) != 1 or None in heads.values():
                return str(heads)
        return None

    def _fact(self, name: str, key: str) -> Any:
        """Something that a node tells of itself; None when it does not answer."""
        answer = self._ask("GET", name, "/ottochain/node")
        return None if answer is None or answer.status_code != 200 else answer.json()[key]

    def _ask(self, method: str, name: str, path: str, body: bytes | None = None) -> httpx.Response | None:
        try:
            return self._stack.http.request(method, self._stack.url(name, path), content=body, timeout=5)
        except httpx.TransportError:
            return None


def _longest_step(talk: str) -> str:
    """The line before which ``up`` said nothing for longest."""
    lines = [(float(found[1]), found[2]) for found in re.finditer(r"^ +([\d.]+) s  (.*)$", talk, re.MULTILINE)]
    pairs = list(zip([(0.0, ""), *lines], lines, strict=False))
    (before, _), (at, line) = max(pairs, key=lambda pair: pair[1][0] - pair[0][0], default=((0.0, ""), (0.0, "?")))
    return f"{line} ({at - before:.1f} s)"


# Sabotage: what must be found.


def forget_an_update(stack: Stack, ledger: Ledger, faults: Faults) -> None:
    """An update is acknowledged while ML0 stands still; then the DL1 nodes lose it from their pools."""
    ml0, dl1 = (stack.layer(layer) for layer in ("ml0", "dl1"))
    for name in ml0:
        stack.pause(name)
    update = create(PrivateKey.generate())
    until("it is taken", lambda: stack.post(dl1[0], "/data", update.body).status_code == 200)
    ledger.taken(Item("update", update.hash, update.body), dl1[0])
    faults.kill(*dl1, *ml0)
    for name in dl1:
        with sqlite3.connect(next(stack.data(name).glob("*.sqlite"))) as store:
            store.execute("DELETE FROM pool WHERE hash = ?", (update.hash,))
        store.close()


def misremember(_stack: Stack, ledger: Ledger, _faults: Faults) -> None:
    """The client believes that it was told of an update that it never sent."""
    update = create(PrivateKey.generate())
    ledger.taken(Item("update", update.hash, json.dumps({}).encode()), "dl1")
