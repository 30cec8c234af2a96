"""Random values, data and expressions that often make sense together."""

from decimal import Decimal

from hypothesis import strategies as st

from ottochain.jlvm.operators import CALLBACK_OPS, TAGS

NAMES = [
    "a",
    "b",
    "n",
    "s",
    "xs",
    "ys",
    "o",
    "rows",
    "missing",
    "o.k",
    "o.k.deep",
    "xs.0",
    "rows.1.v",
    "s.0",
    "o.",
    "k",
    "v",
]

small_ints = st.integers(-4, 12)
numbers = st.one_of(
    small_ints,
    st.sampled_from([2**31, -(2**63), 2**63 - 1, 2**63, 10**20, 10**34, 10**35 - 1]),
    st.decimals(-100, 100, places=2).map(lambda number: number.normalize() + 0),
    st.sampled_from([Decimal("0.5"), Decimal("2.5"), Decimal("-2.5"), Decimal("1E-7"), Decimal("1.1")]),
)
texts = st.one_of(
    st.sampled_from(
        [
            "",
            "a",
            "b",
            "n",
            "k",
            "open",
            "hello",
            "1",
            "-2",
            "01",
            "3.14",
            "1e3",
            "true",
            "FALSE",
            "a,b",
            "😀",
            "\ud83d",
        ]
    ),
    st.text(max_size=4),
)
scalars = st.one_of(st.none(), st.booleans(), numbers, texts)
keys = st.sampled_from(["a", "b", "k", "v", "n", "deep", "z", "alpha", "beta", "gamma"])
values = st.recursive(
    scalars,
    lambda inner: st.one_of(st.lists(inner, max_size=4), st.dictionaries(keys, inner, max_size=6)),
    max_leaves=8,
)
data = st.one_of(
    st.fixed_dictionaries(
        {},
        optional={
            "a": values,
            "b": scalars,
            "n": numbers,
            "s": texts,
            "xs": st.lists(numbers, max_size=5),
            "ys": st.lists(scalars, max_size=5),
            "o": st.dictionaries(keys, values, max_size=6),
            "rows": st.lists(st.dictionaries(keys, scalars, max_size=3), max_size=4),
            "k": values,
            "v": scalars,
        },
    ),
    values,
)

paths = st.sampled_from(["", *NAMES, "current", "accumulator", "current.v"])
variables = st.one_of(
    paths.map(lambda path: {"var": path}),
    st.tuples(paths, values).map(lambda pair: {"var": list(pair)}),
)


def _applications(inner: st.SearchStrategy) -> st.SearchStrategy:
    plain = sorted(TAGS - CALLBACK_OPS)
    arrays = st.one_of(st.sampled_from([{"var": "xs"}, {"var": "ys"}, {"var": "rows"}]), inner)
    callbacks = st.tuples(st.sampled_from(sorted(CALLBACK_OPS)), arrays, inner).map(lambda t: {t[0]: [t[1], t[2]]})
    return st.one_of(
        st.tuples(st.sampled_from(plain), st.lists(inner, max_size=4)).map(lambda t: {t[0]: t[1]}),
        st.tuples(st.sampled_from(plain), st.tuples(inner, inner)).map(lambda t: {t[0]: list(t[1])}),
        callbacks,
        st.tuples(st.sampled_from(["reduce", "some"]), arrays, inner, inner).map(lambda t: {t[0]: [t[1], t[2], t[3]]}),
        st.lists(inner, min_size=2, max_size=5).map(lambda args: {"if": args}),
        st.lists(inner, max_size=3),
        st.dictionaries(keys, inner, max_size=6),
        inner.map(lambda key: {"var": key}),
        inner.map(lambda key: {"noop": [key]}),
    )


expressions = st.recursive(st.one_of(scalars, variables, variables), _applications, max_leaves=14)
