"""One L1 node in the hand, with peers b and c (threshold 2) unless told otherwise."""

from typing import TypeVar

import pytest
from msgspec.structs import replace

from consensus.kit import CHAIN, digest, sign_as, verify
from consensus.test_l1_items import item, named, pool
from ottochain.consensus.l1_block import L1Config, L1Error, L1State, initial, step
from ottochain.consensus.l1_effects import (
    Arrived,
    BlockRefused,
    Certified,
    Cosign,
    Decisions,
    Decline,
    KeepItems,
    L1Boot,
    L1CancelTimer,
    L1Effect,
    L1Event,
    L1Message,
    L1Received,
    L1Send,
    L1SetTimer,
    L1TimerFired,
    L1Validate,
    L1Validated,
    Ml0Up,
    Offer,
    PeersChanged,
    Release,
    Submit,
    decode_l1_message,
    encode_l1_message,
)
from ottochain.consensus.l1_items import Block, Item
from ottochain.consensus.votes import MessageError, Signature

T = TypeVar("T")


class Node:
    """An L1 node driven by hand."""

    def __init__(self, me: str = "a", peers: str = "bc", *items: Item, boot: int = 1, **more: int) -> None:
        config = L1Config(me, CHAIN, lambda text: sign_as(me, text), verify, **more)  # type: ignore[arg-type]
        self.state: L1State = initial(config)
        self.effects: tuple[L1Effect, ...] = self(L1Boot(boot, items, {}, tuple(peers)))

    def __call__(self, event: L1Event) -> tuple[L1Effect, ...]:
        self.state, self.effects = step(self.state, event)
        return self.effects

    def hears(self, *messages: L1Message) -> tuple[L1Effect, ...]:
        effects: tuple[L1Effect, ...] = ()
        for message in messages:
            effects += self(L1Received(message))
        return effects

    def holds(self, block: Block) -> tuple[L1Effect, ...]:
        """Be offered a peer's block and find it good."""
        self.hears(offered(block))
        return self(L1Validated(block.id(), True))


def offered(block: Block) -> Offer:
    return Offer(block, sign_as(block.proposer, block.text()))


def cosigned(block: Block, member: str) -> Cosign:
    return Cosign(block.id(), member, sign_as(member, block.text()))


def certified(block: Block, members: str) -> Certified:
    return Certified(block.id(), tuple(Signature(member, sign_as(member, block.text())) for member in sorted(members)))


def declined(block: Block, member: str, *guilty: str) -> Decline:
    no = Decline(block.id(), member, guilty, "no", "")
    return replace(no, signature=sign_as(member, no.text(CHAIN)))


def all_of(effects: tuple[L1Effect, ...], kind: type[T]) -> list[T]:
    return [effect for effect in effects if isinstance(effect, kind)]


def one_of(effects: tuple[L1Effect, ...], kind: type[T]) -> T:
    found = all_of(effects, kind)
    assert len(found) == 1, f"expected one {kind.__name__}, found {found}"
    return found[0]


def kinds(effects: tuple[L1Effect, ...]) -> list[str]:
    return [type(effect).__name__ for effect in effects]


def blocks(effects: tuple[L1Effect, ...]) -> list[Block]:
    """Return the blocks that are offered or submitted, each once."""
    found = [effect.block for effect in all_of(effects, Submit)]
    for sent in all_of(effects, L1Send):
        if isinstance(sent.message, Offer) and sent.message.block not in found:
            found.append(sent.message.block)
    return found


F, G = item("f", 0), item("g", 1)


# -- the good path -----------------------------------------------------------------------------------------------------


def test_a_node_with_nothing_to_do_does_nothing() -> None:
    assert Node().effects == ()


def test_alone_an_arrival_is_submitted_at_once() -> None:
    node = Node("a", "")
    effects = node(Arrived((F, G)))
    assert kinds(effects) == ["Submit", "L1SetTimer"]
    assert named(one_of(effects, Submit).block.items) == "f g"
    assert [proof.id for proof in one_of(effects, Submit).signatures] == ["a"]


def test_items_are_offered_to_as_many_peers_as_must_sign_and_submitted_at_the_threshold() -> None:
    node = Node()
    effects = node(Arrived((F, G)))
    assert [sent.to for sent in all_of(effects, L1Send)] == ["b"]
    (block,) = blocks(effects)
    effects = node.hears(cosigned(block, "b"))
    submit = one_of(effects, Submit)
    assert [proof.id for proof in submit.signatures] == ["a", "b"]
    assert {sent.to for sent in all_of(effects, L1Send)} == {"b"}
    assert all(isinstance(sent.message, Certified) for sent in all_of(effects, L1Send))
    assert L1CancelTimer("offer", block.id()) in effects
    assert L1SetTimer("submit", block.id(), 500) in effects


def test_peers_take_turns_in_co_signing() -> None:
    node = Node()
    first, second = node(Arrived((F,))), node(Arrived((G,)))
    assert [sent.to for effects in (first, second) for sent in all_of(effects, L1Send)] == ["b", "c"]


def test_when_the_peer_that_was_asked_is_gone_or_silent_the_others_are_asked() -> None:
    node = Node()
    (block,) = blocks(node(Arrived((F,))))
    effects = node(PeersChanged(("c",), 2))
    assert [(sent.to, sent.message.block) for sent in all_of(effects, L1Send)] == [("c", block)]
    node = Node()
    (block,) = blocks(node(Arrived((F,))))
    effects = node(L1TimerFired("offer", block.id()))
    assert [sent.to for sent in all_of(effects, L1Send)] == ["b", "c"]


def test_decided_items_are_released_and_the_block_is_done() -> None:
    node = Node("a", "")
    (block,) = blocks(node(Arrived((F, G))))
    effects = node(Decisions((F.key, G.key, "someone else's")))
    assert one_of(effects, Release) == Release((F.key, G.key))
    assert L1CancelTimer("submit", block.id()) in effects
    assert (node.state.undecided, node.state.rounds) == (0, {})


def test_a_block_is_submitted_again_until_every_item_is_decided() -> None:
    node = Node("a", "")
    (block,) = blocks(node(Arrived((F, G))))
    node(Decisions((F.key,)))
    waits = []
    for attempt in range(1, 8):
        effects = node(L1TimerFired("submit", block.id()))
        assert one_of(effects, Submit).attempt == attempt
        waits.append(one_of(effects, L1SetTimer).milliseconds)
    assert waits == [1_000, 2_000, 4_000, 8_000, 10_000, 10_000, 10_000]
    node(Decisions((G.key,)))
    assert node(L1TimerFired("submit", block.id())) == ()


def test_while_the_rounds_are_full_arrivals_gather_into_one_block() -> None:
    node = Node("a", "", rounds_max=2)
    for arrival in range(6):
        node(Arrived((item("f", arrival),)))
    assert [len(known.block.items) for known in node.state.rounds.values()] == [1, 1]
    effects = node(Decisions((item("f", 0).key,)))
    assert [len(block.items) for block in blocks(effects)] == [4]


def test_while_blocks_wait_for_their_first_answer_arrivals_gather_into_one_block() -> None:
    node = Node("a", "bc", offered_max=2)
    first, second = (blocks(node(Arrived((item("f", arrival),))))[0] for arrival in range(2))
    for arrival in range(2, 5):
        assert blocks(node(Arrived((item("f", arrival),)))) == []
    offered = all_of(node.hears(cosigned(first, "b")), L1Send)
    assert [len(sent.message.block.items) for sent in offered if isinstance(sent.message, Offer)] == [3]
    assert second.id() in node.state.rounds


def test_a_block_that_must_be_offered_again_holds_up_no_other() -> None:
    node = Node("a", "bc", offered_max=1)
    (silent,) = blocks(node(Arrived((F,))))
    assert blocks(node(Arrived((G,)))) == []
    effects = node(L1TimerFired("offer", silent.id()))
    assert [named(block.items) for block in {block.id(): block for block in blocks(effects)}.values()] == ["f", "g"]


def test_a_block_has_at_most_so_many_items() -> None:
    node = Node("a", "", items_max=3, rounds_max=4)
    effects = node(Arrived(tuple(item("f", arrival) for arrival in range(10))))
    assert [len(block.items) for block in blocks(effects)] == [3, 3, 3, 1]


def test_an_item_that_arrives_twice_is_one_item() -> None:
    node = Node("a", "")
    assert blocks(node(Arrived((F,))))
    assert blocks(node(Arrived((F,)))) == []


# -- co-signing --------------------------------------------------------------------------------------------------------


def test_a_peers_items_are_kept_before_they_are_co_signed() -> None:
    block = Block("b", 1, 0, (item("f", 0, "b"), item("g", 1, "b")))
    node = Node()
    assert kinds(node.hears(offered(block))) == ["L1Validate"]
    effects = node(L1Validated(block.id(), True))
    assert kinds(effects) == ["KeepItems", "L1Send", "L1SetTimer"]
    assert one_of(effects, KeepItems).items == block.items
    assert one_of(effects, L1Send) == L1Send("b", cosigned(block, "a"))


def test_a_bad_block_is_declined_and_nothing_of_it_kept() -> None:
    block = Block("b", 1, 0, (item("f", 0, "b"),))
    node = Node()
    node.hears(offered(block))
    effects = node(L1Validated(block.id(), False, (block.items[0].key,), "no"))
    assert effects == (L1Send("b", declined(block, "a", block.items[0].key)),)
    assert node.state.undecided == 0


def test_an_item_that_is_decided_while_a_peers_block_is_looked_at_is_not_kept() -> None:
    """The look began before the decision was read, and found nothing wrong: the block is declined all the same."""
    block = Block("b", 1, 0, (item("f", 0, "b"), item("g", 1, "b")))
    key = block.items[0].key
    node = Node()
    node.hears(offered(block))
    node(Decisions((key,)))
    (sent,) = node(L1Validated(block.id(), True))
    assert isinstance(sent, L1Send)
    assert isinstance(sent.message, Decline)
    assert sent.message.guilty == (key,)
    assert node.state.decided_meanwhile == frozenset()


def test_an_offer_that_is_repeated_is_co_signed_again_without_another_look() -> None:
    block = Block("b", 1, 0, (item("f", 0, "b"),))
    node = Node()
    node.holds(block)
    assert node.hears(offered(block)) == (L1Send("b", cosigned(block, "a")),)


@pytest.mark.parametrize(
    "offer",
    [
        Offer(Block("b", 1, 0, (F,)), "forged"),
        offered(Block("z", 1, 0, (F,))),
        offered(Block("b", 1, 0, (F, F))),
    ],
    ids=["forged", "a stranger's", "an item twice"],
)
def test_an_offer_that_should_not_be_believed_changes_nothing(offer: Offer) -> None:
    node = Node()
    before = node.state
    assert node.hears(offer) == ()
    assert node.state == before


def test_a_peer_can_have_so_many_blocks_looked_at_at_once() -> None:
    node = Node()
    effects = node.hears(*(offered(Block("b", 1, number, (F,))) for number in range(100)))
    assert len(all_of(effects, L1Validate)) == 16


def test_co_signatures_count_once_and_only_from_peers() -> None:
    node = Node("a", "bcde")
    (block,) = blocks(node(Arrived((F,))))
    stranger = Cosign(block.id(), "z", sign_as("z", block.text()))
    forged = Cosign(block.id(), "c", "forged")
    assert node.hears(cosigned(block, "b"), cosigned(block, "b"), stranger, forged) == ()
    assert one_of(node.hears(cosigned(block, "c")), Submit)


def test_a_late_co_signer_is_told_that_the_block_is_certified() -> None:
    node = Node()
    (block,) = blocks(node(Arrived((F,))))
    node.hears(cosigned(block, "b"))
    assert node.hears(cosigned(block, "c")) == (L1Send("c", certified(block, "ab")),)


def test_an_unanswered_offer_is_made_again_to_those_who_have_not_signed() -> None:
    node = Node("a", "bcde")
    (block,) = blocks(node(Arrived((F,))))
    node.hears(cosigned(block, "b"))
    effects = node(L1TimerFired("offer", block.id()))
    assert [sent.to for sent in all_of(effects, L1Send)] == ["c", "d", "e"]
    assert one_of(effects, L1SetTimer).milliseconds == 1_000


def test_a_peer_that_comes_is_offered_what_is_open() -> None:
    node = Node("a", "", boot=1)
    node(PeersChanged((), 2))
    (block,) = blocks(node(Arrived((F,)))) or [known.block for known in node.state.rounds.values()]
    effects = node(PeersChanged(("b",)))
    assert all_of(effects, L1Send) == [L1Send("b", offered(block))]
    assert one_of(node.hears(cosigned(block, "b")), Submit)


def test_a_threshold_that_falls_certifies_what_has_enough() -> None:
    node = Node("a", "bcd")
    (block,) = blocks(node(Arrived((F,))))
    node.hears(cosigned(block, "b"))
    effects = node(PeersChanged(("b",)))
    assert one_of(effects, Submit).block == block


def test_an_ml0_that_is_back_gets_the_blocks_at_once() -> None:
    node = Node("a", "")
    (block,) = blocks(node(Arrived((F,))))
    for _ in range(6):
        node(L1TimerFired("submit", block.id()))
    effects = node(Ml0Up())
    assert kinds(effects) == ["Submit", "L1SetTimer"]
    assert one_of(effects, L1SetTimer).milliseconds == 500


# -- declines ----------------------------------------------------------------------------------------------------------


def test_a_block_that_cannot_reach_the_threshold_is_split() -> None:
    """Both peers decline because of g: f goes on in another block, g alone."""
    node = Node()
    (block,) = blocks(node(Arrived((F, G))))
    assert [sent.to for sent in all_of(node.hears(declined(block, "b", G.key)), L1Send)] == ["c"]
    effects = node.hears(declined(block, "c", G.key))
    assert sorted(named(each.items) for each in blocks(effects)) == ["f", "g"]


def test_ml0_is_asked_about_a_single_item_that_nobody_co_signs_and_it_is_offered_again_later_to_all() -> None:
    """It may be decided: ours took it over from an offer that came late, and read of the decision before that."""
    node = Node()
    (block,) = blocks(node(Arrived((F,))))
    assert [sent.to for sent in all_of(node.hears(declined(block, "b", F.key)), L1Send)] == ["c"]
    asked = one_of(node.hears(declined(block, "c", F.key)), Submit)
    assert (asked.block, [proof.id for proof in asked.signatures]) == (block, ["a"])
    assert node.hears(declined(block, "c", F.key)) == ()
    effects = node(L1TimerFired("offer", block.id()))
    assert [sent.to for sent in all_of(effects, L1Send)] == ["b", "c"]
    node.hears(declined(block, "b", F.key))
    assert kinds(node.hears(declined(block, "c", F.key))) == ["Submit"]
    assert one_of(node(Decisions((F.key,))), Release).keys == (F.key,)
    assert node.state.undecided == 0


def test_a_decline_in_anothers_name_is_not_believed() -> None:
    node = Node()
    (block,) = blocks(node(Arrived((F, G))))
    forged = replace(declined(block, "b", G.key), sender="c")
    assert kinds(node.hears(declined(block, "b", G.key), forged)) == ["L1Send"]
    assert block.id() in node.state.rounds


# -- refusals ----------------------------------------------------------------------------------------------------------


def test_the_guilty_go_each_alone_and_the_innocent_together() -> None:
    node = Node("a", "", rounds_max=9)
    items = tuple(item("f", arrival) for arrival in range(5))
    (block,) = blocks(node(Arrived(items)))
    effects = node(BlockRefused(block.id(), (items[1].key, items[3].key), "bad"))
    assert sorted([each.arrival for each in found.items] for found in blocks(effects)) == [[0, 2, 4], [1], [3]]


def test_a_refused_single_item_is_rejected_with_the_reason() -> None:
    node = Node("a", "")
    (block,) = blocks(node(Arrived((F,))))
    effects = node(BlockRefused(block.id(), (F.key,), "bad signature"))
    assert one_of(effects, Release) == Release((F.key,), "bad signature")
    assert node.state.undecided == 0


def test_when_the_guilty_is_not_known_halving_finds_it() -> None:
    node = Node("a", "", rounds_max=2)
    items = tuple(item("f", arrival) for arrival in range(8))
    guilty = items[5].key
    rejected: list[str] = []
    effects = node(Arrived(items))
    for _ in range(40):
        for submit in all_of(effects, Submit):
            keys = tuple(each.key for each in submit.block.items)
            answer = BlockRefused(submit.block.id(), (), "?") if guilty in keys else Decisions(keys)
            effects = node(answer)
            rejected += [key for released in all_of(effects, Release) if released.rejected for key in released.keys]
            break
        else:
            break
        if not all_of(effects, Submit):
            effects = tuple(Submit(known.block, (), 0) for known in node.state.rounds.values())
    assert rejected == [guilty]
    assert node.state.undecided == 0


def test_a_refusal_of_a_block_already_gone_changes_nothing() -> None:
    node = Node("a", "")
    (block,) = blocks(node(Arrived((F, G))))
    node(Decisions((F.key, G.key)))
    assert node(BlockRefused(block.id(), (F.key,), "late")) == ()


def test_items_apart_and_the_others_take_turns() -> None:
    """Many guilty items and many good ones, one round: neither waits for all of the other."""
    node = Node("a", "", rounds_max=1, items_max=2)
    items = tuple(item("f", arrival) for arrival in range(2))
    (block,) = blocks(node(Arrived(items)))
    node(Arrived(tuple(item("g", arrival) for arrival in range(2, 8))))
    effects = node(BlockRefused(block.id(), tuple(each.key for each in items), "bad"))
    seen = []
    while made := blocks(effects):
        seen.append(named(made[0].items))
        effects = node(Decisions(tuple(each.key for each in made[0].items)))
    assert seen == ["g g", "f", "g g", "f", "g g"]


def test_a_block_refused_at_a_co_signer_waits_there_for_its_owner() -> None:
    block = Block("b", 1, 0, (item("f", 0, "b"), item("g", 1, "b")))
    node = Node()
    node.holds(block)
    node.hears(certified(block, "ab"))
    assert blocks(node(BlockRefused(block.id(), (block.items[0].key,), "bad"))) == []
    assert set(node.state.held) == {each.key for each in block.items}


# -- sequences and patience --------------------------------------------------------------------------------------------


def test_a_run_of_one_fiber_goes_in_one_block_in_its_order() -> None:
    node = Node("a", "")
    effects = node(Arrived(tuple(pool("f2 f0 f1")), {"f": 0}))
    assert [named(block.items) for block in blocks(effects)] == ["f0 f1 f2"]


def test_an_early_item_waits_for_the_block_its_predecessor_is_in() -> None:
    """f1 arrives while f0 is under way: it waits, without a timer, and goes when the chain has f0."""
    node = Node("a", "")
    node(Arrived((item("f0", 0),), {"f": 0}))
    assert node(Arrived((item("f1", 1),))) == ()
    effects = node(Decisions((item("f0", 0).key,), {"f": 1}))
    assert [named(block.items) for block in blocks(effects)] == ["f1"]


def test_an_item_whose_predecessor_is_nowhere_waits_with_patience_then_goes_alone() -> None:
    node = Node("a", "")
    effects = node(Arrived((item("f5", 0), item("g", 1)), {"f": 0}))
    assert [named(block.items) for block in blocks(effects)] == ["g"]
    assert L1SetTimer("patience", "", 30_000) in effects
    effects = node(L1TimerFired("patience", ""))
    assert [named(block.items) for block in blocks(effects)] == ["f5"]


def test_a_predecessor_that_comes_in_time_saves_the_early_item() -> None:
    node = Node("a", "")
    node(Arrived((item("f1", 0),), {"f": 0}))
    effects = node(Arrived((item("f0", 1),)))
    assert [named(block.items) for block in blocks(effects)] == ["f0 f1"]
    assert L1CancelTimer("patience", "") in effects


def test_one_that_became_early_late_has_its_own_patience() -> None:
    """f5 is there when the wait begins, f7 comes later: the first timer sends f5 only, and begins a wait for f7."""
    node = Node("a", "")
    node(Arrived((item("f5", 0),), {"f": 0}))
    node(Arrived((item("f7", 1),)))
    effects = node(L1TimerFired("patience", ""))
    assert [named(block.items) for block in blocks(effects)] == ["f5"]
    assert L1SetTimer("patience", "", 30_000) in effects


def test_a_stale_item_goes_alone() -> None:
    """The chain is past f3 already: it will be refused, and must not take g with it."""
    node = Node("a", "")
    effects = node(Arrived((item("f3", 0), item("g", 1)), {"f": 5}))
    assert sorted(named(block.items) for block in blocks(effects)) == ["f3", "g"]


def test_sequences_of_fibers_nobody_waits_for_are_forgotten() -> None:
    node = Node("a", "")
    for number in range(200):
        key = item("f", number).key
        node(Arrived((item("f", number),), {str(number): 1}))
        node(Decisions((key,), {str(number): 2}))
    assert len(node.state.sequences) <= 20


# -- when the proposer is in trouble -----------------------------------------------------------------------------------


def test_a_signer_submits_a_certified_block_that_stays_undecided() -> None:
    """b and c hold a's block; they take turns: one after 2 s, the other after 4 s."""
    block = Block("a", 1, 0, (F,))
    waits = {}
    for me in "bc":
        node = Node(me, "".join(sorted({"a", "b", "c"} - {me})))
        node.holds(block)
        effects = node.hears(certified(block, "ab"))
        waits[me] = next(timer for timer in all_of(effects, L1SetTimer) if timer.name == "submit").milliseconds
        effects = node(L1TimerFired("submit", block.id()))
        assert one_of(effects, Submit) == Submit(block, certified(block, "ab").signatures, 0)
    assert sorted(waits.values()) == [2_000, 4_000]


def test_a_certificate_with_too_few_signatures_is_not_believed() -> None:
    block = Block("b", 1, 0, (F,))
    node = Node()
    node.holds(block)
    for wrong in ("b", "a", "bz"):
        assert all_of(node.hears(certified(block, wrong)), L1SetTimer) == []


def test_items_of_a_proposer_that_is_gone_are_adopted() -> None:
    """b offered, a signed, b died before the block was certified: after its turn a proposes the items itself."""
    block = Block("b", 1, 0, (item("f", 0, "b"), item("g", 1, "b")))
    node = Node()
    node.holds(block)
    effects = node(PeersChanged(("c",)))
    assert one_of(effects, L1SetTimer).milliseconds in (2_000, 4_000)
    (adopted,) = blocks(node(L1TimerFired("orphans", "")))
    assert (adopted.proposer, named(adopted.items)) == ("a", "f g")


def test_items_of_a_proposer_that_does_not_get_on_are_adopted_after_patience() -> None:
    block = Block("b", 1, 0, (item("f", 0, "b"),))
    node = Node()
    effects = node.holds(block)
    assert L1SetTimer("orphans", "", 30_000) in effects
    (adopted,) = blocks(node(L1TimerFired("orphans", "")))
    assert adopted.proposer == "a"


def test_a_certified_block_needs_no_adoption() -> None:
    block = Block("b", 1, 0, (item("f", 0, "b"),))
    node = Node()
    node.holds(block)
    assert L1CancelTimer("orphans", "") in node.hears(certified(block, "ab"))
    assert blocks(node(PeersChanged(("c",)))) == []


def test_an_own_item_inside_a_peers_block_is_not_proposed_twice() -> None:
    """The same update went to a and b. b's block brings it: a waits for that, and takes it back if b gives up."""
    both = item("f", 0, "b")
    block = Block("b", 1, 0, (both, item("g", 1, "b")))
    node = Node("a", "bc", rounds_max=1)
    node(Arrived((item("h", 0),)))
    node(Arrived((both,)))
    effects = node.holds(block)
    assert one_of(effects, KeepItems).items == block.items[1:]
    assert node.state.waiting == {}
    node.hears(certified(block, "bc"))
    node(BlockRefused(block.id(), (block.items[1].key,), "bad"))
    assert set(node.state.waiting) == {both.key}
    assert set(node.state.held) == {block.items[1].key}


def test_an_item_acknowledged_here_that_a_peers_block_brought_before_is_this_nodes_care_too() -> None:
    theirs = item("f", 0, "b")
    block = Block("b", 1, 0, (theirs, item("g", 1, "b")))
    node = Node()
    node.holds(block)
    node.hears(certified(block, "ab"))
    node(Arrived((theirs,)))
    effects = node(BlockRefused(block.id(), (block.items[1].key,), "bad"))
    assert [named(made.items) for made in blocks(effects)] == ["f"]


# -- boot --------------------------------------------------------------------------------------------------------------


def test_boot_proposes_own_items_again_and_holds_those_of_others() -> None:
    node = Node("a", "bc", item("f", 0), item("g", 1, "b"))
    (block,) = blocks(node.effects)
    assert named(block.items) == "f"
    assert set(node.state.held) == {item("g", 1, "b").key}
    assert L1SetTimer("orphans", "", 30_000) in node.effects
    assert [named(made.items) for made in blocks(node(L1TimerFired("orphans", "")))] == ["g"]


def test_an_item_sent_again_after_its_decision_is_not_taken_for_the_copy_that_came_before() -> None:
    """An item was decided at 3, a peer's offer of it came later than that. A client sends it again: decided anew."""
    node = Node()
    late = Block("b", 0, 0, (replace(F, origin="b"), G))
    node.holds(late)
    again = replace(F, after=3)
    (block,) = blocks(node(Arrived((again,))))
    assert block.items == (again,)
    assert node.state.rounds[late.id()].undecided == {G.key}
    assert one_of(node(Decisions((F.key,))), Release).keys == (F.key,)


def test_an_offer_that_comes_late_does_not_take_over_what_was_sent_again_after_its_decision() -> None:
    node = Node()
    first = replace(G, key="first")
    node(Arrived((replace(first, fiber="q", sequence=7),), {"q": 3}))
    again = replace(F, after=3, fiber="q", sequence=5)
    node(Arrived((again,)))
    assert set(node.state.waiting) == {"first", F.key}
    late = Block("b", 0, 0, (replace(F, origin="b", fiber="q", sequence=5),))
    node.holds(late)
    assert node.state.waiting[F.key] == again
    assert F.key not in node.state.placed


def test_what_was_sent_again_after_its_decision_is_kept_before_it_is_co_signed_though_an_old_copy_is_known() -> None:
    """The old copy is off the disk already; that it was decided is not told here yet."""
    node = Node()
    node.holds(Block("b", 0, 0, (replace(F, origin="b"), G)))
    again = replace(F, origin="b", after=3)
    effects = node.holds(Block("b", 0, 1, (again, G)))
    assert kinds(effects) == ["KeepItems", "L1Send"]
    assert one_of(effects, KeepItems).items == (again,)


def test_a_block_that_held_only_what_was_sent_again_is_given_up() -> None:
    node = Node()
    late = Block("b", 0, 0, (replace(F, origin="b"),))
    node.holds(late)
    node(Arrived((replace(F, after=3),)))
    assert late.id() not in node.state.rounds


def test_a_held_item_that_its_owner_offers_again_needs_no_second_write() -> None:
    theirs = item("g", 1, "b")
    node = Node("a", "bc", theirs)
    effects = node.holds(Block("b", 2, 0, (theirs,)))
    assert kinds(effects) == ["L1Send"]
    assert node.state.held == {}


def test_the_same_items_after_a_restart_are_a_new_block() -> None:
    first, second = (blocks(Node("a", "", F, boot=boot).effects)[0] for boot in (1, 2))
    assert first.items == second.items
    assert first.id() != second.id()


def test_boot_comes_first_and_once() -> None:
    node = Node()
    with pytest.raises(L1Error, match="second one"):
        node(L1Boot(2))
    with pytest.raises(L1Error, match="first event"):
        step(initial(node.state.config), Arrived(()))


def test_timers_of_blocks_that_are_gone_do_nothing() -> None:
    node = Node()
    for name in ("offer", "submit", "patience", "orphans"):
        assert node(L1TimerFired(name, digest("gone"))) == ()  # type: ignore[arg-type]


# -- the wire ----------------------------------------------------------------------------------------------------------

BLOCK = Block("b", 1, 0, (Item(digest("k"), digest("h"), "f", 3, 7, "b"),))


@pytest.mark.parametrize(
    "message",
    [offered(BLOCK), cosigned(BLOCK, "a"), declined(BLOCK, "a", digest("k")), certified(BLOCK, "ab")],
    ids=lambda message: type(message).__name__,
)
def test_a_message_survives_the_wire(message: L1Message) -> None:
    assert decode_l1_message(encode_l1_message(message)) == message


@pytest.mark.parametrize("data", [b"", b"{}", b'{"type":"offer"}', b'{"type":"cosign","block":"x"}', b"[" * 99_999])
def test_what_is_not_a_message_is_refused(data: bytes) -> None:
    with pytest.raises(MessageError, match="not an L1 message"):
        decode_l1_message(data)


def test_a_message_is_bounded() -> None:
    with pytest.raises(MessageError, match="at most"):
        decode_l1_message(b" " * (4 * 1024 * 1024 + 1))
