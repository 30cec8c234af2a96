"""``ottochain deployment show``."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from ottochain.cli.context import json_option, load_deployment
from ottochain.cli.output import show, show_json

if TYPE_CHECKING:
    from ottochain.ops.inventory.deployment import Deployment, Node


@click.group()
def deployment() -> None:
    """Show the deployment with all that is derived."""


@deployment.command(name="show")
@json_option
@click.pass_context
def show_command(context: click.Context, as_json: bool) -> None:
    """Print everything derived: ports, files, environment, order, join targets. Secrets appear as places only."""
    facts = describe(load_deployment(context))
    if as_json:
        show_json(facts)
    else:
        show("\n".join(_lines(facts)))


def describe(subject: Deployment) -> dict[str, object]:
    """The whole deployment as plain data."""
    from ottochain.ops import chain_record

    record = chain_record.read(subject.places.chain_record)
    token = record.token if record else None
    return {
        "deployment": subject.name,
        "file": str(subject.places.file),
        "engine": subject.engine.name,
        "profile": subject.profile.name,
        "environment": subject.environment,
        "chain": record.phase if record else "none",
        "token": token,
        "operator": subject.operator.peer_id,
        "startOrder": [node.name for layer in subject.start_order for node in layer],
        "stopOrder": [node.name for layer in subject.stop_order for node in layer],
        "need": {layer: subject.need(layer) for layer in subject.engine.layers},
        "nodes": [_describe_node(subject, node, token) for node in subject.nodes],
    }


def _describe_node(subject: Deployment, node: Node, token: str | None) -> dict[str, object]:
    from ottochain.ops.launch import environment

    join = [peer.name for peer in subject.layer(node.layer) if peer.name != node.name]
    validator = subject.engine.rules(node.layer).modes[-1]
    parent = subject.parent_of(node)
    return {
        "node": node.name,
        "layer": node.layer,
        "host": node.host,
        "ports": {"public": node.ports.public, "p2p": node.ports.p2p, "cli": node.ports.cli},
        "peerId": node.key.peer_id,
        "keystore": str(node.key.keystore),
        "password": str(node.key.password),
        "data": str(node.data_dir),
        "log": str(node.log_file),
        "parent": parent.name if parent else None,
        "joinTargets": join,
        "modes": list(subject.engine.rules(node.layer).modes),
        "env": {**environment(subject, node, validator, token), **node.env},
    }


def _lines(facts: dict[str, object]) -> list[str]:
    """The same facts, for reading."""
    lines = []
    for name, value in facts.items():
        if name != "nodes":
            lines.append(f"{name:12} {_plain(value)}")
    for node in facts["nodes"]:  # type: ignore[attr-defined]
        lines.append("")
        for name, value in node.items():
            if name == "env":
                lines += [f"  {key}={text}" for key, text in value.items()]
            else:
                lines.append(f"{name:12} {_plain(value)}" if name == "node" else f"  {name:12} {_plain(value)}")
    return lines


def _plain(value: object) -> str:
    if isinstance(value, dict):
        return ", ".join(f"{key} {text}" for key, text in value.items())
    if isinstance(value, list):
        return " ".join(str(item) for item in value) or "-"
    return "-" if value is None else str(value)
