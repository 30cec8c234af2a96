"""What an operator wants to know of a step before it is done: its effect, its gate, how long, whether it can be undone.

Everything follows from the action, so that no planner can forget it. Pure.
"""

from __future__ import annotations

from dataclasses import dataclass

from ottochain.ops.inventory.deployment import Deployment
from ottochain.ops.plan.steps import Action, BringUp, HandOver, Leave, PutBack, Quarantine, Stop, Verify

STOP_SECONDS = 0.3
START_SECONDS = 1.0
VERIFY_SECONDS = 0.2


@dataclass(frozen=True, slots=True)
class Telling:
    """``undo`` is the command that takes the step back; empty when there is nothing to take back."""

    effect: str
    gate: str
    seconds: float
    undo: str = ""


def tell(deployment: Deployment, action: Action) -> Telling:
    """What is to be known of a step of a procedure, or of a small one as far as it can be told beforehand."""
    seconds = expected_seconds(action)
    match action:
        case Stop(node, life):
            process = f"process {life.partition('@')[0]}" if life else "its process"
            effect = f"SIGTERM to {process} of {node}; SIGKILL if it has not ended after 15 s"
            return Telling(effect, "the process is gone and its data folder free", seconds, f"ottochain start {node}")
        case BringUp(nodes):
            cli = ", ".join(str(deployment.by_name[name].ports.cli) for name in nodes)
            effect = (
                "ottochain-node LAYER MODE in the data folder of each stopped node, MODE by what is found then; "
                f"POST /cluster/join on its cli port ({cli}) where a peer is Ready"
            )
            gate = "Ready, in its layer's one cluster session, seen Ready by every Ready peer"
            return Telling(effect, gate, seconds, f"ottochain stop {' '.join(nodes)}")
        case Verify():
            return Telling("only reads", "what the plan promised is seen", seconds)
        case Leave(node):
            effect = f"POST /cluster/leave on the cli port {deployment.by_name[node].ports.cli} of {node}"
            return Telling(effect, "no Ready peer sees it Ready any more", seconds, f"ottochain node join {node}")
        case HandOver(node):
            effect = f"POST of what waits in the pool of {node}, on disk, to a Ready peer"
            return Telling(effect, "each of it is known there, waiting or decided", seconds)
        case Quarantine(node, place):
            folder = deployment.by_name[node].data_dir
            effect = f"{folder} is moved to {deployment.places.quarantine / place}"
            return Telling(effect, "another Ready node holds as much; the folder is there", seconds, f"mv {place} back")
        case PutBack(node, place):
            effect = f"{deployment.places.quarantine / place} is moved back to {deployment.by_name[node].data_dir}"
            return Telling(effect, "the folder is there", seconds)
        case _:
            return Telling("", "", seconds)


def expected_seconds(action: Action) -> float:
    """About how long it takes on an idle machine of two cores; only ever shown, nothing waits by it."""
    match action:
        case Stop() | Leave() | HandOver() | Quarantine() | PutBack():
            return STOP_SECONDS
        case BringUp():
            return START_SECONDS
        case Verify():
            return VERIFY_SECONDS
        case _:
            return 0.0
