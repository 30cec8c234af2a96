"""JSON values as the chain knows them: exact numbers, any text, any shape."""

from decimal import Decimal
from typing import Any

from hypothesis import strategies as st

from ottochain.codec.numbers import number_from_text

large_integers = st.integers(-(10**40), 10**40)
decimals = st.decimals(
    allow_nan=False, allow_infinity=False, min_value=Decimal("-1e30"), max_value=Decimal("1e30")
).map(lambda number: number_from_text(f"{number:E}"))
doubles = st.floats(allow_nan=False, allow_infinity=False).map(lambda double: number_from_text(repr(double)))
texts = st.text(st.characters(exclude_categories=["Cs"]), max_size=12)
scalars = st.none() | st.booleans() | st.integers() | large_integers | decimals | doubles | texts


def containers(scalars: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    return st.recursive(
        scalars,
        lambda children: st.lists(children, max_size=5) | st.dictionaries(texts, children, max_size=5),
        max_leaves=25,
    )


json_values = containers(scalars)
