"""What ``health`` looks at beyond an observation: hashes at a common ordinal, the machine, the last backup."""

from __future__ import annotations

import asyncio
import json
import shutil
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from ottochain.client.light import LightClient, Unreachable
from ottochain.ops import lease
from ottochain.ops.engine import Layer
from ottochain.ops.facts.observation import NodeFacts, Observation
from ottochain.ops.facts.observe import QUESTION_SECONDS, observe
from ottochain.ops.inventory.deployment import Deployment
from ottochain.ops.runtimes import resources
from ottochain.ops.runtimes.resources import Memory

_HASH_ROUTES: Mapping[Layer, str] = {"gl0": "/global-snapshots/{}/hash", "ml0": "/snapshots/{}/hash"}


@dataclass(frozen=True, slots=True)
class Comparison:
    """The hash that each of some nodes has at one ordinal; None where it could not be had."""

    ordinal: int
    hashes: Mapping[str, str | None]


@dataclass(frozen=True, slots=True, kw_only=True)
class MachineFacts:
    """What is left of the machine; None is unknown."""

    memory: Memory | None = None
    disk_free: int | None = None
    disk_total: int | None = None
    clock_kept: bool | None = None
    resident: Mapping[str, int]
    """Bytes by node, of the nodes that run."""
    files: Mapping[str, tuple[int, int]]
    """Open descriptors and their limit, by node."""


@dataclass(frozen=True, slots=True, kw_only=True)
class HealthFacts:
    """One look at everything."""

    observation: Observation
    comparisons: Mapping[Layer, tuple[Comparison, ...]]
    machine: MachineFacts
    backup_seconds: float | None
    """The age of the newest backup; None: none was ever made."""
    operation: str | None
    """Who changes the deployment at this moment, in words."""


async def look(deployment: Deployment, client: LightClient) -> HealthFacts:
    """Everything that the checks of ``health`` are about. Takes as long as the slowest node, within bounds."""
    observation = await observe(deployment, client)
    layers = deployment.engine.layers
    found = await asyncio.gather(*(_compare(deployment, observation, layer, client) for layer in layers))
    return HealthFacts(
        observation=observation,
        comparisons=dict(zip(layers, found, strict=True)),
        machine=look_at_machine(deployment, observation),
        backup_seconds=age_of_backup(deployment.places.state / "backups", time.time()),
        operation=operation_at_work(deployment.places.lease),
    )


def look_at_machine(deployment: Deployment, observation: Observation) -> MachineFacts:
    """Memory, disk, clock, and what the nodes' processes take of them."""
    pids = {name: facts.pid for name, facts in observation.nodes.items() if facts.pid is not None}
    resident = {name: used for name, pid in pids.items() if (used := resources.resident_bytes(pid)) is not None}
    files = {name: both for name, pid in pids.items() if (both := resources.open_files(pid)) is not None}
    disk = _disk(deployment.places.state)
    return MachineFacts(
        memory=resources.memory(),
        disk_free=disk[0],
        disk_total=disk[1],
        clock_kept=resources.clock_is_kept(),
        resident=resident,
        files=files,
    )


def operation_at_work(file: Path) -> str | None:
    """Who holds the deployment's lease, in words; None when nobody does."""
    return lease.holder(file) if lease.lives(file) else None


def _disk(folder: Path) -> tuple[int | None, int | None]:
    try:
        usage = shutil.disk_usage(folder)
    except OSError:
        return None, None
    return usage.free, usage.total


def age_of_backup(folder: Path, now: float) -> float | None:
    """Seconds since the newest entry of the folder was written; None when there is none."""
    try:
        written = [entry.stat().st_mtime for entry in folder.iterdir() if not entry.name.startswith(".")]
    except OSError:
        return None
    return max(0.0, now - max(written)) if written else None


async def _compare(
    deployment: Deployment, observation: Observation, layer: Layer, client: LightClient
) -> tuple[Comparison, ...]:
    """L0 nodes among themselves at the newest ordinal that all of them have; an L1 node with the layer it follows."""
    ready = [facts for facts in observation.ready(layer) if facts.ordinal is not None]
    if layer in _HASH_ROUTES:
        if len(ready) < 2:
            return ()
        common = min(facts.ordinal for facts in ready if facts.ordinal is not None)
        found = await asyncio.gather(*(_hash(deployment, facts, common, client) for facts in ready))
        return (Comparison(common, {facts.name: one for facts, one in zip(ready, found, strict=True)}),)
    parent = deployment.engine.rules(layer).parent
    above = observation.ready(parent) if parent else ()
    by_ordinal: dict[int, dict[str, str | None]] = {}
    for facts in ready:
        if facts.ordinal is not None and facts.own is not None:
            by_ordinal.setdefault(facts.ordinal, {})[facts.name] = facts.own.hash
    if above:
        there = await asyncio.gather(*(_hash(deployment, above[0], ordinal, client) for ordinal in by_ordinal))
        for hashes, one in zip(by_ordinal.values(), there, strict=True):
            hashes[above[0].name] = one
    return tuple(Comparison(ordinal, hashes) for ordinal, hashes in by_ordinal.items())


async def _hash(deployment: Deployment, facts: NodeFacts, ordinal: int, client: LightClient) -> str | None:
    node = deployment.by_name[facts.name]
    path = _HASH_ROUTES[node.layer].format(ordinal)
    try:
        answer = await client.get(node.host, node.ports.public, path, seconds=QUESTION_SECONDS)
        found = json.loads(answer.body) if answer.ok else None
    except (Unreachable, ValueError):
        return None
    return found if isinstance(found, str) else None
