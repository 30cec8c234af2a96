"""Bodies that clients may post, sound and broken in every place."""

from __future__ import annotations

import copy
from typing import Any

from hypothesis import strategies as st

from layers.metagraph import ALICE, add, archive, create, update
from ledger.kit import fee_of
from ottochain.codec import exact_json

SCALARS = (
    st.none()
    | st.booleans()
    | st.integers()
    | st.integers(min_value=-(10**400), max_value=10**400)
    | st.text(max_size=8)
    | st.sampled_from(["\ud800", "", "0", "f" * 128, "3045", "ACTIVE", "00000000-0000-0000-0000-000000000001"])
)
VALUES = st.recursive(
    SCALARS,
    lambda each: st.lists(each, max_size=3) | st.dictionaries(st.text(max_size=5) | st.just("var"), each, max_size=3),
    max_leaves=8,
)

SCRIPT: dict[str, Any] = {
    "fiberId": "00000000-0000-0000-0000-0000000000aa",
    "scriptProgram": {"+": [{"var": "args.a"}, 1]},
    "initialState": None,
    "accessControl": {"Public": {}},
}
SOUND = [
    create(1).to_json(),
    add(1, 0).to_json(),
    archive(1, 3).to_json(),
    update({"CreateScript": SCRIPT}).to_json(),
    {"data": create(2).to_json(), "fee": None},
    {"data": create(2).to_json(), "fee": fee_of(ALICE, 0, create(2).hash).to_json()},
]


def paths(value: Any, path: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    """Every place in a JSON value."""
    found = [path]
    if isinstance(value, dict):
        for name, member in value.items():
            found += paths(member, (*path, name))
    elif isinstance(value, list):
        for index, member in enumerate(value):
            found += paths(member, (*path, index))
    return found


@st.composite
def broken_bodies(draw: st.DrawFn) -> bytes:
    """A sound body with other values in up to three places."""
    value = copy.deepcopy(draw(st.sampled_from(SOUND)))
    for _ in range(draw(st.integers(0, 3))):
        places = paths(value)[1:]
        if not places:
            break  # every member is gone
        *path, last = draw(st.sampled_from(places))
        parent = value
        for step in path:
            parent = parent[step]
        if draw(st.booleans()) and isinstance(parent, dict):
            del parent[last]
        else:
            parent[last] = draw(VALUES)
    return exact_json.dumps(value)


BODIES = st.binary(max_size=64) | VALUES.map(exact_json.dumps) | broken_bodies()
