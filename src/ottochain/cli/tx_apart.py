"""``ottochain tx lock`` and ``ottochain tx allow-spend``: tokens that are set apart."""

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
    from ottochain.client.currency import Kind
    from ottochain.ledger.references import Reference


@click.command()
@click.argument("amount")
@click.option("--until", type=click.IntRange(1), metavar="EPOCH", help="When it comes back.")
@click.option("--forever", is_flag=True, help="It never comes back.")
@click.option("--fee", default="0", show_default=True, help="What is burnt besides, in tokens.")
@click.option("--datum", is_flag=True, help="Amount and fee are in datum, 10^-8 of a token.")
@click.option("--currency", metavar="TOKEN", help="The metagraph's id [default: the deployment's].")
@click.option(
    "--parent",
    type=click.Path(path_type=Path, exists=True),
    help="A file with ordinal and hash of the address's last lock [default: CL1 is asked].",
)
@click.option("--print", "print_only", is_flag=True, help="Print the signed lock as JSON and send nothing.")
@wallet_options
@waiting_options
@json_option
@on_network("cl1", "ml0")
def lock(
    network: TokenNetwork,
    amount: str,
    until: int | None,
    forever: bool,
    fee: str,
    datum: bool,
    currency: str | None,
    parent: Path | None,
    print_only: bool,
    seconds: float,
    no_wait: bool,
    as_json: bool,
    **signer: Any,
) -> None:
    """Lock tokens until an epoch, or for ever.

    They leave the balance now, and come back after the global epoch --until.
    """
    from ottochain.ledger.token_locks import TokenLock
    from ottochain.ops.errors import UsageError

    if forever == (until is not None):
        raise UsageError("say either --until EPOCH or --forever.", next_step="what is locked for ever is lost.")
    tokens = read_amount(amount, "amount", datum=datum)
    burnt = read_amount(fee, "fee", datum=datum, least=0)
    key = open_signer(network.wallets, **signer)
    last = _parent(network, key.address, parent, "token-locks")
    value = TokenLock(key.address, tokens, burnt, last, _currency(network, currency), until)
    _send(network, value, key, "token-locks", print_only, None if no_wait else seconds, as_json)


@click.command(name="allow-spend")
@click.argument("destination", metavar="METAGRAPH")
@click.argument("amount")
@click.option("--until", type=int, metavar="EPOCH", required=True, help="The last epoch in which it may be spent.")
@click.option("--fee", default="0", show_default=True, help="What is burnt besides, in tokens.")
@click.option("--datum", is_flag=True, help="Amount and fee are in datum, 10^-8 of a token.")
@click.option("--currency", metavar="TOKEN", help="The metagraph's id [default: the deployment's].")
@click.option("--print", "print_only", is_flag=True, help="Print the signed allow-spend as JSON and send nothing.")
@wallet_options
@waiting_options
@json_option
@on_network("cl1", "ml0")
def allow_spend(
    network: TokenNetwork,
    destination: str,
    amount: str,
    until: int,
    fee: str,
    datum: bool,
    currency: str | None,
    print_only: bool,
    seconds: float,
    no_wait: bool,
    as_json: bool,
    **signer: Any,
) -> None:
    """Let a metagraph spend some tokens until an epoch.

    They leave the balance now; what METAGRAPH has not spent comes back after the global epoch --until.
    """
    from ottochain.ledger.allow_spends import AllowSpend

    tokens = read_amount(amount, "amount", datum=datum)
    burnt = read_amount(fee, "fee", datum=datum, least=0)
    spender = network.address_of(destination)
    key = open_signer(network.wallets, **signer)
    last = _parent(network, key.address, None, "allow-spends")
    currency_id = _currency(network, currency)
    value = AllowSpend(key.address, spender, currency_id, tokens, burnt, last, until, (spender,))
    _send(network, value, key, "allow-spends", print_only, None if no_wait else seconds, as_json)


def _currency(network: TokenNetwork, currency: str | None) -> str:
    from ottochain.ops.errors import UsageError

    if currency:
        return network.address_of(currency)
    if network.token:
        return network.token
    raise UsageError(
        "the currency is not known: no chain was founded here.", next_step="name the metagraph: --currency DAG…"
    )


def _parent(network: TokenNetwork, address: str, file: Path | None, kind: Kind) -> Reference:
    from ottochain.cli.tx import ask_last_reference
    from ottochain.ledger.references import Reference
    from ottochain.model.errors import ModelError
    from ottochain.ops.errors import UsageError

    if file is None:
        return ask_last_reference(network, address, kind)
    try:
        return Reference.from_json(read_signed_file(file))
    except ModelError as error:
        raise UsageError(f"{file} holds no reference: {error}.", next_step="write what CL1 answers into it.") from None


def _send(
    network: TokenNetwork, value: Any, key: Any, kind: Kind, print_only: bool, seconds: float | None, as_json: bool
) -> None:
    from ottochain.crypto.proofs import sign
    from ottochain.ledger.items import SignedItem

    signed: SignedItem[Any] = SignedItem.of(value, [sign(value.hash, key)])
    if print_only:
        show_chain_json(signed.to_json())
        return
    sent = hand_in(network, [signed], kind, seconds)
    tell(sent, as_json, lambda shown: show(_account(shown)), waited=seconds is not None)


def _account(sent: Sequence[Sent]) -> str:
    from ottochain.ledger.amounts import write_tokens

    return "\n".join(
        f"{each.item.hash}  {write_tokens(each.item.value.amount)} set apart  {each.words}" for each in sent
    )
