"""Arithmetic as Scala's BigDecimal and Java's doubles do it: precision, scale, types, texts."""

import time
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ottochain.jlvm import EvaluationError, JsonValue, compile_expression
from ottochain.jlvm.numeric import WideDecimal, digit_count, number_text, parse_decimal, parse_int
from ottochain.jlvm.power import java_double

GOOGOL = 10**100
LONG = 7**300_000


def run(op: str, *args: JsonValue) -> JsonValue:
    return compile_expression({op: list(args)}).run({}).value


def text(op: str, *args: JsonValue) -> JsonValue:
    """The result as `cat` writes it: with its scale."""
    return compile_expression({"cat": [{op: list(args)}]}).run({}).value


@pytest.mark.parametrize(
    ("op", "args", "expected"),
    [
        ("+", ["1.50", "1.50"], "3.00"),
        ("*", ["1.50", 2], "3.00"),
        ("-", ["1.5", "1.5"], "0.0"),
        ("*", ["-1.5", 0], "0.0"),
        ("/", [1, 4], "0.25"),
        ("/", ["4.5", "1.5"], "3"),
        ("/", ["1E+3", 10], "1E+2"),
        ("/", [0, "0.5"], "0E+1"),
        ("/", ["0.0", 3], "0.0"),
        ("%", ["10.0", 3], "1.0"),
        ("%", [10, "3.0"], "1.0"),
        ("%", [10, "0.5"], "0"),
        ("%", ["5.5", 2], "1.5"),
        ("%", ["-5.5", 2], "-1.5"),
        ("%", [1, "3.00"], "1.00"),
        ("+", ["1E+40", "1"], "1.000000000000000000000000000000000E+40"),
        ("+", ["1e3"], "1E+3"),
        ("+", ["5."], "5"),
        ("+", [".5"], "0.5"),
        ("+", ["-0.0"], "0.0"),
        ("abs", ["-1.50"], "1.50"),
        ("round", ["1E+30"], "1000000000000000000000000000000"),
        ("floor", ["-0.5"], "-1"),
        ("ceil", ["-0.5"], "0"),
        ("max", [1, "1.0"], "1"),
        ("max", ["1.0", 1], "1.0"),
        ("min", ["2.50", 3], "2.50"),
    ],
)
def test_results_have_javas_scale(op: str, args: list[JsonValue], expected: str) -> None:
    assert text(op, *args) == expected


def test_integers_stay_integers_within_64_bits() -> None:
    assert type(run("+", 2**63 - 2, 1)) is int
    assert type(run("+", 2**63 - 1, 1)) is not int
    assert type(run("-", -(2**63))) is not int
    assert type(run("-", 2**63)) is int
    assert type(run("*", 2**32, 2**31)) is not int
    assert type(run("abs", 2**64)) is int
    assert type(run("+", str(2**64))) is int
    assert type(run("+", 2**64)) is not int


def test_floats_stay_floats_even_if_whole() -> None:
    assert type(run("+", Decimal("0.5"), Decimal("0.5"))) is Decimal
    assert type(run("/", 10, Decimal("2.5"))) is Decimal
    assert type(run("max", Decimal("1.5"), 2)) is Decimal


def test_rounding_to_34_digits_goes_to_the_even_neighbour() -> None:
    ones = 10**34 + 1
    assert run("*", Decimal("0.5"), ones) == Decimal("5000000000000000000000000000000000")
    assert run("*", Decimal("0.5"), ones + 2) == Decimal("5000000000000000000000000000000002")


def test_the_left_operand_brings_the_precision() -> None:
    assert run("+", GOOGOL, 1) == Decimal(GOOGOL + 1)
    assert run("+", 1, GOOGOL) == Decimal("1E+100")
    assert run("+", 1, GOOGOL, -GOOGOL) == 0
    assert run("+", GOOGOL, 1, -GOOGOL) == 1
    assert run("/", GOOGOL + 1, 1) == Decimal("1E+100")


def test_precision_beyond_34_digits_lasts_through_an_expression_and_no_longer() -> None:
    wide = {"+": [GOOGOL, 1]}
    assert compile_expression({"+": [wide, 1]}).run({}).value == Decimal(GOOGOL + 2)
    for program in (compile_expression([wide, {"k": wide}]), compile_expression({"k": {"+": [{"var": "x"}, 1]}})):
        for _ in range(3):
            value = program.run({"x": GOOGOL}).value
            assert "WideDecimal" not in repr(value)
            program.compile()


@pytest.mark.parametrize("op", ["abs", "+", "*", "max"])
def test_enormous_exponents_are_kept_as_they_are(op: str) -> None:
    assert run(op, "1e999999999") == Decimal("1e999999999")


@pytest.mark.parametrize(("op", "args"), [("round", []), ("floor", []), ("ceil", []), ("pow", [2])])
def test_numbers_of_enormous_size_are_not_written_out(op: str, args: list[JsonValue]) -> None:
    with pytest.raises(EvaluationError, match="overflow"):
        run(op, "1e999999999", *args)


def test_towers_of_powers_are_stopped() -> None:
    tower: JsonValue = 10
    for _ in range(4):
        tower = {"pow": [tower, 999]}
    with pytest.raises(EvaluationError, match="overflow"):
        compile_expression(tower).run({})


def test_division_whose_quotient_has_too_many_digits_is_refused() -> None:
    with pytest.raises(EvaluationError, match="Division impossible"):
        run("%", "1E+100", 7)
    assert run("%", 10**34 + 3, 10) == 3
    assert run("%", GOOGOL + 7, 9) == 8


def test_long_integers_are_printed_in_full() -> None:
    value = compile_expression({"cat": [{"pow": [{"pow": [10, 999]}, 9]}]}).run({}).value
    assert value == "1" + "0" * 8991


@pytest.mark.parametrize(
    ("literal", "value"),
    [
        ("0", 0),
        ("+5", 5),
        ("-007", -7),
        ("٣", 3),
        ("", None),
        ("+", None),
        (" 1", None),
        ("1_0", None),
        ("1.0", None),
        ("𝟏", None),
    ],
)
def test_integer_literals_are_those_of_java(literal: str, value: int | None) -> None:
    assert parse_int(literal) == value


def test_long_integer_literals_are_read() -> None:
    assert parse_int("9" * 5000) == 10**5000 - 1
    assert parse_int("9" * 300_000) is None


@pytest.mark.parametrize(
    ("literal", "shown"),
    [
        ("1.50", "1.50"),
        ("-.5e-3", "-0.0005"),
        ("1E+2", "1E+2"),
        ("1e0000000005", "1E+5"),
        ("1e2147483647", "1E+2147483647"),
        ("1e2147483648", None),
        ("1.5e-2147483647", None),
        ("1e99999999999", None),
        ("Infinity", None),
        ("NaN", None),
        (".", None),
        ("1e", None),
        ("1d", None),
        ("0x1", None),
    ],
)
def test_decimal_literals_are_those_of_java(literal: str, shown: str | None) -> None:
    value = parse_decimal(literal)
    assert (None if value is None else number_text(value)) == shown


def test_a_long_decimal_literal_keeps_its_digits() -> None:
    value = parse_decimal("0." + "1" * 40)
    assert isinstance(value, WideDecimal)
    assert value.precision == 40


@pytest.mark.parametrize(
    ("value", "shown"),
    [
        (1.0, "1.0"),
        (0.001, "0.001"),
        (0.0001, "1.0E-4"),
        (9999999.0, "9999999.0"),
        (1e7, "1.0E7"),
        (123456789.125, "1.23456789125E8"),
        (-2.5e-10, "-2.5E-10"),
        (0.0, "0.0"),
        (100.0, "100.0"),
        (1e300 * 1e10, "Infinity"),
    ],
)
def test_doubles_are_printed_as_java_does(value: float, shown: str) -> None:
    assert java_double(value) == shown


@given(st.floats(allow_nan=False, allow_infinity=False))
def test_printed_doubles_read_back(value: float) -> None:
    assert float(java_double(value)) == value


@pytest.mark.parametrize(
    ("base", "exponent", "expected"),
    [
        (2, -1, "0.5"),
        (10, Decimal("-5"), "0.000010"),
        (4, Decimal("20.5"), "2199023255552"),
        (Decimal("1.1"), 3, "1.331"),
        (Decimal("1.5"), 999, "8.225603979374489861516260663245200E+175"),
        ("2.0", 3, "8"),
        (2, 100, "1267650600228229401496703205376"),
        (-8, 3, "-512"),
        (0, 0, "1"),
        (Decimal("0.5"), 0, "1"),
    ],
)
def test_powers(base: JsonValue, exponent: JsonValue, expected: str) -> None:
    assert text("pow", base, exponent) == expected


@pytest.mark.parametrize(
    ("base", "exponent", "message"),
    [
        (2, 1000, "Exponent 1000 exceeds maximum safe value 999 for integer exponentiation"),
        (2, "1000", "Exponent magnitude 1000.0 exceeds maximum safe value 999"),
        (2, -1000, "Exponent magnitude 1000.0 exceeds maximum safe value 999"),
        (2, Decimal("-12345678.5"), "Exponent magnitude 1.23456785E7 exceeds maximum safe value 999"),
        (0, -1, "Power operation resulted in infinity"),
        (10, Decimal("999.5"), "Exponent magnitude 999.5 exceeds maximum safe value 999"),
        (10, Decimal("998.5"), "Power operation resulted in infinity"),
        (-8, Decimal("0.5"), "Power operation resulted in NaN"),
    ],
)
def test_powers_that_are_refused(base: JsonValue, exponent: JsonValue, message: str) -> None:
    with pytest.raises(EvaluationError) as caught:
        run("pow", base, exponent)
    assert str(caught.value) == message


integers = st.one_of(st.integers(), st.integers(-(10**40), 10**40))


@given(st.lists(integers, min_size=1, max_size=4), st.sampled_from(["+", "*"]))
def test_integer_shortcuts_are_the_decimal_rules(numbers: list[int], op: str) -> None:
    from ottochain.jlvm import numeric

    operation = numeric.add if op == "+" else numeric.multiply
    result = numeric.as_decimal(numbers[0])
    for number in numbers[1:]:
        result = operation(result, number)
    expected = numeric.typed(result, of_integers=True)
    found = run(op, *numbers)
    assert (type(found) is int) == (type(expected) is int)
    assert number_text(found) == number_text(expected)


@given(integers, integers.filter(bool))
def test_remainders_are_those_of_truncated_division(a: int, b: int) -> None:
    quotient = abs(a) // abs(b)
    if len(str(quotient).rstrip("0")) > max(34, len(str(abs(a)))):
        with pytest.raises(EvaluationError, match="Division impossible"):
            run("%", a, b)
    else:
        assert run("%", a, b) == a - quotient * b * (1 if (a < 0) == (b < 0) else -1)


@given(st.integers(1, 900), st.integers(-1, 1))
def test_digits_are_counted_exactly_at_powers_of_ten(exponent: int, offset: int) -> None:
    number = 10**exponent + offset
    assert digit_count(number) == digit_count(-number) == len(str(number))


@pytest.mark.parametrize(
    "expression",
    [["*", LONG, LONG], ["+", LONG, Decimal("0.5")], ["==", LONG, Decimal("0.5")], ["<", Decimal("0.5"), LONG]],
    ids=lambda expression: expression[0],
)
def test_very_long_integers_take_no_quadratic_time(expression: list[Any]) -> None:
    op, *args = expression
    run(op, *args)
    started = time.process_time()
    run(op, *args)
    assert time.process_time() - started < 1.5  # each took 3 to 6 s as Python converts integers
