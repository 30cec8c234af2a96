"""``init``: write a deployment that works, and every file that it needs. Run again it makes only what is missing."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Final

from ottochain.crypto.addresses import address_of_peer
from ottochain.ops import keyring
from ottochain.ops.errors import DeploymentInvalid, Refused, UsageError
from ottochain.ops.files import write_durably
from ottochain.ops.inventory.deployment import Deployment
from ottochain.ops.inventory.reading import DEFAULT_NAME, FILE_NAME, load
from ottochain.ops.wallets import DEFAULT_WALLET, Wallet

FIRST_BALANCE: Final = 1_000_000 * 10**8
"""What the default wallet owns of DAG and of the metagraph's token at genesis, in datum."""

_HEADER: Final = """\
# An OttoChain deployment. This file says only what differs from what is derived:
# `ottochain deployment show` prints everything.

[deployment]
name = "{name}"
{offset}
[layers]
gl0 = 1
ml0 = 1
cl1 = 3
dl1 = 3
"""
_NO_OFFSET: Final = "# port_offset = 1000    # shifts every port, so that two deployments can share a machine\n"


@dataclass(frozen=True, slots=True)
class Initialised:
    """What ``init`` did: the deployment, and a sentence for each thing it made (none: it was already so)."""

    deployment: Deployment
    made: tuple[str, ...]


def initialise(folder: Path, name: str | None = None, port_offset: int | None = None) -> Initialised:
    """Make ``folder`` a deployment, called ``local`` on the guide's ports if nothing else is said.

    What exists is kept: no key is ever written over. Raises ``Refused`` when there is a deployment file already and it
    says otherwise than the arguments.
    """
    file = folder / FILE_NAME
    made = []
    if not file.exists():
        text = _text(name or DEFAULT_NAME, port_offset or 0)
        _check(folder, text)
        write_durably(file, text)
        made.append(f"{FILE_NAME}: deployment {name or DEFAULT_NAME!r}")
    deployment = load(file)
    if name not in (None, deployment.name) or port_offset not in (None, deployment.port_offset):
        raise Refused(
            f"{file} exists already: deployment {deployment.name!r}, port_offset {deployment.port_offset}.",
            next_step="change that file with an editor, or begin another deployment in another folder.",
        )
    made += _make_keys(deployment)
    made += _make_genesis_files(load(file))
    return Initialised(load(file), tuple(made))


def _text(name: str, port_offset: int) -> bytes:
    offset = f"port_offset = {port_offset}\n" if port_offset else _NO_OFFSET
    return _HEADER.format(name=name, offset=offset).encode()


def _check(folder: Path, text: bytes) -> None:
    """Read the text back before it gets its name, so that a bad option leaves nothing behind."""
    trial = folder / f".{FILE_NAME}.trial"
    trial.write_bytes(text)
    try:
        load(trial)
    except DeploymentInvalid as invalid:
        faults = "\n".join(invalid.what.splitlines()[1:])
        raise UsageError(
            f"these options make no valid deployment:\n{faults}", next_step="repeat with others; nothing was made."
        ) from None
    finally:
        trial.unlink()


def _make_keys(deployment: Deployment) -> list[str]:
    keys = {node.name: node.key for node in deployment.nodes} | {"operator": deployment.operator}
    for node in deployment.nodes:
        if not keyring.exists(node.key) and node.data_dir.exists():
            raise Refused(
                f"the key of {node.name} is missing from {node.key.keystore}, but {node.data_dir} holds its data: "
                "a new key would be another node.",
                next_step="put the keystore and its password back.",
            )
    made = keyring.make_missing(list(keys.values()))
    names = [name for name, key in keys.items() if key in made]
    return [f"keys: {', '.join(names)}"] if names else []


def _make_genesis_files(deployment: Deployment) -> list[str]:
    wallet = Wallet(DEFAULT_WALLET, deployment.places.wallets)
    made = [f"wallet {DEFAULT_WALLET!r}: {wallet.create()}"] if not wallet.exists else []
    balances = f"{wallet.address},{FIRST_BALANCE}\n"
    operator = deployment.operator.peer_id
    if operator:
        balances += f"{address_of_peer(operator)},0\n"
    for place in (deployment.places.gl0_genesis, deployment.places.ml0_genesis):
        if not place.exists():
            write_durably(place, balances.encode())
            made.append(f"genesis balances: {place.relative_to(deployment.places.file.parent)}")
    return made
