"""Maps of five and more entries are iterated in the order of their hashes, and `keys` in that of another hash."""

from hypothesis import given
from hypothesis import strategies as st

from ottochain.jlvm import EvaluationError, compile_expression
from ottochain.jlvm.map_order import iteration_order, keys_order, string_set_order

GREEK = ["alpha", "beta", "gamma", "delta", "epsilon", "zeta", "eta", "theta"]


def test_up_to_four_entries_keep_their_order() -> None:
    assert iteration_order("dcba") == list("dcba")
    assert keys_order("dcba") == list("dcba")


def test_from_five_on_the_hash_decides() -> None:
    assert iteration_order(GREEK) == ["alpha", "zeta", "epsilon", "theta", "gamma", "eta", "delta", "beta"]
    assert keys_order(GREEK[:6]) == ["zeta", "gamma", "alpha", "delta", "beta", "epsilon"]


def test_keys_with_one_hash_keep_their_order() -> None:
    # All of these have the same String.hashCode.
    twins = ["AaAa", "BBBB", "AaBB", "BBAa"]
    order = [key for key in iteration_order([*twins, "x", "y"]) if key in twins]
    assert order == twins
    assert sorted(keys_order([*twins, "x", "y"])) == sorted([*twins, "x", "y"])


@given(st.lists(st.text(max_size=5), unique=True, max_size=60), st.randoms(use_true_random=False))
def test_the_order_of_insertion_does_not_matter_beyond_four(keys: list[str], random) -> None:
    shuffled = random.sample(keys, len(keys))
    for order in (iteration_order, keys_order, string_set_order):
        assert sorted(order(keys)) == sorted(keys)
        if len(keys) > 4 and len({hash_of(key) for key in keys}) == len(keys):
            assert order(keys) == order(shuffled)


def hash_of(key: str) -> int:
    from ottochain.jlvm.text import java_hash

    return java_hash(key)


def test_map_literals_are_evaluated_in_that_order() -> None:
    failing = {"cat": [[{"var": "x"}]]}
    literal = {key: {"get": [{}, key]} for key in GREEK}
    assert _error(literal) == f"Could not find key '{iteration_order(GREEK)[0]}' in map with keys: []"
    assert "ArrayValue" in _error({"a": failing, "b": {"/": [1, 0]}})
    assert _error({"b": {"/": [1, 0]}, "a": failing}) == "Division by zero"


def test_errors_print_large_maps_in_that_order() -> None:
    value = {key: index for index, key in enumerate(GREEK[:5])}
    assert _error({"lower": [value]}) == (
        "Unexpected input to lower, got List(MapValue(HashMap(alpha -> IntValue(0), epsilon -> IntValue(4), "
        "gamma -> IntValue(2), delta -> IntValue(3), beta -> IntValue(1))))"
    )
    assert _error({"+": [value, 1]}) == (
        "Cannot convert multi-key object with keys alpha,epsilon,gamma,delta,beta to number"
    )
    assert _error({"==": [value, 1]}).startswith("Cannot coerce multi-key object HashMap(alpha -> IntValue(0), ")


def test_a_failed_get_names_five_keys() -> None:
    value = dict.fromkeys(GREEK, 1)
    message = _error({"get": [{"var": ""}, "no"]}, value)
    shown = string_set_order(iteration_order(GREEK)[:5])
    assert message == f"Could not find key 'no' in map with keys: [{', '.join(shown)}, ...]"


def _error(expression, data=None) -> str:
    try:
        compile_expression(expression).run(data)
    except EvaluationError as error:
        return str(error)
    raise AssertionError("it should have failed")
