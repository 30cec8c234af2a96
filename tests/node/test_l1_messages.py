"""What L1 nodes send each other, and what is kept of it."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from layers.metagraph import add, create, forged
from ottochain.codec import exact_json
from ottochain.consensus.l1_effects import Certified, Cosign, Offer
from ottochain.consensus.l1_items import Block
from ottochain.consensus.votes import MessageError, Signature
from ottochain.fibers import SignedUpdate
from ottochain.node import l1_messages
from ottochain.node.dl1 import UpdateCargo
from ottochain.node.l1_messages import Offers, enveloped, opened, same_name
from ottochain.node.l1_pool import Held, named

UPDATES = [create(1), create(2), add(1, 0)]


def wire(update: SignedUpdate) -> bytes:
    return exact_json.dumps(update.to_json())


def offer_of(*updates: SignedUpdate, number: int = 0) -> Offer:
    items = tuple(named(update, arrival, "ab" * 64, 0) for arrival, update in enumerate(updates, start=1))
    return Offer(Block("ab" * 64, 1, number, items), "3045")


@pytest.mark.parametrize(
    "message",
    [
        offer_of(*UPDATES),
        Cosign("cd" * 32, "ab" * 64, "3045"),
        Certified("cd" * 32, (Signature("ab" * 64, "3045"),)),
    ],
    ids=lambda message: type(message).__name__,
)
def test_a_message_arrives_as_it_was_sent(message: Offer | Cosign | Certified) -> None:
    contents = [wire(update) for update in UPDATES]
    assert opened(enveloped(message, contents)) == (message, contents)
    assert opened(enveloped(message, [])) == (message, [])


@given(st.binary(max_size=100) | st.text().map(lambda text: b'{"message":%b,"updates":[%b]}' % (text.encode(), b"1")))
def test_anything_else_is_a_message_error(body: bytes) -> None:
    with pytest.raises(MessageError):
        opened(body)


@pytest.mark.parametrize("body", [b'{"message":' * 50_000, b'{"message":{},"updates":' + b"[" * 50_000, b"[" * 50_000])
def test_depth_is_a_message_error(body: bytes) -> None:
    with pytest.raises(MessageError):
        opened(body)


def test_the_contents_of_an_offer_are_kept_until_it_is_judged() -> None:
    offers, offer = Offers(UpdateCargo().read), offer_of(*UPDATES)
    offers.take(offer, map(wire, UPDATES), {})
    assert {key: held.signed for key, held in offers.of(offer.block.id()).items()} == {
        update.key: wire(update) for update in UPDATES
    }
    offers.judged(offer.block.id(), good=True)
    assert offers.of(offer.block.id()) == {}
    assert set(offers.claim(offer.block.id())) == {update.key for update in UPDATES}
    assert offers.claim(offer.block.id()) == {}


def test_the_contents_of_a_declined_offer_are_forgotten() -> None:
    offers, offer = Offers(UpdateCargo().read), offer_of(*UPDATES)
    offers.take(offer, map(wire, UPDATES), {})
    offers.judged(offer.block.id(), good=False)
    assert offers.claim(offer.block.id()) == {}


def test_a_later_copy_without_contents_does_not_take_the_place_of_what_was_judged() -> None:
    """The proposer offers again when no answer came, then without what was decided meanwhile: the node ended of it."""
    offers, offer = Offers(UpdateCargo().read), offer_of(*UPDATES)
    offers.take(offer, map(wire, UPDATES), {})
    offers.take(offer, [], {})
    assert len(offers.of(offer.block.id())) == len(UPDATES)
    offers.judged(offer.block.id(), good=True)
    offers.take(offer, [], {})
    assert len(offers.claim(offer.block.id())) == len(UPDATES)


def test_what_is_not_named_not_signed_or_held_already_is_left_out() -> None:
    offers, offer = Offers(UpdateCargo().read), offer_of(create(1), create(2), create(3))
    held = offer_of(create(1))
    offers.take(offer, map(wire, (create(2), forged(create(3)), create(4))), {})
    assert set(offers.of(offer.block.id())) == {create(2).key}
    offers = Offers(UpdateCargo().read)
    offers.take(offer, [wire(create(1))], {create(1).key: Held(held.block.items[0], b"")})
    assert offers.of(offer.block.id()) == {}


def test_no_more_contents_are_looked_at_than_the_block_has_items() -> None:
    offers, offer = Offers(UpdateCargo().read), offer_of(create(1))
    offers.take(offer, (wire(update) for update in (create(2), create(1))), {})
    assert offers.of(offer.block.id()) == {}


def test_a_bounded_number_of_offers_is_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(l1_messages, "OFFERS_KEPT_MAX", 2)
    offers = Offers(UpdateCargo().read)
    made = [offer_of(create(1), number=number) for number in range(3)]
    for offer in made:
        offers.take(offer, [wire(create(1))], {})
    assert [bool(offers.of(offer.block.id())) for offer in made] == [False, True, True]
    offers.take(made[1], [], {})
    assert [bool(offers.of(offer.block.id())) for offer in made] == [False, True, True]


def test_names_are_compared_without_what_is_each_node_s_own() -> None:
    mine = named(add(1, 4), 1, "me", 0)
    assert same_name(mine, named(add(1, 4), 7, "you", 3))
    assert not same_name(mine, named(add(1, 5), 1, "me", 0))
    assert not same_name(mine, named(forged(add(1, 4)), 1, "me", 0))
