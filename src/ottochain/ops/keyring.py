"""Key files of nodes, operators and wallets: a PKCS#12 keystore, its password, and what is public, beside it.

``NAME.p12`` and ``NAME.password`` are readable by their owner alone; ``NAME.peer-id`` holds the public id, so that a
command that only needs to know who is who opens no keystore.
"""

from __future__ import annotations

import secrets
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from ottochain.ops.errors import Refused
from ottochain.ops.files import PRIVATE, write_durably
from ottochain.ops.inventory.deployment import Key

if TYPE_CHECKING:
    from ottochain.crypto.keys import PrivateKey
    from ottochain.crypto.keystore import KeystoreEntry

PASSWORD_BYTES = 24


def exists(key: Key) -> bool:
    return key.keystore.is_file()


def make_missing(keys: Sequence[Key]) -> list[Key]:
    """Make the keystores that do not exist; gives those made. A keystore that exists is never written again.

    Of one that was brought here the public id is written beside it.
    """
    from concurrent.futures import ThreadPoolExecutor

    for key in keys:
        if exists(key) and not public_file(key.keystore).is_file():
            own = open_key(key.keystore, key.alias, key.password.reveal())
            write_durably(public_file(key.keystore), f"{own.peer_id}\n".encode())
    missing = [key for key in keys if not exists(key)]
    if not missing:
        return []
    import ottochain.crypto.keystore  # noqa: F401  imported here once, before the threads need it

    with ThreadPoolExecutor(4) as threads:
        list(threads.map(_make, missing))
    return missing


def _make(key: Key) -> None:
    from ottochain.crypto.keys import PrivateKey
    from ottochain.crypto.keystore import write_p12

    if key.password.kind == "file" and not Path(key.password.place).is_file():
        password = secrets.token_urlsafe(PASSWORD_BYTES)
        write_durably(Path(key.password.place), password.encode() + b"\n", mode=PRIVATE)
    private = PrivateKey.generate()
    content = write_p12(private, key.alias, key.password.reveal())
    # The keystore last: it is what says that the key was made.
    write_durably(public_file(key.keystore), f"{private.peer_id}\n".encode())
    write_durably(key.keystore, content, mode=PRIVATE)


def public_file(keystore: Path) -> Path:
    """Where the public id of a keystore is written."""
    return keystore.with_suffix(".peer-id")


def open_key(keystore: Path, alias: str | None, password: str) -> PrivateKey:
    """The private key of a keystore; ``Refused`` with the reason when it can't be opened."""
    return open_entry(keystore, alias, password, None).key


def open_entry(keystore: Path, alias: str | None, password: str, key_password: str | None) -> KeystoreEntry:
    """The key with its alias. ``key_password`` is None where the key has the store's, as it should."""
    from ottochain.crypto.errors import KeystoreAliasError, KeystoreError, KeystorePasswordError
    from ottochain.crypto.keystore import read_p12
    from ottochain.crypto.two_passwords import read_two_passwords

    try:
        data = keystore.read_bytes()
        if key_password is None or key_password == password:
            return read_p12(data, alias, password)
        return read_two_passwords(data, alias, password, key_password)
    except OSError as error:
        raise Refused(
            f"the keystore {keystore} could not be read: {error.strerror}.",
            next_step="check the path; ottochain keys list shows those of the deployment.",
        ) from None
    except KeystorePasswordError as error:
        which = "" if key_password in (None, password) else f": {error}"
        raise Refused(
            f"the password does not open the keystore {keystore}{which}.",
            next_step="check the password file or variable.",
        ) from None
    except KeystoreAliasError as error:
        raise Refused(f"the keystore {keystore} can't be used: {error}.", next_step="name it with --alias.") from None
    except KeystoreError as error:
        raise Refused(
            f"the keystore {keystore} can't be used: {error}.",
            next_step="it must be PKCS#12 with one key on secp256k1, as keys generate and cl-keytool.jar write them.",
        ) from None
