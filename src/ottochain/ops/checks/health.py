"""The health of a deployment: every check, in the order in which an operator reads. Pure."""

from __future__ import annotations

from typing import Any

from ottochain.ops.checks.finding import Finding, next_steps, verdict_of
from ottochain.ops.checks.layers import check_layer
from ottochain.ops.checks.machine import check_machine
from ottochain.ops.facts.health import HealthFacts
from ottochain.ops.inventory.deployment import Deployment


def check_health(deployment: Deployment, facts: HealthFacts) -> list[Finding]:
    """Layer by layer from the top, then the machine."""
    findings = [finding for layer in deployment.engine.layers for finding in check_layer(deployment, facts, layer)]
    return findings + check_machine(deployment, facts)


def describe_health(deployment: Deployment, findings: list[Finding], at: str) -> dict[str, Any]:
    """What ``health --json`` prints. ``at``: the time of the look, in UTC."""
    return {
        "deployment": deployment.name,
        "at": at,
        "verdict": verdict_of(findings),
        "findings": [finding.to_json() for finding in findings],
        "next": next_steps(findings),
    }
