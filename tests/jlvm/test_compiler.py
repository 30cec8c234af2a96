"""The compiler gives what the interpreter gives: value, gas, depth, evaluations, and the very same errors."""

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from tests.jlvm import strategies

from ottochain.jlvm import (
    ABSENT,
    UNLIMITED,
    EvaluationError,
    GasConfig,
    JlvmError,
    JsonValue,
    compile_expression,
    decode,
)
from ottochain.jlvm.program import Program
from ottochain.jlvm.rendering import render
from ottochain.jlvm.values import strictly_equal

PRICES = [GasConfig.DEFAULT, GasConfig.MAINNET, GasConfig(collection_size_multiplier=3, depth_penalty_multiplier=0)]


def outcome_of(run, *args, **kwargs):
    """What a run gave, as something to compare: the outcome's parts or the error's type and text."""
    try:
        return run(*args, **kwargs)
    except JlvmError as error:
        return (type(error).__name__, str(error))


def assert_same(program: Program, data: JsonValue, **run) -> None:
    run = {"gas_limit": UNLIMITED, "config": GasConfig.DEFAULT, **run}
    expected = outcome_of(program.interpret, data, context=ABSENT, **run)
    found = outcome_of(program.run, data, **run)
    if isinstance(expected, tuple) and len(expected) == 4:
        assert len(found) == 4, f"{found} instead of {expected}"
        assert strictly_equal(found[0], expected[0])
        assert render(found[0]) == render(expected[0])  # also the scale of decimals and the order of keys
        assert found[1:] == expected[1:]
    else:
        assert found == expected


@settings(max_examples=300, deadline=None, suppress_health_check=list(HealthCheck))
@given(json=strategies.expressions, data=strategies.data, limit=st.integers(0, 300), prices=st.sampled_from(PRICES))
def test_compiled_and_interpreted_runs_agree(json, data, limit, prices) -> None:
    program = Program(decode(json))
    assert program.compile(prices)
    assert_same(program, data, gas_limit=UNLIMITED, config=prices)
    assert_same(program, data, gas_limit=limit, config=prices)
    assert_same(program, data, gas_limit=limit, config=GasConfig.DEV)


def test_a_program_gives_the_same_before_and_after_it_is_compiled() -> None:
    program = Program(decode({"+": [{"var": "a"}, 1]}))
    interpreted = program.run
    assert all(program.run({"a": 2}) == (3, 14, 1, 1) for _ in range(30))
    assert program.run != interpreted


def test_work_in_callbacks_counts_towards_compiling() -> None:
    program = Program(decode({"filter": [{"var": "xs"}, {">": [{"var": ""}, 1]}]}))
    interpreted = program.run
    program.run({"xs": list(range(100))})
    assert program.run != interpreted
    assert program.run({"xs": [1, 2]}).value == [2]


def test_failing_runs_count_towards_compiling() -> None:
    program = Program(decode({"/": [1, {"var": "a"}]}))
    for _ in range(30):
        with pytest.raises(EvaluationError, match="Division by zero"):
            program.run({"a": 0})
    assert program.run({"a": 1}).value == 1


def test_what_is_too_large_or_too_deep_stays_interpreted() -> None:
    wide = Program(decode([{"!": [index]} for index in range(5_000)]))
    deep: object = 1
    for _ in range(200):
        deep = {"!": [deep]}
    for program in (wide, Program(decode(deep))):
        assert not program.compile()
        assert program.run({}).gas > 0


@pytest.mark.parametrize("levels", [5, 16, 45])
@pytest.mark.parametrize("place", [0, 1, 2])
@pytest.mark.parametrize("op", ["if", "map", "reduce", "filter", "+", "and", "cat", "merge"])
def test_nesting_stays_within_pythons_limits(op: str, place: int, levels: int) -> None:
    json: object = {"var": "a"}
    for _ in range(levels):
        args: list[object] = [[1], {"var": "a"}, 3] if op in ("map", "reduce", "filter") else [{"var": "a"}, 2, 3]
        args[place] = json
        json = {"!!": [{op: args[:2] if op in ("map", "filter") and place < 2 else args}]}
    program = Program(decode(json))
    program.compile()  # or not: as Python's limits on nested blocks allow
    for data in ({"a": 1}, {"a": [1]}, {}):
        assert_same(program, data)
        assert_same(program, data, gas_limit=500)


def test_equal_expressions_share_a_program() -> None:
    json = {"+": [{"var": "a"}, 1]}
    assert compile_expression(json) is compile_expression(decode(json))
    assert compile_expression({"+": [{"var": "a"}, True]}) is not compile_expression(json)


def test_programs_differ_with_the_order_of_maps() -> None:
    for maps in ({"a": 1, "b": {"var": "x"}}, {"b": {"var": "x"}, "a": 1}):
        for program in (compile_expression({"keys": [maps]}), compile_expression({"keys": [{"var": ["y", maps]}]})):
            assert program.run({}).value == list(maps)
