"""Prices, and the two ways in which gas is counted."""

import copy
import pickle

import pytest

from ottochain.jlvm import EvaluationError, GasConfig, GasExhausted, JsonValue, compile_expression

STATE = {"a": 1, "b": 2, "c": 3, "d": 4}


@pytest.mark.parametrize(
    ("expression", "data", "gas"),
    [
        (5, {}, 0),
        ({"var": "x"}, {"x": 1}, 3),
        ({"var": "a.b"}, {}, 4),
        ({"==": [1, 1]}, {}, 8),
        ({"+": [1, 2]}, {}, 11),
        ({"+": [{"+": [1, 2]}, 3]}, {}, 27),
        ({"merge": [{"var": "state"}, {"k": {"var": "event.t"}}]}, {"state": STATE}, 18),
        ({"if": [{"==": [1, 1]}, {"+": [{"var": "args.a"}, {"var": "args.b"}]}, 0]}, {}, 19),
        ({"/": [{"var": "args.a"}, {"var": "args.b"}]}, {"args": {"a": 6, "b": 3}}, 23),
        ({"!!": [{"var": "event.playerX"}]}, {}, 10),
        ({"and": [{"!!": [{"var": f"event.{name}"}]} for name in "abc"]}, {}, 42),
        ({"var": "."}, {}, 2),
        ({"var": "a.b."}, {}, 4),
        ({"var": ""}, {}, 3),
        ({"var": ["x", 1]}, {}, 0),
        ({"var": ["x", 1]}, {"x": 2}, 3),
        ({"missing": ["a"]}, {}, 10),
    ],
)
def test_gas_worked_out_by_hand(expression: JsonValue, data: JsonValue, gas: int) -> None:
    program = compile_expression(expression)
    assert program.run(data).gas == gas
    program.compile()
    assert program.run(data).gas == gas


def test_conditions_and_map_literals_cost_nothing_but_need_their_limit() -> None:
    program = compile_expression({"k": {"if": [{"+": [1, 2]}, {"+": [3, 4]}]}})
    assert program.run({}).gas == 0
    assert program.run({}, gas_limit=22).value == {"k": 7}
    with pytest.raises(GasExhausted):
        program.run({}, gas_limit=21)


def test_an_error_before_the_limit_is_an_error_and_after_it_exhaustion() -> None:
    program = compile_expression([{"+": [1, 2]}, {"/": [1, 0]}])
    for _ in range(2):
        with pytest.raises(EvaluationError, match="Division by zero"):
            program.run({}, gas_limit=21)
        with pytest.raises(GasExhausted, match="required 10, available 9"):
            program.run({}, gas_limit=20)
        with pytest.raises(GasExhausted, match="required 6, available 5"):
            program.run({}, gas_limit=10)
        program.compile()


def test_prices_are_named_as_the_reference_names_them() -> None:
    prices = GasConfig.DEFAULT.with_prices(
        {"ifElse": 1, "in": 2, "not": 3, "startsWith": 4, "depthPenaltyMultiplier": 6}
    )
    assert (prices.if_else, prices.in_, prices.not_, prices.starts_with, prices.depth_penalty_multiplier) == (
        1,
        2,
        3,
        4,
        6,
    )
    assert prices.add == GasConfig.DEFAULT.add
    assert GasConfig.DEFAULT.with_prices({}) == GasConfig.DEFAULT
    assert repr(GasConfig.DEV) == "GasConfig(map=5, filter=5, reduce=8)"


def test_missing_is_priced_like_exists() -> None:
    assert GasConfig(missing=1000).base("missing") == GasConfig.DEFAULT.exists
    assert GasConfig.DEFAULT.base("noop") == 0


def test_exhaustion_survives_being_copied() -> None:
    error = GasExhausted(required=5, available=3)
    for twin in (copy.copy(error), pickle.loads(pickle.dumps(error))):
        assert (twin.required, twin.available, str(twin)) == (5, 3, str(error))


def test_work_without_end_stops_at_the_limit() -> None:
    doubling = {"reduce": [{"var": "xs"}, {"cat": [{"var": "accumulator"}, {"var": "accumulator"}]}, "x"]}
    squares = {"map": [{"var": "xs"}, {"map": [{"var": "xs"}, {"map": [{"var": "xs"}, {"+": [1, {"var": ""}]}]}]}]}
    for expression in (doubling, squares):
        program = compile_expression(expression)
        program.compile()
        with pytest.raises(GasExhausted):
            program.run({"xs": list(range(64))}, gas_limit=100_000)
