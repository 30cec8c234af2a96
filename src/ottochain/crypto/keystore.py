"""PKCS#12 keystores that Tessellation's key tools, Java's ``keytool`` and OpenSSL read, and theirs read here.

Bytes to key and key to bytes; files are other people's business. Nothing here depends on the clock: the
certificate, which nobody checks but every Java keystore must have, is valid from a fixed day for as long as
Tessellation's (365,000 days), and its serial number comes from the public key. Salts and nonces are drawn by the
cryptography library.
"""

import hashlib
import warnings
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Final

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import KeySerializationEncryption, PrivateFormat, pkcs12
from cryptography.x509.oid import NameOID

from ottochain.crypto.errors import KeystoreAliasError, KeystoreError, KeystoreFormatError, KeystorePasswordError
from ottochain.crypto.keys import PrivateKey

__all__ = [
    "KeystoreAliasError",
    "KeystoreEntry",
    "KeystoreError",
    "KeystoreFormatError",
    "KeystorePasswordError",
    "read_p12",
    "write_p12",
]

_ROUNDS: Final = 51_200  # as the containers that Bouncy Castle writes
_NOT_BEFORE: Final = datetime(2020, 1, 1, tzinfo=UTC)
_VALIDITY: Final = timedelta(days=365_000)
_SUBJECT: Final = x509.Name(
    [
        x509.NameAttribute(NameOID.COMMON_NAME, "constellationnetwork.io"),
        x509.NameAttribute(NameOID.ORGANIZATION_NAME, "Constellation Labs"),
    ]
)


@dataclass(frozen=True, slots=True)
class KeystoreEntry:
    """The key of a keystore and the alias that it has there."""

    alias: str
    key: PrivateKey


def read_p12(data: bytes, alias: str | None, password: str) -> KeystoreEntry:
    """The key of the PKCS#12 container `data`.

    With an `alias` (compared as Java does, without regard to case) the entry must have that name; without one it
    is taken as it is. Of a container with several keys only one can be reached.

    Raises ``KeystoreFormatError`` (no PKCS#12, no key, not secp256k1), ``KeystorePasswordError`` or
    ``KeystoreAliasError``; all are ``KeystoreError``.
    """
    container = _open(data, password)
    key = container.key
    if key is None:
        raise KeystoreFormatError("the keystore holds no private key")
    if not isinstance(key, ec.EllipticCurvePrivateKey) or not isinstance(key.curve, ec.SECP256K1):
        raise KeystoreFormatError("the key of the keystore is not on the curve secp256k1")
    name = None
    if container.cert is not None and container.cert.friendly_name is not None:
        name = container.cert.friendly_name.decode("utf-8", "replace")
    if alias is not None and name is not None and alias.casefold() != name.casefold():
        raise KeystoreAliasError(f"expected a key with alias {alias!r} in the keystore, found {name!r}")
    return KeystoreEntry(name or alias or "", PrivateKey(key.private_numbers().private_value.to_bytes(32, "big")))


def write_p12(key: PrivateKey, alias: str, password: str, legacy: bool = False) -> bytes:
    """A PKCS#12 container with `key` and a self-signed certificate under `alias`.

    Encrypted with AES-256 and SHA-256, or, if `legacy`, with triple DES and SHA-1 for old JVMs.
    ``KeystoreError`` if alias or password is empty: Java could not open that.
    """
    if not alias or not password:
        raise KeystoreError("a keystore needs an alias and a password that are not empty")
    signer = ec.derive_private_key(int(key.hex, 16), ec.SECP256K1())
    return pkcs12.serialize_key_and_certificates(
        name=alias.encode(),
        key=signer,
        cert=_certificate(signer, key.peer_id),
        cas=None,
        encryption_algorithm=_encryption(password, legacy),
    )


def _open(data: bytes, password: str) -> pkcs12.PKCS12KeyAndCertificates:
    try:
        with warnings.catch_warnings():
            # Bouncy Castle writes BER where the standard wants DER; that is as it is.
            warnings.filterwarnings("ignore", "PKCS#12 bundle could not be parsed as DER", UserWarning)
            return pkcs12.load_pkcs12(data, password.encode())
    except ValueError as error:
        if "password" in str(error).lower():
            raise KeystorePasswordError(
                "the password does not open the keystore, or the keystore is damaged"
                " (with CRYPTOGRAPHY_OPENSSL_NO_LEGACY set, keystores written by Java can't be opened either)"
            ) from None
        raise KeystoreFormatError("not a PKCS#12 keystore") from None


def _encryption(password: str, legacy: bool) -> KeySerializationEncryption:
    builder = PrivateFormat.PKCS12.encryption_builder().kdf_rounds(_ROUNDS)
    if legacy:
        builder = builder.key_cert_algorithm(pkcs12.PBES.PBESv1SHA1And3KeyTripleDESCBC).hmac_hash(hashes.SHA1())  # noqa: S303
    else:
        builder = builder.key_cert_algorithm(pkcs12.PBES.PBESv2SHA256AndAES256CBC).hmac_hash(hashes.SHA256())
    return builder.build(password.encode())


def _certificate(signer: ec.EllipticCurvePrivateKey, peer_id: str) -> x509.Certificate:
    serial_number = int.from_bytes(hashlib.sha256(bytes.fromhex(peer_id)).digest()[:8], "big") >> 1 | 1
    return (
        x509.CertificateBuilder()
        .subject_name(_SUBJECT)
        .issuer_name(_SUBJECT)
        .public_key(signer.public_key())
        .serial_number(serial_number)
        .not_valid_before(_NOT_BEFORE)
        .not_valid_after(_NOT_BEFORE + _VALIDITY)
        .sign(signer, hashes.SHA512())
    )
