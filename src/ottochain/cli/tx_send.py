"""``ottochain tx send``: sign, hand in, wait, and tell what became of each transaction."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from ottochain.cli.context import json_option
from ottochain.cli.output import show
from ottochain.cli.sending import Sent, hand_in, tell, waiting_options
from ottochain.cli.submitting import show_chain_json
from ottochain.cli.token_options import (
    TokenNetwork,
    on_network,
    open_signer,
    read_amount,
    read_signed_file,
    wallet_options,
)

if TYPE_CHECKING:
    from ottochain.ledger.transactions import SignedTransaction


@click.command()
@click.argument("payments", nargs=-1, metavar="[TO AMOUNT]...")
@click.option("--fee", default="0", show_default=True, help="What is burnt besides, for each, in tokens.")
@click.option("--datum", is_flag=True, help="Amounts and fee are in datum, 10^-8 of a token.")
@click.option(
    "--after",
    type=click.Path(path_type=Path, exists=True, dir_okay=False),
    help="Follow the transaction in this file [default: the address's last reference].",
)
@click.option(
    "--file",
    "files",
    multiple=True,
    type=click.Path(path_type=Path, exists=True, dir_okay=False),
    help="Send what is signed in this file already; may be given several times.",
)
@click.option("--print", "print_only", is_flag=True, help="Print the signed transactions as JSON and send nothing.")
@wallet_options
@waiting_options
@json_option
@on_network("cl1", "ml0")
def send(
    network: TokenNetwork,
    payments: tuple[str, ...],
    fee: str,
    datum: bool,
    after: Path | None,
    files: tuple[Path, ...],
    print_only: bool,
    seconds: float,
    no_wait: bool,
    as_json: bool,
    **signer: Any,
) -> None:
    """Send tokens, and wait until the network has decided.

    TO is an address, or the name of a wallet of the deployment; AMOUNT is in tokens, with up to 8 decimals. Several
    pairs become a chain of transactions, each after the one before it.
    """
    from ottochain.cli.transfers import read_transfers
    from ottochain.ops.errors import UsageError

    if bool(files) == bool(payments):
        raise UsageError(
            "say either whom to pay, or --file.", next_step="ottochain tx send TO AMOUNT, or tx send --file SIGNED.json"
        )
    if files:
        made = [each for file in files for each in read_transfers(read_signed_file(file), str(file))]
    else:
        made = _signed(network, payments, fee, datum, after, signer)
    if print_only:
        values = [each.to_json() for each in made]
        show_chain_json(values[0] if len(values) == 1 else values)
        return
    sent = hand_in(network, made, "transactions", None if no_wait else seconds)
    tell(sent, as_json, lambda shown: show(_account(shown)), waited=not no_wait)


def _signed(
    network: TokenNetwork, payments: Sequence[str], fee: str, datum: bool, after: Path | None, signer: dict[str, Any]
) -> list[SignedTransaction]:
    """A chain of transactions; everything that was typed is looked at before anybody is asked."""
    from ottochain.cli.transfers import read_parent, signed_transfer
    from ottochain.cli.tx import ask_last_reference
    from ottochain.ops.errors import UsageError

    if len(payments) % 2:
        raise UsageError(
            f"{payments[-1]!r} stands alone: each receiver needs an amount.", next_step="tx send TO AMOUNT [TO AMOUNT]…"
        )
    pairs = [
        (network.address_of(to), read_amount(amount, "amount", datum=datum))
        for to, amount in zip(payments[::2], payments[1::2], strict=True)
    ]
    burnt = read_amount(fee, "fee", datum=datum, least=0)
    key = open_signer(network.wallets, **signer)
    for to, _ in pairs:
        if to == key.address:
            raise UsageError(f"{to} would pay itself.", next_step="name another receiver, or --wallet.")
    parent = read_parent(after, key.address) if after else ask_last_reference(network, key.address, "transactions")
    made = []
    for to, amount in pairs:
        made.append(signed_transfer(key, to, amount, burnt, parent))
        parent = made[-1].reference
    return made


def _account(sent: Sequence[Sent]) -> str:
    from ottochain.ledger.amounts import write_tokens

    lines = []
    for each in sent:
        value = each.item.value
        fee = f", fee {write_tokens(value.fee)}" if value.fee else ""
        lines.append(f"{each.item.hash}  {write_tokens(value.amount)} to {value.destination}{fee}  {each.words}")
    return "\n".join(lines)
