"""Keystores: Java's are read here, ours are read by Java and OpenSSL, and refusals say what is wrong."""

import subprocess
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.serialization import pkcs12
from tests.tools_on_path import need

from ottochain.crypto.keys import PrivateKey
from ottochain.crypto.keystore import (
    KeystoreAliasError,
    KeystoreError,
    KeystoreFormatError,
    KeystorePasswordError,
    read_p12,
    write_p12,
)

DATA = Path(__file__).parent / "data"
PASSWORD = "swordfish"
COFFEE = PrivateKey.from_hex("c0ffee".rjust(64, "0"))
DECAF = PrivateKey.from_hex("decafbad".rjust(64, "0"))
WRITTEN_BY_JAVA = ["bouncycastle.p12", "bouncycastle-3des.p12", "jdk-aes.p12", "jdk-legacy.p12"]

Tool = Callable[..., str]


@pytest.fixture
def tool() -> Tool:
    def run(*command: str) -> str:
        need(command[0])
        finished = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
        assert finished.returncode == 0, finished.stdout
        return finished.stdout

    return run


@pytest.mark.parametrize("name", WRITTEN_BY_JAVA)
@pytest.mark.parametrize("alias", [None, "token-key", "Token-Key"])
def test_keystores_written_by_java_are_read(name: str, alias: str | None) -> None:
    entry = read_p12((DATA / name).read_bytes(), alias, PASSWORD)
    assert entry.alias == "token-key"
    assert entry.key == COFFEE


@pytest.mark.parametrize("legacy", [False, True])
@pytest.mark.parametrize("password", [PASSWORD, "pässwörd \N{KEY}", " "])
def test_what_is_written_is_read(legacy: bool, password: str) -> None:
    entry = read_p12(write_p12(COFFEE, "dl1-2", password, legacy=legacy), "dl1-2", password)
    assert (entry.alias, entry.key) == ("dl1-2", COFFEE)


@pytest.mark.parametrize("name", WRITTEN_BY_JAVA)
@pytest.mark.parametrize("password", ["", "Swordfish", PASSWORD + " "])
def test_a_wrong_password_is_told_apart_from_a_wrong_format(name: str, password: str) -> None:
    with pytest.raises(KeystorePasswordError, match="the password does not open the keystore"):
        read_p12((DATA / name).read_bytes(), None, password)


@pytest.mark.parametrize("data", [b"", b"not a keystore", b"0" * 1000], ids=len)
def test_what_is_no_keystore_is_a_format_error(data: bytes) -> None:
    with pytest.raises(KeystoreFormatError, match="not a PKCS#12 keystore"):
        read_p12(data, None, PASSWORD)


def test_a_keystore_cut_short_is_a_format_error() -> None:
    with pytest.raises(KeystoreFormatError):
        read_p12((DATA / "jdk-aes.p12").read_bytes()[:-20], None, PASSWORD)


def test_a_damaged_keystore_is_not_opened() -> None:
    data = bytearray((DATA / "jdk-aes.p12").read_bytes())
    data[len(data) // 2] ^= 1
    with pytest.raises(KeystoreError):
        read_p12(bytes(data), None, PASSWORD)


def test_a_keystore_without_a_key_is_refused() -> None:
    with pytest.raises(KeystoreFormatError, match="no private key"):
        read_p12((DATA / "no-key.p12").read_bytes(), None, PASSWORD)


def test_a_key_on_another_curve_is_refused() -> None:
    with pytest.raises(KeystoreFormatError, match="not on the curve secp256k1"):
        read_p12((DATA / "other-curve.p12").read_bytes(), None, PASSWORD)


def test_another_alias_is_refused_with_the_one_that_is_there() -> None:
    with pytest.raises(KeystoreAliasError, match="expected a key with alias 'cl1' in the keystore, found 'token-key'"):
        read_p12((DATA / "bouncycastle.p12").read_bytes(), "cl1", PASSWORD)


def test_of_two_keys_the_name_and_the_key_belong_together() -> None:
    data = (DATA / "two-keys.p12").read_bytes()
    entry = read_p12(data, None, PASSWORD)
    assert entry.key == {"first": COFFEE, "second": DECAF}[entry.alias]
    with pytest.raises(KeystoreAliasError):
        read_p12(data, "first" if entry.alias == "second" else "second", PASSWORD)


@pytest.mark.parametrize(("alias", "password"), [("", PASSWORD), ("key", "")])
def test_an_empty_alias_or_password_is_not_written(alias: str, password: str) -> None:
    with pytest.raises(KeystoreError, match="not empty"):
        write_p12(COFFEE, alias, password)


def test_the_certificate_is_the_one_that_tessellation_makes() -> None:
    certificate = pkcs12.load_pkcs12(write_p12(COFFEE, "key", PASSWORD), PASSWORD.encode()).cert
    assert certificate is not None
    made = certificate.certificate
    assert made.subject == made.issuer
    assert made.subject.rfc4514_string() == "O=Constellation Labs,CN=constellationnetwork.io"
    assert made.not_valid_after_utc - made.not_valid_before_utc == timedelta(days=365_000)
    assert made.signature_hash_algorithm is not None
    assert made.signature_hash_algorithm.name == "sha512"
    made.verify_directly_issued_by(made)


def test_the_certificate_does_not_change_from_one_writing_to_the_next() -> None:
    def serial_number() -> int:
        certificate = pkcs12.load_pkcs12(write_p12(COFFEE, "key", PASSWORD), PASSWORD.encode()).cert
        assert certificate is not None
        return certificate.certificate.serial_number

    assert serial_number() == serial_number()


def test_neither_entry_nor_errors_show_a_secret() -> None:
    entry = read_p12((DATA / "bouncycastle.p12").read_bytes(), None, PASSWORD)
    assert "c0ffee" not in repr(entry)
    with pytest.raises(KeystoreError) as refused:
        read_p12((DATA / "bouncycastle.p12").read_bytes(), None, "a wrong secret")
    assert "a wrong secret" not in str(refused.value)


@pytest.mark.parametrize("legacy", [False, True])
def test_keytool_lists_what_is_written(legacy: bool, tool: Tool, tmp_path: Path) -> None:
    (tmp_path / "key.p12").write_bytes(write_p12(COFFEE, "token-key", PASSWORD, legacy=legacy))
    listing = tool("keytool", "-list", "-v", "-keystore", str(tmp_path / "key.p12"), "-storepass", PASSWORD)
    assert "Alias name: token-key" in listing
    assert "Entry type: PrivateKeyEntry" in listing
    assert "Signature algorithm name: SHA512withECDSA" in listing
    assert "secp256k1" in listing


@pytest.mark.parametrize("legacy", [False, True])
def test_openssl_reads_the_same_secret(legacy: bool, tool: Tool, tmp_path: Path) -> None:
    (tmp_path / "key.p12").write_bytes(write_p12(COFFEE, "token-key", PASSWORD, legacy=legacy))
    tool("openssl", "pkcs12", "-in", str(tmp_path / "key.p12"), "-passin", f"pass:{PASSWORD}", "-nocerts", "-nodes",
         "-out", str(tmp_path / "key.pem"))  # fmt: skip
    shown = tool("openssl", "ec", "-in", str(tmp_path / "key.pem"), "-noout", "-text")
    assert COFFEE.hex in shown.replace(":", "").replace(" ", "").replace("\n", "")
