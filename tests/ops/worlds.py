"""Deployments and observations for the tests of the operator, without any process."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from ottochain.client.readings import Member, NodeInfo
from ottochain.ops.chain_record import ChainRecord
from ottochain.ops.facts.observation import NO_DATA, NodeFacts, Observation, Tip
from ottochain.ops.inventory.deployment import Deployment
from ottochain.ops.inventory.reading import FILE_NAME, load

TOKEN = "DAG0000000000000000000000000000000000001"
OTHER_TOKEN = "DAG0000000000000000000000000000000000002"
FOUNDED = ChainRecord("founded", TOKEN, "2026-01-01T00:00:00Z")
FOUNDING = ChainRecord("founding", None, "2026-01-01T00:00:00Z")
NAMES = ("gl0", "ml0", "cl1", "cl1-1", "cl1-2", "dl1", "dl1-1", "dl1-2", "operator")
NOW = "2026-02-02T00:00:00Z"


def a_deployment(folder: Path, text: str = "") -> Deployment:
    """The guide's topology, with key files that hold no key but have their public ids and passwords."""
    keys = folder / ".ottochain" / "keys"
    keys.mkdir(parents=True, exist_ok=True)
    for name in NAMES:
        (keys / f"{name}.p12").write_bytes(b"")
        (keys / f"{name}.password").write_text("none\n")
        (keys / f"{name}.peer-id").write_text(id_of(name) + "\n")
    (folder / FILE_NAME).write_text(text)
    return load(folder / FILE_NAME)


def id_of(name: str) -> str:
    return format(NAMES.index(name) + 1 if name in NAMES else 15, "x") * 128


def stopped(name: str, tip: Tip = NO_DATA) -> NodeFacts:
    return NodeFacts(name=name, layer=layer_of(name), peer_id=id_of(name), process="stopped", tip=tip)  # type: ignore[arg-type]


def running(name: str, state: str | None, session: str | None = "s1", ordinal: int | None = None) -> NodeFacts:
    """A node whose process lives; with no state it does not answer."""
    info = None if state is None else NodeInfo(id_of(name), state, "4.0.0", "1", session)
    return replace(stopped(name), process="running", pid=1, info=info, ordinal=ordinal, tip=None)


def ready(*names: str, session: str = "s1", token: str = TOKEN) -> dict[str, NodeFacts]:
    """Ready nodes which see those of their layer among ``names``."""
    found = {}
    for name in names:
        seen = [other for other in names if layer_of(other) == layer_of(name)]
        members = tuple(Member(id_of(other), "Ready", "1", session) for other in seen)
        facts = replace(running(name, "Ready", session, ordinal=7), members=members)
        found[name] = replace(facts, confirmed={token: 7}) if name == "gl0" else facts
    return found


def with_chain(ordinal: int = 7, token: str | None = None) -> Tip:
    return Tip(ordinal, f"{ordinal:064x}", token)


def a_world(*facts: NodeFacts, others: dict[str, NodeFacts] | None = None) -> Observation:
    """The given nodes; the rest as in ``others``, else stopped without data."""
    nodes = {name: stopped(name) for name in NAMES if name != "operator"}
    nodes |= others or {}
    nodes |= {one.name: one for one in facts}
    return Observation(nodes)


def layer_of(name: str) -> str:
    return name.split("-")[0]
