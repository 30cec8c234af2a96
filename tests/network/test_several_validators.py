"""A deployment with several validators in both L0 layers, founded and brought back by the tool."""

from __future__ import annotations

import json
import re
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from tests.network.stack import Stack, accepts, environment, until

pytestmark = pytest.mark.network

COUNTS = {"gl0": 4, "ml0": 4, "cl1": 1}
GL0 = ("gl0", "gl0-1", "gl0-2", "gl0-3")
ML0 = ("ml0", "ml0-1", "ml0-2", "ml0-3")
PUBLIC = {name: 9000 + 10 * index for index, name in enumerate(GL0)} | {
    name: 9200 + 10 * index for index, name in enumerate(ML0)
}


@pytest.fixture(scope="module")
def several(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    """Four GL0, four ML0: one of each may be gone."""
    stack = Stack(tmp_path_factory.mktemp("several"))
    try:
        text = stack.file.read_text()
        for layer, count in COUNTS.items():
            text = re.sub(rf"^{layer} = \d+$", f"{layer} = {count}", text, flags=re.MULTILINE)
        stack.file.write_text(text)
        stack.ottochain("init")
        stack.up()
        yield stack
    finally:
        stack.close()


def facts(stack: Stack, name: str) -> dict[str, object]:
    found: dict[str, object] = stack.http.get(f"http://127.0.0.1:{PUBLIC[name] + stack.offset}/ottochain/node").json()
    return found


def create_a_machine(stack: Stack) -> str:
    """Through the client; gives the id once ML0 has applied it."""
    example = Path(__file__).parents[2] / "examples" / "approval-workflow"
    created = stack.ottochain(
        "fiber", "create", str(example / "definition.json"), "--initial-data", f"@{example / 'initial-data.json'}"
    )
    return next(line.split()[1] for line in created.stdout.splitlines() if line.startswith("fiber "))


def same_everywhere(stack: Stack, names: tuple[str, ...]) -> bool:
    """Do these nodes have one head?"""
    return len({str(facts(stack, name)["hash"]) for name in names}) == 1


def test_up_makes_every_l0_node_a_validator(several: Stack) -> None:
    for names, quorum in ((GL0, 3), (ML0, 3)):
        for name in names:
            own = facts(several, name)
            assert (own["state"], len(own["validators"]), own["quorum"]) == ("Ready", len(names), quorum)  # type: ignore[arg-type]
    assert "Already up" in several.up()


def test_an_update_ends_the_same_at_every_validator(several: Stack) -> None:
    create_a_machine(several)
    for names in (GL0, ML0):
        until(f"one head of {names[0]}", lambda names=names: same_everywhere(several, names))
    until("all of it confirmed", lambda: all(facts(several, name)["outbox"]["depth"] == 0 for name in ML0))  # type: ignore[index]


@pytest.mark.parametrize("words", ["ml0", "gl0", "gl0-1", "ml0 --node", "ml0 --full", "gl0 --full", "stack"])
def test_after_a_restart_every_validator_is_one_again(several: Stack, words: str) -> None:
    """Rolling, the others go on and those that come back vote; all at once, the highest chain opens the layer."""
    create_a_machine(several)
    done = several.ottochain("restart", *words.split(), "--yes").stdout
    assert ("No layer paused" in done) == (words != "stack" and "--full" not in words), done
    test_up_makes_every_l0_node_a_validator(several)
    create_a_machine(several)
    for names in (GL0, ML0):
        until(f"one head of {names[0]}", lambda names=names: same_everywhere(several, names))


def test_data_of_a_validator_is_not_reset(several: Stack) -> None:
    assert (
        "its data, and its votes, are never moved"
        in several.ottochain("node", "reset", "gl0-1", "--yes", code=5).stderr
    )


def test_the_network_goes_on_without_one_of_each_and_up_brings_them_back(several: Stack) -> None:
    several.kill("gl0-2", "ml0-2")
    create_a_machine(several)
    several.up()
    create_a_machine(several)
    for names in (GL0, ML0):
        until(f"one head of {names[0]}", lambda names=names: same_everywhere(several, names))


def confirmed(stack: Stack, *names: str) -> bool:
    """Do these ML0 nodes know that GL0 holds all that they made?"""
    told = [facts(stack, name) for name in names]
    return all(each["confirmedOrdinal"] == each["ordinal"] and each["outbox"]["depth"] == 0 for each in told)  # type: ignore[index]


def derived(stack: Stack, name: str) -> dict[str, Any]:
    """What the tool derives for a node."""
    shown = json.loads(stack.ottochain("deployment", "show", "--json").stdout)
    return next(each for each in shown["nodes"] if each["node"] == name)


def start_by_hand(stack: Stack, name: str) -> None:
    """As an operator does who has no tool; it joins ``ml0-1``, or ``dl1-1``."""
    node = derived(stack, name)
    target = derived(stack, f"{node['layer']}-1")
    command = [sys.executable, "-m", "ottochain.node", node["layer"], "run-validator"]
    process = subprocess.Popen(command, cwd=node["data"], env={**environment(), **node["env"]})
    threading.Thread(target=process.wait, daemon=True).start()  # what is left of it when killed would look alive
    until(f"{name} waits", lambda: accepts(node["ports"]["cli"]))
    until(f"{name} waits", lambda: told_by(stack, node)["state"] == "ReadyToJoin")
    contact = {"id": target["peerId"], "ip": "127.0.0.1", "p2pPort": target["ports"]["p2p"]}
    stack.http.post(f"http://127.0.0.1:{node['ports']['cli']}/cluster/join", json=contact).raise_for_status()
    until(f"{name} is Ready", lambda: told_by(stack, node)["state"] == "Ready")


def told_by(stack: Stack, node: dict[str, Any]) -> dict[str, Any]:
    """What a node tells of itself."""
    found: dict[str, Any] = stack.http.get(f"http://127.0.0.1:{node['ports']['public']}/ottochain/node").json()
    return found


def test_the_children_of_a_killed_parent_turn_to_its_fellows(several: Stack) -> None:
    """``gl0`` and ``ml0`` are what every node below is configured to follow."""
    several.kill("gl0", "ml0")
    create_a_machine(several)
    left = ML0[1:]
    until("all of it confirmed", lambda: confirmed(several, *left))
    children = [derived(several, name) for name in (*left, "cl1", "dl1", "dl1-1", "dl1-2")]
    assert not any(told_by(several, child)["diverged"] for child in children)


def test_a_child_that_starts_while_its_configured_parent_is_down_finds_the_others(several: Stack) -> None:
    """It remembers who the validators are, and where."""
    several.kill("ml0-3", "dl1")
    for name in ("ml0-3", "dl1"):
        start_by_hand(several, name)
    fiber = create_a_machine(several)
    until("all of it confirmed", lambda: confirmed(several, *ML0[1:]))
    until("dl1 has heard it", lambda: fiber in several.application("/onchain", "dl1")["fiberCommits"])
    several.up()
    until("one head", lambda: same_everywhere(several, ML0) and confirmed(several, *ML0))


def test_up_makes_a_validator_that_lost_its_disk_one_anew(several: Stack) -> None:
    several.kill("ml0-2")
    for file in several.data("ml0-2").glob("node.sqlite*"):
        file.unlink()
    several.up()
    own = facts(several, "ml0-2")
    assert (own["state"], own["votesLost"], own["validatorChanges"]) == ("Ready", False, 5)
    create_a_machine(several)
    until("one head", lambda: same_everywhere(several, ML0))


def test_up_brings_everything_back_after_a_kill_of_all(several: Stack) -> None:
    fiber = create_a_machine(several)
    several.kill()
    several.up()
    assert fiber in several.ottochain("fiber", "get", fiber, "--json").stdout
    create_a_machine(several)
    for names in (GL0, ML0):
        until(f"one head of {names[0]}", lambda names=names: same_everywhere(several, names))
