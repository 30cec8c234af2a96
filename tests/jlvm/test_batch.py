"""Requests and answers of `ottochain jlvm eval`."""

from decimal import Decimal

import pytest

from ottochain.jlvm.batch import answer


def test_a_result_comes_with_its_gas() -> None:
    assert answer({"expr": {"+": [{"var": "a"}, 1]}, "data": {"a": 2}}) == {"result": 3, "gas": 14}


def test_data_is_null_unless_given() -> None:
    assert answer({"expr": {"var": ""}}) == {"result": None, "gas": 3}


def test_numbers_stay_exact() -> None:
    assert answer({"expr": {"*": [{"var": ""}, 1]}, "data": Decimal("0.1")})["result"] == Decimal("0.1")


def test_a_context_stands_before_the_data() -> None:
    assert answer({"expr": {"var": "a"}, "data": {"a": 1, "b": 2}, "context": {"a": 3}})["result"] == 3
    assert answer({"expr": {"var": ""}, "data": 1, "context": None})["result"] is None


def test_an_error_of_the_evaluation_is_an_answer() -> None:
    assert answer({"expr": {"/": [1, 0]}}) == {"error": "Division by zero", "kind": "evaluation"}


def test_a_limit_that_is_too_low_is_an_answer() -> None:
    request = {"expr": {"+": [1, 2]}, "gasLimit": 10}
    assert answer(request) == {"error": "Gas exhausted: required 6, available 5", "kind": "gasExhausted"}
    assert answer({**request, "gasLimit": 11}) == {"result": 3, "gas": 11}


@pytest.mark.parametrize(
    ("prices", "gas"),
    [("default", 45), ("dev", 40), ("mainnet", 60), ({"map": 0, "depthPenaltyMultiplier": 0}, 20), ({}, 45)],
)
def test_prices_can_be_chosen(prices, gas: int) -> None:
    request = {"expr": {"map": [[1, 2], {"+": [{"var": ""}, 1]}]}, "gasConfig": prices}
    assert answer(request) == {"result": [2, 3], "gas": gas}


@pytest.mark.parametrize(
    "request_",
    [
        None,
        [],
        "x",
        {},
        {"data": {}},
        {"expr": 1, "gasLimit": -1},
        {"expr": 1, "gasLimit": 2**63},
        {"expr": 1, "gasLimit": Decimal("1.5")},
        {"expr": 1, "gasLimit": True},
        {"expr": 1, "gasConfig": "cheap"},
        {"expr": 1, "gasConfig": 5},
        {"expr": 1, "gasConfig": {"nothing": 1}},
        {"expr": 1, "gasConfig": {"map": -1}},
        {"expr": 1, "gasConfig": {"map": "1"}},
    ],
)
def test_what_is_no_request_is_refused(request_) -> None:
    answered = answer(request_)
    assert answered["kind"] == "input"
    assert set(answered) == {"error", "kind"}
