"""Tips: how they age, and that there are always enough of them."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ledger.kit import GENESIS_TIPS, PARENTS
from ottochain.ledger.tips import DEPRECATION_USAGE, ActiveTip, BlockReference, DeprecatedTip, Tips
from ottochain.model.errors import ModelError
from ottochain.model.tips import genesis_tips


def test_the_tips_of_a_genesis_survive_the_wire() -> None:
    assert GENESIS_TIPS.to_json() == genesis_tips()
    assert (len(GENESIS_TIPS.active), GENESIS_TIPS.height) == (8, 0)


def test_nothing_changes_while_no_block_is_accepted() -> None:
    assert GENESIS_TIPS.aged({}, 9) == GENESIS_TIPS


def test_a_tip_that_two_blocks_stand_on_is_deprecated() -> None:
    aged = GENESIS_TIPS.aged({PARENTS[0]: 1, PARENTS[1]: 2}, 9)
    assert ActiveTip(PARENTS[0], 1, 0) in aged.active
    assert aged.deprecated == (DeprecatedTip(PARENTS[1], 9),)
    assert len(aged.active) == 7


def test_a_deprecated_tip_goes_when_all_active_ones_are_younger() -> None:
    old, new = BlockReference(0, "aa"), BlockReference(1, "bb")
    tips = Tips((ActiveTip(old, 0, 3), ActiveTip(new, 0, 8)), (DeprecatedTip(BlockReference(0, "cc"), 5),))
    assert tips.aged({}, 9).deprecated == tips.deprecated
    aged = tips.aged({old: 2}, 9)
    assert aged.deprecated == (DeprecatedTip(old, 9),)


def test_when_no_active_tip_remains_only_the_newest_deprecated_do() -> None:
    block = BlockReference(4, "aa")
    tips = Tips((ActiveTip(block, 1, 3),), (DeprecatedTip(BlockReference(0, "cc"), 5),))
    assert tips.aged({block: 2}, 9) == Tips((), (DeprecatedTip(block, 9),))


def test_what_are_no_tips_is_refused() -> None:
    with pytest.raises(ModelError):
        Tips.from_json({"deprecated": []})


def test_new_blocks_stand_on_the_lowest_tips_drawn_by_a_seed() -> None:
    high = Tips((*GENESIS_TIPS.active, ActiveTip(BlockReference(1, "aa"), 0, 9)))
    drawn = {high.parents_for(str(seed)) for seed in range(50)}
    assert all(len(set(parents)) == 2 and all(parent.height == 0 for parent in parents) for parents in drawn)
    assert len(drawn) > 10
    assert high.parents_for("a") == high.parents_for("a")
    few = Tips((ActiveTip(BlockReference(0, "bb"), 0, 3), ActiveTip(BlockReference(1, "aa"), 0, 9)))
    assert few.parents_for("a") == (BlockReference(0, "bb"), BlockReference(1, "aa"))


def free_uses(tips: Tips) -> int:
    return sum(max(DEPRECATION_USAGE - tip.usage, 0) for tip in tips.active)


@given(st.lists(st.lists(st.tuples(st.integers(0, 50), st.integers(0, 50)), max_size=5), max_size=12))
def test_there_are_always_eight_tips_and_the_height_never_falls(rounds: list[list[tuple[int, int]]]) -> None:
    """Whatever tips blocks choose: a block brings as many free uses as it takes."""
    tips, height = GENESIS_TIPS, 0
    for ordinal, blocks in enumerate(rounds, start=2):
        usages = tips.usages
        known = sorted(usages)
        updates: dict[BlockReference, int] = {}
        accepted = []
        for number, (left, right) in enumerate(blocks):
            first, second = known[left % len(known)], known[right % len(known)]
            if first == second:
                continue
            own = sum(usages[parent] >= DEPRECATION_USAGE for parent in (first, second))
            for parent in (first, second):
                usages[parent] += 1
                updates[parent] = usages[parent]
            reference = BlockReference(max(first.height, second.height) + 1, f"{ordinal}-{number}")
            accepted.append(ActiveTip(reference, own, ordinal))
        tips = tips.aged(updates, ordinal).joined(accepted)
        assert free_uses(tips) == 16
        assert len([tip for tip in tips.active if tip.usage < DEPRECATION_USAGE]) >= 8
        assert tips.height >= height
        height = tips.height
