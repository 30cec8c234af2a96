"""Every recorded evaluation of metakit 1.7.0-rc.9: value, kind, gas, depth, evaluations, smallest limit, error text.

`data/evaluations.json` holds them one a line: `least` is the smallest gas limit that succeeds, `prices` a preset other
than the default, `encoded` the normal form where it is not the expression itself. `<operators>` in an error stands for
the list of all operators. `data/shared_evaluations.json` are the cases that metakit's SDKs share between languages;
where `shared` is given, the reference gives another answer than the SDKs, and the reference counts.
"""

from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from ottochain.codec import exact_json
from ottochain.jlvm import ABSENT, UNLIMITED, EvaluationError, GasConfig, GasExhausted, decode, encode
from ottochain.jlvm.gas import PRESETS
from ottochain.jlvm.program import Outcome, Program
from ottochain.jlvm.rendering import ALL_OPERATORS
from ottochain.jlvm.values import strictly_equal, type_tag

DATA = Path(__file__).parent / "data"


def cases(name: str) -> list[Any]:
    return [pytest.param(case, id=case["id"]) for case in exact_json.loads((DATA / name).read_bytes())]


EVALUATIONS = cases("evaluations.json")
SHARED = cases("shared_evaluations.json")


def program(case: dict[str, Any], *, compiled: bool) -> Program:
    made = Program(decode(case["expr"]))
    if compiled:
        assert made.compile(prices(case))
    return made


def prices(case: dict[str, Any]) -> GasConfig:
    return PRESETS[case.get("prices", "default")]


def run(case: dict[str, Any], limit: int | None, *, compiled: bool) -> Outcome:
    gas_limit = UNLIMITED if limit is None else limit
    context = case.get("context", ABSENT)
    made = program(case, compiled=compiled)
    return made.run(case["data"], context=context, gas_limit=gas_limit, config=prices(case))


def after_json(value: Any) -> Any:
    """A value as it comes back from JSON, where whole floats are integers."""
    return exact_json.loads(exact_json.dumps(value))


@pytest.mark.parametrize("compiled", [False, True], ids=["interpreted", "compiled"])
@pytest.mark.parametrize("case", [case for case in EVALUATIONS if "value" in case.values[0]])
def test_value_and_gas(case: dict[str, Any], compiled: bool) -> None:
    outcome = run(case, case.get("limit"), compiled=compiled)
    assert strictly_equal(after_json(outcome.value), case["value"])
    assert type_tag(outcome.value) == case.get("kind", type_tag(outcome.value))
    assert outcome[1:] == (case["gas"], case["depth"], case["ops"])


@pytest.mark.parametrize("compiled", [False, True], ids=["interpreted", "compiled"])
@pytest.mark.parametrize("case", [case for case in [*EVALUATIONS, *SHARED] if "least" in case.values[0]])
def test_smallest_sufficient_limit(case: dict[str, Any], compiled: bool) -> None:
    run(case, case["least"], compiled=compiled)
    if case["least"]:
        with pytest.raises(GasExhausted) as caught:
            run(case, case["least"] - 1, compiled=compiled)
        assert caught.value.required == caught.value.available + 1


@pytest.mark.parametrize("compiled", [False, True], ids=["interpreted", "compiled"])
@pytest.mark.parametrize("case", [case for case in EVALUATIONS if "error" in case.values[0]])
def test_error_text(case: dict[str, Any], compiled: bool) -> None:
    kind = GasExhausted if case["failure"] == "gasExhausted" else EvaluationError
    with pytest.raises(kind) as caught:
        run(case, case.get("limit"), compiled=compiled)
    assert str(caught.value) == case["error"].replace("<operators>", ALL_OPERATORS)


@pytest.mark.parametrize("case", EVALUATIONS)
def test_normal_form(case: dict[str, Any]) -> None:
    expression = decode(case["expr"])
    encoded = encode(expression)
    assert strictly_equal(encoded, case.get("encoded", case["expr"]))
    assert decode(encoded) == expression
    assert strictly_equal(encode(decode(encoded)), encoded)


@pytest.mark.parametrize("case", SHARED)
def test_shared_cases_give_what_the_reference_gives(case: dict[str, Any]) -> None:
    if "error" in case:
        with pytest.raises(EvaluationError) as caught:
            run(case, None, compiled=False)
        assert str(caught.value) == case["error"]
        return
    outcome = run(case, None, compiled=False)
    assert strictly_equal(after_json(outcome.value), case["value"])
    assert outcome.gas == case["gas"]


def test_a_whole_float_is_a_float_until_it_passes_through_json() -> None:
    value = Program(decode({"+": [Decimal("1.5"), Decimal("1.5")]})).run({}).value
    assert type_tag(value) == "float"
    assert after_json(value) == 3
    assert type_tag(after_json(value)) == "int"
