"""Nothing nested overflows a stack: not reading, writing, comparing, compiling, running, printing or measuring it."""

import pytest

from ottochain.jlvm import (
    Apply,
    EvaluationError,
    JsonValue,
    compile_expression,
    decode,
    encode,
    static_depth,
    walk,
)
from ottochain.jlvm.expression import size
from ottochain.jlvm.values import identity, strictly_equal

LEVELS = 10_000


def nested(level, innermost: JsonValue, levels: int = LEVELS) -> JsonValue:
    """`level` applied to itself, `levels` times."""
    value = innermost
    for _ in range(levels):
        value = level(value)
    return value


EXPRESSIONS = {
    "operator": (nested(lambda e: {"!": [e]}, True), True, 3),
    "array syntax": (nested(lambda e: ["!", e], True), True, 3),
    "condition": (nested(lambda e: {"if": [e, True, False]}, True), True, 1),
    "then": (nested(lambda e: {"if": [True, e]}, 7), 7, 1),
    "else": (nested(lambda e: {"if": [False, 1, e]}, 7), 7, 1),
    "first of two": (nested(lambda e: {"+": [e, 1]}, 0), LEVELS, 3),
    "callback": (nested(lambda e: {"map": [[1], e]}, {"var": ""}), nested(lambda v: [v], 1), 3),
    "reduction": (nested(lambda e: {"reduce": [[1, 2], e]}, {"var": "current"}), 2, 3),
    "look-up": (nested(lambda e: {"var": e}, "a"), "a", 1),
}


@pytest.mark.parametrize("name", EXPRESSIONS)
def test_deep_expressions_are_read_written_and_run(name: str) -> None:
    json, value, _ = EXPRESSIONS[name]
    expression = decode(json)
    assert static_depth(expression) >= LEVELS - 1
    assert size(expression) >= LEVELS
    assert decode(encode(expression)) == expression
    assert hash(decode(json)) == hash(expression)
    assert len(repr(expression)) < 200
    program = compile_expression(expression)
    assert strictly_equal(program.run({"a": "a"}).value, value)
    assert not program.compile()
    assert strictly_equal(program.run({"a": "a"}).value, value)


def test_deep_literals_are_data() -> None:
    for level in (lambda e: [e], lambda e: {"k": e, "l": 1}):
        literal = nested(level, 1)
        expression = decode(literal)
        assert strictly_equal(encode(expression), literal)
        assert strictly_equal(compile_expression(expression).run({}).value, literal)


def test_different_deep_expressions_differ() -> None:
    one = decode(nested(lambda e: {"!": [e]}, 1))
    other = decode(nested(lambda e: {"!": [e]}, True))
    assert one != other
    assert one == decode(nested(lambda e: {"!": [e]}, 1))


@pytest.mark.parametrize(
    "expression",
    [
        {"===": [{"var": "x"}, {"var": "y"}]},
        {"==": [{"length": [{"unique": [[{"var": "x"}, {"var": "y"}]]}]}, 1]},
        {"in": [{"var": "x"}, [{"var": "y"}]]},
        {"intersect": [[{"var": "x"}], [{"var": "y"}]]},
        {"==": [{"var": "x"}, {"var": "y"}]},
        {"<=": [{"var": "x"}, {"var": "y"}]},
    ],
)
@pytest.mark.parametrize("level", [lambda v: [v], lambda v: {"k": v}], ids=["arrays", "maps"])
def test_deep_data_is_compared_and_coerced(expression: JsonValue, level) -> None:
    data = {"x": nested(level, 5, 100_000), "y": nested(level, 5, 100_000)}
    program = compile_expression(expression)
    assert program.run(data).value is True
    program.compile()
    assert program.run(data).value is True


def test_deep_data_is_printed_in_errors() -> None:
    data = {"x": nested(lambda v: [v], 5), "y": nested(lambda v: {"k": v}, 5)}
    for op in ("length", "cat", "abs"):
        with pytest.raises(EvaluationError) as caught:
            compile_expression({op: [{"var": "x"}, {"var": "y"}]}).run(data)
        assert len(str(caught.value)) > 10 * LEVELS


def test_keys_of_deep_values_are_flat() -> None:
    key = identity(nested(lambda v: [v], 5))
    assert len(key) == 2 * LEVELS + 2
    assert not any(isinstance(token, tuple) for token in key)


def test_walking_gives_parents_first_left_to_right() -> None:
    expression = decode({"+": [{"-": [1]}, [2, {"var": "x"}], {"a": 3, "b": {"var": {"var": "k"}}}]})
    seen = [(node.op if isinstance(node, Apply) else type(node).__name__, depth) for node, depth in walk(expression)]
    assert seen == [
        ("+", 0),
        ("-", 1),
        ("Const", 2),
        ("ArrayOf", 1),
        ("Const", 2),
        ("Var", 2),
        ("MapOf", 1),
        ("Const", 2),
        ("Var", 2),
        ("Var", 3),
    ]
