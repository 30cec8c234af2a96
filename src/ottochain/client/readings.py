"""What a node's status routes say, as frozen nouns. A reading that does not have the expected shape is no reading.

``/node/info`` and ``/cluster/info`` are Tessellation's (``NodeRoutes.scala``, ``ClusterRoutes.scala``); the sessions
are numbers in the first and texts in the second, and are texts here.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any


class MalformedReading(ValueError):  # noqa: N818
    """The answer is not what this route gives."""


@dataclass(frozen=True, slots=True)
class NodeInfo:
    """``GET /node/info``."""

    id: str
    state: str
    version: str
    session: str | None
    cluster_session: str | None

    @classmethod
    def read(cls, body: bytes) -> NodeInfo:
        found = _object(body)
        try:
            return cls(
                id=str(found["id"]),
                state=str(found["state"]),
                version=str(found["version"]),
                session=_session(found.get("session")),
                cluster_session=_session(found.get("clusterSession")),
            )
        except KeyError as missing:
            raise MalformedReading(f"no {missing} in /node/info") from None


@dataclass(frozen=True, slots=True)
class Member:
    """One entry of ``GET /cluster/info``."""

    id: str
    state: str
    session: str | None
    cluster_session: str | None


def read_members(body: bytes) -> tuple[Member, ...]:
    """The members a node sees, itself among them, by id."""
    found = _decoded(body)
    if not isinstance(found, list):
        raise MalformedReading("/cluster/info is no list")
    try:
        members = [
            Member(str(one["id"]), str(one["state"]), _session(one.get("session")), _session(one.get("clusterSession")))
            for one in found
        ]
    except (KeyError, TypeError, AttributeError):
        raise MalformedReading("a member of /cluster/info has no id or state") from None
    return tuple(sorted(members, key=lambda member: member.id))


@dataclass(frozen=True, slots=True)
class Outbox:
    """ML0's snapshots that GL0 has not included yet."""

    depth: int
    oldest_seconds: float | None
    last_problem: str | None

    @classmethod
    def read(cls, found: object) -> Outbox | None:
        depth = _integer(_member(found, "depth"))
        if depth is None:
            return None
        return cls(depth, _number(_member(found, "oldestSeconds")), _text(_member(found, "lastProblem")))


@dataclass(frozen=True, slots=True)
class OwnFacts:
    """``GET /ottochain/node``: what the embedded engine tells beyond the reference. None: not told."""

    ordinal: int | None
    hash: str | None
    release: str | None
    app_version: str | None
    state_seconds: float | None
    metagraphs: Mapping[str, int] | None
    """Of a GL0 node: the highest ordinal it holds of each metagraph."""
    all: Mapping[str, Any] = field(repr=False)
    """The whole answer: each layer adds facts of its own."""
    ordinal_seconds: float | None = None
    """Since the node saw its head move; None while it has not seen that."""
    trigger_seconds: float | None = None
    """Without events a snapshot is due this long after the one before."""
    uptime_seconds: float | None = None
    engine_version: str | None = None
    artifact: str | None = None
    """The digest of the code that the process runs."""
    mode: str | None = None
    environment: str | None = None
    metagraph_id: str | None = None
    confirmed: int | None = None
    """The newest ML0 snapshot that GL0 holds, as ML0 and the L1 nodes know it."""
    diverged: bool | None = None
    waiting_for: tuple[str, ...] | None = None
    """Of an L0 node: the validators whose word is missing at this height."""
    pool_items: int | None = None
    outbox: Outbox | None = None

    @classmethod
    def read(cls, body: bytes) -> OwnFacts:
        found = _object(body)
        return cls(
            ordinal=_integer(found.get("ordinal")),
            hash=_text(found.get("hash")),
            release=_text(found.get("release")),
            app_version=_text(found.get("appVersion")),
            state_seconds=_number(found.get("stateSeconds")),
            metagraphs=_ordinals(found.get("metagraphs")),
            all=found,
            ordinal_seconds=_number(found.get("ordinalSeconds")),
            trigger_seconds=_number(found.get("timeTriggerSeconds")),
            uptime_seconds=_number(found.get("uptimeSeconds")),
            engine_version=_text(found.get("engineVersion")),
            artifact=_text(found.get("artifact")),
            mode=_text(found.get("mode")),
            environment=_text(found.get("environment")),
            metagraph_id=_text(found.get("metagraphId")),
            confirmed=_integer(found.get("confirmedOrdinal")),
            diverged=_truth(found.get("diverged")),
            waiting_for=_texts(found.get("waitingFor")),
            pool_items=_integer(_member(found.get("pool"), "items")),
            outbox=Outbox.read(found.get("outbox")),
        )


def read_ordinal(body: bytes) -> int:
    """``{"value": n}`` of ``/snapshots/latest/ordinal`` and ``/global-snapshots/latest/ordinal``."""
    ordinal = _integer(_object(body).get("value"))
    if ordinal is None:
        raise MalformedReading("no ordinal in the answer")
    return ordinal


def _decoded(body: bytes) -> Any:
    try:
        return json.loads(body)
    except ValueError:
        raise MalformedReading("the answer is not JSON") from None


def _object(body: bytes) -> Mapping[str, Any]:
    found = _decoded(body)
    if not isinstance(found, dict):
        raise MalformedReading("the answer is no JSON object")
    return found


def _session(value: object) -> str | None:
    return None if value is None else str(value)


def _integer(value: object) -> int | None:
    return value if isinstance(value, int) and not isinstance(value, bool) else None


def _number(value: object) -> float | None:
    return float(value) if isinstance(value, int | float) and not isinstance(value, bool) else None


def _ordinals(value: object) -> Mapping[str, int] | None:
    if not isinstance(value, dict) or not all(type(ordinal) is int for ordinal in value.values()):
        return None
    return value


def _member(value: object, name: str) -> object:
    return value.get(name) if isinstance(value, dict) else None


def _truth(value: object) -> bool | None:
    return value if isinstance(value, bool) else None


def _texts(value: object) -> tuple[str, ...] | None:
    return tuple(map(str, value)) if isinstance(value, list) else None


def _text(value: object) -> str | None:
    return value if isinstance(value, str) else None
