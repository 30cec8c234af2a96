"""Inputs that are almost sound: samples broken in some places, as JSON and as bytes."""

from __future__ import annotations

import copy
from collections.abc import Sequence
from decimal import Decimal
from typing import Any, Final

from hypothesis import strategies as st

from ottochain.codec import exact_json
from ottochain.codec.errors import JsonError

SCALARS: Final = (
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False, allow_infinity=False).map(lambda number: Decimal(repr(number)))
    | st.sampled_from([-1, 0, 2**31, 2**53 + 1, 2**63 - 1, 2**63, -(2**63) - 1, 10**400])
    | st.sampled_from([Decimal("1E-400"), Decimal("1.5")])
    | st.text(max_size=8)
    | st.sampled_from(["", "0", "00", "f" * 64, "f" * 128, "3045", "DAG", "\x00", "é", "🦊", "\u202e", "a" * 5000])
    | st.sampled_from(["00000000-0000-0000-0000-000000000001", "DAG0CyySf35ftDQDQBnd1bdQ9aPyUdacMghpnCuM"])
)  # fmt: skip
VALUES: Final = st.recursive(
    SCALARS,
    lambda each: (
        st.lists(each, max_size=3)
        | st.dictionaries(st.text(max_size=5) | st.sampled_from(["var", "value", "proofs", "id"]), each, max_size=3)
    ),
    max_leaves=8,
)
MONSTERS: Final = [
    b"",
    b"\0",
    b"null",
    b"[]",
    b"{}",
    b'""',
    b"0",
    b"\xef\xbb\xbf{}",
    b"\xff\xfe",
    b'"\\ud800"',
    b"1e999999999",
    b"-0",
    b"1" * 10_000,
    b"[" * 20_000,
    b"[" * 20_000 + b"]" * 20_000,
    b'{"a":' * 20_000 + b"1" + b"}" * 20_000,
    b'{"value":' * 20_000 + b"1" + b"}" * 20_000,
    b'{"a":1,"a":2}',
    b'[{"value":{},"proofs":[]}]',
]


def places(value: Any, path: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    """Every place in a JSON value, but not more than some thousands."""
    found = [path]
    children: Any = ()
    if isinstance(value, dict):
        children = value.items()
    elif isinstance(value, list):
        children = enumerate(value[:50])
    for name, member in children:
        found += places(member, (*path, name))
    return found


@st.composite
def broken_json(draw: st.DrawFn, samples: Sequence[Any]) -> bytes:
    """A sound value with other values, or none, in up to three places."""
    value = copy.deepcopy(draw(st.sampled_from(samples)))
    for _ in range(draw(st.integers(1, 3))):
        found = places(value)[1:]
        if not found:
            return exact_json.dumps(draw(VALUES))
        *path, last = draw(st.sampled_from(found))
        parent = value
        for step in path:
            parent = parent[step]
        what = draw(st.sampled_from(["other", "gone", "twice", "swapped"]))
        if what == "gone":
            del parent[last]
        elif what == "twice" and isinstance(parent, list):
            parent.insert(last, copy.deepcopy(parent[last]))
        elif what == "swapped":
            *other_path, other = draw(st.sampled_from(found))
            source = value
            for step in other_path:
                source = source[step]
            parent[last] = copy.deepcopy(source[other])
        else:
            parent[last] = draw(VALUES)
    return exact_json.dumps(value)


@st.composite
def broken_bytes(draw: st.DrawFn, samples: Sequence[bytes]) -> bytes:
    """Sound bytes with a few of them changed, cut out, put in or said twice."""
    text = bytearray(draw(st.sampled_from(samples)))
    for _ in range(draw(st.integers(1, 4))):
        at = draw(st.integers(0, len(text)))
        match draw(st.sampled_from(["flip", "cut", "put", "twice", "end"])):
            case "flip" if at < len(text):
                text[at] ^= 1 << draw(st.integers(0, 7))
            case "cut":
                del text[at : at + draw(st.integers(1, 16))]
            case "put":
                text[at:at] = draw(st.binary(max_size=8))
            case "twice":
                text[at:at] = text[at : at + draw(st.integers(1, 64))]
            case "end":
                del text[at:]
    return bytes(text)


def inputs(samples: Sequence[bytes]) -> st.SearchStrategy[bytes]:
    """What a target that takes these samples is tried with. The sound ones are among them."""
    values = [value for sample in samples if (value := _json(sample)) is not None]
    kinds = [st.sampled_from([*samples, *MONSTERS]), broken_bytes(samples), st.binary(max_size=200)]
    if values:
        kinds += [broken_json(values), broken_json(values), VALUES.map(exact_json.dumps)]
    return st.one_of(kinds)


def _json(sample: bytes) -> Any:
    try:
        return exact_json.loads(sample)
    except JsonError:
        return None
