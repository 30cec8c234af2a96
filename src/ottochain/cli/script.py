"""``ottochain script``: create, invoke, get."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

import click

from ottochain.cli.context import json_option
from ottochain.cli.output import show
from ottochain.cli.submitting import Network, Signing, fetch, read_json, reading, send, show_chain_json, with_signing

SCRIPT: Final = "script"


@click.group()
def script() -> None:
    """Create, invoke and read scripts."""


@script.command()
@click.argument("program", type=click.Path(path_type=Path, exists=True, dir_okay=False))
@click.option("--initial-state", metavar="JSON|@FILE", help="The state it begins with [default: the file's, or none].")
@click.option("--access", metavar="JSON|@FILE", help='Who may invoke it [default: the file\'s, or {"Public":{}}].')
@click.option("--id", "fiber_id", metavar="UUID", help="Its id [default: drawn].")
@json_option
@with_signing
def create(
    program: Path,
    initial_state: str | None,
    access: str | None,
    fiber_id: str | None,
    signing: Signing,
    as_json: bool,
) -> None:
    """Create a script from its program.

    PROGRAM is a JSON file: the program itself, or an object with "scriptProgram", "initialState" and "accessControl".
    """
    from uuid import uuid4

    content: Any = read_json(f"@{program}")
    whole = content if isinstance(content, dict) and "scriptProgram" in content else {"scriptProgram": content}
    message = {
        "fiberId": fiber_id or str(uuid4()),
        "scriptProgram": whole["scriptProgram"],
        "initialState": read_json(initial_state) if initial_state else whole.get("initialState"),
        "accessControl": read_json(access) if access else whole.get("accessControl", {"Public": {}}),
    }
    send(signing, SCRIPT, "CreateScript", message, _show, as_json)


@script.command()
@click.argument("fiber_id", metavar="ID")
@click.argument("method")
@click.option("--args", "arguments", default="{}", show_default=True, metavar="JSON|@FILE", help="Its arguments.")
@json_option
@with_signing
def invoke(
    fiber_id: str,
    method: str,
    arguments: str,
    signing: Signing,
    as_json: bool,
) -> None:
    """Invoke METHOD of a script and show its result."""
    message = {
        "fiberId": fiber_id,
        "method": method,
        "args": read_json(arguments),
        "targetSequenceNumber": fetch(signing.network, SCRIPT, fiber_id)["sequenceNumber"],
    }
    send(signing, SCRIPT, "InvokeScript", message, _show, as_json)


@script.command()
@click.argument("fiber_id", metavar="ID")
@json_option
@reading
def get(network: Network, fiber_id: str, as_json: bool) -> None:
    """Show a script as it is now."""
    record = fetch(network, SCRIPT, fiber_id)
    if as_json:
        show_chain_json(record)
    else:
        _show(record)


def _show(record: Mapping[str, Any]) -> None:
    """The record for reading."""
    from ottochain.codec.exact_json import dumps

    lines = {
        "script": record["fiberId"],
        "status": record["status"],
        "sequence": record["sequenceNumber"],
        "state": dumps(record["stateData"]).decode(),
        "access": dumps(record["accessControl"]).decode(),
        "owners": " ".join(record["owners"]),
    }
    if last := record.get("lastInvocation"):
        lines["invoked"] = f"{last['method']} {dumps(last['args']).decode()} by {last['invokedBy']}"
        lines["result"] = dumps(last["result"]).decode()
        lines["gas"] = last["gasUsed"]
    show("\n".join(f"{name:9} {value}" for name, value in lines.items()))
