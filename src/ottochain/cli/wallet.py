"""``ottochain wallet``: new, show, list, balance."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import click

from ottochain.cli.context import json_option, load_deployment
from ottochain.cli.lazy import LazyGroup
from ottochain.cli.output import say, show, show_json, table
from ottochain.cli.token_options import TokenNetwork, on_network

if TYPE_CHECKING:
    from ottochain.client.chain import Balance
    from ottochain.client.endpoint import Endpoint
    from ottochain.client.light import LightClient
    from ottochain.ops.wallets import Wallet

COMMANDS = {
    "new": ("ottochain.cli.wallet:new", "Make the wallet NAME with a new key."),
    "show": (
        "ottochain.cli.wallet:show_command",
        "Show the wallet NAME, or all: address and public id, never the key.",
    ),
    "list": ("ottochain.cli.wallet:list_command", "List the deployment's wallets."),
    "balance": ("ottochain.cli.wallet:balance", "Show what wallets or addresses own: tokens at ML0, DAG at GL0."),
}


@click.group(cls=LazyGroup, lazy=COMMANDS)
def wallet() -> None:
    """Make and show wallets, and what they own.

    A wallet is a keystore in .ottochain/wallets with its password in a file beside it, both readable by you alone.
    """


@click.command()
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


@click.command(name="show")
@click.argument("name", required=False)
@json_option
@click.pass_context
def show_command(context: click.Context, name: str | None, as_json: bool) -> None:
    """Show the wallet NAME, or all: address and public id, never the key."""
    from ottochain.ops.wallets import Wallet, wallets

    folder = load_deployment(context).places.wallets
    _show([Wallet(name, folder)] if name else wallets(folder), as_json)


@click.command(name="list")
@json_option
@click.pass_context
def list_command(context: click.Context, as_json: bool) -> None:
    """List the deployment's wallets."""
    from ottochain.ops.wallets import wallets

    _show(wallets(load_deployment(context).places.wallets), as_json)


def _show(found: list[Wallet], as_json: bool) -> None:
    facts = [{"name": one.name, "address": one.address, "peerId": one.peer_id} for one in found]
    if as_json:
        show_json(facts)
    else:
        show("\n".join(f"{fact['name']:12} {fact['address']}  {fact['peerId']}" for fact in facts))


@click.command()
@click.argument("owners", nargs=-1, metavar="[WALLET|ADDRESS]...")
@json_option
@on_network("ml0", "gl0")
def balance(network: TokenNetwork, owners: tuple[str, ...], as_json: bool) -> None:
    """Show what wallets or addresses own: tokens at ML0, DAG at GL0.

    Without names, of all wallets. What waits in CL1 is not in it yet. A dash (JSON: null) means that the layer gave no
    answer. JSON has amounts in datum, 10^-8 of a token.
    """
    from ottochain.cli.submitting import talk
    from ottochain.ledger.amounts import write_tokens
    from ottochain.ops.errors import GateNotMet, Refused
    from ottochain.ops.wallets import wallets

    named = list(owners) or [one.name for one in wallets(network.wallets or Path())]
    if not named:
        raise Refused("there is no wallet here.", next_step="ottochain wallet new NAME, or name an address.")
    addresses = [network.address_of(owner) for owner in named]
    tokens, dag, why = talk(lambda http: _balances(http, network, addresses))
    if tokens is None and dag is None:
        raise GateNotMet(f"no node answers: {'; '.join(why)}.", next_step="ottochain status; ottochain up")
    facts = [
        {"name": name, "address": address, "token": _amount(tokens, place), "dag": _amount(dag, place)}
        for place, (name, address) in enumerate(zip(named, addresses, strict=True))
    ]
    ordinals = {"ml0": tokens[0].ordinal if tokens else None, "gl0": dag[0].ordinal if dag else None}
    if as_json:
        show_json({"balances": facts, "ordinals": ordinals})
        return
    rows = [
        (
            str(one["name"]) if one["name"] != one["address"] else "-",
            str(one["address"]),
            *("-" if one[of] is None else write_tokens(int(str(one[of]))) for of in ("token", "dag")),
        )
        for one in facts
    ]
    show(table(("wallet", "address", "tokens", "DAG"), rows, right=(2, 3)))
    for each in why:
        say(f"No answer: {each}")


def _amount(found: Sequence[Balance] | None, place: int) -> int | None:
    return found[place].amount if found else None


async def _balances(http: LightClient, network: TokenNetwork, addresses: Sequence[str]) -> tuple[Any, Any, list[str]]:
    """Of each layer the balances in order, or None and why."""
    from functools import partial

    from ottochain.cli.submitting import endpoints
    from ottochain.client.chain import ChainClient
    from ottochain.client.endpoint import Refused
    from ottochain.client.failover import NobodyAnswers, first_of

    why: list[str] = []

    async def of(layer: Literal["ml0", "gl0"]) -> list[Balance] | None:
        nodes = endpoints(http, network.ml0 if layer == "ml0" else network.gl0)

        async def ask(address: str, one: Endpoint) -> Balance:
            return await ChainClient.of(layer, one).balance(address)

        try:
            return [(await first_of(nodes, partial(ask, address)))[1] for address in addresses]
        except (NobodyAnswers, Refused) as error:
            why.append(f"{layer} {error}")
            return None

    return await of("ml0"), await of("gl0"), why
