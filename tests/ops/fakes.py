"""A deployment of fake nodes (``fake_network.py``), and what tests ask of it."""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Callable
from pathlib import Path

from tests.ops.worlds import a_deployment

from ottochain.client.light import LightClient
from ottochain.ops.facts.observation import Observation, everything_is_up
from ottochain.ops.facts.observe import observe
from ottochain.ops.inventory.deployment import Deployment
from ottochain.ops.operations.up import Up, bring_up
from ottochain.ops.plan.steps import Plan, Step
from ottochain.ops.runtimes import process

NURSERY = (sys.executable, str(Path(__file__).with_name("fake_network.py")))
L1 = ("cl1", "cl1-1", "cl1-2", "dl1", "dl1-1", "dl1-2")


class Told:
    """An audience that remembers, and may do something between two steps."""

    def __init__(self, at: Callable[[Step], None] = lambda step: None) -> None:
        self.steps: list[str] = []
        self._at = at

    def planned(self, plan: Plan) -> None:
        """Plans have tests of their own."""

    def began(self, step: Step) -> None:
        self._at(step)

    def done(self, step: Step, note: str, seconds: float) -> None:
        self.steps.append(step.id)

    def observed(self, observation: Observation) -> None:
        """So have observations."""


def kill(deployment: Deployment, *names: str) -> None:
    """``kill -9``, and wait until the kernel is done with it."""
    for node in deployment.nodes:
        fact = process.look(node)
        if fact.pid is not None and (not names or node.name in names):
            os.kill(fact.pid, signal.SIGKILL)
            while process.look(node).state == "running":
                pass


def with_fault(deployment: Deployment, name: str, fault: str, folder: Path) -> Deployment:
    """The same deployment, where one node misbehaves."""
    text = (folder / "ottochain.toml").read_text()
    return a_deployment(folder, f'{text}[nodes.{name}]\nenv = {{ FAKE = "{fault}" }}\n')


async def up(deployment: Deployment, told: Told | None = None) -> Up:
    return await bring_up(deployment, told or Told(), NURSERY)


async def is_whole(deployment: Deployment) -> bool:
    async with LightClient() as client:
        return everything_is_up(deployment, await observe(deployment, client))


def pids(deployment: Deployment) -> dict[str, int | None]:
    return {node.name: process.look(node).pid for node in deployment.nodes}


def starts(deployment: Deployment, name: str) -> list[str]:
    """The modes in which a node was started, from its log."""
    return [line.split()[1] for line in deployment.by_name[name].log_file.read_text().splitlines()]
