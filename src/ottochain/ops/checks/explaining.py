"""What an experienced colleague would say of a node: its state, since when, why, what it means, what to do. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from typing import Any, Final

from ottochain.ops.checks.finding import names, seconds_in_words
from ottochain.ops.checks.layers import can_work
from ottochain.ops.checks.progress import advances
from ottochain.ops.facts.node_logs import LogLine
from ottochain.ops.facts.observation import NodeFacts, Observation
from ottochain.ops.inventory.deployment import Deployment, Node
from ottochain.ops.moments import utc_text

SHORT_ID: Final = 8
TROUBLES_SHOWN: Final = 3

_BEGAN: Final = re.compile(r": starting \w+ \S+ as ")
_ENDED: Final = re.compile(r": the node ends: (.*)$")
_FAILED: Final = re.compile(r": (?:could not start|the node failed): (.*)$")
_HANDSHAKE: Final = re.compile(r": the handshake with (.*) failed: (.*)$")

_STATES: Final = {
    "Initial": "it has just begun",
    "ReadyToJoin": "it is a validator and waits for the operator's call to join its cluster",
    "LoadingGenesis": "it reads the genesis",
    "GenesisReady": "it has made the genesis",
    "RollbackInProgress": "it goes back to the head of its chain",
    "RollbackDone": "it is back at the head of its chain",
    "StartingSession": "it begins a session in its cluster",
    "SessionStarted": "it began a session, and the members that it asked did not let it in",
    "WaitingForDownload": "it joined, and waits for a member to download the chain from",
    "DownloadInProgress": "it downloads and checks the chain",
    "Observing": "it follows the chain as a learner until it has caught up",
    "WaitingForReady": "it has caught up, and waits for its layer",
    "WaitingForObserving": "it has the chain, and waits to follow it",
    "Leaving": "it was told to leave its cluster",
    "Offline": "it has left its cluster",
}
"""Why a node that answers is in a state other than Ready."""

_UNDERWAY: Final = frozenset(_STATES) - {"ReadyToJoin", "SessionStarted", "Offline"}
"""States that pass by themselves."""
LASTS_TOO_LONG_SECONDS: Final = 300.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Evidence:
    """What is known beyond the observation."""

    lines: Sequence[LogLine]
    """The end of the node's log, and of what it said outside it, in order."""
    paused: bool
    """Its process is there, and stopped by a signal or a debugger."""
    listener: str
    """Who listens on its public port, when it is not the node."""
    operation: str | None
    """Who changes the deployment at this moment."""
    now: float


@dataclass(frozen=True, slots=True)
class Explanation:
    """The answer."""

    node: str
    state: str
    since: str | None
    """UTC; None when it is not known."""
    why: tuple[str, ...]
    means: tuple[str, ...]
    next_step: str

    def to_json(self) -> dict[str, Any]:
        """Its members by name, and the next command under ``next``, as ``health --json`` has it."""
        members = asdict(self)
        members["next"] = members.pop("next_step")
        return members


def explain(deployment: Deployment, observation: Observation, node: Node, evidence: Evidence) -> Explanation:
    """The node as it is now."""
    facts = observation[node.name]
    state, since, why, step = _judged(deployment, observation, node, facts, evidence)
    if evidence.operation:
        why = (*why, f"{evidence.operation} is at work: this may be its doing")
        step = "wait until that has ended, then ask again"
    means = tuple(_consequences(deployment, observation, node, facts))
    return Explanation(node.name, state, None if since is None else utc_text(since), why, means, step)


_Judgement = tuple[str, float | None, tuple[str, ...], str]


def _judged(
    deployment: Deployment, observation: Observation, node: Node, facts: NodeFacts, evidence: Evidence
) -> _Judgement:
    if facts.is_stranger:
        why = f"{evidence.listener} listens on its port {node.ports.public}, and calls itself by another id"
        return (
            "kept out",
            None,
            (why,),
            "end that process, or give the deployment another port_offset; then ottochain up",
        )
    if facts.state == "Ready":
        return _ready(deployment, observation, node, facts, evidence)
    if facts.state is not None:
        return _under_way(node, facts, evidence)
    if facts.process == "running":
        return _silent(node, facts, evidence)
    if facts.process == "unknown":
        return (
            "unknown",
            None,
            (f"whether its process lives can't be seen, and it does not answer: {facts.silent_because}",),
            "ottochain health",
        )
    return _stopped(node, evidence)


def _ready(
    deployment: Deployment, observation: Observation, node: Node, facts: NodeFacts, evidence: Evidence
) -> _Judgement:
    since = _state_since(facts, evidence)
    own = facts.own
    if own and own.diverged:
        parent = deployment.parent_of(node)
        above = parent.name if parent else "the other validators"
        why = f"{above} does not have the snapshot {facts.ordinal} that this node followed"
        return (
            "diverged",
            since,
            (why, *_troubles(evidence)),
            f"ottochain logs {node.name} --grep diverged; the guide's page Troubleshooting has the ways out",
        )
    missing = [other.name for other in observation.ready(node.layer) if not other.sees_ready(facts.peer_id)]
    if missing:
        return (
            "Ready, and not seen so by all",
            since,
            (f"{names(missing)} does not see it as a Ready member", *_troubles(evidence)),
            "ottochain up",
        )
    if own and own.waiting_for:
        known = {one.key.peer_id: one.name for one in deployment.nodes}
        waited = [known.get(one, one[:SHORT_ID]) for one in own.waiting_for]
        why = f"for its next snapshot it waits for the votes of {names(waited)}"
        return (
            "Ready, and waiting",
            since,
            (why,),
            f"ottochain explain {waited[0]}" if waited[0] in deployment.by_name else "ottochain health",
        )
    parent = deployment.parent_of(node)
    if parent and not observation[parent.name].answers:
        is_gone = observation[parent.name].process == "stopped"
        why = (
            f"nothing is wrong with it; {parent.name}, which it reads from, {'is stopped' if is_gone else 'is silent'}"
        )
        return "Ready, and waiting", since, (why,), f"ottochain explain {parent.name}"
    if advances(facts) is False:
        why = f"its head, ordinal {facts.ordinal}, has not moved for longer than it should"
        follows = parent is not None and not deployment.engine.rules(node.layer).keeps_chain
        step = f"ottochain explain {parent.name}" if parent and follows else f"ottochain logs {node.name} --since 10m"
        return "Ready, and standing still", since, (why, *_troubles(evidence)), step
    return "Ready", since, ("nothing is wrong with it",), ""


def _under_way(node: Node, facts: NodeFacts, evidence: Evidence) -> _Judgement:
    state = facts.state or ""
    lasting = facts.own.state_seconds if facts.own else None
    why = [_STATES.get(state, f"it says that it is {state}")]
    refused = next((found for line in reversed(evidence.lines) if (found := _HANDSHAKE.search(line.text))), None)
    if state == "SessionStarted" and refused:
        why.append(f"the handshake with {refused[1]} failed: {refused[2]}")
    if state in _UNDERWAY and (lasting is None or lasting < LASTS_TOO_LONG_SECONDS):
        step = f"wait: this passes by itself; ottochain logs -f {node.name} shows it"
    else:
        why += _troubles(evidence)
        step = "ottochain up"
    return state, _state_since(facts, evidence), tuple(why), step


def _silent(node: Node, facts: NodeFacts, evidence: Evidence) -> _Judgement:
    if evidence.paused:
        return (
            "paused",
            None,
            (f"its process {facts.pid} was stopped by a signal (SIGSTOP) or a debugger, and holds its lock",),
            f"kill -CONT {facts.pid}",
        )
    why = (f"its process {facts.pid} lives, and does not answer: {facts.silent_because}", *_troubles(evidence))
    return "silent", None, why, f"ottochain logs {node.name}; if it stays so, ottochain up"


def _stopped(node: Node, evidence: Evidence) -> _Judgement:
    lines = evidence.lines
    if not any(not line.from_error_file for line in lines):
        said = [line.text for line in lines][-TROUBLES_SHOWN:]
        return "stopped", None, ("it has never written a log", *said), "ottochain up"
    began = max((at for at, line in enumerate(lines) if _BEGAN.search(line.text)), default=0)
    life = lines[began:]
    last = next(line.at for line in reversed(lines) if not line.from_error_file)
    for line in reversed(life):
        if found := _FAILED.search(line.text):
            return "stopped", line.at, (f"it could not go on: {found[1]}",), "mend that, then ottochain up"
        if found := _ENDED.search(line.text):
            step = "ottochain up, when it should run"
            return "stopped", line.at, (f"it ended in good order: {found[1]}",), step
    said = [line.text for line in life if line.from_error_file][-TROUBLES_SHOWN:]
    if said:
        return "stopped", None, (f"it ended with these words: {said[0]}", *said[1:]), "ottochain up"
    why = "it was killed (kill -9, out of memory), or the machine lost power: its log breaks off without a last word"
    return (
        "stopped",
        None,
        (why, f"its log ends at {utc_text(last)}"),
        "ottochain up: it goes on with what it has on disk",
    )


def _troubles(evidence: Evidence) -> list[str]:
    """The last warnings and errors of this life of the node."""
    began = max((at for at, line in enumerate(evidence.lines) if _BEGAN.search(line.text)), default=0)
    found = [line.text for line in evidence.lines[began:] if line.level in ("WARNING", "ERROR", "CRITICAL")]
    return [f"its log says: {text}" for text in found[-TROUBLES_SHOWN:]]


def _state_since(facts: NodeFacts, evidence: Evidence) -> float | None:
    lasting = facts.own.state_seconds if facts.own else None
    return None if lasting is None else evidence.now - lasting


def _consequences(deployment: Deployment, observation: Observation, node: Node, facts: NodeFacts) -> Iterator[str]:
    """What this means for its layer, for those below it, and where it stands itself."""
    nodes = observation.layer(node.layer)
    working = sum(can_work(one) for one in nodes)
    need = deployment.need(node.layer)
    verb = "works" if working >= need else "pauses"
    yield f"{node.layer} {verb}: {working} of {len(nodes)} Ready, {need} needed"
    if facts.answers and facts.members is not None:
        others = "itself only" if len(facts.members) == 1 else f"{len(facts.members)} members, itself among them"
        yield f"it sees {others}"
    if facts.ordinal is not None:
        own = facts.own
        age = f", {seconds_in_words(own.ordinal_seconds)} ago" if own and own.ordinal_seconds is not None else ""
        confirmed = f"; GL0 holds ML0's {own.confirmed}" if own and own.confirmed is not None else ""
        yield f"its head is ordinal {facts.ordinal}{age}{confirmed}"
    parent = deployment.parent_of(node)
    if parent:
        above = observation[parent.name]
        yield f"it reads from {parent.name}, which is {above.state or above.process}"
    below = [one.name for one in deployment.nodes if deployment.parent_of(one) is node]
    if below and not facts.is_ready:
        yield f"{names(below)} read from it, and stand still without it"
