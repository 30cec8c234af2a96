"""Every restart of the guide's first chapter on real processes, with updates and reads running meanwhile."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from tempfile import mkdtemp

import pytest
from tests.dying_tool import MOMENTS, die_at, instants
from tests.network.restless import restless
from tests.network.stack import DL1, PORTS, Stack, until
from tests.network.updates import assert_all_in_gl0, assert_each_decided_once
from tests.ops.worlds import a_deployment, a_world, ready

pytestmark = pytest.mark.network

CL1 = ("cl1", "cl1-1", "cl1-2")


@pytest.fixture(scope="module")
def stack(tmp_path_factory: pytest.TempPathFactory, template: Path) -> Iterator[Stack]:
    """A stack that is up. Whoever uses it leaves it up."""
    with closing(Stack(tmp_path_factory.mktemp("restarts"), template=template)) as made:
        made.up()
        yield made


def sessions(stack: Stack) -> dict[str, str]:
    """The cluster session of each layer, which all its nodes agree on."""
    found: dict[str, set[str]] = {}
    for name in PORTS:
        info = stack.json(name, "/node/info")
        found.setdefault(name.split("-")[0], set()).add(str(info["clusterSession"]))
    assert all(len(each) == 1 for each in found.values()), found
    return {layer: each.pop() for layer, each in found.items()}


def members(stack: Stack) -> dict[str, list[str]]:
    return {name: sorted(peer["id"] for peer in stack.json(name, "/cluster/info")) for name in PORTS}


@pytest.mark.parametrize(
    ("words", "restarted", "pausing"),
    [
        ("gl0", ("gl0",), ("gl0",)),
        ("ml0", ("ml0",), ("ml0",)),
        ("cl1", CL1, ()),
        ("dl1", DL1, ()),
        ("dl1 --full", DL1, ("dl1",)),
        ("dl1 --node", ("dl1",), ()),
        ("cl1-1", ("cl1-1",), ()),
        ("stack", tuple(PORTS), ("gl0", "ml0", "cl1", "dl1")),
        ("stack --rolling", tuple(PORTS), ("gl0", "ml0")),
    ],
)
def test_after_a_restart_the_cluster_is_what_it_was(
    stack: Stack, words: str, restarted: tuple[str, ...], pausing: tuple[str, ...]
) -> None:
    pids, before, known, hashes = stack.pids(), sessions(stack), members(stack), stack.first_hashes()
    since, confirmed = stack.ordinal("ml0"), stack.ordinal("gl0")
    readers = CL1 if restarted[0].startswith("cl1") else DL1
    with restless(stack, readers) as answers:
        until("both clients are served", lambda: answers.acknowledged and answers.read)
        done = stack.ottochain("restart", *words.split(), "--yes").stdout
        written, read = len(answers.acknowledged), answers.read
        until("both go on being served", lambda: len(answers.acknowledged) > written and answers.read > read)

    stack.assert_ready()
    assert {name for name, pid in stack.pids().items() if pid != pids[name]} == set(restarted)
    assert members(stack) == known
    for layer, session in sessions(stack).items():
        at_once = layer in pausing
        assert (session != before[layer]) == (at_once and layer in {name.split("-")[0] for name in restarted}), layer
    assert stack.first_hashes() == hashes
    assert {line.split()[0] for line in done.splitlines() if " paused for " in line} == set(pausing)
    if "dl1" not in pausing:
        assert answers.failed == []
    assert_each_decided_once(stack, answers.acknowledged, since)
    assert_all_in_gl0(stack, confirmed)


PROCEDURES = [("restart", "dl1", "rolling"), ("restart", "gl0", ""), ("restart", "cl1", "full")]
EVERY = list(instants(a_deployment(Path(mkdtemp())), a_world(others=ready(*PORTS)), PROCEDURES))
ONE_OF_EACH_STEP = [instant for number, instant in enumerate(EVERY) if number % 5 == 0]
"""Of each step one moment, in turn; ``tests/ops/test_operations.py`` has them all, on nodes that cost less."""


@pytest.mark.parametrize("instant", ONE_OF_EACH_STEP, ids=lambda one: "-".join(one).replace(" ", "-"))
def test_a_restart_killed_in_its_middle_is_finished_by_resume(
    stack: Stack, instant: tuple[str, str, str, str, str]
) -> None:
    assert len(MOMENTS) == 4  # or the choice above takes the same one of each step
    known, hashes = members(stack), stack.first_hashes()
    die_at(stack.folder, instant)
    assert "was cut off" in stack.ottochain("restart", "ml0", "--yes", code=4).stderr
    assert "Done: restart" in stack.ottochain("operations", "resume").stdout
    stack.assert_ready()
    assert members(stack) == known
    assert stack.first_hashes() == hashes
    (last,) = json.loads(stack.ottochain("operations", "list", "--json").stdout)[-1:]
    assert last["state"] == "done"


def test_a_plan_is_saved_approved_elsewhere_and_carried_out_once(stack: Stack) -> None:
    file = stack.folder / "plan.json"
    stack.ottochain("restart", "dl1-1", "--out", str(file))
    pid = stack.pid("dl1-1")
    assert pid
    assert "nobody is there to approve" in stack.ottochain("apply", str(file), code=2).stderr
    assert stack.pid("dl1-1") == pid
    stack.ottochain("apply", str(file), "--yes")
    assert stack.pid("dl1-1") != pid
    refused = stack.ottochain("apply", str(file), "--yes", code=5).stderr
    assert "dl1-1: the run of its process was" in refused
    for secret in (stack.state / "keys").glob("*.password"):
        assert secret.read_text().strip() not in file.read_text()


def test_a_node_whose_keystore_does_not_open_stops_a_rolling_restart_after_it_and_no_further(stack: Stack) -> None:
    pids = stack.pids()
    password = stack.state / "keys" / "dl1-2.password"
    right = password.read_text()
    password.write_text("wrong\n")
    failed = stack.ottochain("restart", "dl1", "--yes", code=3).stderr
    assert "dl1-2 ended by itself" in failed
    assert "password" in failed
    assert "ottochain operations resume" in failed
    assert {name for name in PORTS if stack.pid(name) != pids[name]} == {"dl1-2"}
    password.write_text(right)
    stack.ottochain("operations", "resume")
    stack.assert_ready()
    assert not {stack.pid(name) for name in DL1} & {pids[name] for name in DL1}
