"""Numbers as text and back, exactly, and in time that does not explode with the number of digits.

Python refuses to convert integers of more than 4300 digits to or from text unless a process-wide limit is
changed, because its conversion is quadratic. Here such integers are split in halves down to pieces that it
converts at once, and nothing global is touched.
"""

import decimal
from collections.abc import Callable
from decimal import Decimal
from typing import Final, TypeVar

from ottochain.codec.errors import JsonError

T = TypeVar("T")

MAX_DIGITS: Final = 262_144
"""Whole numbers with more digits are refused, as by circe's ``JsonNumber.toBigInt`` (2^18)."""

MAX_UNFOLDED_DIGITS: Final = 4 * MAX_DIGITS
"""How many zeros the exponents of one text may unfold to together: ``1e262143`` is eight bytes of text but a
hundred kilobytes of integer, and a text may hold many."""

MAX_SCALE: Final = 2**31 - 1
"""Decimals with more places are refused: Java's ``BigDecimal`` has a 32-bit scale."""

_MAX_BITS: Final = 870_825  # one more than 10**MAX_DIGITS - 1 can have
_PIECE_DIGITS: Final = 600  # below 640, the smallest limit that Python can be configured with
_PIECE_BITS: Final = 1_990  # always fewer than _PIECE_DIGITS digits
_EXPONENT_DIGITS: Final = 12

_UNBOUNDED: Final = decimal.Context(
    prec=decimal.MAX_PREC, Emax=decimal.MAX_EMAX, Emin=decimal.MIN_EMIN, traps=[decimal.Inexact]
)


def number_from_text(text: str, zeros_max: int = MAX_DIGITS) -> int | Decimal:
    """The exact value of a JSON number: ``int`` if it is whole (``1.0``, ``1e2``), else a ``Decimal``
    without trailing zeros.

    `text` must follow the grammar of JSON. Raises ``JsonError`` for numbers beyond ``MAX_DIGITS`` and ``MAX_SCALE``,
    and if the exponent unfolds to more than `zeros_max` zeros.
    """
    mantissa, _, exponent_text = text.replace("E", "e", 1).partition("e")
    whole, _, fraction = mantissa.partition(".")
    if not exponent_text:
        fraction = fraction.rstrip("0")
        if not fraction:
            return int_from_text(whole)
        _refuse_many_digits(len(whole) + len(fraction))
        return Decimal(f"{whole}.{fraction}")
    sign = "-" if whole.startswith("-") else ""
    digits = (whole.removeprefix("-") + fraction).lstrip("0")
    significant = digits.rstrip("0")
    if not significant:
        return 0
    exponent = _exponent(exponent_text) - len(fraction) + len(digits) - len(significant)
    if exponent >= 0:
        _refuse_many_digits(len(significant) + exponent)
        if exponent > zeros_max:
            raise JsonError(f"exponents that unfold to more than {MAX_UNFOLDED_DIGITS} digits together")
        return int_from_text(sign + significant + "0" * exponent)
    _refuse_many_digits(len(significant))
    if -exponent > MAX_SCALE:
        raise JsonError(f"a number with more than {MAX_SCALE} decimal places")
    return Decimal(f"{sign}{significant}E{exponent}")


def int_from_text(text: str) -> int:
    """The integer that `text` (digits, perhaps after a minus sign) writes; ``JsonError`` beyond ``MAX_DIGITS``."""
    if len(text) <= _PIECE_DIGITS:
        return int(text)
    digits = text.removeprefix("-")
    _refuse_many_digits(len(digits))
    power_of_ten = _remembered(lambda width: int(5**width) << width)

    def convert(start: int, end: int) -> int:
        if end - start <= _PIECE_DIGITS:
            return int(digits[start:end])
        middle = (start + end + 1) // 2
        return convert(start, middle) * power_of_ten(end - middle) + convert(middle, end)

    magnitude = convert(0, len(digits))
    return -magnitude if text.startswith("-") else magnitude


def int_to_text(number: int) -> str:
    """The digits of `number`; ``JsonError`` beyond ``MAX_DIGITS``."""
    bits = number.bit_length()
    if bits <= _PIECE_BITS:
        return str(number)
    if bits > _MAX_BITS:
        _refuse_many_digits(MAX_DIGITS + 1)
    text = str(_decimal_from_int(abs(number), bits))
    _refuse_many_digits(len(text))
    return "-" + text if number < 0 else text


def decimal_from_int(number: int) -> Decimal:
    """Exactly `number`, of whatever length; what ``Decimal`` does in quadratic time."""
    bits = number.bit_length()
    if bits <= _PIECE_BITS:
        return Decimal(number)
    magnitude = _decimal_from_int(abs(number), bits)
    return magnitude.copy_negate() if number < 0 else magnitude


def int_from_decimal(number: Decimal) -> int:
    """The integer that a whole `number` is; up to ``MAX_DIGITS`` not in quadratic time, as ``int`` does it."""
    if not _PIECE_DIGITS <= number.adjusted() < MAX_DIGITS:
        return int(number)
    return int_from_text(format(number.to_integral_value(), "f"))


def decimal_to_text(number: Decimal) -> str:
    """JSON text of exactly `number`; a whole one is written as an integer.

    Raises ``JsonError`` for infinities, NaN and numbers beyond ``MAX_DIGITS``.
    """
    if not number.is_finite():
        raise JsonError(f"{number} is not a JSON number")
    sign, digits, exponent = number.as_tuple()
    assert isinstance(exponent, int)
    if not any(digits):
        return "0"
    if exponent < 0 and digits[-1] != 0:
        return str(number)
    # Whole, or with trailing zeros: take the way that reading takes, so that both agree.
    text = "".join(map(str, digits))
    exact = number_from_text(f"{'-' if sign else ''}{text}e{exponent}")
    return int_to_text(exact) if isinstance(exact, int) else str(exact)


def _refuse_many_digits(count: int) -> None:
    if count > MAX_DIGITS:
        raise JsonError(f"a number with more than {MAX_DIGITS} digits")


def _exponent(text: str) -> int:
    sign = -1 if text.startswith("-") else 1
    digits = text.lstrip("+-").lstrip("0")
    if len(digits) > _EXPONENT_DIGITS:
        # Far beyond every bound above, whatever the digits say.
        digits = "9" * (_EXPONENT_DIGITS + 1)
    return sign * int(digits or "0")


def _decimal_from_int(number: int, bits: int) -> Decimal:
    """`number` (of at most `bits` bits) as ``Decimal``: its multiplication is fast on long operands."""
    power_of_two = _remembered(_power_of_two)

    def convert(part: int, width: int) -> Decimal:
        if width <= _PIECE_BITS:
            return Decimal(part)
        low_width = width >> 1
        high = part >> low_width
        low = part & ((1 << low_width) - 1)
        product = _UNBOUNDED.multiply(convert(high, width - low_width), power_of_two(low_width))
        return _UNBOUNDED.add(product, convert(low, low_width))

    return convert(number, bits)


def _power_of_two(width: int) -> Decimal:
    return _UNBOUNDED.power(Decimal(2), Decimal(width))


def _remembered(function: Callable[[int], T]) -> Callable[[int], T]:
    results: dict[int, T] = {}

    def remembered(argument: int) -> T:
        if argument not in results:
            results[argument] = function(argument)
        return results[argument]

    return remembered
