"""DAG addresses."""

import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ottochain.codec import base58
from ottochain.crypto.addresses import STARDUST_ADDRESS, address_of_bytes, address_of_peer, is_valid_address
from ottochain.crypto.errors import KeyFormatError

DATA = json.loads((Path(__file__).parent / "data" / "keys.json").read_text(encoding="utf-8"))


@pytest.mark.parametrize("case", DATA["keys"], ids=lambda case: case["id"])
def test_a_peer_has_its_address(case: dict[str, str]) -> None:
    assert address_of_peer(case["peerId"]) == case["address"]


@pytest.mark.parametrize("address", DATA["validAddresses"])
def test_known_addresses_are_valid(address: str) -> None:
    assert is_valid_address(address)


@pytest.mark.parametrize("case", DATA["invalidAddresses"], ids=lambda case: case["reason"])
def test_spoilt_addresses_are_invalid(case: dict[str, str]) -> None:
    assert not is_valid_address(case["address"])


@given(st.binary())
def test_every_derived_address_is_valid(content: bytes) -> None:
    assert is_valid_address(address_of_bytes(content))


@given(st.binary(), st.integers(0, 8))
def test_only_one_parity_digit_is_valid(content: bytes, digit: int) -> None:
    address = address_of_bytes(content)
    assert is_valid_address(f"DAG{digit}{address[4:]}") == (str(digit) == address[3])


@given(st.binary(), st.integers(0, 39), st.text(max_size=2))
def test_a_character_that_is_not_base58_makes_an_address_invalid(content: bytes, place: int, text: str) -> None:
    address = address_of_bytes(content)
    changed = address[:place] + text + address[place + 1 :]
    if any(character not in base58.ALPHABET for character in changed[4:]) or len(changed) != 40:
        assert not is_valid_address(changed)


def test_the_stardust_address_is_valid_beside_the_rule() -> None:
    assert is_valid_address(STARDUST_ADDRESS)
    assert not is_valid_address(STARDUST_ADDRESS[:-1])


@pytest.mark.parametrize("digit", ["²", "٣", "9", "-"])
def test_only_an_ascii_digit_is_a_parity(digit: str) -> None:
    assert not is_valid_address(f"DAG{digit}EUdecqFwEGcgAcH1ac2wrsg8acrgGwrQgech")


@pytest.mark.parametrize("peer_id", ["", "00", "zz" * 64, "0" * 126 + "  "])
def test_what_is_no_peer_id_has_no_address(peer_id: str) -> None:
    with pytest.raises(KeyFormatError, match="128 hexadecimal digits"):
        address_of_peer(peer_id)
