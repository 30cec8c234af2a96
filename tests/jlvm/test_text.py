"""Strings count UTF-16 code units, as on the Java virtual machine."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ottochain.jlvm import JsonValue, compile_expression
from ottochain.jlvm.text import java_hash, joined, utf16_length, utf16_slice

HIGH, LOW = "\ud83d", "\ude00"


def run(op: str, *args: JsonValue) -> JsonValue:
    program = compile_expression({op: [{"var": str(index)} for index in range(len(args))]})
    program.compile()
    return program.run({str(index): arg for index, arg in enumerate(args)}).value


def test_lengths_and_cuts_count_code_units() -> None:
    assert run("length", "a😀b") == 4
    assert run("substr", "a😀b", 1, 1) == HIGH
    assert run("substr", "a😀b", 2) == LOW + "b"
    assert run("substr", "a😀b", -3, -1) == "😀"


def test_halves_that_meet_become_one_character() -> None:
    assert run("cat", HIGH, LOW) == "😀"
    assert run("join", [HIGH, LOW], "") == "😀"
    assert run("join", [HIGH, LOW], "-") == f"{HIGH}-{LOW}"
    assert compile_expression({"cat": [{"substr": ["x😀", 0, 2]}, {"substr": ["😀y", 1]}]}).run({}).value == "x😀y"


def test_searches_find_halves() -> None:
    assert run("in", HIGH, "a😀b") is True
    assert run("in", LOW + "b", "a😀b") is True
    assert run("in", HIGH + "b", "a😀b") is False
    assert run("in", HIGH, "hello") is False
    assert run("startsWith", "😀", HIGH) is True
    assert run("endsWith", "😀", LOW) is True
    assert run("startsWith", "😀", LOW) is False


def test_size_is_priced_in_code_units() -> None:
    program = compile_expression({"cat": ["😀", "a"]})
    assert program.run({}).gas == 5 + 5 + 3


@pytest.mark.parametrize(
    ("start", "length", "expected"),
    [(1, 2147483647, ""), (0, 2147483647, "hello"), (1, -2147483648, ""), (-2147483648, 2, "he"), (2147483647, 1, "")],
)
def test_cuts_wrap_like_32_bit_integers(start: int, length: int, expected: str) -> None:
    assert run("substr", "hello", start, length) == expected


def test_case_mapping_is_javas() -> None:
    assert run("lower", "ΑΣ İ") == "ας i̇"
    assert run("upper", "straße ŉ") == "STRASSE ʼN"


def test_trim_takes_control_characters_and_no_other_space() -> None:
    assert run("trim", "\u0000\u001f \u00a0x\u2003 \n") == "\u00a0x\u2003"


def test_pieces_are_kept_even_if_empty() -> None:
    assert run("split", ",a,,", ",") == ["", "a", "", ""]
    assert run("split", "", ",") == [""]
    assert run("split", "a.b", ".") == ["a", "b"]


@pytest.mark.parametrize(("text", "expected"), [("", 0), ("a", 97), ("hello", 99162322), ("😀", 1772899), ("zz", 3904)])
def test_hash_codes(text: str, expected: int) -> None:
    assert java_hash(text) == expected


units = st.text(st.one_of(st.characters(), st.sampled_from([HIGH, LOW, "😀"])), max_size=6)


@given(units, units)
def test_joining_cuts_gives_the_text_back(a: str, b: str) -> None:
    text = joined([a, b])
    assert utf16_length(text) == utf16_length(a) + utf16_length(b)
    for at in range(utf16_length(text) + 1):
        assert joined([utf16_slice(text, 0, at), utf16_slice(text, at, utf16_length(text))]) == text
