"""The plan of ``up``: from what is observed to every node Ready. Pure.

Parents start before children: when the engine's nodes need it, a layer waits until its parent is Ready, else it starts
beside it. A layer's founder is Ready before anybody joins it; nodes of one layer start together. While founding, the
L1 layers wait for the token, which comes out of ML0's genesis.

The same plan for some nodes only, its *scope*, is how every other procedure starts nodes again: nodes outside are
counted as what they are, and left alone.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass, field, replace

from ottochain.ops.engine import LAYERS, RUN_GENESIS, Layer
from ottochain.ops.facts.observation import Observation, cluster_is_whole, confirmed_in_gl0
from ottochain.ops.inventory.deployment import Deployment
from ottochain.ops.plan.chain import Chain, shows_chain
from ottochain.ops.plan.run_mode import Decision, decide
from ottochain.ops.plan.steps import (
    AwaitConfirmed,
    AwaitReady,
    AwaitWhole,
    CreateGenesis,
    Enrol,
    Join,
    Plan,
    Record,
    Start,
    Step,
    Stop,
)


@dataclass(slots=True)
class _Draft:
    """A plan being written."""

    deployment: Deployment
    observation: Observation
    chain: Chain
    scope: frozenset[str]
    steps: list[Step] = field(default_factory=list)
    gates: dict[Layer, tuple[str, ...]] = field(default_factory=dict)
    """Per layer the steps after which its children may start."""

    def add(self, step: Step) -> str:
        self.steps.append(step)
        return step.id

    def names(self, layer: Layer) -> list[str]:
        """The nodes of a layer that are to be brought up."""
        return [node.name for node in self.deployment.layer(layer) if node.name in self.scope]


def plan_up(
    deployment: Deployment, observation: Observation, chain: Chain, scope: Collection[str] | None = None
) -> Plan:
    """Every step from the observation to these nodes (None: all) being up. Empty when they are up already.

    Raises ``Refused`` when a node outside the scope would have to come first.
    """
    everything = frozenset(deployment.by_name)
    draft = _Draft(deployment, observation, chain, everything if scope is None else frozenset(scope))
    if chain.to_write:
        sentence = f"Record that the chain is {'being founded' if chain.record.phase == 'founding' else 'founded'}"
        why = "before the first genesis" if chain.record.phase == "founding" else "the record was lost"
        draft.add(Step("record", sentence, why, Record(chain.to_write)))
    if all(_plan_layer(draft, layer) for layer in LAYERS):
        _plan_confirmation(draft)
    return Plan(tuple(draft.steps))


def _plan_layer(draft: _Draft, layer: Layer) -> bool:
    """False when the rest can only be planned after what was planned here has been done and looked at."""
    engine = draft.deployment.engine
    rules = engine.rules(layer)
    nodes = draft.observation.layer(layer)
    after = draft.gates[rules.parent] if rules.parent else _ids(draft, "record")
    draft.gates[layer] = after
    names = draft.names(layer)
    if not names:
        return True
    may_found = draft.chain.record.phase == "founding" and not any(shows_chain(node) for node in nodes)
    decisions = decide(rules, nodes, may_found, names)
    if any(decision.do == "stop" for decision in decisions.values()):
        for name, decision in decisions.items():
            draft.add(Step(f"stop {name}", f"Stop {name} and look at its data", decision.why, Stop(name), after))
        return False
    founder = next((name for name, decision in decisions.items() if decision.founds), None)
    if founder and decisions[founder].mode == RUN_GENESIS:
        after, decisions = _plan_genesis(draft, layer, founder, after, decisions)
    opened: tuple[str, ...] = ()
    draft.gates[layer] = after
    if founder:
        started = (_plan_start(draft, founder, decisions[founder], after),)
        why = "the others join it" if len(names) > 1 else decisions[founder].why
        ready = Step(f"ready {founder}", f"Wait until {founder} is Ready", why, AwaitReady(founder), started)
        opened = (draft.add(ready),)
        draft.gates[layer] = opened if engine.waits_for_parents else started
    for name, decision in decisions.items():
        if decision.joins:
            _plan_validator(draft, layer, name, decision, after, opened)
    if len(nodes) > 1 and (
        any(d.do != "keep" for d in decisions.values()) or not cluster_is_whole(draft.observation, layer, names)
    ):
        _plan_whole(draft, layer)
    return True


def _plan_genesis(
    draft: _Draft, layer: Layer, founder: str, after: tuple[str, ...], decisions: dict[str, Decision]
) -> tuple[tuple[str, ...], dict[str, Decision]]:
    """A genesis starts from a file: GL0's was written by ``init``, ML0's is made now, when GL0 is there."""
    places = draft.deployment.places
    if layer == "gl0":
        file = places.gl0_genesis
    else:
        file = places.ml0_genesis.with_name("genesis.snapshot")
        step = Step(
            f"genesis {founder}",
            f"Let {founder} make the metagraph's genesis",
            "the token is the address of its content",
            CreateGenesis(founder),
            after,
        )
        after = (draft.add(step),)
    return after, {**decisions, founder: replace(decisions[founder], argument=str(file))}


def _plan_start(draft: _Draft, name: str, decision: Decision, after: tuple[str, ...]) -> str:
    if decision.do == "restart":
        after = (draft.add(Step(f"stop {name}", f"Stop {name}", decision.why, Stop(name), after)),)
    assert decision.mode
    action = Start(name, decision.mode, decision.argument)
    return draft.add(Step(f"start {name}", f"Start {name} in {decision.mode}", decision.why, action, after))


def _plan_validator(
    draft: _Draft, layer: Layer, name: str, decision: Decision, after: tuple[str, ...], opened: tuple[str, ...]
) -> None:
    """Start it beside the founder, and join it when the founder is Ready. On an L0 layer it becomes a validator then:
    one after the other, because each change of the set follows from the one before."""
    before = opened
    if decision.do != "join":
        before = (*opened, _plan_start(draft, name, decision, after))
    learns = draft.deployment.engine.rules(layer).keeps_chain
    seen = "it has the chain" if learns else "every peer sees it Ready"
    joined = draft.add(
        Step(f"join {name}", f"Join {name} to its cluster and wait until {seen}", decision.why, Join(name), before)
    )
    if learns:
        others = _ids(draft, *(f"enrol {other}" for other in draft.names(layer)))
        sentence = f"Make {name} a validator and wait until it is Ready"
        why = "a learner votes once the committed set names it"
        draft.add(Step(f"enrol {name}", sentence, why, Enrol(name), (joined, *others[-1:])))


def _plan_whole(draft: _Draft, layer: Layer) -> None:
    names = draft.names(layer)
    done = _ids(draft, *(f"{verb} {name}" for name in names for verb in ("ready", "join", "enrol")))
    if len(names) == len(draft.deployment.layer(layer)):
        sentence = f"Wait until {', '.join(names)} all see one another Ready"
    else:
        sentence = f"Wait until {', '.join(names)} and the Ready peers all see one another Ready"
    draft.add(Step(f"whole {layer}", sentence, "a layer is one cluster", AwaitWhole(layer, tuple(names)), done))


def _plan_confirmation(draft: _Draft) -> None:
    """The founding ends, and every start is proven, when GL0 holds what ML0 made."""
    record, ml0 = draft.chain.record, draft.deployment.layer("ml0")[0]
    both = (draft.deployment.layer("gl0")[0].name, ml0.name)
    if not (draft.names("gl0") or draft.names("ml0")) or not all(
        name in draft.scope or draft.observation[name].is_ready for name in both
    ):
        return
    held = confirmed_in_gl0(draft.observation, record.token)
    if record.phase == "founded" and held is not None and not draft.steps:
        return
    why = "the founding ends there" if record.phase == "founding" else "a snapshot is final there"
    sentence = f"Wait until GL0 holds a snapshot of {ml0.name}"
    after = _ids(
        draft, *(f"ready {facts.name}" for layer in ("gl0", "ml0") for facts in draft.observation.layer(layer))
    )
    draft.add(Step("confirmed", sentence, why, AwaitConfirmed(ml0.name), after))


def _ids(draft: _Draft, *wanted: str) -> tuple[str, ...]:
    """Those of the wanted steps that are in the plan."""
    there = {step.id for step in draft.steps}
    return tuple(step for step in wanted if step in there)
