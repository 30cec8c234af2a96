"""Which waiting items make the next block: cases as a table, and laws for any pool."""

import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from consensus.kit import digest
from ottochain.consensus.l1_items import Block, Choice, Item, choose, orphaned


def item(name: str, arrival: int, origin: str = "a") -> Item:
    """Return the item that `name` tells: "f3" is the update of fiber f at sequence 3, "f" one that follows nothing."""
    fiber, sequence = name[0], int(name[1:].rstrip("'")) if len(name) > 1 else None
    return Item(f"{name}/{arrival}", digest(name), fiber, sequence, arrival, origin)


def pool(text: str) -> list[Item]:
    return [item(name, arrival) for arrival, name in enumerate(text.split())]


def named(items: tuple[Item, ...]) -> str:
    return " ".join(each.key.split("/")[0] for each in items)


CASES = [
    # waiting, in the order of arrival | on chain | limit | block | stale | early
    ("", {}, 9, "", "", ""),
    ("f g h", {}, 9, "f g h", "", ""),
    ("f g h", {}, 2, "f g", "", ""),
    ("f0", {"f": 0}, 9, "f0", "", ""),
    ("f0 f1 f2", {"f": 0}, 9, "f0 f1 f2", "", ""),
    ("f0 f2", {"f": 0}, 9, "f0", "", "f2"),
    ("f1", {"f": 0}, 9, "", "", "f1"),
    ("f1 f0", {"f": 0}, 9, "f0 f1", "", ""),
    ("f2 f1 g0 f0 g1", {"f": 0, "g": 0}, 9, "g0 f0 f1 f2 g1", "", ""),
    ("f2 f1 f0", {"f": 0}, 2, "f0 f1", "", "f2"),
    ("f4 f5", {"f": 5}, 9, "f5", "f4", ""),
    ("f0 f0", {"f": 0}, 9, "f0", "", "f0"),
    ("f7 f3", {}, 9, "f7 f3", "", ""),
    ("f f0", {"f": 0}, 9, "f f0", "", ""),
    ("f1 g0 f3", {"f": 0, "g": 0}, 9, "g0", "", "f1 f3"),
]


@pytest.mark.parametrize(("waiting", "chain", "limit", "block", "stale", "early"), CASES)
def test_the_choice(waiting: str, chain: dict[str, int], limit: int, block: str, stale: str, early: str) -> None:
    choice = choose(pool(waiting), chain, limit)
    assert (named(choice.block), named(choice.stale), named(choice.early)) == (block, stale, early)


@pytest.mark.parametrize(
    ("waiting", "others", "chain", "lost"),
    [
        ("f1", "", {"f": 0}, "f1"),
        ("f1", "f0", {"f": 0}, ""),
        ("f3", "f0 f1", {"f": 0}, "f3"),
        ("f3", "f0 f1 f2", {"f": 0}, ""),
        ("f2 f1", "", {"f": 0}, "f2 f1"),
        ("f2 f1", "f0", {"f": 0}, ""),
        ("f2 g5", "f0 f1", {"f": 0, "g": 0}, "g5"),
        ("", "f9", {"f": 0}, ""),
    ],
)
def test_an_early_item_is_orphaned_when_a_predecessor_is_nowhere(
    waiting: str, others: str, chain: dict[str, int], lost: str
) -> None:
    early = pool(waiting)
    assert named(orphaned(early, [*early, *pool(others)], chain)) == lost


names = st.one_of(
    st.sampled_from("fgh"), st.tuples(st.sampled_from("fgh"), st.integers(0, 6)).map(lambda pair: f"{pair[0]}{pair[1]}")
)
pools = st.lists(names, max_size=30).map(lambda found: pool(" ".join(found)))
chains = st.dictionaries(st.sampled_from("fgh"), st.integers(0, 4))


@given(pools, chains, st.integers(1, 12))
def test_every_item_is_in_one_place_and_the_block_is_bounded(
    waiting: list[Item], chain: dict[str, int], limit: int
) -> None:
    choice = choose(waiting, chain, limit)
    chosen = [*choice.block, *choice.stale, *choice.early]
    assert len({each.key for each in chosen}) == len(chosen)
    assert set(chosen) <= set(waiting)
    assert len(choice.block) <= limit
    if len(choice.block) < limit:
        assert set(chosen) == set(waiting)


@given(pools, chains, st.integers(1, 12), st.randoms(use_true_random=False))
def test_the_choice_does_not_depend_on_the_order_in_which_the_pool_is_listed(
    waiting: list[Item], chain: dict[str, int], limit: int, dice: object
) -> None:
    shuffled = list(waiting)
    dice.shuffle(shuffled)  # type: ignore[attr-defined]
    assert choose(shuffled, chain, limit) == choose(waiting, chain, limit)


@given(pools, chains, st.integers(1, 12))
def test_a_block_can_be_applied_from_its_first_item_to_its_last(
    waiting: list[Item], chain: dict[str, int], limit: int
) -> None:
    at = dict(chain)
    for each in choose(waiting, chain, limit).block:
        if each.sequence is not None and each.fiber in at:
            assert each.sequence == at[each.fiber]
            at[each.fiber] += 1


@given(pools, chains, st.integers(1, 12))
def test_what_is_left_out_early_could_not_follow(waiting: list[Item], chain: dict[str, int], limit: int) -> None:
    choice = choose(waiting, chain, limit)
    if len(choice.block) >= limit:
        return
    at = dict(chain)
    for each in choice.block:
        if each.sequence is not None and each.fiber in at:
            at[each.fiber] += 1
    assert all(each.sequence != at[each.fiber] for each in choice.early)


def test_a_blocks_name_says_who_when_and_what() -> None:
    items = tuple(pool("f g h"))
    blocks = [
        Block("a", 1, 0, items),
        Block("b", 1, 0, items),
        Block("a", 2, 0, items),
        Block("a", 1, 1, items),
        Block("a", 1, 0, items[:2]),
        Block("a", 1, 0, items[::-1]),
    ]
    for left, right in itertools.combinations(blocks, 2):
        assert left.id() != right.id()
    assert choose([], {}, 1) == Choice((), (), ())
