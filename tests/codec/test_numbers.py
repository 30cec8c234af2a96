"""Conversions between numbers and digits, beyond what Python converts at once."""

from decimal import Decimal

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from ottochain.codec.errors import JsonError
from ottochain.codec.numbers import (
    MAX_DIGITS,
    decimal_from_int,
    decimal_to_text,
    int_from_decimal,
    int_from_text,
    int_to_text,
    number_from_text,
)


@given(st.integers(1, 9), st.integers(0, 9), st.integers(0, 3000), st.booleans())
@example(1, 0, 599, False)
@example(9, 9, 600, True)
@example(1, 0, 2999, True)
def test_digits_come_back(first: int, rest: int, count: int, negative: bool) -> None:
    text = f"{'-' if negative else ''}{first}{str(rest) * count}"
    number = int_from_text(text)
    assert int_to_text(number) == text
    # By the definition of positional notation, without converting the text again.
    assert abs(number) == first * 10**count + rest * (10**count - 1) // 9


@given(st.integers(1, 8000), st.integers(-1, 1))
def test_integers_come_back(bits: int, offset: int) -> None:
    number = 3**bits + offset
    assert int_from_text(int_to_text(number)) == number


def test_the_bound_is_exact() -> None:
    largest = 10**MAX_DIGITS - 1
    assert len(int_to_text(largest)) == MAX_DIGITS
    for number in (largest + 1, -largest - 1, 10**300_000):
        with pytest.raises(JsonError):
            int_to_text(number)


@given(st.decimals(allow_nan=False, allow_infinity=False, min_value=-(10**50), max_value=10**50))
def test_decimals_keep_their_value(number: Decimal) -> None:
    text = decimal_to_text(number)
    exact = number_from_text(text) if "E" in text or "." in text else int_from_text(text)
    assert exact == number
    assert isinstance(exact, int) == (number == number.to_integral_value())


@given(st.integers(0, 12_000), st.integers(-(2**64), 2**64), st.booleans())
def test_integers_and_whole_decimals_become_one_another(bits: int, offset: int, negative: bool) -> None:
    number = (1 << bits) + offset
    number = -number if negative else number
    decimal = decimal_from_int(number)
    assert decimal == Decimal(number)
    assert int_from_decimal(decimal) == number
    assert int_from_decimal(Decimal(decimal.as_tuple()._replace(exponent=700))) == number * 10**700
