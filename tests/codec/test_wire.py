"""Wire text and JSON hash: Tessellation's bytes."""

import json
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ottochain.codec.exact_json import loads
from ottochain.codec.wire import (
    WireError,
    brotli_plain,
    brotli_sorted,
    json_hash,
    signed_bytes,
    sorted_bytes,
    unbrotli,
    wire_bytes,
)

from .strategies import json_values

CASES = json.loads((Path(__file__).parent / "data" / "json_hash.json").read_text(encoding="utf-8"))["cases"]
DEEP = 20_000


@pytest.mark.parametrize("case", CASES, ids=lambda case: case["id"])
def test_the_json_hash_is_over_the_compressed_sorted_text(case: dict[str, Any]) -> None:
    assert sorted_bytes(case["value"]).decode() == case["text"]
    assert brotli_sorted(case["value"]).hex() == case["brotliHex"]
    assert json_hash(case["value"]) == case["hash"]


def test_wire_text_keeps_order_and_nulls() -> None:
    assert (
        wire_bytes({"b": None, "a": [None, 2**70, Decimal("1.50")]})
        == b'{"b":null,"a":[null,1180591620717411303424,1.5]}'
    )


def test_sorted_text_drops_null_members_and_keeps_nulls_in_arrays() -> None:
    assert sorted_bytes({"b": {"c": None}, "a": [None, {"z": None}], "n": None}) == b'{"a":[null,{}],"b":{}}'


@pytest.mark.parametrize("write", [wire_bytes, sorted_bytes])
@pytest.mark.parametrize("beside", [None, 2**80, "😀"])
def test_bytes_are_arrays_of_signed_integers(write: Any, beside: Any) -> None:
    text = write({"content": bytes([0, 127, 128, 255]), "x": beside})
    assert loads(text)["content"] == [0, 127, -128, -1]


def test_bytes_in_a_value_too_deep_for_the_quick_way() -> None:
    deep: Any = b"\x80"
    for _ in range(DEEP):
        deep = [deep]
    assert wire_bytes(deep) == b"[" * DEEP + b"[-128]" + b"]" * DEEP


@pytest.mark.parametrize("beside", [0, 2**80])
def test_iso_control_characters_are_escaped_as_circe_does(beside: int) -> None:
    assert wire_bytes({"\x80": "\x7f\x9f\xa0é\n\x1f", "x": beside}) == (
        f'{{"\\u0080":"\\u007f\\u009f\xa0é\\n\\u001f","x":{beside}}}'.encode()
    )


def test_keys_are_sorted_by_utf16_code_units() -> None:
    assert sorted_bytes({"\ufb33": 1, "\U0001f600": None, "\U0001f601": 2}) == '{"😁":2,"\ufb33":1}'.encode()


def test_a_lone_surrogate_is_refused() -> None:
    with pytest.raises(WireError, match="lone surrogate"):
        wire_bytes(["\ud800"])


@pytest.mark.parametrize("value", [1.5, {"a": [object()]}, bytearray(b"")])
def test_what_is_not_a_json_value_is_a_type_error(value: Any) -> None:
    with pytest.raises(TypeError):
        wire_bytes(value)


def test_decompression_stops_at_its_bound() -> None:
    bomb = brotli_plain(bytes(50_000_000))
    with pytest.raises(WireError, match="more than 1000 bytes"):
        unbrotli(bomb, 1000)


@pytest.mark.parametrize("data", [b"", b"\xff\xff\xff", brotli_plain(b"x" * 1000)[:-1], brotli_plain(b"x") + b"more"])
def test_what_is_no_whole_brotli_stream_is_refused(data: bytes) -> None:
    with pytest.raises(WireError):
        unbrotli(data, 10_000)


@given(st.binary(max_size=3000), st.integers(0, 10))
def test_compressed_bytes_unfold_to_what_they_were(data: bytes, spare: int) -> None:
    assert unbrotli(brotli_plain(data), len(data) + spare) == data


@given(st.binary())
def test_signed_integers_are_the_way_back_to_bytes(data: bytes) -> None:
    assert signed_bytes(loads(wire_bytes(data))) == data


@pytest.mark.parametrize("numbers", [[128], [-129], [1, "2"], [Decimal("1.5")], [None], [True]])
def test_other_things_than_signed_bytes_are_refused(numbers: Any) -> None:
    with pytest.raises(WireError, match="expected an array of integers from -128 to 127"):
        signed_bytes(numbers)


@given(json_values)
def test_wire_text_is_read_back_exactly(value: Any) -> None:
    assert loads(wire_bytes(value)) == value


@given(json_values)
def test_the_hash_does_not_depend_on_the_order_of_members_or_on_null_members(value: Any) -> None:
    assert json_hash({"b": value, "a": 1, "n": None}) == json_hash({"a": 1, "b": value})
