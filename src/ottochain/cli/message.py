"""``ottochain message``: owner, staking, merge, send."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from ottochain.cli.context import json_option
from ottochain.cli.lazy import LazyGroup
from ottochain.cli.output import say, show, show_json
from ottochain.cli.submitting import show_chain_json
from ottochain.cli.token_options import (
    TokenNetwork,
    fate_words,
    on_network,
    open_signer,
    read_signed_file,
    wallet_options,
)

if TYPE_CHECKING:
    from collections.abc import Callable

    from ottochain.ledger.messages import SignedMessage

COMMANDS = {
    "owner": ("ottochain.cli.message:owner", "Sign a message that says who owns the metagraph."),
    "staking": ("ottochain.cli.message:staking", "Sign a message that says from where the metagraph stakes."),
    "merge": ("ottochain.cli.message:merge", "Put the signatures of several files under one message."),
    "send": ("ottochain.cli.message:send", "Hand a signed message to ML0, and wait until it is accepted."),
}


@click.group(cls=LazyGroup, lazy=COMMANDS)
def message() -> None:
    """Say who owns the metagraph, and from where it stakes.

    Such a message is signed by the key of its address, and by whoever else should; it names the ordinal of the message
    of its kind before it: 0 for the first.
    """


def _signing(command: Callable[..., None]) -> Callable[..., None]:
    for option in (
        wallet_options,
        click.option("-f", "--output", type=click.Path(path_type=Path), help="Write here [default: print it]."),
        click.option("-o", "--parentOrdinal", "parent", type=click.IntRange(0), default=0, show_default=True,
                     help="The ordinal that it names."),
        click.option("-m", "--metagraphId", "metagraph", help="The metagraph [default: the deployment's]."),
        click.option("-a", "--address", help="The address [default: the signer's]."),
    ):  # fmt: skip
        command = option(command)
    return click.pass_context(command)


@click.command()
@_signing
def owner(context: click.Context, **values: Any) -> None:
    """Sign a message that says who owns the metagraph.

    The options are those of cl-wallet.jar's create-owner-signing-message.
    """
    _sign(context, "Owner", **values)


@click.command()
@_signing
def staking(context: click.Context, **values: Any) -> None:
    """Sign a message that says from where the metagraph stakes.

    The options are those of cl-wallet.jar's create-staking-signing-message.
    """
    _sign(context, "Staking", **values)


def _sign(
    context: click.Context,
    message_type: str,
    *,
    address: str | None,
    metagraph: str | None,
    parent: int,
    output: Path | None,
    **signer: Any,
) -> None:
    from dataclasses import replace

    from ottochain.cli.context import load_deployment
    from ottochain.crypto.proofs import sign
    from ottochain.ledger.messages import SignedMessage
    from ottochain.ops import chain_record
    from ottochain.ops.errors import DeploymentInvalid, UsageError

    try:
        places = load_deployment(context).places
    except DeploymentInvalid:
        network = TokenNetwork((), (), (), None, None)
    else:
        record = chain_record.read(places.chain_record)
        network = TokenNetwork((), (), (), places.wallets, record.token if record else None)
    if not (metagraph_id := metagraph or network.token):
        raise UsageError("the metagraph is not known: no chain was founded here.", next_step="-m DAG…")
    key = open_signer(network.wallets, **signer)
    owner_address = network.address_of(address) if address else key.address
    unsigned = SignedMessage(message_type, owner_address, network.address_of(metagraph_id), parent, ())
    _give(replace(unsigned, proofs=(sign(unsigned.hash, key),)), output)


@click.command()
@click.argument("files", nargs=-1, required=True, type=click.Path(path_type=Path, exists=True, dir_okay=False))
@click.option("-f", "--output", type=click.Path(path_type=Path), help="Write here [default: print it].")
def merge(files: tuple[Path, ...], output: Path | None) -> None:
    """Put the signatures of several files under one message.

    All must hold the same message, and all signatures must hold, as for cl-wallet.jar's merge-messages.
    """
    from dataclasses import replace

    from ottochain.crypto.proofs import sorted_proofs
    from ottochain.ops.errors import UsageError

    found = [_read(file) for file in files]
    for file, each in zip(files, found, strict=True):
        if each.hash != found[0].hash:
            raise UsageError(f"{file} holds another message than {files[0]}.", next_step="merge copies of one message.")
    proofs = sorted_proofs(proof for each in found for proof in each.proofs)
    _give(replace(found[0], proofs=proofs), output)


@click.command()
@click.argument("file", type=click.Path(path_type=Path, exists=True, dir_okay=False))
@click.option("--seconds", default=60.0, show_default=True, help="Wait at most so long for the decision.")
@json_option
@on_network("ml0")
def send(network: TokenNetwork, file: Path, seconds: float, as_json: bool) -> None:
    """Hand a signed message to ML0, and wait until it is accepted."""
    from ottochain.cli.submitting import endpoints, talk
    from ottochain.client import tokens
    from ottochain.client.data import Fate
    from ottochain.client.failover import first_of
    from ottochain.ops.errors import GateNotMet, Rejected

    signed = _read(file)

    async def work(http: Any) -> Fate:
        nodes = endpoints(http, network.ml0)
        by, _ = await first_of(nodes, lambda one: one.send("/currency/message", signed.to_json()))
        say(f"acknowledged by {by.host}:{by.port}: {signed.hash}")
        return await tokens.message_settled(nodes, signed.message_type, signed.to_json()["value"], seconds)

    fate = talk(work)
    if as_json:
        show_json({"hash": signed.hash, "status": fate.status, "ordinal": fate.ordinal})
    else:
        show(f"{signed.hash}  {signed.message_type} {signed.address}  {fate_words(fate)}")
    if fate.status == "Rejected":
        raise Rejected("another message took its place.", next_step="sign it anew with the next ordinal: -o")
    if fate.status != "Accepted":
        raise GateNotMet("it is acknowledged, and not decided yet.", next_step="ottochain status shows what ML0 lacks.")


def _read(file: Path) -> SignedMessage:
    """Raises ``UsageError`` for a file without a message, and for signatures that do not hold."""
    from ottochain.crypto.proofs import verify
    from ottochain.ledger.messages import SignedMessage
    from ottochain.model.errors import ModelError
    from ottochain.ops.errors import UsageError

    try:
        found = SignedMessage.from_json(read_signed_file(file))
    except ModelError as error:
        raise UsageError(f"{file} holds no signed message: {error}.", next_step="name another file.") from None
    for proof in found.proofs:
        if not verify(found.hash, proof):
            raise UsageError(
                f"{file} has a signature of {proof.id[:8]}… that does not hold.",
                next_step="sign it anew; the message was changed.",
            )
    return found


def _give(signed: SignedMessage, output: Path | None) -> None:
    from ottochain.cli.transfers import write_signed

    if output is None:
        show_chain_json(signed.to_json())
        return
    write_signed(output, signed.to_json())
    show(signed.hash)
