"""Exact JSON: no digit is lost, no text crashes it, and a refusal says where."""

import json
import sys
import time
from contextlib import suppress
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ottochain.codec import parser
from ottochain.codec.exact_json import JsonError, dumps, dumps_sound, loads

from .strategies import json_values

DEEP = 100_000


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("0", 0),
        ("-0", 0),
        ("-0.0", 0),
        ("0e99999999999999999999", 0),
        ("1.0", 1),
        ("1e2", 100),
        ("12.50e1", 125),
        ("-1.5E+1", -15),
        ("123456789012345678901234567890", 123456789012345678901234567890),
        ("9007199254740993", 9007199254740993),
        ("1e400", 10**400),
        ("120e-1", 12),
        ("0.00e-5", 0),
        ("1.000000000000000000000000000000000", 1),
    ],
)
def test_whole_numbers_are_integers(text: str, value: int) -> None:
    for read in (loads, parser.parse):
        number = read(text)
        assert type(number) is int
        assert number == value


@pytest.mark.parametrize(
    ("text", "digits"),
    [
        ("1.50", "1.5"),
        ("-0.10", "-0.1"),
        ("0.3333333333333333333333333333333333333333333333", "0.3333333333333333333333333333333333333333333333"),
        ("1e-7", "1E-7"),
        ("1000e-5", "0.01"),
        ("1e-400", "1E-400"),
        ("1.23e-0010", "1.23E-10"),
        ("1e-2147483647", "1E-2147483647"),
    ],
)
def test_other_numbers_are_decimals_without_trailing_zeros(text: str, digits: str) -> None:
    for read in (loads, parser.parse):
        number = read(text)
        assert type(number) is Decimal
        assert str(number) == digits


def test_the_largest_numbers_pass_quickly_and_come_back() -> None:
    started = time.monotonic()
    for text in ("1" * 262_144, "-" + "9" * 262_144):
        assert dumps(loads(text)) == text.encode()
    assert loads("1e262143") == 10**262_143
    assert time.monotonic() - started < 5


@pytest.mark.parametrize(
    "text", ["1" * 262_145, "1e262144", "1e99999999999999999999", "9" * 3_000_000, "1.5e262145"], ids=len
)
def test_more_than_262144_digits_are_refused_at_once(text: str) -> None:
    started = time.monotonic()
    with pytest.raises(JsonError, match="more than 262144 digits at line 1, column 2"):
        loads(f"[{text}]")
    assert time.monotonic() - started < 1


def test_exponents_can_not_unfold_to_more_than_a_text_is_worth() -> None:
    assert loads("[1e262143,1e262143,1e262143]") == [10**262_143] * 3
    assert loads(f"[{','.join(['1e308'] * 5000)}]") == [10**308] * 5000
    started = time.monotonic()
    with pytest.raises(JsonError, match="unfold to more than 1048576 digits together at line 1, column"):
        loads(f"[{','.join(['1e262143'] * 5000)}]")
    assert time.monotonic() - started < 5


def test_more_places_than_a_32_bit_scale_has_are_refused() -> None:
    for text in ("1e-2147483648", "1e-99999999999999999999"):
        with pytest.raises(JsonError, match="more than 2147483647 decimal places"):
            loads(text)


def test_the_limit_of_python_on_digits_is_left_alone() -> None:
    before = sys.get_int_max_str_digits()
    loads("7" * 5_000)
    dumps(7**9_000)
    assert sys.get_int_max_str_digits() == before


@pytest.mark.parametrize(
    ("text", "where"),
    [
        ("", "expected a value at line 1, column 1 (character 0), the end of the text"),
        ("[1,]", "expected a value at line 1, column 4 (character 3)"),
        ("[1 2]", "expected ',' or ']' at line 1, column 4"),
        ('{"a":1,}', "expected a key in double quotes at line 1, column 8"),
        ('{"a" 1}', "expected ':' after a key at line 1, column 6"),
        ('{"a":1]', "expected ',' or '}' at line 1, column 7"),
        ("{a:1}", "expected a key in double quotes at line 1, column 2"),
        ("[1,\n 2,\n x]", "expected a value at line 3, column 2 (character 9)"),
        ("01", "expected the end of the text at line 1, column 2"),
        ("1.", "expected the end of the text at line 1, column 2"),
        ("+1", "expected a value at line 1, column 1"),
        (".5", "expected a value"),
        ("-", "expected a value"),
        ("NaN", "expected a value"),
        ("Infinity", "expected a value"),
        ("-Infinity", "expected a value"),
        ("tru", "expected a value"),
        ("1 2", "expected the end of the text at line 1, column 3"),
        ('"abc', "unterminated string starting at line 1, column 1"),
        ('"\x01"', "invalid control character at line 1, column 2"),
        ('"\\x"', "invalid \\escape at line 1, column 2"),
        ('"\\u12"', "invalid \\uXXXX escape at line 1, column 3"),
        ("[" * 50, "expected a value at line 1, column 51 (character 50), the end of the text"),
        ("\N{NO-BREAK SPACE}1", "expected a value"),
        ("\N{ARABIC-INDIC DIGIT ONE}", "expected a value"),
    ],
)
def test_what_is_not_json_is_refused_with_its_place(text: str, where: str) -> None:
    for source in (text, text.encode()):
        with pytest.raises(JsonError) as refused:
            loads(source)
        assert where in str(refused.value)


def test_a_byte_order_mark_is_refused() -> None:
    for source in ("\ufeff1", b"\xef\xbb\xbf1"):
        with pytest.raises(JsonError, match="byte order mark"):
            loads(source)


@pytest.mark.parametrize("source", [b'"\xff"', b'"\xed\xa0\x80"', b'"\xc0\x80"', "1".encode("utf-16")])
def test_invalid_utf8_is_refused(source: bytes) -> None:
    with pytest.raises(JsonError, match="invalid UTF-8 at byte"):
        loads(source)


def test_the_last_of_several_members_with_one_key_wins() -> None:
    text = '{"a":1,"b":2,"a":3}'
    assert list(loads(text).items()) == [("a", 3), ("b", 2)]
    assert list(parser.parse(text).items()) == [("a", 3), ("b", 2)]


def test_a_lone_surrogate_is_kept_and_written_as_an_escape() -> None:
    assert loads('"\\ud800x"') == "\ud800x"
    assert dumps(["\ud800x", 1]) == b'["\\ud800x",1]'
    assert dumps({"\udfff": "é"}) == '{"\\udfff":"é"}'.encode()


def test_the_halves_of_a_pair_that_stand_together_are_one_character() -> None:
    assert dumps("\ud83d\ude00") == '"😀"'.encode()
    assert loads('"\\ud83d\\ude00"') == "😀"


def test_a_hundred_thousand_levels_are_read_and_written() -> None:
    for opening, closing in (("[", "]"), ('{"a":', "}")):
        text = opening * DEEP + "1.5" + closing * DEEP
        assert dumps(loads(text)) == text.encode()


@pytest.mark.parametrize("text", ["[[1],{}]", '{"a":[]}', '[["]]]]", "[[[["]]'])
def test_nesting_is_counted_in_containers(text: str) -> None:
    assert loads(text, max_depth=2) == json.loads(text)
    with pytest.raises(JsonError, match="nested deeper than 1 levels at line 1, column"):
        loads(text, max_depth=1)


def test_a_scalar_has_no_depth() -> None:
    assert loads("1", max_depth=0) == 1
    with pytest.raises(JsonError, match="nested deeper than 0 levels"):
        loads("[]", max_depth=0)


def test_brackets_in_strings_do_not_count() -> None:
    assert loads('["[[[[{{{{"]', max_depth=1) == ["[[[[{{{{"]


def test_a_bound_on_depth_holds_on_the_deep_way_too() -> None:
    assert loads("[" * DEEP + "]" * DEEP, max_depth=DEEP)
    with pytest.raises(JsonError, match="nested deeper than 99999 levels"):
        loads("[" * DEEP + "]" * DEEP, max_depth=DEEP - 1)


@pytest.mark.parametrize("value", [1.5, [1.5], {"a": {1}}, b"bytes", {"a": float("nan")}, {1: 2}, object()])
def test_what_is_not_a_json_value_is_a_type_error(value: Any) -> None:
    with pytest.raises(TypeError):
        dumps(value)


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (Decimal("3.0"), b"3"),
        (Decimal("1E+3"), b"1000"),
        (Decimal("-0.0"), b"0"),
        (Decimal("1.50"), b"1.5"),
        (Decimal("1E-7"), b"1E-7"),
        (2**64, b"18446744073709551616"),
        ((1, [2]), b"[1,[2]]"),
        ({"b": None, "a": True}, b'{"b":null,"a":true}'),
        ("\x7f\x1f\n", b'"\x7f\\u001f\\n"'),
    ],
)
def test_values_are_written_compactly_in_their_order(value: Any, text: bytes) -> None:
    assert dumps(value) == text


def test_numbers_that_json_lacks_or_that_would_not_be_read_back_are_refused() -> None:
    for number in (Decimal("NaN"), Decimal("-Infinity"), 10**262_144, Decimal("1E+262144")):
        with pytest.raises(JsonError):
            dumps([number])


@given(json_values)
def test_what_is_written_is_read_back_exactly(value: Any) -> None:
    text = dumps(value)
    for read in (loads(text), parser.parse(text.decode())):
        assert read == value
        assert dumps(read) == text
        assert [type(number) for number in _numbers(read)] == [type(number) for number in _numbers(value)]


@given(json_values)
def test_the_text_means_the_same_to_other_readers(value: Any) -> None:
    assert json.loads(dumps(value), parse_float=Decimal) == value


@given(st.text(alphabet='[]{}",:0123456789.eE+-\\u tfnars\n', max_size=20))
def test_both_ways_of_reading_accept_the_same_texts(text: str) -> None:
    try:
        expected = json.loads(text, parse_float=Decimal, parse_constant=_refuse)
    except ValueError:
        with pytest.raises(JsonError):
            loads(text)
    else:
        assert loads(text) == parser.parse(text) == expected


@given(st.binary(max_size=30))
def test_no_bytes_make_anything_but_a_value_or_a_json_error(data: bytes) -> None:
    with suppress(JsonError):
        loads(data)


def _numbers(value: Any) -> list[Any]:
    if isinstance(value, dict):
        return [number for child in value.values() for number in _numbers(child)]
    if isinstance(value, list):
        return [number for child in value for number in _numbers(child)]
    return [value] if isinstance(value, int | Decimal) else []


def _refuse(constant: str) -> None:
    raise ValueError(constant)


@given(json_values)
def test_what_is_sound_is_written_the_same_without_a_look_at_it(value: Any) -> None:
    assert dumps_sound(value) == dumps(value)
