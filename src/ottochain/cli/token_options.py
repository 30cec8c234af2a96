"""What the token verbs share: which nodes to ask, who signs, how an amount is written, and what an answer means."""

from __future__ import annotations

import functools
import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from ottochain.cli.submitting import Address, address_of_url

if TYPE_CHECKING:
    from ottochain.client.data import Fate
    from ottochain.crypto.keys import PrivateKey
    from ottochain.ops.engine import Layer


@dataclass(frozen=True, slots=True)
class TokenNetwork:
    """The public listeners by layer; the folder of the wallets and the token, if there is a deployment."""

    cl1: tuple[Address, ...]
    ml0: tuple[Address, ...]
    gl0: tuple[Address, ...]
    wallets: Path | None
    token: str | None

    def address_of(self, text: str) -> str:
        """The address itself, or that of the deployment's wallet of this name. Raises ``UsageError``."""
        from ottochain.crypto.addresses import is_valid_address
        from ottochain.ops.errors import UsageError
        from ottochain.ops.wallets import Wallet, wallets

        if is_valid_address(text):
            return text
        if self.wallets and (wallet := Wallet(text, self.wallets)).exists and "/" not in text:
            return wallet.address
        known = ", ".join(each.name for each in wallets(self.wallets)) if self.wallets else ""
        there = f" (there are: {known})" if known else ""
        raise UsageError(
            f"{text!r} is neither an address nor a wallet's name{there}.",
            next_step="an address is DAG, a check digit and 36 characters; check it for a typing error.",
        )


def on_network(*layers: str) -> Callable[[Callable[..., None]], Callable[..., None]]:
    """A verb that asks these layers: an option for each, given to it as ``network``, and the context kept from it."""

    def decorate(command: Callable[..., None]) -> Callable[..., None]:
        @functools.wraps(command)
        def collected(context: click.Context, /, **values: Any) -> None:
            named = {layer: values.pop(layer) for layer in layers}
            command(network=find(context, named), **values)

        decorated: Callable[..., None] = click.pass_context(collected)
        for layer in reversed(layers):
            text = f"Ask this node of {layer.upper()} [default: the deployment's]."
            decorated = click.option(f"--{layer}", multiple=True, metavar="URL", help=text)(decorated)
        return decorated

    return decorate


def find(context: click.Context, named: dict[str, Sequence[str]]) -> TokenNetwork:
    """The nodes named, else those of the deployment; without one, all layers that are asked must be named."""
    from ottochain.cli.context import load_deployment
    from ottochain.ops import chain_record
    from ottochain.ops.errors import DeploymentInvalid

    given = {layer: tuple(address_of_url(url) for url in urls) for layer, urls in named.items()}
    try:
        deployment = load_deployment(context)
    except DeploymentInvalid:
        if not all(given.values()):
            raise
        return TokenNetwork(given.get("cl1", ()), given.get("ml0", ()), given.get("gl0", ()), None, None)

    def of(layer: Layer) -> tuple[Address, ...]:
        own = tuple(Address(node.host, node.ports.public) for node in deployment.layer(layer))
        return given.get(layer) or own

    record = chain_record.read(deployment.places.chain_record)
    token = record.token if record else None
    return TokenNetwork(of("cl1"), of("ml0"), of("gl0"), deployment.places.wallets, token)


def wallet_options(command: Callable[..., None]) -> Callable[..., None]:
    """Adds ``--wallet``, ``--keystore``, ``--alias`` and ``--password-file``."""
    from ottochain.cli.key_options import keystore_options

    option = click.option(
        "--wallet", help="Sign with this wallet, keystore or key file [default: the keystore, else 'default']."
    )
    return option(keystore_options(command))


def open_signer(
    wallets: Path | None, wallet: str | None, keystore: Path | None, alias: str | None, password_file: Path | None
) -> PrivateKey:
    """Who signs: ``--wallet``, else ``--keystore``, else what ``CL_KEYSTORE`` names, else the wallet ``default``."""
    from ottochain.cli.key_options import ask
    from ottochain.ops import keystores
    from ottochain.ops.errors import UsageError
    from ottochain.ops.wallets import DEFAULT_WALLET, open_wallet

    if wallet and keystore:
        raise UsageError("both --wallet and --keystore name a key.", next_step="give one of them.")
    if wallet and Path(wallet).suffix.lower() in (".p12", ".pfx"):
        keystore, wallet = Path(wallet), None
    if not wallet:
        if keystore:
            return keystores.of_file(keystore, alias, password_file, os.environ, None).open(ask).key
        if place := keystores.of_environment(os.environ):
            return place.open(ask).key
    if wallets is None and (wallet is None or ("/" not in wallet and not Path(wallet).suffix)):
        raise UsageError(
            "no key is named that signs, and there is no deployment here with wallets.",
            next_step="--wallet FILE, or --keystore FILE, or set CL_KEYSTORE and CL_KEYALIAS.",
        )
    return open_wallet(wallet or DEFAULT_WALLET, wallets or Path(), password_file)


def read_amount(text: str, what: str, *, datum: bool, least: int = 1) -> int:
    """The datum of an amount as it was written. Raises ``UsageError``."""
    from ottochain.ledger.amounts import AMOUNT_MAX, read_tokens
    from ottochain.ops.errors import UsageError

    try:
        if datum and not (text.isascii() and text.isdigit()):
            raise ValueError("in datum, an amount is a whole number")
        found = int(text) if datum else read_tokens(text)
        if not least <= found <= AMOUNT_MAX:
            raise ValueError(f"it is from {least} to {AMOUNT_MAX} datum")
    except ValueError as error:
        raise UsageError(f"{text!r} is no {what}: {error}.", next_step="mend it and repeat the command.") from None
    return found


def read_signed_file(file: Path) -> Any:
    """The JSON of a file that another command, or cl-wallet.jar, wrote. Raises ``UsageError``."""
    from ottochain.cli.submitting import read_json

    return read_json(f"@{file}")


def fate_words(fate: Fate) -> str:
    """A fate in a few words."""
    words = fate.status if fate.ordinal is None else f"{fate.status} at ordinal {fate.ordinal}"
    return f"{words}: {fate.reason}" if fate.reason else words


def advice(reason: str) -> str:
    """What to do about a refusal."""
    for word, text in (
        ("InsufficientBalance", "ottochain wallet balance shows what there is."),
        ("TransactionLimited", "wait some snapshots, or lift the limit for free transactions: --fee 0.002"),
        ("Conflict", "wait until the one before is decided (ottochain tx status HASH), or follow it: --after FILE"),
        ("ParentOrdinalLower", "the address has gone on since: sign it anew, with ottochain tx send."),
        ("HasNoMatchingParent", "send the transactions before it first, or sign it anew with ottochain tx send."),
        ("SameSourceAndDestination", "name another receiver."),
        ("NotSignedBySource", "sign with the key of the address that pays."),
        ("EpochProgress", "choose another epoch: an allow-spend ends in 5 to 60 of them, a token lock in a later one."),
    ):
        if word in reason:
            return text
    return "mend what the reason names and repeat the command."
