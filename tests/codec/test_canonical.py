"""Canonical text: RFC 8785 to the letter, as three other implementations see it too."""

import json
import math
import subprocess
from decimal import Decimal
from pathlib import Path
from typing import Any

import jcs
import pytest
import rfc8785
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.tools_on_path import need

from ottochain.codec.canonical import CanonicalError, canonical_bytes, drop_nulls, number_text
from ottochain.codec.exact_json import loads
from ottochain.codec.hashing import canonical_hash

from .strategies import containers, doubles, json_values, scalars, texts

VECTORS = json.loads((Path(__file__).parent / "data" / "canonical.json").read_text(encoding="utf-8"))
DEEP = 100_000

finite = st.integers() | doubles


@pytest.mark.parametrize("case", VECTORS["pairs"] + VECTORS["documents"], ids=lambda case: case["id"])
def test_documents_have_their_canonical_text(case: dict[str, str]) -> None:
    assert canonical_bytes(loads(case["json"])).decode() == case["canonical"]


@pytest.mark.parametrize("case", VECTORS["pairs"], ids=lambda case: case["id"])
def test_documents_have_their_canonical_hash(case: dict[str, str]) -> None:
    assert canonical_hash(loads(case["json"])) == case["sha256"]


@pytest.mark.parametrize("case", VECTORS["numbers"], ids=lambda case: case["id"])
def test_numbers_have_the_text_of_ecmascript(case: dict[str, Any]) -> None:
    value = loads(case["json"])
    if case["canonical"] is None:
        with pytest.raises(CanonicalError, match="beyond the range of doubles"):
            canonical_bytes(value)
    else:
        assert canonical_bytes([value]).decode() == f"[{case['canonical']}]"


def test_numbers_that_metakit_writes_otherwise_are_listed_in_the_docs() -> None:
    listed = (Path(__file__).parents[2] / "docs" / "compatibility.md").read_text(encoding="utf-8")
    strays = [case["id"].removeprefix("number/") for case in VECTORS["numbers"] if "metakit" in case]
    assert strays
    assert all(f"`{stray}`" in listed for stray in strays)


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (2**53, "9007199254740992"),
        (2**53 + 1, "9007199254740992"),
        (-(2**53) - 1, "-9007199254740992"),
        (10**21, "1e+21"),
        (10**21 - 1, "1e+21"),
        (Decimal("-0.0"), "0"),
        (Decimal("-1E-400"), "0"),
        (Decimal("0.000001"), "0.000001"),
        (Decimal("0.0000001"), "1e-7"),
        (Decimal("-0.00000123"), "-0.00000123"),
        (Decimal("-1.23E-7"), "-1.23e-7"),
        (Decimal("0.1"), "0.1"),
        (Decimal(10) ** 16, "10000000000000000"),
        (Decimal("1.50"), "1.5"),
    ],
)
def test_a_number_is_the_shortest_text_of_its_double(value: Any, text: str) -> None:
    assert number_text(value) == text
    assert canonical_bytes({"n": value}).decode() == f'{{"n":{text}}}'


@pytest.mark.parametrize(
    "number", [10**400, Decimal("1E+400"), Decimal("-1E+309"), Decimal("Infinity"), Decimal("NaN"), Decimal("sNaN")]
)
def test_a_number_beyond_the_doubles_has_no_canonical_text(number: Any) -> None:
    with pytest.raises(CanonicalError, match="beyond the range of doubles"):
        canonical_bytes([number])


@pytest.mark.parametrize("value", ["\ud800", ["a\udfffb"], {"\ud800": 1}, {"😀": "\ud800"}])
def test_a_lone_surrogate_has_no_canonical_text(value: Any) -> None:
    with pytest.raises(CanonicalError, match="lone surrogate"):
        canonical_bytes(value)


def test_the_halves_of_a_pair_that_stand_together_are_one_character() -> None:
    assert canonical_bytes(["\ud83d\ude00"]) == '["😀"]'.encode()


def test_keys_are_sorted_by_utf16_code_units() -> None:
    # As code points U+FB33 comes before U+1F600; as code units after its first half, U+D83D.
    assert canonical_bytes({"\ufb33": 1, "\U0001f600": 2}) == '{"😀":2,"\ufb33":1}'.encode()
    assert canonical_bytes({"é": 1, "z": 2, "": 3}) == '{"":3,"z":2,"é":1}'.encode()


def test_nulls_are_kept() -> None:
    assert canonical_bytes({"b": None, "a": [None]}) == b'{"a":[null],"b":null}'


@pytest.mark.parametrize("value", [1.0, [0.5], {"a": b""}, {1: 1}])
def test_what_is_not_a_json_value_is_a_type_error(value: Any) -> None:
    with pytest.raises(TypeError):
        canonical_bytes(value)


def test_a_hundred_thousand_levels_are_canonicalised() -> None:
    deep: Any = {"b": 1, "a": None}
    for _ in range(DEEP):
        deep = [deep]
    assert canonical_bytes(deep) == b"[" * DEEP + b'{"a":null,"b":1}' + b"]" * DEEP
    assert canonical_bytes(drop_nulls(deep)) == b"[" * DEEP + b'{"b":1}' + b"]" * DEEP


@given(json_values)
def test_canonicalising_the_canonical_text_changes_nothing(value: Any) -> None:
    try:
        text = canonical_bytes(value)
    except CanonicalError:
        return
    assert canonical_bytes(loads(text)) == text


@given(containers(st.none() | st.booleans() | finite | texts))
def test_rfc8785_and_jcs_write_the_same(value: Any) -> None:
    expected = canonical_bytes(value)
    assert rfc8785.dumps(_with_doubles(value)) == expected
    assert jcs.canonicalize(_with_doubles(value)) == expected


@given(containers(scalars))
def test_the_order_of_members_does_not_matter(value: Any) -> None:
    try:
        text = canonical_bytes(value)
    except CanonicalError:
        return
    assert canonical_bytes(_reversed(value)) == text


@given(json_values)
def test_dropping_nulls_leaves_no_null_member_and_every_element(value: Any) -> None:
    assert drop_nulls(value) == _without_null_members(value)


@settings(max_examples=20)
@given(st.lists(st.floats(allow_nan=False, allow_infinity=False), min_size=50, max_size=200))
def test_node_prints_the_same_numbers(numbers: list[float]) -> None:
    need("node")
    script = "process.stdout.write(JSON.stringify(JSON.parse(require('fs').readFileSync(0, 'utf8'))))"
    printed = subprocess.run(
        ["node", "-e", script], input=json.dumps(numbers).encode(), stdout=subprocess.PIPE, check=True
    )
    assert canonical_bytes(loads(json.dumps(numbers))) == printed.stdout


def _with_doubles(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _with_doubles(child) for key, child in value.items()}
    if isinstance(value, list):
        return [_with_doubles(child) for child in value]
    if isinstance(value, Decimal) or (isinstance(value, int) and abs(value) >= 2**53):
        double = float(value)
        assert math.isfinite(double)
        return double
    return value


def _reversed(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _reversed(child) for key, child in reversed(value.items())}
    if isinstance(value, list):
        return [_reversed(child) for child in value]
    return value


def _without_null_members(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _without_null_members(child) for key, child in value.items() if child is not None}
    if isinstance(value, list):
        return [_without_null_members(child) for child in value]
    return value
