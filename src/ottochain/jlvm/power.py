"""The operator `pow` (metakit 1.7.0-rc.9): exact for whole exponents from 0 to 999, by doubles otherwise."""

from __future__ import annotations

import math
from decimal import Decimal

from ottochain.codec.numbers import int_from_decimal
from ottochain.jlvm.errors import EvaluationError
from ottochain.jlvm.numeric import (
    DIGITS_MAX,
    INT32_MAX,
    INT32_MIN,
    Number,
    as_decimal,
    checked_int,
    context_of,
    in_context,
    is_whole,
    typed,
    wider_context,
)

EXPONENT_MAX = 999


def integer_power(base: int, exponent: int) -> int:
    """base ** exponent for 0 ≤ exponent ≤ 999, without limit of 64 bits but of DIGITS_MAX digits."""
    if base.bit_length() * exponent > 2 * 870_831:
        raise EvaluationError("BigInteger would overflow supported range")
    return checked_int(base**exponent)


def power(base: Number, exponent: Number) -> Number:
    """base to the exponent, for any two numbers.

    Raises EvaluationError for exponents beyond ±999 that are not whole and within 0…999, for infinite results and
    for results that are not numbers.
    """
    if _is_exact_exponent(exponent):
        return _exact_power(as_decimal(base), int(exponent))
    double = float(exponent) if isinstance(exponent, Decimal) else _int_to_double(exponent)
    if abs(double) > EXPONENT_MAX:
        raise EvaluationError(
            f"Exponent magnitude {java_double(abs(double))} exceeds maximum safe value {EXPONENT_MAX}"
        )
    return _double_power(float(as_decimal(base)), double)


def _is_exact_exponent(exponent: Number) -> bool:
    if isinstance(exponent, Decimal):
        return 0 <= exponent <= EXPONENT_MAX and is_whole(exponent)
    return 0 <= exponent <= EXPONENT_MAX


def _int_to_double(number: int) -> float:
    return float(Decimal(number))  # infinite, not an error, beyond the range of doubles


def _exact_power(base: Decimal, exponent: int) -> Number:
    if base.adjusted() > DIGITS_MAX:
        raise EvaluationError("BigInteger would overflow supported range")
    if is_whole(base):
        return integer_power(int_from_decimal(base), exponent)
    return typed(_decimal_power(base, exponent), of_integers=True)


def _decimal_power(base: Decimal, exponent: int) -> Decimal:
    """java.math.BigDecimal.pow(n, mc): square and multiply with a few more digits, rounded once at the end."""
    if exponent == 0:
        return Decimal(1)
    context = context_of(base)
    working = wider_context(context.prec + len(str(exponent)) + 1)
    result = working.plus(base)
    for bit in bin(exponent)[3:]:
        result = working.multiply(result, result)
        if bit == "1":
            result = working.multiply(result, base)
    return in_context(context.plus(result), context)


def _double_power(base: float, exponent: float) -> Number:
    try:
        result = math.pow(base, exponent)
    except OverflowError:
        raise EvaluationError("Power operation resulted in infinity") from None
    except ValueError:  # zero to a negative power, or a root of a negative number
        reason = "infinity" if base == 0 else "NaN"
        raise EvaluationError(f"Power operation resulted in {reason}") from None
    if math.isinf(result):
        raise EvaluationError("Power operation resulted in infinity")
    if math.isnan(result):
        raise EvaluationError("Power operation resulted in NaN")
    if result.is_integer() and INT32_MIN <= result <= INT32_MAX:
        return int(result)
    return Decimal(java_double(result))


def java_double(value: float) -> str:
    """java.lang.Double.toString: plain between 10⁻³ and 10⁷, else `d.dE±n`; always a digit after the point."""
    if math.isinf(value):
        return "Infinity" if value > 0 else "-Infinity"
    _, digits, exponent = Decimal(repr(value)).normalize().as_tuple()
    sign = "-" if math.copysign(1.0, value) < 0 else ""
    if value == 0:
        return f"{sign}0.0"
    text = "".join(map(str, digits))
    point = len(text) + int(exponent)  # position of the decimal point within the digits
    if 1e-3 <= abs(value) < 1e7:
        whole = text[: max(point, 0)].ljust(max(point, 0), "0") or "0"
        fraction = "0" * max(-point, 0) + text[max(point, 0) :]
        return f"{sign}{whole}.{fraction or '0'}"
    return f"{sign}{text[0]}.{text[1:] or '0'}E{point - 1}"
