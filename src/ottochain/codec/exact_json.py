"""JSON in and out without losing a digit.

Ordinary texts go through C code; what that can't do (deep nesting, thousands of digits, lone surrogates, a good
error) goes through ``parser`` and ``writer``. Both give the same values.
"""

from decimal import Decimal
from typing import Any, Final

import msgspec
import orjson

from ottochain.codec import parser, writer
from ottochain.codec.errors import JsonError
from ottochain.codec.numbers import decimal_to_text, int_to_text, number_from_text
from ottochain.codec.values import JsonValue, nesting, not_json, survey

__all__ = ["JsonError", "JsonValue", "dumps", "dumps_sound", "loads"]

# Enough for every double. Larger numbers go to the plain parser, which keeps account of them.
_QUICK_ZEROS: Final = 400


def _quick_number(text: str) -> int | Decimal:
    return number_from_text(text, _QUICK_ZEROS)


_decoder: msgspec.json.Decoder[Any] = msgspec.json.Decoder(float_hook=_quick_number)


def loads(text: bytes | str, *, max_depth: int | None = None) -> Any:
    """The value of a JSON text: whole numbers as ``int``, others as ``Decimal`` without trailing zeros.

    The last of several members with one key wins. Raises ``JsonError`` with the position if `text` is not JSON
    (``NaN``, a byte order mark and invalid UTF-8 included), if a number has more than 262,144 digits or all
    exponents together unfold to more than four times that, or if containers are nested deeper than `max_depth`
    (a scalar has depth 0, ``[]`` depth 1).
    """
    try:
        value = _decoder.decode(text)
    except (msgspec.MsgspecError, ValueError, RecursionError):
        # The plain parser either manages or says better what is wrong.
        return parser.parse(_as_text(text), max_depth)
    if max_depth is not None and _may_exceed(text, max_depth) and nesting(value) > max_depth:
        return parser.parse(_as_text(text), max_depth)
    return value


def dumps(value: Any) -> bytes:
    """The compact JSON of `value`, members in their order, every number with all its digits.

    A whole ``Decimal`` is written as an integer, a lone surrogate as an escape. Raises ``TypeError`` for a
    ``float`` or any other thing that is not a JSON value, ``JsonError`` for infinities, NaN and numbers of more
    than 262,144 digits.
    """
    survey(value)
    try:
        return orjson.dumps(value, default=_fragment)
    except orjson.JSONEncodeError:
        text = writer.write(value, scalar=scalar_text, members=writer.in_given_order, string=writer.quoted)
    try:
        return text.encode()
    except UnicodeEncodeError:
        return writer.escape_surrogates(text).encode()


def dumps_sound(value: Any) -> bytes:
    """``dumps`` of a value that was read by ``loads``, or put together from such: nothing in it is looked for."""
    try:
        return orjson.dumps(value, default=_fragment)
    except orjson.JSONEncodeError:
        return dumps(value)


def scalar_text(value: Any) -> str:
    """The JSON text of a string, number, boolean or null."""
    if isinstance(value, str):
        return writer.quoted(value)
    if value is True:
        return "true"
    if value is False:
        return "false"
    if value is None:
        return "null"
    if isinstance(value, int):
        return int_to_text(value)
    if isinstance(value, Decimal):
        return decimal_to_text(value)
    raise not_json(value)


def _fragment(value: object) -> orjson.Fragment:
    if isinstance(value, Decimal):
        return orjson.Fragment(decimal_to_text(value).encode())
    raise not_json(value)


def _as_text(text: bytes | str) -> str:
    if isinstance(text, str):
        decoded = text
    else:
        try:
            decoded = str(text, "utf-8")
        except UnicodeDecodeError as error:
            raise JsonError(f"not JSON: invalid UTF-8 at byte {error.start}") from None
    if decoded.startswith("\ufeff"):
        raise JsonError("not JSON: a byte order mark at the beginning")
    return decoded


def _may_exceed(text: bytes | str, depth: int) -> bool:
    """Whether there are enough opening brackets for containers nested deeper than `depth`."""
    if isinstance(text, str):
        return text.count("[") + text.count("{") > depth
    return text.count(b"[") + text.count(b"{") > depth
