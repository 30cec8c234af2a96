"""A deployment with several validators in both L0 layers, founded and brought back by the tool."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.network.stack import Stack, until

pytestmark = pytest.mark.network

COUNTS = {"gl0": 4, "ml0": 3, "cl1": 1}
GL0 = ("gl0", "gl0-1", "gl0-2", "gl0-3")
ML0 = ("ml0", "ml0-1", "ml0-2")
PUBLIC = {name: 9000 + 10 * index for index, name in enumerate(GL0)} | {
    name: 9200 + 10 * index for index, name in enumerate(ML0)
}


@pytest.fixture(scope="module")
def several(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    """Four GL0, three ML0: one of each may be gone."""
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
    for names, quorum in ((GL0, 3), (ML0, 2)):
        for name in names:
            own = facts(several, name)
            assert (own["state"], len(own["validators"]), own["quorum"]) == ("Ready", len(names), quorum)  # type: ignore[arg-type]
    assert "Already up" in several.up()


def test_an_update_ends_the_same_at_every_validator(several: Stack) -> None:
    create_a_machine(several)
    for names in (GL0, ML0):
        until(f"one head of {names[0]}", lambda names=names: same_everywhere(several, names))
    until("all of it confirmed", lambda: all(facts(several, name)["outbox"]["depth"] == 0 for name in ML0))  # type: ignore[index]


def test_the_network_goes_on_without_one_of_each_and_up_brings_them_back(several: Stack) -> None:
    several.kill("gl0-2", "ml0-2")
    create_a_machine(several)
    several.up()
    create_a_machine(several)
    for names in (GL0, ML0):
        until(f"one head of {names[0]}", lambda names=names: same_everywhere(several, names))


def test_up_brings_everything_back_after_a_kill_of_all(several: Stack) -> None:
    fiber = create_a_machine(several)
    several.kill()
    several.up()
    assert fiber in several.ottochain("fiber", "get", fiber, "--json").stdout
    create_a_machine(several)
    for names in (GL0, ML0):
        until(f"one head of {names[0]}", lambda names=names: same_everywhere(several, names))
