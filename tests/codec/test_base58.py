"""Base58 there and back."""

import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ottochain.codec import base58

CASES = json.loads((Path(__file__).parent / "data" / "base58.json").read_text(encoding="utf-8"))["cases"]


@pytest.mark.parametrize("case", CASES, ids=lambda case: case["id"])
def test_known_texts(case: dict[str, str]) -> None:
    assert base58.encode(bytes.fromhex(case["hex"])) == case["base58"]
    assert base58.decode(case["base58"]).hex() == case["hex"]


@given(st.binary(max_size=80))
def test_bytes_come_back(data: bytes) -> None:
    assert base58.decode(base58.encode(data)) == data


@given(st.text(base58.ALPHABET, max_size=60))
def test_texts_come_back(text: str) -> None:
    assert base58.encode(base58.decode(text)) == text


@pytest.mark.parametrize("text", ["0", "O", "I", "l", "1 1", "é", "\ud800"])
def test_other_characters_are_refused(text: str) -> None:
    with pytest.raises(base58.Base58Error, match="not Base58"):
        base58.decode(text)
