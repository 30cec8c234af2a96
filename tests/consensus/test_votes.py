"""What is signed says everything that matters, and what is read back is what was written."""

import hashlib
import json
from typing import Any

import pytest
import rfc8785
from msgspec.structs import replace

from consensus.kit import CHAIN, certificate, digest, names, polka, precommit, prevote, proposal, sign_as, verify
from ottochain.consensus.votes import (
    MESSAGE_BYTES_MAX,
    Ask,
    Certificate,
    Chain,
    Decided,
    MessageError,
    Signature,
    authentic,
    certify,
    decode_certificate,
    decode_message,
    encode_certificate,
    encode_message,
    signed,
)

X, Y = digest("X"), digest("Y")
ASK = signed(Ask(3, 1, "a", True, ("a", "b"), ()), CHAIN, lambda text: sign_as("a", text))
MESSAGES = [
    prevote("a", X),
    prevote("a", None),
    precommit("b", X, view=3),
    proposal("c", X),
    proposal("c", X, view=2, polka=polka("abc", X), parent_certificate=certificate("ab", Y)),
    ASK,
    Decided(certificate("abc", X), "body"),
]


@pytest.mark.parametrize("message", MESSAGES, ids=lambda message: type(message).__name__)
def test_a_message_survives_the_wire(message: Any) -> None:
    assert decode_message(encode_message(message)) == message


def test_a_certificate_survives_storage() -> None:
    assert decode_certificate(encode_certificate(certificate("abc", X))) == certificate("abc", X)
    with pytest.raises(MessageError, match="not a certificate"):
        decode_certificate(b"{}")


def test_the_signed_text_is_the_hash_of_the_canonical_form() -> None:
    fields = {
        "chainId": "DAG0false",
        "incarnation": 0,
        "layer": "ml0",
        "type": "prevote",
        "height": 1,
        "view": 0,
        "hash": X,
    }
    assert prevote("a", X).text(CHAIN) == hashlib.sha256(rfc8785.dumps(fields)).hexdigest()


@pytest.mark.parametrize("message", MESSAGES[:6], ids=lambda message: type(message).__name__)
def test_every_message_authenticates_its_sender(message: Any) -> None:
    assert authentic(message, CHAIN, verify)
    assert not authentic(replace(message, sender="d"), CHAIN, verify)


@pytest.mark.parametrize(
    ("message", "change"),
    [
        (prevote("a", X), {"hash": None}),
        (prevote("a", X), {"hash": Y}),
        (prevote("a", X), {"height": 2}),
        (prevote("a", X), {"view": 1}),
        (proposal("a", X), {"body": "another"}),
        (proposal("a", X), {"trigger": "time"}),
        (proposal("a", X), {"parent": Y}),
        (proposal("a", X), {"parent_certificate": certificate("ab", Y)}),
        (proposal("a", X), {"polka": polka("abc", X)}),
        (ASK, {"has_proposal": False}),
        (ASK, {"prevotes": ()}),
        (ASK, {"precommits": ("b",)}),
    ],
)
def test_nothing_a_message_says_can_be_changed_under_its_signature(message: Any, change: dict[str, Any]) -> None:
    assert not authentic(replace(message, **change), CHAIN, verify)


@pytest.mark.parametrize(
    "other", [Chain("DAG0other", 0, "ml0"), Chain("DAG0false", 1, "ml0"), Chain("DAG0false", 0, "gl0")]
)
def test_a_vote_is_for_one_chain_one_incarnation_and_one_layer(other: Chain) -> None:
    assert not authentic(prevote("a", X), other, verify)
    assert not certificate("abc", X).holds(other, names(4), 3, verify)


def test_a_prevote_is_no_precommit() -> None:
    taken = replace(precommit("a", X), signature=prevote("a", X).signature)
    assert not authentic(taken, CHAIN, verify)


def test_a_certificate_holds_with_a_quorum_of_validators() -> None:
    assert certificate("abc", X).holds(CHAIN, names(4), 3, verify)
    assert certificate("abcd", X).holds(CHAIN, names(4), 3, verify)


@pytest.mark.parametrize(
    "forged",
    [
        certificate("ab", X),
        replace(certificate("abc", X), signatures=certificate("ab", X).signatures * 2),
        replace(certificate("abc", X), signatures=certificate("abc", X).signatures[::-1]),
        replace(certificate("abc", X), hash=Y),
        replace(certificate("abc", X), view=1),
        replace(certificate("abc", X), kind="prevote"),
        certificate("abg", X),
        certificate("abcg", X),
        replace(certificate("ab", X), signatures=(*certificate("ab", X).signatures, Signature("c", "forged"))),
    ],
    ids=["too few", "twice", "out of order", "hash", "view", "kind", "stranger", "one stranger more", "signature"],
)
def test_a_certificate_does_not_hold_when_anything_is_wrong_with_it(forged: Certificate) -> None:
    assert not forged.holds(CHAIN, names(4), 3, verify)


def test_votes_of_two_views_never_make_one_certificate() -> None:
    with pytest.raises(AssertionError):
        certify([precommit("a", X, 0), precommit("b", X, 1)])
    mixed = certificate("ab", X).signatures + certificate("c", X, view=1).signatures
    assert not replace(certificate("abc", X), signatures=mixed).holds(CHAIN, names(4), 3, verify)


GOOD = json.loads(encode_message(prevote("a", X)))


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"null",
        b"[]",
        b'{"type":"prevote"}',
        b'{"type":"vote"}',
        json.dumps({**GOOD, "hash": "x"}).encode(),
        json.dumps({**GOOD, "hash": X.upper()}).encode(),
        json.dumps({**GOOD, "hash": X + "\n"}).encode(),
        json.dumps({**GOOD, "height": -1}).encode(),
        json.dumps({**GOOD, "height": 2**53}).encode(),
        json.dumps({**GOOD, "height": 1.5}).encode(),
        json.dumps({**GOOD, "height": "1"}).encode(),
        json.dumps({**GOOD, "view": 2**40}).encode(),
        json.dumps({**GOOD, "sender": ""}).encode(),
        json.dumps({**GOOD, "sender": "a" * 129}).encode(),
        json.dumps({**GOOD, "signature": "f" * 257}).encode(),
        b"\xff\xfe",
        b"[" * 100_000,
    ],
)
def test_what_is_not_a_message_is_refused_as_the_senders_fault(data: bytes) -> None:
    with pytest.raises(MessageError, match="not a consensus message"):
        decode_message(data)


def test_a_message_is_bounded() -> None:
    with pytest.raises(MessageError, match="at most"):
        decode_message(b" " * (MESSAGE_BYTES_MAX + 1))
