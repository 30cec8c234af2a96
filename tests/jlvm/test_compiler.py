"""The compiler gives what the interpreter gives: value, gas, depth, evaluations, and the very same errors."""

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from ottochain.jlvm import ABSENT, UNLIMITED, GasConfig, JlvmError, JsonValue, decode
from ottochain.jlvm.program import Program
from ottochain.jlvm.values import strictly_equal
from tests.jlvm import strategies

PRICES = [GasConfig.DEFAULT, GasConfig.MAINNET, GasConfig(collection_size_multiplier=3, depth_penalty_multiplier=0)]


def outcome_of(run, *args, **kwargs):
    """What a run gave, as something to compare: the outcome's parts or the error's type and text."""
    try:
        return run(*args, **kwargs)
    except JlvmError as error:
        return (type(error).__name__, str(error))


def assert_same(program: Program, data: JsonValue, **run) -> None:
    expected = outcome_of(program.interpret, data, context=ABSENT, **run)
    found = outcome_of(program.run, data, **run)
    if isinstance(expected, tuple) and len(expected) == 4:
        assert len(found) == 4, f"{found} instead of {expected}"
        assert strictly_equal(found[0], expected[0])
        assert str(found[0]) == str(expected[0])
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


@pytest.mark.parametrize("runs", [1, 20])
def test_a_program_stays_the_same_while_it_warms_up(runs: int) -> None:
    program = Program(decode({"+": [{"var": "a"}, 1]}))
    for _ in range(runs):
        assert program.run({"a": 2}) == (3, 14, 1, 1)
