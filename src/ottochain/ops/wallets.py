"""Wallets of the client verbs: named key files under ``.ottochain/wallets``, or any keystore or key file given."""

from __future__ import annotations

import secrets
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final

from ottochain.ops import keyring
from ottochain.ops.errors import Refused
from ottochain.ops.files import PRIVATE, write_durably

if TYPE_CHECKING:
    from ottochain.crypto.keys import PrivateKey

DEFAULT_WALLET: Final = "default"


@dataclass(frozen=True, slots=True)
class Wallet:
    """A key with a name: ``NAME.p12``, ``NAME.password`` (both for the owner alone) and ``NAME.peer-id``."""

    name: str
    folder: Path

    @property
    def keystore(self) -> Path:
        return self.folder / f"{self.name}.p12"

    @property
    def password_file(self) -> Path:
        return self.folder / f"{self.name}.password"

    @property
    def exists(self) -> bool:
        return self.keystore.is_file()

    @property
    def peer_id(self) -> str:
        """The public id. Raises ``Refused`` when there is no such wallet."""
        self._must_exist()
        return keyring.public_file(self.keystore).read_text(encoding="ascii").strip()

    @property
    def address(self) -> str:
        from ottochain.crypto.addresses import address_of_peer

        return address_of_peer(self.peer_id)

    def create(self, key: PrivateKey | None = None) -> str:
        """Make the wallet, with a new key or the one given; gives its address. Never writes over one."""
        from ottochain.crypto.keys import PrivateKey
        from ottochain.crypto.keystore import write_p12

        if self.exists:
            raise Refused(
                f"wallet {self.name!r} exists already: {self.address}.", next_step="ottochain wallet new OTHER-NAME"
            )
        key = key or PrivateKey.generate()
        password = secrets.token_urlsafe(keyring.PASSWORD_BYTES)
        write_durably(self.password_file, password.encode() + b"\n", mode=PRIVATE)
        write_durably(keyring.public_file(self.keystore), f"{key.peer_id}\n".encode())
        write_durably(self.keystore, write_p12(key, self.name, password), mode=PRIVATE)
        return key.address

    def open(self) -> PrivateKey:
        """The private key."""
        self._must_exist()
        return keyring.open_key(self.keystore, None, self.password_file.read_text(encoding="utf-8").rstrip("\r\n"))

    def _must_exist(self) -> None:
        if not self.exists:
            known = ", ".join(wallet.name for wallet in wallets(self.folder)) or "none"
            raise Refused(
                f"there is no wallet {self.name!r} in {self.folder} (there: {known}).",
                next_step=f"ottochain wallet new {self.name}",
            )


def wallets(folder: Path) -> list[Wallet]:
    """The wallets of a folder by name."""
    return [Wallet(file.stem, folder) for file in sorted(folder.glob("*.p12"))]


def read_key_file(file: Path) -> PrivateKey:
    """The key written in ``file`` as 64 hexadecimal digits. The text of an error never holds what stands there."""
    from ottochain.crypto.errors import KeyFormatError
    from ottochain.crypto.keys import PrivateKey

    try:
        return PrivateKey.from_hex(file.read_text(encoding="ascii").strip())
    except (OSError, UnicodeDecodeError, KeyFormatError):
        raise Refused(
            f"{file} holds no private key.", next_step="it must be readable and hold 64 hexadecimal digits."
        ) from None


def open_wallet(name_or_file: str, folder: Path, password_file: Path | None) -> PrivateKey:
    """The key of ``--wallet``: the name of a wallet, a keystore (``.p12``, with its password file) or a key file."""
    file = Path(name_or_file)
    if "/" not in name_or_file and not file.suffix:
        return Wallet(name_or_file, folder).open()
    if file.suffix.lower() not in (".p12", ".pfx"):
        return read_key_file(file)
    beside = password_file or file.with_suffix(".password")
    if not beside.is_file():
        raise Refused(
            f"the keystore {file} needs its password, and there is no file {beside}.",
            next_step="name it with --password-file FILE.",
        )
    return keyring.open_key(file, None, beside.read_text(encoding="utf-8").rstrip("\r\n"))
