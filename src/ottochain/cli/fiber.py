"""``ottochain fiber``: create, event, archive, get, simulate."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import click

from ottochain.cli.context import json_option
from ottochain.cli.lazy import LazyGroup
from ottochain.cli.output import show
from ottochain.cli.submitting import Network, Signing, fetch, read_json, reading, send, show_chain_json, with_signing

if TYPE_CHECKING:
    from ottochain.client.data import Fate

MACHINE: Final = "machine"

COMMANDS = {
    "create": ("ottochain.cli.fiber:create", "Create a state machine from its definition."),
    "event": ("ottochain.cli.fiber:event", "Send an event to a state machine."),
    "archive": ("ottochain.cli.fiber:archive", "Close a state machine to further events."),
    "get": ("ottochain.cli.fiber:get", "Show a state machine as it is now."),
    "simulate": (
        "ottochain.cli.fiber_simulate:simulate",
        "Play messages through validation and combine, without any network.",
    ),
}


@click.group(cls=LazyGroup, lazy=COMMANDS)
def fiber() -> None:
    """Create, drive, read and simulate state machines."""


@click.command()
@click.argument("definition", type=click.Path(path_type=Path, exists=True, dir_okay=False))
@click.option("--initial-data", metavar="JSON|@FILE", help="The data it begins with [default: the file's, or {}].")
@click.option("--id", "fiber_id", metavar="UUID", help="Its id [default: drawn].")
@click.option("--parent", metavar="UUID", help="The machine it belongs to.")
@json_option
@with_signing
def create(
    definition: Path,
    initial_data: str | None,
    fiber_id: str | None,
    parent: str | None,
    signing: Signing,
    as_json: bool,
) -> None:
    """Create a state machine from its definition.

    DEFINITION is a JSON file: the definition (states, initialState, transitions), or an object with "definition" and
    "initialData". The signers become the owners.
    """
    from uuid import uuid4

    content: Any = read_json(f"@{definition}")
    whole = content if isinstance(content, dict) and "definition" in content else {"definition": content}
    data = read_json(initial_data) if initial_data else whole.get("initialData", {})
    fiber_id = fiber_id or str(uuid4())
    payload = {
        "fiberId": fiber_id,
        "definition": whole["definition"],
        "initialData": data,
        "parentFiberId": parent,
    }
    send(signing, MACHINE, "CreateStateMachine", payload, _show, as_json)


@click.command()
@click.argument("fiber_id", metavar="ID")
@click.argument("name", metavar="EVENT")
@click.option("--payload", default="{}", show_default=True, metavar="JSON|@FILE", help="What the event carries.")
@json_option
@with_signing
def event(
    fiber_id: str,
    name: str,
    payload: str,
    signing: Signing,
    as_json: bool,
) -> None:
    """Send an event to a state machine.

    The sequence number is read from the machine. An event that the machine takes and then fails at, such as one that
    no guard lets pass, is an error: it leaves a receipt with the reason.
    """
    message = {
        "fiberId": fiber_id,
        "eventName": name,
        "payload": read_json(payload),
        "targetSequenceNumber": fetch(signing.network, MACHINE, fiber_id)["sequenceNumber"],
    }
    send(signing, MACHINE, "TransitionStateMachine", message, _show, as_json, _refuse_failure)


@click.command()
@click.argument("fiber_id", metavar="ID")
@json_option
@with_signing
def archive(
    fiber_id: str,
    signing: Signing,
    as_json: bool,
) -> None:
    """Close a state machine to further events. It can be read as before, and not be opened again."""
    message = {
        "fiberId": fiber_id,
        "targetSequenceNumber": fetch(signing.network, MACHINE, fiber_id)["sequenceNumber"],
    }
    send(signing, MACHINE, "ArchiveStateMachine", message, _show, as_json)


@click.command()
@click.argument("fiber_id", metavar="ID")
@json_option
@reading
def get(network: Network, fiber_id: str, as_json: bool) -> None:
    """Show a state machine as it is now."""
    record = fetch(network, MACHINE, fiber_id)
    if as_json:
        show_chain_json(record)
    else:
        _show(record)


def _refuse_failure(record: Mapping[str, Any], fate: Fate) -> None:
    """A transition that failed is in the chain, with a receipt that says why; for its sender it is a failure."""
    from ottochain.ops.errors import Rejected

    receipt = record.get("lastReceipt")
    if receipt and receipt["ordinal"] == fate.ordinal and not receipt["success"]:
        raise Rejected(
            f"event {receipt['eventName']!r} failed in state {receipt['fromState']!r}: {receipt['errorMessage']}.",
            next_step=f"ottochain fiber get {record['fiberId']} shows the state and the events it takes.",
        )


def _show(record: Mapping[str, Any]) -> None:
    """The record for reading."""
    from ottochain.codec.exact_json import dumps

    leaving = [one for one in record["definition"]["transitions"] if one["from"] == record["currentState"]]
    events = ", ".join(dict.fromkeys(f"{one['eventName']} → {one['to']}" for one in leaving))
    lines = {
        "fiber": record["fiberId"],
        "state": record["currentState"],
        "status": record["status"],
        "sequence": record["sequenceNumber"],
        "data": dumps(record["stateData"]).decode(),
        "owners": " ".join(record["owners"]),
        "ordinals": f"created {record['creationOrdinal']}, last changed {record['latestUpdateOrdinal']}",
        "events": events or "none leaves this state",
    }
    if receipt := record.get("lastReceipt"):
        went = f"{receipt['fromState']} → {receipt['toState']}" if receipt["success"] else receipt["errorMessage"]
        lines["receipt"] = (
            f"{receipt['eventName']} {'succeeded' if receipt['success'] else 'failed'} "
            f"at ordinal {receipt['ordinal']}: {went}, gas {receipt['gasUsed']}"
        )
    show("\n".join(f"{name:9} {value}" for name, value in lines.items()))
