"""Reading and writing expressions: what stands for an operator, what for data, and the normal form."""

from decimal import Decimal

import pytest
from hypothesis import given
from tests.jlvm import strategies

from ottochain.jlvm import ABSENT, Apply, ArrayOf, Const, JsonValue, MapOf, Var, decode, encode
from ottochain.jlvm.operators import OPERATORS, TAGS
from ottochain.jlvm.values import strictly_equal


@pytest.mark.parametrize(
    ("json", "expression"),
    [
        ("var", Const("var")),
        ({}, Const({})),
        ([], ArrayOf(())),
        (["var"], ArrayOf((Const("var"),))),
        (["var", "x"], Var("x")),
        (["var", "x", 1, 2], Var("x", 1)),
        (["var", ["x", 1]], Var("x", 1)),
        (["var", ["x", 1], 2], Var("x", 2)),
        (["var", []], Var(ArrayOf(()))),
        (["all", "none"], Apply("all", (Const("none"),))),
        (["nothing", 1], ArrayOf((Const("nothing"), Const(1)))),
        ([1, "max"], ArrayOf((Const(1), Const("max")))),
        ({"cat": ["in", "x"]}, Apply("cat", (Const("in"), Const("x")))),
        ({"cat": [["in", "x"]]}, Apply("cat", (Apply("in", (Const("x"),)),))),
        ({"!": True}, Apply("!", (Const(True),))),
        ({"!": {"a": 1}}, Apply("!", (MapOf((("a", Const(1)),)),))),
        ({"": "x"}, Var("x")),
        ({"var": []}, Var(ArrayOf(()))),
        ({"var": None}, Var(Const(None))),
        ({"var": True}, Var(Const(True))),
        ({"var": 1}, Var("1")),
        ({"var": -1}, Var("-1")),
        ({"var": Decimal("1.5")}, Var("1.5")),
        ({"var": Decimal("0.0000001")}, Var("0.0000001")),
        ({"var": [1, None]}, Var("1", None)),
        ({"var": ["x", {"var": "y"}]}, Var("x", {"var": "y"})),
        ({"var": [["x"]]}, Var(ArrayOf((Const("x"),)))),
        ({"let": [1]}, MapOf((("let", ArrayOf((Const(1),))),))),
        ({"+": [1], "-": [2]}, MapOf((("+", ArrayOf((Const(1),))), ("-", ArrayOf((Const(2),)))))),
        ({"a": ["+", 1]}, MapOf((("a", Apply("+", (Const(1),))),))),
    ],
)
def test_what_json_stands_for(json: JsonValue, expression) -> None:
    assert decode(json) == expression


@pytest.mark.parametrize(
    ("json", "normal"),
    [
        (["+", 1, ["var", "x"]], {"+": [1, {"var": "x"}]}),
        ({"!": True}, {"!": [True]}),
        ({"": "x"}, {"var": "x"}),
        ({"var": ["x"]}, {"var": "x"}),
        ({"var": ["x", None]}, {"var": ["x", None]}),
        ({"var": [1, 2, 3]}, {"var": ["1", 2]}),
        ({"var": []}, {"var": []}),
        ({"k": ["max", 1, 2]}, {"k": {"max": [1, 2]}}),
    ],
)
def test_the_normal_form(json: JsonValue, normal: JsonValue) -> None:
    assert encode(decode(json)) == normal


@given(strategies.expressions)
def test_the_normal_form_is_read_back_as_the_same_expression(json: JsonValue) -> None:
    expression = decode(json)
    normal = encode(expression)
    assert decode(normal) == expression
    assert strictly_equal(encode(decode(normal)), normal)


def test_equality_never_mixes_kinds() -> None:
    assert decode(1) != decode(True)
    assert decode(1) != decode(Decimal(1))
    assert decode(Decimal("1.5")) == decode(Decimal("1.50"))
    assert decode({"a": 1, "b": 2}) == decode({"b": 2, "a": 1})
    assert decode([1, 2]) != decode([2, 1])
    assert Var("x") != Var("x", None)
    assert Var("x") != Var(Const("x"))
    assert Var("x").default is ABSENT
    assert Const([]) != ArrayOf(())
    assert decode(1) != 1


def test_equal_expressions_have_equal_hashes() -> None:
    assert hash(decode({"a": 1, "b": [True, "x"]})) == hash(decode({"b": [True, "x"], "a": 1}))


def test_there_are_61_operators() -> None:
    assert len(OPERATORS) == len(TAGS) == 61
    assert "var" not in TAGS
    assert "let" not in TAGS


def test_a_map_literal_gives_an_entry_by_its_key() -> None:
    literal = decode({"a": 1, "b": 2})
    assert isinstance(literal, MapOf)
    assert literal.get("b") == Const(2)
    assert literal.get("c") is None
