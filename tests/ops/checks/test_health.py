"""From what was seen to findings: what passes, what does not, and what it says of the whole."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
from tests.ops.checks.looks import (
    HASH,
    OTHER_HASH,
    a_look,
    healthy,
    telling,
    with_node,
    with_nodes,
    without_member,
)
from tests.ops.worlds import a_deployment, running, stopped

from ottochain.client.readings import Member, Outbox
from ottochain.ops.checks.finding import Finding, next_steps, verdict_of
from ottochain.ops.checks.health import check_health
from ottochain.ops.facts.health import Comparison, HealthFacts, MachineFacts
from ottochain.ops.facts.observation import Observation
from ottochain.ops.inventory.deployment import Deployment
from ottochain.ops.runtimes.resources import Memory


@pytest.fixture
def deployment(tmp_path: Path) -> Deployment:
    return a_deployment(tmp_path)


def the(findings: list[Finding], check: str, subject: str) -> Finding:
    (found,) = (one for one in findings if (one.check, one.subject) == (check, subject))
    return found


def silent(name: str) -> Observation:
    """A node whose process lives and does not answer."""
    return with_nodes(healthy(), replace(running(name, None), silent_because="no answer within 2 s"))


def test_all_is_well(deployment: Deployment) -> None:
    findings = check_health(deployment, a_look())
    assert [one for one in findings if one.level != "ok"] == []
    assert verdict_of(findings) == "healthy"
    assert next_steps(findings) == []


STRANGER = Member("f" * 128, "Ready", "1", "s1")
SELF = healthy()["gl0"].members or ()

SEEN: list[tuple[str, Callable[[], Observation], str, str, str, str]] = [
    ("one of three is gone",
     lambda: with_nodes(healthy(), stopped("cl1-1")),
     "nodes", "cl1", "degraded", "cl1-1 stopped"),
    ("too many are gone",
     lambda: with_nodes(healthy(), stopped("cl1-1"), stopped("cl1")),
     "nodes", "cl1", "down", "1 of 3 Ready, 2 needed"),
    ("the only one is gone", lambda: with_nodes(healthy(), stopped("gl0")), "nodes", "gl0", "down", "gl0 stopped"),
    ("the only one is silent: unknown, not down",
     lambda: silent("ml0"),
     "nodes", "ml0", "unknown", "does not answer (no answer within 2 s)"),
    ("another program has its port",
     lambda: with_node(healthy(), "dl1", info=replace(running("dl1", "Ready").info, id="ff")),
     "nodes", "dl1", "degraded", "another program answers on its port"),  # type: ignore[type-var]
    ("it waits to be joined",
     lambda: with_node(healthy(), "dl1", info=running("dl1", "ReadyToJoin").info),
     "nodes", "dl1", "degraded", "dl1 ReadyToJoin for 2 min"),
    ("it is on another chain",
     lambda: telling(healthy(), "dl1", diverged=True),
     "nodes", "dl1", "degraded", "dl1 diverged"),
    ("all are on another chain",
     lambda: telling(telling(healthy(), "dl1", diverged=True), "dl1-1", diverged=True),
     "nodes", "dl1", "down", "1 of 3 Ready"),
    ("a peer does not see another",
     lambda: without_member(healthy(), "cl1-1", "cl1"),
     "members", "cl1", "degraded", "cl1-1 does not see cl1 Ready"),
    ("a peer sees a stranger",
     lambda: with_node(healthy(), "gl0", members=(STRANGER, *SELF)),
     "members", "gl0", "degraded", "gl0 sees ffffffff, which this deployment does not name"),
    ("a peer tells nothing",
     lambda: with_node(healthy(), "cl1", members=None),
     "members", "cl1", "degraded", "cl1 does not say whom it sees"),
    ("two clusters",
     lambda: with_node(healthy(), "cl1", info=running("cl1", "Ready", "s2").info),
     "members", "cl1", "degraded", "2 clusters"),
    ("a head stands still",
     lambda: telling(healthy(), "ml0", ordinal_seconds=59.0),
     "advancing", "ml0", "down", "stands still: ordinal 7, 59.0 s ago; one was due within 58 s"),
    ("a head never moved",
     lambda: telling(healthy(), "gl0", ordinal_seconds=None),
     "advancing", "gl0", "down", "stands still"),
    ("a young node's head has not moved yet",
     lambda: telling(healthy(), "gl0", ordinal_seconds=None, uptime_seconds=2.0),
     "advancing", "gl0", "note", "up for 2.0 s, the next is due within 58 s"),
    ("one of three stands still",
     lambda: telling(healthy(), "dl1-2", ordinal_seconds=90.0),
     "advancing", "dl1", "degraded", "dl1-2 stands still"),
    ("an engine that tells no time",
     lambda: with_node(healthy(), "gl0", own=None),
     "advancing", "gl0", "unknown", "it does not say when that came"),
    ("a follower is far behind",
     lambda: telling(telling(healthy(), "ml0", ordinal=40), "dl1", ordinal=19),
     "lag", "dl1", "degraded", "dl1 by 21"),
    ("a follower is a little behind",
     lambda: telling(telling(healthy(), "ml0", ordinal=8), "dl1", ordinal=8),
     "lag", "dl1", "ok", "dl1-1 by 1"),
    ("a chain that nobody above has",
     lambda: telling(healthy(), "cl1", diverged=True),
     "hash", "cl1", "degraded", "cl1 followed a snapshot"),
    ("snapshots wait for GL0 for long",
     lambda: telling(healthy(), "ml0", outbox=Outbox(3, 61.0, "503"), confirmed=4, ordinal=10),
     "confirmed", "ml0", "degraded", "GL0 holds 7 of 10; 3 wait, the oldest for 1 min (503)"),
    ("snapshots wait for GL0 for a moment",
     lambda: telling(healthy(), "ml0", outbox=Outbox(1, 0.2, None), ordinal=8),
     "confirmed", "ml0", "ok", "1 wait, the oldest for 200 ms"),
]  # fmt: skip


@pytest.mark.parametrize(
    ("seen", "check", "subject", "level", "evidence"), [case[1:] for case in SEEN], ids=[case[0] for case in SEEN]
)
def test_what_is_seen_of_the_nodes(
    deployment: Deployment, seen: Callable[[], Observation], check: str, subject: str, level: str, evidence: str
) -> None:
    found = the(check_health(deployment, a_look(seen())), check, subject)
    assert found.level == level, found
    assert evidence in found.evidence


def test_an_l1_layer_is_not_blamed_for_ml0(deployment: Deployment) -> None:
    still = telling(healthy(), "ml0", ordinal_seconds=99.0)
    for name in ("cl1", "cl1-1", "cl1-2"):
        still = telling(still, name, ordinal_seconds=99.0)
    found = the(check_health(deployment, a_look(still)), "advancing", "cl1")
    assert (found.level, "it follows ml0" in found.evidence) == ("note", True)


def test_two_hashes_at_one_ordinal_are_two_chains(deployment: Deployment) -> None:
    fork = {"cl1": (Comparison(7, {"cl1": HASH, "cl1-1": OTHER_HASH, "ml0": HASH}),)}
    found = the(check_health(deployment, a_look(comparisons=fork)), "hash", "cl1")
    assert found.level == "degraded"
    assert found.evidence == "two chains at ordinal 7: cl1 abababab, cl1-1 cdcdcdcd, ml0 abababab"


def test_hashes_that_could_not_be_had_have_not_been_compared(deployment: Deployment) -> None:
    none = {"cl1": (Comparison(7, {"cl1": HASH, "ml0": None}),)}
    assert the(check_health(deployment, a_look(comparisons=none)), "hash", "cl1").level == "unknown"


MACHINES: list[tuple[str, dict[str, object], str, str, str]] = [
    ("the disk is full", {"disk_free": 900_000_000}, "disk", "degraded", "900 MB free"),
    ("the disk is fuller than one likes", {"disk_free": 5_000_000_000}, "disk", "note", "95% used"),
    ("the disk can't be seen", {"disk_free": None}, "disk", "unknown", "could not be read"),
    ("the memory runs out", {"memory": Memory(16_000_000_000, 400_000_000, 0)}, "memory", "degraded", "400 MB of"),
    ("swapped out", {"memory": Memory(16_000_000_000, 4_000_000_000, 5_000_000)}, "memory", "note", "5.0 MB swapped"),
    ("descriptors run out", {"files": {"gl0": (900, 1024), "ml0": (3, 1024)}}, "files", "degraded", "gl0 900 of 1024"),
    ("nobody keeps the clock", {"clock_kept": False}, "clock", "note", "share this one clock"),
    ("the clock can't be asked", {"clock_kept": None}, "clock", "note", "can't be asked"),
]  # fmt: skip


@pytest.mark.parametrize(
    ("changes", "check", "level", "evidence"), [case[1:] for case in MACHINES], ids=[case[0] for case in MACHINES]
)
def test_what_is_seen_of_the_machine(
    deployment: Deployment, changes: dict[str, object], check: str, level: str, evidence: str
) -> None:
    machine = replace(a_look().machine, **changes)  # type: ignore[arg-type]
    found = the(check_health(deployment, a_look(machine=machine)), check, "machine")
    assert found.level == level
    assert evidence in found.evidence


def test_a_clock_that_several_machines_must_share_has_to_be_kept(tmp_path: Path) -> None:
    spread = a_deployment(tmp_path, '[deployment]\nhost = "10.0.0.5"\n')
    machine = replace(a_look().machine, clock_kept=False)
    assert the(check_health(spread, a_look(machine=machine)), "clock", "machine").level == "degraded"


def test_no_backup_is_told_and_degrades_nothing(deployment: Deployment) -> None:
    findings = check_health(deployment, a_look(backup_seconds=None))
    assert the(findings, "backup", "machine").evidence == "no backup was ever made"
    assert verdict_of(findings) == "healthy"


def test_an_operation_at_work_is_told(deployment: Deployment) -> None:
    findings = check_health(deployment, a_look(operation="`ottochain up` of ada"))
    assert the(findings, "operation", "machine").evidence == "`ottochain up` of ada is at work"


def test_nothing_seen_at_all_is_degraded_and_not_down(deployment: Deployment) -> None:
    names = list(healthy().nodes)
    nothing = with_nodes(healthy(), *(replace(running(name, None), process="unknown", pid=None) for name in names))
    nobody = MachineFacts(resident={}, files={})
    findings = check_health(deployment, a_look(nothing, comparisons={}, machine=nobody))
    assert verdict_of(findings) == "degraded"
    assert {one.level for one in findings if one.check == "nodes"} == {"unknown"}


def test_the_most_urgent_step_comes_first_and_each_once(deployment: Deployment) -> None:
    look: HealthFacts = a_look(with_nodes(healthy(), stopped("cl1-1"), stopped("gl0")))
    steps = next_steps(check_health(deployment, look))
    assert steps[0] == "ottochain explain gl0"
    assert len(steps) == len(set(steps))
