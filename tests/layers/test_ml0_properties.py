"""Whatever blocks come in: the same snapshot everywhere, neighbours undisturbed, every update decided once."""

import random
from collections.abc import Sequence

from hypothesis import given, settings
from hypothesis import strategies as st

from layers.metagraph import ALICE, BOB, Driver, add, archive, block, create, fiber_id, forged
from ottochain.fibers import SignedUpdate, on_chain_bytes
from ottochain.layers import ml0
from ottochain.layers.on_chain_text import OnChainText
from ottochain.layers.update_block import UpdateBlock
from ottochain.layers.verified import VerifiedProofs
from ottochain.model.json_text import byte_array_text

FIBERS = st.integers(1, 4)
UPDATES: st.SearchStrategy[SignedUpdate] = st.one_of(
    st.builds(create, FIBERS),
    st.builds(add, FIBERS, st.integers(0, 3), st.integers(0, 2), st.sampled_from([ALICE, ALICE, BOB])),
    st.builds(archive, FIBERS, st.integers(0, 2)),
    st.builds(lambda number, sequence: forged(add(number, sequence)), FIBERS, st.integers(0, 2)),
)
BLOCKS = st.lists(st.lists(UPDATES, min_size=1, max_size=3), max_size=5)
ROUNDS = st.lists(BLOCKS, min_size=1, max_size=4)


def numbered(groups: Sequence[Sequence[SignedUpdate]], start: int) -> list[UpdateBlock]:
    return [block(start + number, updates) for number, updates in enumerate(groups)]


def played(rounds: Sequence[Sequence[Sequence[SignedUpdate]]]) -> Driver:
    """All rounds, each checked by ``Driver.commit``, which also refuses a second decision of an update."""
    driver = Driver()
    driver.commit(block(1, [create(1), create(2)]))
    for number, groups in enumerate(rounds):
        driver.commit(*numbered(groups, 1000 * (number + 1)), trigger="time" if number % 2 else "event")
    return driver


@given(ROUNDS)
@settings(max_examples=60)
def test_the_same_inputs_give_the_same_chain(rounds: list[list[list[SignedUpdate]]]) -> None:
    assert played(rounds).state.hash == played(rounds).state.hash


@given(BLOCKS, st.randoms(use_true_random=False))
@settings(max_examples=60)
def test_the_order_of_arrival_does_not_matter(groups: list[list[SignedUpdate]], dice: random.Random) -> None:
    driver = played([])
    blocks = numbered(groups, 10)
    shuffled = [*blocks, *blocks]
    dice.shuffle(shuffled)
    one, other = driver.build(*blocks), driver.build(*shuffled)
    assert (one.body_hash, one.proposal, one.refused) == (other.body_hash, other.proposal, other.refused)


@given(BLOCKS)
@settings(max_examples=60)
def test_every_block_is_accounted_for_once(groups: list[list[SignedUpdate]]) -> None:
    driver = played([])
    blocks = numbered(groups, 10)
    built = driver.build(*blocks)
    accounted = [*built.done, *(each.round_id for each in built.refused), *built.waiting, *built.later]
    assert sorted(accounted) == sorted(each.round_id for each in blocks)
    keys = [decision.key for decision in built.decisions()]
    assert len(keys) == len(set(keys))


@given(BLOCKS)
@settings(max_examples=60)
def test_what_is_refused_leaves_no_trace(groups: list[list[SignedUpdate]]) -> None:
    """Without the blocks that were not accepted, the snapshot is the same; only the header tells of rejections."""
    driver = played([])
    built = driver.build(*numbered(groups, 10))
    assert driver.build(*built.accepted).hash == built.hash


@given(BLOCKS, st.integers(1, 9_000).filter(lambda place: place % 1000))
@settings(max_examples=60)
def test_a_bad_block_never_changes_what_its_neighbours_end_as(groups: list[list[SignedUpdate]], place: int) -> None:
    driver = played([])
    blocks = [block(1000 * (number + 1), updates) for number, updates in enumerate(groups)]
    bad = block(place, [forged(add(1, 0)), forged(add(2, 0))])
    with_bad, without = driver.build(*blocks, bad), driver.build(*blocks)
    assert with_bad.hash == without.hash
    assert with_bad.decisions() == without.decisions()
    assert bad.round_id in {each.round_id for each in with_bad.refused}


@given(ROUNDS)
@settings(max_examples=40)
def test_guilty_updates_are_guilty_alone_or_in_their_company(rounds: list[list[list[SignedUpdate]]]) -> None:
    """A refused block names somebody, and without the named ones it gets further."""
    driver = played(rounds)
    for groups in rounds:
        for refused in driver.build(*numbered(groups, 90_000)).refused:
            assert refused.guilty
            assert refused.reason


@given(ROUNDS)
@settings(max_examples=40)
def test_bisecting_ends_with_every_update_decided(rounds: list[list[list[SignedUpdate]]]) -> None:
    """What an L1 does with refusals: the guilty apart, the others again. All end accepted or rejected."""
    driver = played([])
    pool = {update.key: update for groups in rounds for updates in groups for update in updates}
    wanted = set(pool)
    waiting: list[list[SignedUpdate]] = [list(pool.values())]
    for number in range(4 * len(pool) + 4):
        waiting = [updates for updates in waiting if updates]
        blocks = {each.round_id: each for each in numbered(waiting, 1_000 * (number + 1))}
        built = driver.commit(*blocks.values(), impatient=blocks)
        refused = {each.round_id: each for each in built.refused}
        waiting = []
        for round_id, each in refused.items():
            guilty = {found.key for found in each.guilty}
            updates = blocks[round_id].updates
            waiting += [[update] for update in updates if update.key in guilty and update.key not in driver.decided]
            waiting.append([update for update in updates if update.key not in guilty])
        if not waiting:
            break
    assert wanted <= driver.decided.keys()


@given(ROUNDS)
@settings(max_examples=40)
def test_the_on_chain_text_is_that_of_the_bytes(rounds: list[list[list[SignedUpdate]]]) -> None:
    state = played(rounds).state
    expected = byte_array_text(on_chain_bytes(state.fibers))
    assert state.on_chain_text().text == OnChainText.of(state.fibers).text == expected


def test_remembered_signatures_change_nothing() -> None:
    driver = played([[[add(1, 0)], [forged(add(2, 0))]]])
    fresh = ml0.Knowledge(driver.is_decided, VerifiedProofs(), driver.knowledge.rules)
    blocks = [block(9_000, [add(1, 1)]), block(9_001, [forged(add(2, 1))])]
    assert ml0.build(driver.state, "event", blocks, fresh).body_hash == driver.build(*blocks).body_hash
    assert driver.state.fibers.calculated.state_machines[fiber_id(1)].sequence_number == 1
