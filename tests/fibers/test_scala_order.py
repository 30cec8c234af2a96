"""Sets and maps come in the order of the reference's hash tries, and ids are read as Java reads them."""

import pytest

from ottochain.fibers.scala_order import (
    address_set,
    map_items,
    pair_hash,
    trie_order,
    uuid_hash,
    uuid_set,
)
from ottochain.fibers.uuids import decode_uuid, parse_uuid
from ottochain.jlvm.text import java_hash


def uuid(number: int) -> str:
    return f"00000000-0000-4000-8000-{number:012x}"


def test_up_to_four_elements_keep_their_order_without_repetitions() -> None:
    assert address_set(["d", "c", "d", "b", "a"]) == ("d", "c", "b", "a")


def test_five_elements_come_in_hash_order() -> None:
    # The order in which the reference lists the values of a map with these keys.
    names = ["alpha", "beta", "gamma", "delta", "epsilon", "zeta", "eta", "theta"]
    ordered = ("alpha", "zeta", "epsilon", "theta", "gamma", "eta", "delta", "beta")
    assert address_set(names) == ordered
    assert address_set(reversed(names)) == ordered
    assert tuple(key for key, _ in map_items(dict.fromkeys(names))) == ordered


def test_equal_hashes_keep_the_order_of_insertion() -> None:
    assert java_hash("Aa") == java_hash("BB")
    assert trie_order(["BB", "Aa"], java_hash) == ("BB", "Aa")
    assert trie_order(["Aa", "BB"], java_hash) == ("Aa", "BB")


def test_uuid_hash_is_javas() -> None:
    assert uuid_hash("00000000-0000-0000-0000-000000000001") == 1
    assert uuid_hash("ffffffff-0000-0000-0000-000000000000") == 0xFFFFFFFF
    assert uuid_hash("00000001-0000-0002-0000-000300000004") == 1 ^ 2 ^ 3 ^ 4


def test_order_of_uuids_depends_on_the_set_alone() -> None:
    uuids = [uuid(number * 7919) for number in range(40)]
    assert uuid_set(uuids) == uuid_set(reversed(uuids))
    assert sorted(uuid_set(uuids)) == sorted(uuids)


def test_pair_hash_depends_on_the_order() -> None:
    assert pair_hash(1, 2) != pair_hash(2, 1)
    assert 0 <= pair_hash(java_hash("transition[0].guard"), java_hash("count")) < 1 << 32


@pytest.mark.parametrize(
    ("text", "read"),
    [
        ("000000A1-0000-4000-8000-0000000000A1", "000000a1-0000-4000-8000-0000000000a1"),
        ("1-1-1-1-1", "00000001-0001-0001-0001-000000000001"),
        ("123456789-12345-12345-12345-1234567890abc", None),
        ("123456789-1-1-1-1", "23456789-0001-0001-0001-000000000001"),
        ("+1-1-1-1-1", "00000001-0001-0001-0001-000000000001"),
        ("1-1-1-1", None),
        ("1-1-1-1-1-1", None),
        ("1--1-1-1", None),
        ("g-1-1-1-1", None),
        ("8000000000000000-1-1-1-1", None),
        ("", None),
    ],
)
def test_uuids_are_read_as_java_reads_them(text: str, read: str | None) -> None:
    assert parse_uuid(text) == read


def test_messages_want_all_36_characters() -> None:
    assert decode_uuid("1-1-1-1-1") is None
    assert decode_uuid("000000a1-0000-4000-8000-0000000000a1") == "000000a1-0000-4000-8000-0000000000a1"
    assert decode_uuid(None) is None
