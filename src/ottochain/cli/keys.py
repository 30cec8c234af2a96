"""``ottochain keys``: generate, show, list, export, migrate."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

import click

from ottochain.cli.context import json_option, load_deployment
from ottochain.cli.key_options import ask, ask_new, find_key, keystore_options
from ottochain.cli.lazy import LazyGroup
from ottochain.cli.output import say, show, show_json, table

if TYPE_CHECKING:
    from ottochain.ops.keystores import Place

COMMANDS = {
    "generate": ("ottochain.cli.keys:generate", "Make a key and write it to a new keystore."),
    "show": ("ottochain.cli.keys:show_command", "Show whose a key is: id, address and public key, never the secret."),
    "list": ("ottochain.cli.keys:list_command", "List the deployment's keys."),
    "export": ("ottochain.cli.keys:export", "Write a private key as hexadecimal digits to a file for your eyes only."),
    "migrate": ("ottochain.cli.keys:migrate", "Rewrite a keystore with two passwords as one with a single password."),
}
FIELDS = ("address", "id", "public-key")


@click.group(cls=LazyGroup, lazy=COMMANDS)
def keys() -> None:
    """Make, show and export keys, as cl-keytool.jar does."""


@click.command()
@click.argument("name", required=False)
@keystore_options
@click.option("--legacy", is_flag=True, help="Encrypt it as old JVMs want it: triple DES and SHA-1.")
@json_option
@click.pass_context
def generate(
    context: click.Context,
    name: str | None,
    keystore: Path | None,
    alias: str | None,
    password_file: Path | None,
    legacy: bool,
    as_json: bool,
) -> None:
    """Make a key and write it to a new keystore.

    The keystore is the one that --keystore or CL_KEYSTORE names. With the NAME of a node whose keystore is missing it
    is that. Nothing is ever written over. A password file that does not exist is made, with a password that is drawn.
    """
    from ottochain.crypto.keys import PrivateKey
    from ottochain.ops import keystores

    if name:
        _generate_missing(context, name, as_json)
        return
    place = find_key(context, None, keystore, alias, password_file)
    if place.exists:
        keystores.refuse_existing(place.keystore)
    password = _new_password(place)
    key = PrivateKey.generate()
    keystores.generate(place, key, password, legacy=legacy)
    _tell(place, place.alias or place.keystore.stem, key.peer_id, as_json)


def _new_password(place: Place) -> str:
    """What the place says, drawn where it names a file that is not there, asked for where it says nothing."""
    import secrets

    from ottochain.ops import keyring, keystores
    from ottochain.ops.errors import Refused

    if place.password is None:
        if not (asked := ask_new(f"keystore {place.keystore}")):
            raise Refused(
                f"there is no password for {place.keystore}.",
                next_step="name a file for it, --password-file FILE (made when it is missing), or set CL_PASSWORD.",
            )
        return asked
    if place.password.kind == "file" and not Path(place.password.place).exists():
        drawn = secrets.token_urlsafe(keyring.PASSWORD_BYTES)
        keystores.write_password(Path(place.password.place), drawn)
        say(f"A password was drawn and written to {place.password.place}.")
        return drawn
    return place.password.reveal()


def _generate_missing(context: click.Context, name: str, as_json: bool) -> None:
    """The key of a node, or of the operator, that the deployment lacks."""
    from ottochain.ops import keyring, keystores
    from ottochain.ops.errors import Refused

    deployment = load_deployment(context)
    place = keystores.named(deployment, name)
    if place.exists:
        keystores.refuse_existing(place.keystore)
    node = deployment.by_name.get(name)
    if node is not None and node.data_dir.exists():
        raise Refused(
            f"{node.data_dir} holds the data of {name} under its old key: a new key would be another node.",
            next_step="put the keystore and its password back.",
        )
    keyring.make_missing([node.key if node else deployment.operator])
    _tell(place, place.alias or name, place.peer_id or "", as_json)


@click.command(name="show")
@click.argument("name", required=False)
@keystore_options
@click.option("--only", type=click.Choice(FIELDS), help="Print this alone, for scripts.")
@json_option
@click.pass_context
def show_command(
    context: click.Context,
    name: str | None,
    keystore: Path | None,
    alias: str | None,
    password_file: Path | None,
    only: str | None,
    as_json: bool,
) -> None:
    """Show whose a key is: id, address and public key, never the secret.

    NAME is a node, the operator or a wallet of the deployment; its public id is written down, so no password is needed.
    """
    place = find_key(context, name, keystore, alias, password_file)
    if (peer_id := place.peer_id) is not None:
        shown = place.alias or place.name
    else:
        entry = place.open(ask)
        shown, peer_id = entry.alias, entry.key.peer_id
    if only:
        facts = _facts(place, shown, peer_id)
        show(facts[{"public-key": "publicKey"}.get(only, only)])
    else:
        _tell(place, shown, peer_id, as_json)


@click.command(name="list")
@json_option
@click.pass_context
def list_command(context: click.Context, as_json: bool) -> None:
    """List the deployment's keys.

    Those of its nodes, of the operator, and its wallets, each with address and keystore. A dash (JSON: null) means
    that the key has not been made.
    """
    from ottochain.crypto.addresses import address_of_peer
    from ottochain.ops import keystores

    found = keystores.of_deployment(load_deployment(context))
    facts = [
        {
            "name": place.name,
            "kind": place.kind,
            "id": (peer_id := place.peer_id if place.exists else None),
            "address": address_of_peer(peer_id) if peer_id else None,
            "keystore": str(place.keystore),
        }
        for place in found
    ]
    if as_json:
        show_json(facts)
        return
    header = ("name", "kind", "address", "id", "keystore")
    rows = [
        (
            str(one["name"]),
            str(one["kind"]),
            one["address"] or "-",
            f"{one['id'][:8]}…" if one["id"] else "-",
            os.path.relpath(str(one["keystore"])),
        )
        for one in facts
    ]
    show(table(header, rows))


@click.command()
@click.argument("name", required=False)
@keystore_options
@click.option("--out", type=click.Path(path_type=Path), help="Write here [default: id_ecdsa.hex beside the keystore].")
@click.option("--print", "print_it", is_flag=True, help="Print the private key instead, for everybody to see.")
@click.pass_context
def export(
    context: click.Context,
    name: str | None,
    keystore: Path | None,
    alias: str | None,
    password_file: Path | None,
    out: Path | None,
    print_it: bool,
) -> None:
    """Write a private key as hexadecimal digits to a file for your eyes only.

    The file has mode 0600 and no line end, as Tessellation's keytool writes it. Nothing is ever written over. Of a NAME
    in the deployment it is NAME.hex in this folder.
    """
    from ottochain.ops import keystores

    place = find_key(context, name, keystore, alias, password_file)
    key = place.open(ask).key
    if print_it:
        show(key.hex)
        return
    target = out or (Path(f"{name}.hex") if name else place.keystore.with_name(keystores.HEX_NAME))
    keystores.export(target, key)
    show(str(target))
    say(f"That file holds the private key of {key.address} in the clear: whoever reads it owns it.")


@click.command()
@keystore_options
@click.option(
    "--key-password-file",
    type=click.Path(path_type=Path),
    help="Where the password of the key is [default: CL_KEYPASS, else it is asked for].",
)
@json_option
@click.pass_context
def migrate(
    context: click.Context,
    keystore: Path | None,
    alias: str | None,
    password_file: Path | None,
    key_password_file: Path | None,
    as_json: bool,
) -> None:
    """Rewrite a keystore with two passwords as one with a single password.

    NAME.p12 stays as it is; NAME_v2.p12 holds the same key under the same alias, and the password of the store
    (--password-file, CL_STOREPASS) opens both.
    """
    from dataclasses import replace

    from ottochain.ops import keystores

    place = find_key(context, None, keystore, alias, password_file, key_password_file)
    target, entry = keystores.migrate(place, ask)
    _tell(replace(place, keystore=target), entry.alias, entry.key.peer_id, as_json)


def _facts(place: Place, alias: str, peer_id: str) -> dict[str, str]:
    from ottochain.crypto.addresses import address_of_peer

    return {
        "keystore": str(place.keystore),
        "alias": alias,
        "id": peer_id,
        "address": address_of_peer(peer_id),
        "publicKey": f"04{peer_id}",
    }


def _tell(place: Place, alias: str, peer_id: str, as_json: bool) -> None:
    facts = _facts(place, alias, peer_id)
    if as_json:
        show_json(facts)
    else:
        labels = {"publicKey": "public key"}
        show("\n".join(f"{labels.get(name, name):10} {value}" for name, value in facts.items()))
