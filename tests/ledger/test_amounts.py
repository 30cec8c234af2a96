"""Amounts as people write them."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ottochain.ledger.amounts import AMOUNT_MAX, read_tokens, write_tokens


@given(st.integers(0, AMOUNT_MAX))
def test_what_is_written_is_read_without_losing_a_datum(datum: int) -> None:
    assert read_tokens(write_tokens(datum)) == datum


@pytest.mark.parametrize(
    ("text", "datum"),
    [("1", 10**8), ("0.5", 5 * 10**7), ("1.50", 150_000_000), ("0.00000001", 1), ("007", 7 * 10**8), ("0", 0)],
)
def test_tokens_are_read(text: str, datum: int) -> None:
    assert read_tokens(text) == datum


@pytest.mark.parametrize(
    "text", ["", ".", "1.", ".5", "-1", "+1", "1e3", "1,5", "1_0", "0.123456789", " 1", "٣", "nan"]
)
def test_what_is_no_amount_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="at most 8 decimals"):
        read_tokens(text)


@pytest.mark.parametrize("text", ["92233720368.54775808", "999999999999"])
def test_what_no_balance_can_hold_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r"at most 92233720368\.54775807 tokens"):
        read_tokens(text)
