"""The iteration order of the reference's immutable sets and maps.

Scala keeps up to four elements in insertion order; from five on a ``HashSet`` or ``HashMap`` is walked in the order
of its trie: five bits of the improved hash a level, a node's own elements before its branches (Scala 2.13,
``immutable.HashSet``, ``collection.Hashing.improve``). That order reaches signed and hashed bytes, because sets are
encoded as JSON arrays.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, Final, TypeVar

from ottochain.jlvm.text import java_hash

T = TypeVar("T")

_MASK: Final = 0xFFFFFFFF
_INSERTION_ORDERED_MAX: Final = 4
_BITS_PER_LEVEL: Final = 5
_LAST_LEVEL_SHIFT: Final = 30


def uuid_hash(uuid: str) -> int:
    """Java's ``UUID.hashCode`` of a canonical UUID text, as an unsigned 32-bit number."""
    bits = int(uuid.replace("-", ""), 16)
    folded = (bits >> 64) ^ (bits & 0xFFFFFFFFFFFFFFFF)
    return ((folded >> 32) ^ folded) & _MASK


def pair_hash(first: int, second: int) -> int:
    """The hash of a ``Tuple2`` whose elements hash to `first` and `second` (Scala 2.13, ``MurmurHash3``)."""
    code = 0xCAFEBABE
    for part in (java_hash("Tuple2"), first, second):
        code = _mix(code, part)
    code ^= 2
    code ^= code >> 16
    code = (code * 0x85EBCA6B) & _MASK
    code ^= code >> 13
    code = (code * 0xC2B2AE35) & _MASK
    return code ^ (code >> 16)


def set_of(elements: Iterable[T], hash_of: Callable[[T], int]) -> tuple[T, ...]:
    """`elements` without repetitions, in the order in which Scala's ``Set`` of them is iterated."""
    distinct = tuple(dict.fromkeys(elements))
    if len(distinct) <= _INSERTION_ORDERED_MAX:
        return distinct
    return trie_order(distinct, hash_of)


def uuid_set(uuids: Iterable[str]) -> tuple[str, ...]:
    """A Scala ``Set[UUID]``."""
    return set_of(uuids, uuid_hash)


def address_set(addresses: Iterable[str]) -> tuple[str, ...]:
    """A Scala ``Set[Address]``; an address hashes as its text."""
    return set_of(addresses, java_hash)


def map_items(members: Mapping[str, Any]) -> Sequence[tuple[str, Any]]:
    """The members of a map decoded from JSON, in the order in which Scala's ``Map`` of them is iterated."""
    if len(members) <= _INSERTION_ORDERED_MAX:
        return tuple(members.items())
    return tuple((key, members[key]) for key in trie_order(tuple(members), java_hash))


def trie_order(elements: Sequence[T], hash_of: Callable[[T], int]) -> tuple[T, ...]:
    """`elements` in the order of the hash trie that holds them, however few they are."""
    ordered: list[T] = []
    _walk([(_improve(hash_of(element)), element) for element in elements], 0, ordered)
    return tuple(ordered)


def _walk(entries: list[tuple[int, T]], shift: int, ordered: list[T]) -> None:
    if shift > _LAST_LEVEL_SHIFT:  # equal hashes: a collision node keeps the order of insertion
        ordered.extend(element for _, element in entries)
        return
    branches: dict[int, list[tuple[int, T]]] = {}
    for entry in entries:
        branches.setdefault((entry[0] >> shift) & 31, []).append(entry)
    indexes = sorted(branches)
    ordered.extend(branches[index][0][1] for index in indexes if len(branches[index]) == 1)
    for index in indexes:
        if len(branches[index]) > 1:
            _walk(branches[index], shift + _BITS_PER_LEVEL, ordered)


def _improve(code: int) -> int:
    code = (code + (~(code << 9) & _MASK)) & _MASK
    code ^= code >> 14
    code = (code + (code << 4)) & _MASK
    return code ^ (code >> 10)


def _mix(code: int, part: int) -> int:
    part = (part * 0xCC9E2D51) & _MASK
    part = ((part << 15) | (part >> 17)) & _MASK
    part = (part * 0x1B873593) & _MASK
    code ^= part
    code = ((code << 13) | (code >> 19)) & _MASK
    return (code * 5 + 0xE6546B64) & _MASK
