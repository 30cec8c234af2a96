"""Blocks that stand on something, items that pay for themselves, and blocks to be brought again."""

from msgspec.structs import replace

from consensus.kit import CHAIN, sign_as, verify
from consensus.test_l1_block import F, G, Node, blocks, certified, cosigned, kinds, one_of
from ottochain.codec.wire import json_hash
from ottochain.consensus.l1_block import L1Config, initial, step
from ottochain.consensus.l1_effects import Arrived, BlockRefused, Decisions, L1Boot, L1CancelTimer, Submit
from ottochain.consensus.l1_items import Block


def test_blocks_stand_on_what_was_told_last() -> None:
    node = Node("a", "bc", rounds_max=9, offered_max=9)
    (first,) = blocks(node(Arrived((F,))))
    node(Decisions(basis="one"))
    (second,) = blocks(node(Arrived((G,))))
    node(Decisions(("x",)))
    (third,) = blocks(node(Arrived((replace(G, key="h"),))))
    assert [block.basis for block in (first, second, third)] == ["", "one", "one"]


def test_a_node_may_begin_with_a_basis() -> None:
    config = L1Config("a", CHAIN, lambda text: sign_as("a", text), verify)
    state, effects = step(initial(config), L1Boot(1, (replace(F, origin="a"),), {}, (), basis="one"))
    assert one_of(effects, Submit).block.basis == state.basis == "one"


def test_the_basis_is_part_of_a_blocks_name_where_there_is_one() -> None:
    plain = Block("a", 1, 0, (F,))
    assert plain.id() != replace(plain, basis="one").id() != replace(plain, basis="two").id()


def test_a_fee_is_signed_with_its_update() -> None:
    paying = replace(F, fee="ab")
    assert Block("a", 1, 0, (paying, G)).text() == json_hash([[F.hash, "ab"], [G.hash]])


def test_a_block_that_is_to_come_again_blames_nobody_and_stays_together() -> None:
    node = Node("a", "bc")
    (block,) = blocks(node(Arrived((F, G))))
    node.hears(cosigned(block, "b"))
    node(Decisions(basis="new"))
    effects = node(BlockRefused(block.id(), (), "its parent is gone", again=True))
    (following,) = blocks(effects)
    assert following.items == block.items
    assert following.basis == "new"
    assert L1CancelTimer("submit", block.id()) in effects


def test_even_a_lone_item_is_not_decided_by_it() -> None:
    node = Node("a", "bc")
    (block,) = blocks(node(Arrived((F,))))
    effects = node(BlockRefused(block.id(), (), "its parent is gone", again=True))
    assert "Release" not in kinds(effects)
    assert [each.items for each in blocks(effects)] == [(F,)]


def test_signers_hold_what_is_to_come_again_for_its_proposer() -> None:
    node = Node("b", "ac")
    block = Block("a", 1, 0, (F,))
    node.holds(block)
    node.hears(certified(block, "ab"))
    assert blocks(node(BlockRefused(block.id(), (), "its parent is gone", again=True))) == []
    assert list(node.state.held) == [F.key]
