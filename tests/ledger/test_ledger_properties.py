"""Whatever comes in: no token is made or lost, no balance negative, no chain with a gap, nothing counted twice."""

import random
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from ledger.kit import (
    INITIAL,
    METAGRAPH,
    OWNERS,
    allow,
    allow_block,
    fee_of,
    lock,
    lock_block,
    pay,
    settle,
    start,
    token_block,
)
from ottochain.ledger.artifacts import SpendTransaction
from ottochain.ledger.references import Reference, reference_of
from ottochain.ledger.settlement import LedgerState, Reward, Settled
from ottochain.ledger.supply import all_tokens

OWNER = st.integers(0, 3)
AMOUNT = st.integers(1, 60)
FEE = st.integers(0, 5)
# How far ahead of its address's chain an item stands: mostly where it should.
AHEAD = st.sampled_from([0, 0, 0, 0, 1, -1])
# Kind, owner, other owner, amount, fee, ahead, epoch in which it ends, and the number of the block that it is in.
MOVE = st.tuples(
    st.sampled_from(["pay", "pay", "pay", "allow", "lock", "fee", "spend", "reward"]),
    OWNER,
    OWNER,
    AMOUNT,
    FEE,
    AHEAD,
    st.integers(0, 6),
    st.integers(0, 3),
)
ROUNDS = st.lists(st.lists(MOVE, max_size=8), min_size=1, max_size=5)
BALANCES = st.lists(st.integers(0, 150), min_size=4, max_size=4)


class Chains:
    """What clients think their last references are, right or wrong."""

    def __init__(self) -> None:
        self.known: dict[tuple[str, int], list[Reference]] = {}

    def parent(self, kind: str, owner: int, ahead: int) -> Reference:
        chain = self.known.setdefault((kind, owner), [INITIAL])
        if ahead > 0:
            return Reference(chain[-1].ordinal + ahead, "cd" * 32)
        return chain[max(len(chain) - 1 + ahead, 0)]

    def sent(self, kind: str, owner: int, item: Any) -> Any:
        chain = self.known[kind, owner]
        if item.ordinal == chain[-1].ordinal + 1:
            chain.append(item.reference)
        return item


def gathered(moves: list[tuple[Any, ...]], chains: Chains, ordinal: int) -> dict[str, list[Any]]:
    """The moves of a round as what L0 is handed."""
    made: dict[str, list[Any]] = {kind: [] for kind in ("pay", "allow", "lock", "fee", "spend", "reward")}
    groups: dict[tuple[str, int], list[Any]] = {}
    for number, (kind, owner, other, amount, fee, ahead, until, group) in enumerate(moves):
        key, to = OWNERS[owner], OWNERS[other]
        if kind == "pay":
            item = pay(key, to, amount, fee=fee, parent=chains.parent(kind, owner, ahead), salt=ordinal * 100 + number)
        elif kind == "allow":
            item = allow(key, amount, fee=fee, parent=chains.parent(kind, owner, ahead), until=until)
        elif kind == "lock":
            item = lock(key, amount, fee=fee, parent=chains.parent(kind, owner, ahead), until=until)
        elif kind == "fee":
            made[kind].append(fee_of(key, amount, f"{ordinal * 100 + number:064x}"))
            continue
        elif kind == "spend":
            made[kind].append(SpendTransaction(None, METAGRAPH, amount, METAGRAPH, to.address))
            continue
        else:
            made[kind].append(Reward(key.address, amount))
            continue
        groups.setdefault((kind, group), []).append(chains.sent(kind, owner, item))
    build = {"allow": allow_block, "lock": lock_block}
    for (kind, group), items in groups.items():
        block = token_block(*items) if kind == "pay" else build[kind](ordinal * 10 + group, *items)
        made[kind].append(block)
    return made


def settled(state: LedgerState, made: dict[str, list[Any]], ordinal: int) -> Settled:
    settlement = settle(state, ordinal=ordinal, epoch=ordinal)
    settlement.take_blocks(made["pay"])
    settlement.take_rewards(made["reward"])
    for fee in made["fee"]:
        settlement.take_fee(fee)
    settlement.take_token_locks(made["lock"])
    settlement.take_allow_spends(made["allow"], made["spend"])
    return settlement.finish()


def played(balances: list[int], rounds: list[list[tuple[Any, ...]]]) -> list[tuple[LedgerState, Settled]]:
    """Each state and what was made of it."""
    state = start(dict(zip(OWNERS, balances, strict=True)))
    chains = Chains()
    history = []
    for ordinal, moves in enumerate(rounds, start=2):
        after = settled(state, gathered(moves, chains, ordinal), ordinal)
        history.append((state, after))
        state = after.state
    return history


def items_in(settled_: Settled, member: str) -> list[Any]:
    blocks = {
        "pay": [each["block"]["value"]["transactions"] for each in settled_.part.blocks],
        "allow": [each["value"]["transactions"] for each in settled_.part.allow_spend_blocks],
        "lock": [each["value"]["tokenLocks"] for each in settled_.part.token_lock_blocks],
    }
    return [item["value"] for block in blocks[member] for item in block]


def burnt(after: Settled, epoch: int) -> int:
    """The fees of what was shown; of what was over before it began none is taken."""
    allowed = [item for item in items_in(after, "allow") if item["lastValidEpochProgress"] >= epoch]
    locked = [item for item in items_in(after, "lock") if item["unlockEpoch"] >= epoch]
    return sum(item["fee"] for item in [*items_in(after, "pay"), *allowed, *locked])


@given(BALANCES, ROUNDS)
@settings(max_examples=80)
def test_supply_is_conserved_but_for_burnt_fees_and_rewards(balances: list[int], rounds: list[list[Any]]) -> None:
    for ordinal, (before, after) in enumerate(played(balances, rounds), start=2):
        rewards = sum(reward["amount"] for reward in after.part.rewards)
        assert all_tokens(after.state.info) == all_tokens(before.info) + rewards - burnt(after, ordinal)


@given(BALANCES, ROUNDS)
@settings(max_examples=80)
def test_no_balance_is_negative_and_states_are_sorted(balances: list[int], rounds: list[list[Any]]) -> None:
    for _, after in played(balances, rounds):
        info = after.state.info
        assert all(amount >= 0 for amount in info.balances.values())
        for part in (info.balances, info.last_tx_refs, info.active_allow_spends, info.active_token_locks):
            assert part is not None
            assert list(part) == sorted(part)


@given(BALANCES, ROUNDS)
@settings(max_examples=80)
def test_the_chain_of_an_address_has_no_gap_and_nothing_counts_twice(
    balances: list[int], rounds: list[list[Any]]
) -> None:
    seen: set[str] = set()
    chains: dict[tuple[str, str], list[int]] = {}
    for before, after in played(balances, rounds):
        for kind in ("pay", "allow", "lock"):
            for value in sorted(items_in(after, kind), key=lambda each: each["parent"]["ordinal"]):
                text = repr(value)
                assert text not in seen
                seen.add(text)
                chains.setdefault((kind, value["source"]), []).append(value["parent"]["ordinal"])
        for address, reference in after.state.info.last_tx_refs.items():
            assert reference["ordinal"] >= reference_of(before.info.last_tx_refs, address, INITIAL).ordinal
    for ordinals in chains.values():
        assert ordinals == list(range(len(ordinals)))


@given(BALANCES, ROUNDS)
@settings(max_examples=80)
def test_what_was_accepted_and_comes_again_in_a_later_snapshot_counts_for_nothing(
    balances: list[int], rounds: list[list[Any]]
) -> None:
    chains, again = Chains(), dict[str, list[Any]]()
    for number, moves in enumerate(rounds, start=2):
        for kind, things in gathered(moves, chains, number).items():
            again.setdefault(kind, []).extend(things if kind in ("pay", "allow", "lock") else [])
    history = [after for _, after in played(balances, rounds)]
    replayed = settled(history[-1].state, again, len(rounds) + 2)
    for kind in ("pay", "allow", "lock"):
        accepted = {repr(value) for after in history for value in items_in(after, kind)}
        assert accepted.isdisjoint(map(repr, items_in(replayed, kind)))
    assert all_tokens(replayed.state.info) == all_tokens(history[-1].state.info) - burnt(replayed, len(rounds) + 2)


@given(BALANCES, ROUNDS)
@settings(max_examples=40)
def test_the_same_moves_give_the_same_states(balances: list[int], rounds: list[list[Any]]) -> None:
    one, other = played(balances, rounds), played(balances, rounds)
    assert [after.part for _, after in one] == [after.part for _, after in other]
    assert one[-1][1].state.info.state_proof() == other[-1][1].state.info.state_proof()


@given(BALANCES, ROUNDS, st.randoms(use_true_random=False))
@settings(max_examples=60)
def test_the_order_in_which_blocks_come_does_not_matter(
    balances: list[int], rounds: list[list[Any]], dice: random.Random
) -> None:
    history = played(balances, rounds)
    state, ordinal = history[-1][0], len(rounds) + 1
    chains = Chains()
    made: dict[str, list[Any]] = {}
    for number, moves in enumerate(rounds, start=2):
        made = gathered(moves, chains, number)
    shuffled = {
        kind: [*things, *things] if kind in ("pay", "lock", "allow") else things for kind, things in made.items()
    }
    for kind in ("pay", "lock", "allow"):
        dice.shuffle(shuffled[kind])
    assert settled(state, shuffled, ordinal) == settled(state, made, ordinal) == history[-1][1]


@given(BALANCES, ROUNDS)
@settings(max_examples=60)
def test_what_is_refused_leaves_no_trace(balances: list[int], rounds: list[list[Any]]) -> None:
    history = played(balances, rounds)
    state, after = history[-1]
    ordinal = len(rounds) + 1
    chains = Chains()
    made: dict[str, list[Any]] = {}
    for number, moves in enumerate(rounds, start=2):
        made = gathered(moves, chains, number)
    shown = {
        "pay": [each["block"] for each in after.part.blocks],
        "lock": list(after.part.token_lock_blocks),
        "allow": list(after.part.allow_spend_blocks),
    }
    only = {
        kind: [block for block in things if kind not in shown or block.to_json() in shown[kind]]
        for kind, things in made.items()
    }
    assert settled(state, only, ordinal) == after
