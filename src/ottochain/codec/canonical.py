"""RFC 8785 canonical JSON: the text that data updates, states and records are hashed over.

As in metakit 1.7.0-rc.9 nulls are kept, and numbers are ECMAScript's text of the nearest double, so that digits
beyond its precision are lost here and only here. Where metakit's serializer strays from ECMAScript (some numbers
between 1.8e16 and 5.8e19) ECMAScript is followed; see docs/compatibility.md.
"""

import math
from decimal import Decimal
from typing import Any

import orjson

from ottochain.codec import writer
from ottochain.codec.errors import CanonicalError
from ottochain.codec.values import (
    LARGE_INTEGER,
    LARGEST_SAFE_INTEGER,
    SUPPLEMENTARY_KEY,
    drop_nulls,
    not_json,
    survey,
)

__all__ = ["CanonicalError", "canonical_bytes", "drop_nulls", "number_text"]


def canonical_bytes(value: Any) -> bytes:
    """The canonical text of `value` as UTF-8.

    Raises ``CanonicalError`` for numbers beyond the doubles and for lone surrogates, ``TypeError`` for a
    ``float`` or any other thing that is not a JSON value. Any nesting depth is fine.
    """
    # orjson sorts by code point and prints all digits of an integer: right exactly when neither trait occurs.
    if not survey(value) & (LARGE_INTEGER | SUPPLEMENTARY_KEY):
        try:
            return orjson.dumps(value, default=_fragment, option=orjson.OPT_SORT_KEYS)
        except orjson.JSONEncodeError:
            pass  # too deep, a lone surrogate or a number without text: found out below
    text = writer.write(value, scalar=_scalar_text, members=writer.in_utf16_order, string=writer.quoted)
    try:
        return text.encode()
    except UnicodeEncodeError:
        return _without_surrogates(text).encode()


def number_text(number: int | Decimal) -> str:
    """ECMAScript's text of the double nearest to `number`; ``CanonicalError`` if that is infinite."""
    if isinstance(number, int) and -LARGEST_SAFE_INTEGER <= number <= LARGEST_SAFE_INTEGER:
        return str(number)
    try:
        double = float(number)
    except (OverflowError, ValueError):  # an integer beyond the doubles; a signalling NaN
        double = math.inf
    if not math.isfinite(double):
        raise CanonicalError("a number beyond the range of doubles has no canonical text")
    return _double_text(double)


def _double_text(double: float) -> str:
    """``Number::toString`` of ECMAScript: the shortest digits, an exponent from 1e21 and below 1e-6."""
    text = repr(double)
    mantissa, _, exponent_text = text.partition("e")
    if not exponent_text:
        whole = text.removesuffix(".0")
        return "0" if whole == "-0" else whole
    exponent = int(exponent_text)
    sign = "-" if mantissa.startswith("-") else ""
    digits = mantissa.removeprefix("-").replace(".", "")
    if 0 <= exponent < 21:
        return sign + digits.ljust(exponent + 1, "0")
    if -7 < exponent < 0:
        return f"{sign}0.{'0' * (-exponent - 1)}{digits}"
    return f"{mantissa}e{exponent:+d}"


def _scalar_text(value: Any) -> str:
    if isinstance(value, str):
        return writer.quoted(value)
    if value is True:
        return "true"
    if value is False:
        return "false"
    if value is None:
        return "null"
    if isinstance(value, int | Decimal):
        return number_text(value)
    raise not_json(value)


def _fragment(value: object) -> orjson.Fragment:
    if isinstance(value, Decimal):
        return orjson.Fragment(number_text(value).encode())
    raise not_json(value)


def _without_surrogates(text: str) -> str:
    joined = writer.join_surrogates(text)
    try:
        joined.encode()
    except UnicodeEncodeError as error:
        raise CanonicalError(f"a lone surrogate (U+{ord(joined[error.start]):04X}) has no canonical text") from None
    return joined
