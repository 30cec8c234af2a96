"""Keystores with one password for the store and another for the key, as Java writes them when it is asked to."""

import contextlib
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ottochain.crypto.errors import (
    KeystoreAliasError,
    KeystoreError,
    KeystoreFormatError,
    KeystorePasswordError,
)
from ottochain.crypto.keys import PrivateKey
from ottochain.crypto.keystore import read_p12
from ottochain.crypto.two_passwords import read_two_passwords

DATA = Path(__file__).parent / "data"
STORE, KEY = "swordfish", "angelfish"
COFFEE = PrivateKey.from_hex("c0ffee".rjust(64, "0"))
NAMES = ["two-passwords-aes.p12", "two-passwords-legacy.p12"]


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("alias", [None, "token-key", "Token-Key"])
def test_what_java_writes_is_read(name: str, alias: str | None) -> None:
    entry = read_two_passwords((DATA / name).read_bytes(), alias, STORE, KEY)
    assert (entry.alias, entry.key) == ("token-key", COFFEE)


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("password", [STORE, KEY])
def test_one_password_does_not_open_them(name: str, password: str) -> None:
    with pytest.raises(KeystorePasswordError):
        read_p12((DATA / name).read_bytes(), None, password)


@pytest.mark.parametrize("name", NAMES)
def test_the_wrong_password_is_named(name: str) -> None:
    data = (DATA / name).read_bytes()
    with pytest.raises(KeystorePasswordError, match="the password of the store"):
        read_two_passwords(data, None, KEY, KEY)
    with pytest.raises(KeystorePasswordError, match="the password of the key"):
        read_two_passwords(data, None, STORE, STORE)


@pytest.mark.parametrize("name", ["jdk-aes.p12", "jdk-legacy.p12"])
def test_two_equal_passwords_are_read_too(name: str) -> None:
    assert read_two_passwords((DATA / name).read_bytes(), None, STORE, STORE).key == COFFEE


def test_another_alias_is_refused_with_the_one_that_is_there() -> None:
    with pytest.raises(KeystoreAliasError, match="alias 'cl1' in the keystore, found 'token-key'"):
        read_two_passwords((DATA / NAMES[0]).read_bytes(), "cl1", STORE, KEY)


def test_a_keystore_without_a_key_and_one_on_another_curve_are_refused() -> None:
    with pytest.raises(KeystoreFormatError, match="no private key"):
        read_two_passwords((DATA / "no-key.p12").read_bytes(), None, STORE, KEY)
    with pytest.raises(KeystoreFormatError, match="not on the curve secp256k1"):
        read_two_passwords((DATA / "other-curve.p12").read_bytes(), None, STORE, STORE)


@given(st.binary(max_size=64))
def test_what_is_no_keystore_is_a_format_error(data: bytes) -> None:
    with pytest.raises(KeystoreFormatError):
        read_two_passwords(data, None, STORE, KEY)


@given(place=st.integers(0, 1065), flip=st.integers(1, 255))
def test_a_damaged_keystore_gives_the_key_or_an_error_in_words(place: int, flip: int) -> None:
    data = bytearray((DATA / NAMES[0]).read_bytes())
    data[place] ^= flip
    if data[-4:] != (DATA / NAMES[0]).read_bytes()[-4:]:
        return  # the number of rounds, which may be any up to the bound and takes as long
    with contextlib.suppress(KeystoreError):
        assert read_two_passwords(bytes(data), None, STORE, KEY).key == COFFEE
