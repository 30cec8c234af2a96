"""Numbers: integers of any size, and decimals with the precision and texts of Scala's BigDecimal.

A decimal carries a precision: 34 significant digits (IEEE 754-2008 decimal128, half even), or more if it came from
an integer or a text of more digits. `+ - * %` round to the precision of their left operand; `/` always to 34.
A plain Decimal has the usual precision; a WideDecimal says its own. (metakit 1.7.0-rc.9, NumericOps.)
"""

from __future__ import annotations

import re
from collections.abc import Callable
from decimal import MAX_EMAX, MIN_EMIN, ROUND_HALF_EVEN, Context, Decimal
from functools import lru_cache
from typing import TypeAlias, cast

from ottochain.codec.numbers import decimal_from_int, int_from_decimal, int_from_text
from ottochain.jlvm.errors import EvaluationError
from ottochain.jlvm.text import utf16_length
from ottochain.jlvm.trampoline import Step, run
from ottochain.jlvm.values import JsonValue

Number: TypeAlias = "int | Decimal"

INT64_MIN = -(2**63)
INT64_MAX = 2**63 - 1
INT32_MIN = -(2**31)
INT32_MAX = 2**31 - 1
PRECISION = 34
DIGITS_MAX = 262_144
"""Integers of more digits are refused: the reference's own bound for numbers in JSON, kept here for results too."""

_PLAIN_INT_MAX = 10**PRECISION
_DIGITS_MAX_BITS = 870_831  # 10**262_144 - 1 needs that many
_INT_LITERAL = re.compile(r"[+-]?\d+")
_DECIMAL_LITERAL = re.compile(r"([+-]?(?:\d+\.?\d*|\.\d+))(?:[eE]([+-]?\d+))?")
_BEYOND_BMP = re.compile("[\U00010000-\U0010ffff]")
_PYTHON_INT_TEXT_MAX = 10**4000
_USUAL_EXPONENT = 10**9  # far within the 32-bit scales of java.math.BigDecimal


class WideDecimal(Decimal):
    """A decimal whose operations round to more than 34 digits. It lives within one evaluation only."""

    __slots__ = ("precision",)
    precision: int

    @classmethod
    def of(cls, value: Decimal, precision: int) -> WideDecimal:
        wide = cls(value)
        wide.precision = precision
        return wide


@lru_cache(maxsize=256)
def _context(precision: int) -> Context:
    return Context(prec=precision, rounding=ROUND_HALF_EVEN, Emin=MIN_EMIN, Emax=MAX_EMAX, traps=[])


DECIMAL128 = _context(PRECISION)


def wider_context(precision: int) -> Context:
    """A context of another precision."""
    return _context(precision)


def context_of(number: Number) -> Context:
    """The context in which `number`, as a left operand, rounds."""
    if isinstance(number, WideDecimal):
        return _context(number.precision)
    if isinstance(number, Decimal) or -_PLAIN_INT_MAX < number < _PLAIN_INT_MAX:
        return DECIMAL128
    return _context(digit_count(number))


def digit_count(number: int) -> int:
    """Number of decimal digits of an integer."""
    bits = number.bit_length()
    least, most = (bits - 1) * 30_102_999 // 10**8 + 1, bits * 30_103 // 10**5 + 1  # around log10(2)
    return least if least == most else decimal_from_int(number).adjusted() + 1


def in_context(result: Decimal, context: Context) -> Decimal:
    """A result of arithmetic: without a negative zero, with the precision that its operands hand on."""
    if not result.is_finite():
        raise EvaluationError("Overflow")
    if not -_USUAL_EXPONENT < result.adjusted() < _USUAL_EXPONENT and not INT32_MIN < -_exponent(result) <= INT32_MAX:
        raise EvaluationError("Overflow" if _exponent(result) > 0 else "Underflow")
    if result.is_signed() and not result:
        result = result.copy_abs()
    return result if context.prec == PRECISION else WideDecimal.of(result, context.prec)


def checked_int(number: int) -> int:
    """The integer, refused with EvaluationError if it has more than DIGITS_MAX digits."""
    if number.bit_length() > _DIGITS_MAX_BITS:
        raise EvaluationError("BigInteger would overflow supported range")
    return number


def number_text(number: Number) -> str:
    """Java's text: digits for an integer; BigDecimal.toString for a decimal (Python's str has the same grammar)."""
    if isinstance(number, Decimal):
        return Decimal.__str__(number)
    if -_PYTHON_INT_TEXT_MAX < number < _PYTHON_INT_TEXT_MAX:
        return int.__str__(number)
    return format(decimal_from_int(number), "f")  # Python refuses to print very long integers directly


def parse_int(text: str) -> int | None:
    """The integer that java.math.BigInteger reads in `text`, or None."""
    if not _INT_LITERAL.fullmatch(text) or not _java_digits(text):
        return None
    if len(text) < 4000:
        return int(text)
    if len(text) > DIGITS_MAX:
        return None
    return int_from_text(text.removeprefix("+"))


def parse_decimal(text: str) -> Decimal | None:
    """The decimal that java.math.BigDecimal reads in `text`, or None."""
    match = _DECIMAL_LITERAL.fullmatch(text)
    if match is None or not _java_digits(text):
        return None
    digits, exponent = match.groups()
    if len(digits) > DIGITS_MAX or (exponent is not None and not _fits_exponent(digits, exponent)):
        return None
    value = Decimal(text)
    significant = len(value.as_tuple().digits)
    if value.is_signed() and not value:
        value = value.copy_abs()
    return value if significant <= PRECISION else WideDecimal.of(value, significant)


def _java_digits(text: str) -> bool:
    return text.isascii() or not _BEYOND_BMP.search(text)


def _fits_exponent(digits: str, exponent: str) -> bool:
    significant = exponent.lstrip("+-").lstrip("0")
    if len(significant) > 10:
        return False
    power = int(exponent)
    if not INT32_MIN <= power <= INT32_MAX:
        return False
    scale = len(digits.partition(".")[2]) - power
    return INT32_MIN <= scale <= INT32_MAX


def parse_number(text: str) -> Number | None:
    """An integer if `text` is one, else a decimal, else None."""
    whole = parse_int(text)
    return parse_decimal(text) if whole is None else whole


NUMERIC_TEXT_LENGTH_MAX = 1000
"""In loose comparisons longer strings are never numbers (metakit 1.7.0-rc.9, CoercionOps)."""


def parse_short_int(text: str) -> int | None:
    """`parse_int` for texts of at most 1,000 UTF-16 units."""
    return parse_int(text) if utf16_length(text) <= NUMERIC_TEXT_LENGTH_MAX else None


def parse_short_decimal(text: str) -> Decimal | None:
    """`parse_decimal` for texts of at most 1,000 UTF-16 units."""
    return parse_decimal(text) if utf16_length(text) <= NUMERIC_TEXT_LENGTH_MAX else None


def whole_long(value: Decimal) -> int | None:
    """The integer that `value` is, if it is whole and fits 64 bits signed."""
    if value.adjusted() > 18:
        return None
    whole = int(value)
    return whole if whole == value and INT64_MIN <= whole <= INT64_MAX else None


def is_whole(value: Decimal) -> bool:
    """Whether the decimal has no fraction."""
    return value == value.to_integral_value()


def typed(result: Decimal, *, of_integers: bool) -> Number:
    """The result of arithmetic on integers is an integer if it is whole and fits 64 bits; everything else is float."""
    whole = whole_long(result) if of_integers else None
    return result if whole is None else whole


Arithmetic: TypeAlias = Callable[[Number, Number], Decimal]
IntegerArithmetic: TypeAlias = Callable[[int, int], int]


def _exact(number: Number) -> Decimal:
    """The same value for arithmetic, which would convert an integer by itself, but in quadratic time."""
    return number if isinstance(number, Decimal) else decimal_from_int(number)


def comparable(numbers: list[Number]) -> list[Number]:
    """The same values, all of one kind: Python compares integers with decimals, but in quadratic time."""
    return [_exact(number) for number in numbers] if any(isinstance(n, Decimal) for n in numbers) else numbers


def add(left: Number, right: Number) -> Decimal:
    """left + right, rounded to the left operand's precision."""
    context = context_of(left)
    return in_context(context.add(_exact(left), _exact(right)), context)


def subtract(left: Number, right: Number) -> Decimal:
    """left - right, rounded to the left operand's precision."""
    context = context_of(left)
    return in_context(context.subtract(_exact(left), _exact(right)), context)


def multiply(left: Number, right: Number) -> Decimal:
    """left · right, rounded to the left operand's precision."""
    context = context_of(left)
    return in_context(context.multiply(_exact(left), _exact(right)), context)


def divide(left: Number, right: Number) -> Decimal:
    """left / right with 34 digits; `right` must not be zero."""
    return in_context(DECIMAL128.divide(_exact(left), _exact(right)), DECIMAL128)


def negate(number: Number, _unused: Number = 0) -> Decimal:
    """-number, rounded to its precision."""
    context = context_of(number)
    return in_context(context.minus(_exact(number)), context)


def remainder(left: Number, right: Number) -> Decimal:
    """The remainder of truncated division (sign of the dividend); `right` must not be zero.

    Raises EvaluationError where the whole quotient needs more digits than the left operand's precision. The scale
    of the result follows java.math.BigDecimal, because texts show it.
    """
    context = context_of(left)
    dividend, divisor = Decimal(_exact(left)), Decimal(_exact(right))
    scale, divisor_scale = -_exponent(dividend), -_exponent(divisor)
    if not dividend:
        return in_context(dividend, context)
    if abs(dividend) < abs(divisor):
        quotient, rest, quotient_scale = 0, dividend, max(0, min(scale - divisor_scale, context.prec - 1))
        return in_context(_rescaled(rest, max(scale, quotient_scale + divisor_scale)), context)
    if dividend.adjusted() - divisor.adjusted() > context.prec + len(divisor.as_tuple().digits):
        raise EvaluationError("Division impossible")
    exact = _context(context.prec + len(dividend.as_tuple().digits) + 2 * len(divisor.as_tuple().digits) + 8)
    quotient = int_from_decimal(exact.divide_int(dividend.copy_abs(), divisor.copy_abs()))
    digits, zeros = digit_count(quotient), _trailing_zeros(quotient)
    if digits - zeros > context.prec:
        raise EvaluationError("Division impossible")
    preferred = scale - divisor_scale
    quotient_scale = min(preferred, max(0, context.prec - digits)) if preferred > 0 else max(preferred, -zeros)
    rest = exact.remainder(dividend, divisor)
    return in_context(_rescaled(rest, max(scale, quotient_scale + divisor_scale)), context)


def _exponent(value: Decimal) -> int:
    return int(value.as_tuple().exponent)


def _trailing_zeros(number: int) -> int:
    text = number_text(number)
    return len(text) - len(text.rstrip("0"))


def _rescaled(value: Decimal, scale: int) -> Decimal:
    """The same value with `scale` digits after the point, where that is exact."""
    digits = max(value.adjusted() + scale + 2, 1) if value else 1
    return _context(max(digits, PRECISION)).quantize(value, Decimal((0, (1,), -scale)))


def rounded(value: Decimal, rounding: str) -> Number:
    """The decimal rounded to a whole number: an integer if that fits 64 bits, else float."""
    if value.adjusted() > DIGITS_MAX:
        raise EvaluationError("BigInteger would overflow supported range")
    whole = value.quantize(Decimal(1), rounding=rounding, context=_context(max(value.adjusted() + 2, PRECISION)))
    if isinstance(value, WideDecimal):
        whole = WideDecimal.of(whole, value.precision)
    return typed(in_context(whole, context_of(value)), of_integers=True)


def reduced(numbers: list[Number], operation: Arithmetic, on_integers: IntegerArithmetic) -> Number:
    """The operation over all numbers, left to right; integer only if no operand was a float (see `typed`)."""
    of_integers = not any(isinstance(number, Decimal) for number in numbers)
    if of_integers:
        exact = _reduced_exactly(cast("list[int]", numbers), on_integers)
        if exact is not None:
            return exact if INT64_MIN <= exact <= INT64_MAX else Decimal(exact)
    result = as_decimal(numbers[0])
    for number in numbers[1:]:
        result = operation(result, number)
    return typed(result, of_integers=of_integers)


def _reduced_exactly(numbers: list[int], operation: IntegerArithmetic) -> int | None:
    """The result if nothing on the way to it needs more than 34 digits, so that nothing would be rounded."""
    result = numbers[0]
    for number in numbers[1:]:
        if not -_PLAIN_INT_MAX < result < _PLAIN_INT_MAX:
            return None
        result = operation(result, number)
    return result if -_PLAIN_INT_MAX < result < _PLAIN_INT_MAX else None


def _as_decimal(number: int) -> Decimal:
    value = decimal_from_int(number)
    digits = value.adjusted() + 1
    return value if digits <= PRECISION else WideDecimal.of(value, digits)


def as_decimal(number: Number) -> Decimal:
    """The number as a decimal with the precision it computes with."""
    return number if isinstance(number, Decimal) else _as_decimal(number)


def combined(left: Number, right: Number, operation: Arithmetic) -> Number:
    """The operation on two numbers; integer only if both operands were (see `typed`)."""
    of_integers = not isinstance(left, Decimal) and not isinstance(right, Decimal)
    return typed(operation(left, right), of_integers=of_integers)


def narrowed(value: JsonValue) -> JsonValue:
    """The same value with a plain Decimal for every WideDecimal."""
    return run(_narrowed(value))


def _narrowed(value: JsonValue) -> Step[JsonValue]:
    if isinstance(value, WideDecimal):
        return Decimal(value)
    if isinstance(value, list):
        items = []
        for item in value:
            items.append((yield _narrowed(item)))
        return items
    if isinstance(value, dict):
        entries = {}
        for key, item in value.items():
            entries[key] = yield _narrowed(item)
        return entries
    return value
