"""``ottochain tx``: send, create, last-reference, status, lock, allow-spend."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from ottochain.cli.context import json_option
from ottochain.cli.lazy import LazyGroup
from ottochain.cli.output import say, show, show_json
from ottochain.cli.token_options import (
    TokenNetwork,
    advice,
    fate_words,
    on_network,
    open_signer,
    read_amount,
    read_signed_file,
    wallet_options,
)

if TYPE_CHECKING:
    from ottochain.ledger.references import Reference

COMMANDS = {
    "send": ("ottochain.cli.tx_send:send", "Send tokens, and wait until the network has decided."),
    "create": ("ottochain.cli.tx:create", "Sign a transaction into a file, as cl-wallet.jar does."),
    "last-reference": ("ottochain.cli.tx:last_reference", "Show what the next transaction of an address must name."),
    "status": ("ottochain.cli.tx:status", "Show what became of a transaction."),
    "lock": ("ottochain.cli.tx_apart:lock", "Lock tokens until an epoch, or for ever."),
    "allow-spend": ("ottochain.cli.tx_apart:allow_spend", "Let a metagraph spend some tokens until an epoch."),
}


@click.group(cls=LazyGroup, lazy=COMMANDS)
def tx() -> None:
    """Send tokens, and see what became of them."""


@click.command()
@click.option("-d", "--destination", required=True, help="Who gets it: an address.")
@click.option("-a", "--amount", required=True, help="How much, in tokens.")
@click.option("-n", "--normalized", is_flag=True, help="The amount is in datum, 10^-8 of a token.")
@click.option(
    "--fee", default="0", show_default=True, help="What is burnt besides: in datum, as cl-wallet.jar takes it."
)
@click.option(
    "-p", "--prevTxPath", "previous", type=click.Path(path_type=Path), help="The transaction before it, a file."
)
@click.option("-f", "--nextTxPath", "target", type=click.Path(path_type=Path), required=True, help="The file to write.")
@click.option(
    "--currency", metavar="TOKEN", help="The metagraph's id, for a first transaction there [default: the DAG]."
)
@wallet_options
@click.pass_context
def create(
    context: click.Context,
    /,
    destination: str,
    amount: str,
    normalized: bool,
    fee: str,
    previous: Path | None,
    target: Path,
    currency: str | None,
    **signer: Any,
) -> None:
    """Sign a transaction into a file, as cl-wallet.jar does.

    No node is asked: it follows the transaction of --prevTxPath, or is the first of its address. The options are those
    of cl-wallet.jar's create-transaction. The file is written anew when it is there. ottochain tx send --file sends it.
    """
    from ottochain.cli.context import load_deployment
    from ottochain.cli.transfers import first_parent, read_parent, signed_transfer, write_signed
    from ottochain.ops.errors import DeploymentInvalid

    try:
        wallets = load_deployment(context).places.wallets
    except DeploymentInvalid:
        wallets = None
    key = open_signer(wallets, **signer)
    network = TokenNetwork((), (), (), wallets, None)
    parent = read_parent(previous, key.address) if previous else first_parent(network, currency)
    made = signed_transfer(
        key,
        network.address_of(destination),
        read_amount(amount, "amount", datum=normalized),
        read_amount(fee, "fee", datum=True, least=0),
        parent,
    )
    write_signed(target, made.to_json())
    show(made.hash)


@click.command(name="last-reference")
@click.argument("address", metavar="ADDRESS|WALLET")
@json_option
@on_network("cl1")
def last_reference(network: TokenNetwork, address: str, as_json: bool) -> None:
    """Show what the next transaction of an address must name.

    Ordinal and hash of the last one that CL1 knows as accepted; what still waits is not in it.
    """
    found = ask_last_reference(network, network.address_of(address), "transactions")
    if as_json:
        show_json(found.to_json())
    else:
        show(f"{found.ordinal} {found.hash}")


def ask_last_reference(network: TokenNetwork, address: str, kind: Any) -> Reference:
    """What the layer says of an address, in the chain of that kind."""
    from ottochain.cli.submitting import endpoints, talk
    from ottochain.client import tokens
    from ottochain.ledger.references import Reference

    return Reference(*talk(lambda http: tokens.last_reference(endpoints(http, network.cl1), address, kind)))


@click.command()
@click.argument("item", metavar="HASH|FILE")
@json_option
@on_network("cl1", "ml0")
def status(network: TokenNetwork, item: str, as_json: bool) -> None:
    """Show what became of a transaction.

    Waiting, Accepted or Rejected, with the snapshot's ordinal and the reason; Unknown when no node has heard of it.
    Token locks and allow-spends, too. FILE is one that holds the signed transaction.
    """
    from ottochain.cli.submitting import endpoints, talk
    from ottochain.client import tokens
    from ottochain.ops.errors import Refused

    item_hash = _hash_of(item)
    found = talk(lambda http: tokens.fate(endpoints(http, network.cl1), endpoints(http, network.ml0), item_hash))
    if as_json:
        show_json({"hash": item_hash, "status": found.status, "ordinal": found.ordinal, "reason": found.reason})
        return
    if found.status == tokens.UNKNOWN:
        raise Refused(
            f"no node knows a transaction {item_hash}.",
            next_step="check the hash. Tessellation's nodes forget what they accepted: there, compare last references.",
        )
    show(fate_words(found))
    if found.status == "Rejected":
        say(f"Next: {advice(found.reason or '')}")


def _hash_of(item: str) -> str:
    """The hash itself, or that of the transaction in a file."""
    import re

    from ottochain.cli.transfers import read_transfers
    from ottochain.ops.errors import UsageError

    if re.fullmatch(r"[0-9a-f]{64}", item):
        return item
    if not Path(item).is_file():
        raise UsageError(f"{item!r} is neither a hash nor a file.", next_step="a hash has 64 hexadecimal digits.")
    (*_, last) = read_transfers(read_signed_file(Path(item)), item)
    return last.hash
