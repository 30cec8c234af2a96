"""The order in which the reference iterates over maps.

Scala's immutable maps keep insertion order up to four entries. From five on they are hash tries (CHAMP): 32-way
nodes, five bits of the hash a level; a node's own entries come before those of its sub-nodes, both by their bits.
`values`, `entries` and the evaluation of map literals follow that order. `keys` wraps each key in a value and
collects those in a set, so it follows the order of *their* hashes.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from functools import lru_cache

from ottochain.jlvm.text import java_hash

INSERTION_ORDER_SIZE_MAX = 4
_MASK = 0xFFFFFFFF
_PRODUCT_SEED = 0xCAFEBABE


def iteration_order(keys: Iterable[str]) -> list[str]:
    """The keys of a map, given in insertion order, as the reference iterates over it."""
    given = list(keys)
    return given if len(given) <= INSERTION_ORDER_SIZE_MAX else _trie_order(given, _string_hash)


def keys_order(keys: Iterable[str]) -> list[str]:
    """The keys of a map, given in insertion order, as the operator `keys` lists them."""
    given = list(keys)
    return given if len(given) <= INSERTION_ORDER_SIZE_MAX else _trie_order(given, _string_value_hash)


def string_set_order(texts: Iterable[str]) -> list[str]:
    """The order of a set of strings, given in insertion order: up to four as inserted, then by hash."""
    return iteration_order(texts)


def _trie_order(keys: list[str], hash_of: Callable[[str], int]) -> list[str]:
    order: list[str] = []
    _append_node([(hash_of(key), key) for key in keys], 0, order)
    return order


def _append_node(entries: list[tuple[int, str]], shift: int, order: list[str]) -> None:
    if shift >= 32:  # equal hashes: a collision node keeps insertion order
        order.extend(key for _, key in entries)
        return
    slots: dict[int, list[tuple[int, str]]] = {}
    for entry in entries:
        slots.setdefault(entry[0] >> shift & 31, []).append(entry)
    ordered = [slots[bits] for bits in sorted(slots)]
    order.extend(slot[0][1] for slot in ordered if len(slot) == 1)
    for slot in ordered:
        if len(slot) > 1:
            _append_node(slot, shift + 5, order)


@lru_cache(maxsize=4096)
def _string_hash(key: str) -> int:
    return _improve(java_hash(key))


@lru_cache(maxsize=4096)
def _string_value_hash(key: str) -> int:
    """The improved hash of the case class StrValue(key)."""
    mixed = _mix(_mix(_PRODUCT_SEED, java_hash("StrValue")), java_hash(key))
    return _improve(_finalize(mixed, 1))


def _improve(value: int) -> int:
    """How Scala spreads a hash over the trie's bits (scala.collection.Hashing)."""
    value = (value + ~(value << 9)) & _MASK
    value ^= value >> 14
    value = (value + (value << 4)) & _MASK
    return value ^ value >> 10


def _rotate(value: int, by: int) -> int:
    return (value << by | value >> (32 - by)) & _MASK


def _mix(state: int, data: int) -> int:
    """One round of MurmurHash3 for 32 bits."""
    k = _rotate(data * 0xCC9E2D51 & _MASK, 15) * 0x1B873593 & _MASK
    return (_rotate(state ^ k, 13) * 5 + 0xE6546B64) & _MASK


def _finalize(state: int, length: int) -> int:
    state ^= length
    state = (state ^ state >> 16) * 0x85EBCA6B & _MASK
    state = (state ^ state >> 13) * 0xC2B2AE35 & _MASK
    return state ^ state >> 16
