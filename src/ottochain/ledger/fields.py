"""Reads the members of signed values. What can't be read raises ``ModelError`` and says which member it is.

As circe does, a number may stand in a string, and members that are not asked for are passed over.
"""

import re
from collections.abc import Mapping
from typing import Any, Final

from ottochain.crypto.addresses import is_valid_address
from ottochain.ledger.amounts import AMOUNT_MAX
from ottochain.model.errors import ModelError

ORDINAL_MAX: Final = AMOUNT_MAX - 1
"""The largest ordinal that has a next one."""

_INTEGER: Final = re.compile(r"-?[0-9]{1,19}").fullmatch
_HASH_CHARACTERS_MAX: Final = 128


def members_of(value: object, what: str) -> Mapping[str, Any]:
    """An object."""
    if not isinstance(value, dict):
        raise ModelError(f"expected {what}, found {type(value).__name__}")
    return value


def integer(members: Mapping[str, Any], name: str, low: int, high: int) -> int:
    """A whole number between two others, both included."""
    found = members.get(name)
    if isinstance(found, str) and _INTEGER(found):
        found = int(found)
    if type(found) is not int or not low <= found <= high:
        raise ModelError(f"expected {name} to be a whole number from {low} to {high}, found {str(found)[:40]}")
    return found


def amount(members: Mapping[str, Any], name: str, *, low: int = 1) -> int:
    """An amount, by default more than nothing."""
    return integer(members, name, low, AMOUNT_MAX)


def optional_integer(members: Mapping[str, Any], name: str, low: int, high: int) -> int | None:
    """A whole number, or null, or nothing."""
    return None if members.get(name) is None else integer(members, name, low, high)


def address(members: Mapping[str, Any], name: str) -> str:
    """A DAG address."""
    found = members.get(name)
    if not isinstance(found, str) or not is_valid_address(found):
        raise ModelError(f"expected {name} to be a DAG address, found {str(found)[:60]!r}")
    return found


def optional_address(members: Mapping[str, Any], name: str) -> str | None:
    """A DAG address, or null, or nothing."""
    return None if members.get(name) is None else address(members, name)


def addresses(members: Mapping[str, Any], name: str, count_max: int) -> tuple[str, ...]:
    """An array of DAG addresses."""
    found = members.get(name)
    if not isinstance(found, list) or len(found) > count_max:
        raise ModelError(f"expected {name} to be an array of at most {count_max} addresses")
    return tuple(address({name: each}, name) for each in found)


def hash_text(members: Mapping[str, Any], name: str) -> str:
    """What names something by its hash. Its form is not looked at; one that is no hash names nothing."""
    found = members.get(name)
    if not isinstance(found, str) or not found.isascii() or len(found) > _HASH_CHARACTERS_MAX:
        raise ModelError(f"expected {name} to be a hash, found {str(found)[:80]!r}")
    return found
