"""Where keys are: the nodes', the operator's and the wallets' of a deployment, and keystores named by hand.

A keystore named by hand is found as Tessellation's tools find theirs: ``CL_KEYSTORE``, ``CL_KEYALIAS``, and
``CL_PASSWORD``, or ``CL_STOREPASS`` and ``CL_KEYPASS`` where the key has a password of its own.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Final, Literal, NoReturn

from ottochain.ops import keyring
from ottochain.ops.errors import Refused, UsageError
from ottochain.ops.files import PRIVATE, write_new
from ottochain.ops.inventory.secrets import Secret
from ottochain.ops.wallets import wallets

if TYPE_CHECKING:
    from ottochain.crypto.keys import PrivateKey
    from ottochain.crypto.keystore import KeystoreEntry
    from ottochain.ops.inventory.deployment import Deployment, Key

SUFFIX: Final = ".p12"
MIGRATED: Final = "_v2"
HEX_NAME: Final = "id_ecdsa.hex"

Ask = Callable[[str], str | None]
"""Asks a person for the password of what is named; None where nobody can be asked."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """One key: whose, in which keystore, under which alias (None: whichever is there), and its passwords.

    ``password`` is None where no place of it is known; ``key_password`` where the key has the store's.
    """

    name: str
    kind: Literal["node", "operator", "wallet", "file"]
    keystore: Path
    alias: str | None
    password: Secret | None
    key_password: Secret | None = None

    @property
    def exists(self) -> bool:
        return self.keystore.is_file()

    @property
    def peer_id(self) -> str | None:
        """The public id as it is written beside the keystore; None where it is not."""
        file = keyring.public_file(self.keystore)
        return file.read_text(encoding="ascii").strip() if self.kind != "file" and file.is_file() else None

    def open(self, ask: Ask) -> KeystoreEntry:
        """The key. ``Refused`` with the reason when it can't be had."""
        if not self.exists:
            raise Refused(
                f"there is no keystore {self.keystore}.",
                next_step="check the path, or make one: ottochain keys generate --keystore FILE",
            )
        password = _had(self.password, ask, f"keystore {self.keystore}")
        key_password = self.key_password.reveal() if self.key_password else None
        return keyring.open_entry(self.keystore, self.alias, password, key_password)


def of_deployment(deployment: Deployment) -> list[Place]:
    """The keys of nodes in the order of starting, of the operator, of the wallets by name."""
    found = [_of_key(node.name, "node", node.key) for node in deployment.nodes]
    found.append(_of_key("operator", "operator", deployment.operator))
    for wallet in wallets(deployment.places.wallets):
        secret = Secret("file", str(wallet.password_file))
        found.append(Place(name=wallet.name, kind="wallet", keystore=wallet.keystore, alias=None, password=secret))
    return found


def _of_key(name: str, kind: Literal["node", "operator"], key: Key) -> Place:
    return Place(name=name, kind=kind, keystore=key.keystore, alias=key.alias, password=key.password)


def named(deployment: Deployment, name: str) -> Place:
    """The key of that name. ``Refused`` when nobody, or more than one, is called so."""
    found = [place for place in of_deployment(deployment) if place.name == name]
    if len(found) == 1:
        return found[0]
    if found:
        places = " and ".join(f"{place.kind} ({place.keystore})" for place in found)
        raise Refused(f"{name!r} is the name of a {places}.", next_step="say which: --keystore FILE")
    known = ", ".join(place.name for place in of_deployment(deployment))
    raise Refused(f"nobody is called {name!r} here (there are: {known}).", next_step="ottochain keys list")


def of_file(
    keystore: Path, alias: str | None, password_file: Path | None, environ: Mapping[str, str], key_file: Path | None
) -> Place:
    """A keystore named on the command line. ``key_file``: where the password of the key is, if it has its own.

    The store's password is in ``password_file``, else in ``NAME.password`` beside it, else where the environment says.
    """
    keystore = keystore if keystore.is_file() else with_suffix(keystore)
    beside = keystore.with_suffix(".password")
    if password_file is None and beside.is_file():
        password_file = beside
    store, key = _passwords(environ) if password_file is None else (Secret("file", str(password_file)), None)
    return Place(
        name=keystore.stem,
        kind="file",
        keystore=keystore,
        alias=alias or environ.get("CL_KEYALIAS"),
        password=store,
        key_password=Secret("file", str(key_file)) if key_file else key,
    )


def of_environment(environ: Mapping[str, str]) -> Place | None:
    """The keystore that ``CL_KEYSTORE`` names; None where it names none."""
    if not (file := environ.get("CL_KEYSTORE")):
        return None
    place = of_file(Path(file), None, None, environ, None)
    store, key = _passwords(environ)
    return replace(place, password=store, key_password=key) if store else place


def _passwords(environ: Mapping[str, str]) -> tuple[Secret | None, Secret | None]:
    """Where store's and key's passwords are; the second None where it is the first."""
    if file := environ.get("OTTOCHAIN_PASSWORD_FILE"):
        return Secret("file", file), None
    if "CL_PASSWORD" in environ:
        return Secret("env", "CL_PASSWORD"), None
    if "CL_STOREPASS" in environ:
        return Secret("env", "CL_STOREPASS"), Secret("env", "CL_KEYPASS") if "CL_KEYPASS" in environ else None
    return None, None


def with_suffix(keystore: Path) -> Path:
    """As Tessellation's keytool names what it writes: ``.p12`` after whatever does not end so."""
    return keystore if keystore.name.endswith("p12") else keystore.with_name(keystore.name + SUFFIX)


def generate(place: Place, key: PrivateKey, password: str, *, legacy: bool) -> None:
    """Write a new keystore. Never over a file that is there."""
    from ottochain.crypto.keystore import KeystoreError, write_p12

    try:
        content = write_p12(key, place.alias or place.keystore.stem, password, legacy=legacy)
    except KeystoreError as error:
        raise UsageError(f"{error}.", next_step="give both and repeat the command; nothing was written.") from None
    _write_new(place.keystore, content, "a keystore")


def migrate(place: Place, ask: Ask) -> tuple[Path, KeystoreEntry]:
    """Write the key again, beside, under the store's password alone; gives where. The old keystore stays as it is."""
    from ottochain.crypto.keystore import write_p12

    password = _had(place.password, ask, f"keystore {place.keystore}")
    of_key = f"the key in {place.keystore}"
    key_password = place.key_password.reveal() if place.key_password else ask(of_key)
    if key_password is None:
        raise Refused(
            f"the password of {of_key} is not given, only that of the store.",
            next_step="set CL_STOREPASS and CL_KEYPASS, or name a file: --key-password-file FILE",
        )
    entry = keyring.open_entry(place.keystore, place.alias, password, key_password)
    target = place.keystore.with_name(place.keystore.stem + MIGRATED + SUFFIX)
    _write_new(target, write_p12(entry.key, entry.alias, password), "a keystore")
    return target, entry


def export(file: Path, key: PrivateKey) -> None:
    """Write the private key as 64 hexadecimal digits, for its owner's eyes only and without a line end."""
    _write_new(file, key.hex.encode(), "a file")


def write_password(file: Path, password: str) -> None:
    """Keep a password that was drawn."""
    _write_new(file, password.encode() + b"\n", "a file")


def refuse_existing(file: Path, what: str = "a keystore") -> NoReturn:
    """Raises ``Refused``."""
    raise Refused(
        f"{file} exists already, and {what} is never written over.", next_step="choose another name, or move it."
    ) from None


def _write_new(file: Path, content: bytes, what: str) -> None:
    try:
        write_new(file, content, mode=PRIVATE)
    except FileExistsError:
        refuse_existing(file, what)
    except OSError as error:
        raise Refused(f"{file} could not be written: {error.strerror}.", next_step="choose another place.") from None


def _had(secret: Secret | None, ask: Ask, of: str) -> str:
    if secret is not None:
        return secret.reveal()
    if asked := ask(of):
        return asked
    raise Refused(
        f"the password of {of} is not given.",
        next_step="name a file that holds it, --password-file FILE, or set CL_PASSWORD.",
    )
