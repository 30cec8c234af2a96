"""``ottochain wallet``: new, show."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from ottochain.cli.context import json_option, load_deployment
from ottochain.cli.output import show, show_json

if TYPE_CHECKING:
    from ottochain.ops.wallets import Wallet


@click.group()
def wallet() -> None:
    """Make and show wallets.

    A wallet is a keystore in .ottochain/wallets with its password in a file beside it, both readable by you alone.
    """


@wallet.command()
@click.argument("name")
@click.option("--key-file", type=click.Path(path_type=Path, exists=True), help="Keep this key: 64 hexadecimal digits.")
@json_option
@click.pass_context
def new(context: click.Context, name: str, key_file: Path | None, as_json: bool) -> None:
    """Make the wallet NAME with a new key."""
    from ottochain.ops.wallets import Wallet, read_key_file

    made = Wallet(name, load_deployment(context).places.wallets)
    made.create(read_key_file(key_file) if key_file else None)
    _show([made], as_json)


@wallet.command(name="show")
@click.argument("name", required=False)
@json_option
@click.pass_context
def show_command(context: click.Context, name: str | None, as_json: bool) -> None:
    """Show the wallet NAME, or all: address and public id, never the key."""
    from ottochain.ops.wallets import Wallet, wallets

    folder = load_deployment(context).places.wallets
    _show([Wallet(name, folder)] if name else wallets(folder), as_json)


def _show(found: list[Wallet], as_json: bool) -> None:
    facts = [{"name": one.name, "address": one.address, "peerId": one.peer_id} for one in found]
    if as_json:
        show_json(facts)
    else:
        show("\n".join(f"{fact['name']:12} {fact['address']}  {fact['peerId']}" for fact in facts))
