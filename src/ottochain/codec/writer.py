"""Writes compact JSON of any nesting depth.

The quick ways of the other modules end at about 250 levels, at integers beyond 64 bits and at keys that sort
differently in UTF-16; this is the plain way behind them. It uses no stack of the interpreter.
"""

import re
from collections.abc import Callable, Iterable, Iterator
from json.encoder import encode_basestring
from typing import Any

Members = Callable[[dict[str, Any]], Iterable[tuple[str, Any]]]
"""The members of an object in the order in which they are to be written."""

_SURROGATE = re.compile("[\ud800-\udfff]")


def write(value: Any, *, scalar: Callable[[Any], str], members: Members, string: Callable[[str], str]) -> str:
    """The compact JSON text of `value`.

    `scalar` writes everything that is not an object or array, `string` the keys.
    """
    out: list[str] = []
    frames: list[tuple[Iterator[Any], bool, str]] = []
    items: Iterator[Any] = iter((value,))
    in_object, closer, separator = False, "", ""
    while True:
        for item in items:
            if in_object:
                key, item = item
                out.append(f"{separator}{string(key)}:")
            elif separator:
                out.append(separator)
            separator = ","
            kind = type(item)
            if kind is dict or kind is list or kind is tuple:
                frames.append((items, in_object, closer))
                in_object = kind is dict
                items = iter(members(item) if in_object else item)
                out.append("{" if in_object else "[")
                closer = "}" if in_object else "]"
                separator = ""
                break
            out.append(scalar(item))
        else:
            out.append(closer)
            if not frames:
                return "".join(out)
            items, in_object, closer = frames.pop()
            separator = ","


def in_given_order(members: dict[str, Any]) -> Iterable[tuple[str, Any]]:
    """The members as they stand."""
    return members.items()


def in_utf16_order(members: dict[str, Any]) -> Iterable[tuple[str, Any]]:
    """The members sorted by the UTF-16 code units of their keys: RFC 8785, and Java's order of strings."""
    return sorted(members.items(), key=_utf16_key)


def quoted(text: str) -> str:
    """`text` as a JSON string with the escapes of RFC 8785: only what JSON demands, lower-case digits."""
    return encode_basestring(text)


def join_surrogates(text: str) -> str:
    """`text` with each high surrogate followed by a low one replaced by the character that the pair means."""
    return text.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "surrogatepass")


def escape_surrogates(text: str) -> str:
    """JSON `text` with its lone surrogates written as escapes."""
    return _SURROGATE.sub(lambda match: f"\\u{ord(match[0]):04x}", join_surrogates(text))


def _utf16_key(member: tuple[str, Any]) -> bytes:
    return member[0].encode("utf-16-be", "surrogatepass")
