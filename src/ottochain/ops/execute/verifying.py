"""See that the cluster is what it was: members, sessions, history, followers. Verifying never repairs."""

from __future__ import annotations

import json
from collections.abc import Iterator

from ottochain.client.light import LightClient, Unreachable
from ottochain.ops.engine import L1_LAYERS
from ottochain.ops.errors import GateNotMet
from ottochain.ops.execute.watch import Watch
from ottochain.ops.facts.observation import Observation, cluster_is_whole
from ottochain.ops.inventory.deployment import Deployment
from ottochain.ops.plan.steps import Head, Verify

_HASH_ROUTES = {"gl0": "/global-snapshots/{}/hash", "ml0": "/snapshots/{}/hash"}


async def verify(deployment: Deployment, client: LightClient, watch: Watch, promise: Verify) -> str:
    """Gives what was seen, in words. Raises ``GateNotMet`` for what is not as promised."""
    layers = [layer for layer in deployment.engine.layers if _of(deployment, layer, promise)]
    for layer in layers:
        names = _of(deployment, layer, promise)
        await watch.until(
            f"{', '.join(names)} in one cluster",
            lambda seen, layer=layer, names=names: True if cluster_is_whole(seen, layer, names) else None,  # type: ignore[misc]
            names,
        )
    notes = [f"{len(promise.nodes)} of {len(promise.nodes)} are Ready members"]
    _compare_sessions(watch.observation, promise)
    if promise.sessions:
        notes.append(f"the cluster sessions of {', '.join(layer for layer, _ in promise.sessions)} live on")
    notes += [await _compare_head(deployment, client, head) for head in promise.heads]
    notes += [await _followed(deployment, watch)]
    return "; ".join(note for note in notes if note)


def _of(deployment: Deployment, layer: str, promise: Verify) -> list[str]:
    return [node.name for node in deployment.nodes if node.layer == layer and node.name in promise.nodes]


def _compare_sessions(seen: Observation, promise: Verify) -> None:
    for layer, session in promise.sessions:
        found = {facts.info.cluster_session for facts in seen.ready(layer) if facts.info}
        if found != {session}:
            now = ", ".join(sorted(map(str, found)))
            raise GateNotMet(
                f"{layer} was to stay in its cluster session {session}, and is in {now}.",
                next_step=f"ottochain status; ottochain logs {layer}: who founded a new one?",
            )


async def _compare_head(deployment: Deployment, client: LightClient, head: Head) -> str:
    """The snapshot that was the newest is still there, under the same hash."""
    node = deployment.by_name[head.node]
    path = _HASH_ROUTES[node.layer].format(head.ordinal)
    try:
        answer = await client.get(node.host, node.ports.public, path, seconds=5.0)
    except Unreachable as error:
        raise GateNotMet(
            f"{head.node} does not tell its snapshot {head.ordinal} ({error}): whether its history continued is not "
            "known.",
            next_step=f"ottochain status; ottochain start {node.layer}",
        ) from None
    found = json.loads(answer.body) if answer.ok else f"not there ({answer.status})"
    if found != head.hash:
        raise GateNotMet(
            f"{head.node}'s snapshot {head.ordinal} was {head.hash}, and now it is {found}: its history did not "
            "continue.",
            next_step=f"ottochain stop {node.layer}, and compare its data with a backup before anything else is done.",
        )
    return f"{head.node} goes on from {head.ordinal}"


async def _followed(deployment: Deployment, watch: Watch) -> str:
    """The L1 nodes know ML0's present head."""
    seen = watch.observation
    heads = [facts.ordinal for facts in seen.ready("ml0") if facts.ordinal is not None]
    followers = [facts.name for layer in L1_LAYERS for facts in seen.ready(layer)]
    if not heads or not followers:
        return "whether L1 follows was not asked: ML0 is not Ready" if followers else ""
    wanted = max(heads)
    silent = [name for name in followers if seen[name].own is None]
    if silent:
        return f"whether {', '.join(silent)} follows is not told by its engine"
    for name in followers:
        watch.hurry(name)
    await watch.until(
        f"the L1 nodes at ML0's ordinal {wanted}",
        lambda now: True if not list(_behind(now, followers, wanted)) else None,
        followers,
    )
    return f"L1 follows ML0 at {wanted}"


def _behind(seen: Observation, followers: list[str], wanted: int) -> Iterator[str]:
    for name in followers:
        own = seen[name].own
        if own is None or own.all.get("diverged") or (own.ordinal or 0) < wanted:
            yield name
