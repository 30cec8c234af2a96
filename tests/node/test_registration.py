"""The checks of the handshake, one row for each way to fail."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from ottochain.codec.wire import json_hash
from ottochain.crypto.keys import PrivateKey
from ottochain.model.node_state import NodeState
from ottochain.node.registration import (
    Expectations,
    MalformedRegistration,
    Refused,
    Registration,
    answers_challenge,
    decode_contact,
    decode_registration,
    seedlist_hash,
    signed_challenge,
)

THEIR_KEY, OWN_KEY = PrivateKey.from_hex("1" * 64), PrivateKey.from_hex("2" * 64)
CHALLENGE = "6e0c2a3a-2f4f-4b43-9c52-7e4f3f5f0001"

GOOD = Registration(
    id=THEIR_KEY.peer_id,
    ip="127.0.0.1",
    public_port=9410,
    p2p_port=9411,
    session=200,
    cluster_session=100,
    cluster_id="517c3a05-9219-471b-a54c-21b7d72f4ae5",
    state=NodeState.READY,
    seedlist=seedlist_hash(None),
    version=json_hash("4.0.0-rc.10"),
    jar="0" * 64,
    environment="Dev",
)
WANTED = Expectations(
    own_id=OWN_KEY.peer_id,
    version=GOOD.version,
    environment="Dev",
    cluster_id=GOOD.cluster_id,
    cluster_session=100,
    seedlist=None,
)


def test_the_hashes_that_are_compared_are_the_reference_s() -> None:
    assert seedlist_hash(None) == "caf6be82460e2bc1eaf0cf89a16d01372e4f9f9741cdc69ed73ec3b0fc456d41"
    assert json_hash("3.3.2") == "250ceb135bb91122810a76daac9686ba3bf6477cc4787b047e31bee370554c97"


@pytest.mark.parametrize(
    ("wanted", "theirs", "known_session", "asked_ip"),
    [
        (WANTED, GOOD, None, None),
        (WANTED, GOOD, None, "127.0.0.1"),
        (WANTED, GOOD, 200, None),
        (WANTED, GOOD, 199, None),
        (replace(WANTED, cluster_session=None), GOOD, None, None),
        (
            replace(WANTED, environment="Testnet"),
            replace(GOOD, environment="Testnet", ip="10.0.0.1"),
            None,
            None,
        ),
    ],
)
def test_a_good_registration_passes(
    wanted: Expectations, theirs: Registration, known_session: int | None, asked_ip: str | None
) -> None:
    known = None if known_session is None else replace(theirs.peer, session=known_session)
    wanted.check(theirs, known, asked_ip)


@pytest.mark.parametrize(
    ("changes", "refusal"),
    [
        ({"version": "0" * 64}, "VersionMismatch"),
        ({"environment": "Testnet"}, "EnvMismatch"),
        ({"session": 149}, "PeerAlreadyJoinedWithNewerSession"),
        ({"cluster_id": "6d7f1d6a-213a-4148-9d45-d7200f555ecf"}, "ClusterIdDoesNotMatch"),
        ({"cluster_session": 101}, "ClusterSessionDoesNotMatch"),
        ({"ip": "127.0.0.2"}, "InvalidRemoteAddress"),
        ({"id": OWN_KEY.peer_id}, "IdDuplicationFound"),
        ({"seedlist": "0" * 64}, "SeedlistDoesNotMatch"),
    ],
)
def test_a_registration_that_does_not_agree_is_refused(changes: dict[str, Any], refusal: str) -> None:
    known = replace(GOOD.peer, session=150)
    with pytest.raises(Refused, match=f"^{refusal}"):
        WANTED.check(replace(GOOD, **changes), known, "127.0.0.1")


def test_of_several_disagreements_the_first_in_the_reference_s_order_is_told() -> None:
    with pytest.raises(Refused, match=r"^VersionMismatch"):
        WANTED.check(replace(GOOD, version="", environment="", cluster_id="", seedlist=""), None)


def test_a_loopback_address_is_for_the_dev_environment_only() -> None:
    wanted = replace(WANTED, environment="Mainnet")
    for ip in ("127.0.0.1", "localhost"):
        with pytest.raises(Refused, match=r"^LocalHostNotPermitted"):
            wanted.check(replace(GOOD, environment="Mainnet", ip=ip), None)


def test_a_newer_session_is_told_to_the_peer() -> None:
    with pytest.raises(Refused) as refused:
        WANTED.check(GOOD, replace(GOOD.peer, session=201))
    assert refused.value.answer == f"Peer id={GOOD.id} already joined with newer session."


def test_a_seedlist_lets_only_those_on_it_in() -> None:
    listed = replace(WANTED, seedlist=frozenset({OWN_KEY.peer_id}))
    listed.check_listed(OWN_KEY.peer_id)
    WANTED.check_listed(THEIR_KEY.peer_id)
    with pytest.raises(Refused, match="not on seedlist"):
        listed.check_listed(THEIR_KEY.peer_id)


def test_a_registration_survives_its_json() -> None:
    body = GOOD.to_json()
    assert decode_registration(body) == GOOD
    assert list(body) == [
        "id", "ip", "publicPort", "p2pPort", "session", "clusterSession", "clusterId", "state", "seedlist", "version",
        "jar", "environment",
    ]  # fmt: skip
    assert body["environment"] == {"Dev": {}}


@pytest.mark.parametrize("member", list(GOOD.to_json()))
def test_a_registration_without_a_member_is_malformed(member: str) -> None:
    body = GOOD.to_json()
    del body[member]
    with pytest.raises(MalformedRegistration, match=rf"\.{member}: Missing required field"):
        decode_registration(body)


@pytest.mark.parametrize(
    "change",
    [
        {"id": "AB" * 64},
        {"ip": ""},
        {"ip": "a" * 300},
        {"ip": "10.0.0.1:80/"},
        {"publicPort": 0},
        {"p2pPort": 70_000},
        {"session": 2**63},
        {"session": "5"},
        {"clusterSession": True},
        {"clusterSession": None},
        {"state": "Asleep"},
        {"environment": "Dev"},
        {"environment": {}},
    ],
)
def test_a_member_of_another_type_or_range_is_malformed(change: dict[str, Any]) -> None:
    with pytest.raises(MalformedRegistration):
        decode_registration(GOOD.to_json() | change)


def test_a_contact_is_decoded() -> None:
    contact = decode_contact({"id": GOOD.id, "ip": "ml0.example", "p2pPort": 9201, "more": 1})
    assert (contact.id, contact.ip, contact.p2p_port) == (GOOD.id, "ml0.example", 9201)


def test_a_challenge_signed_by_the_peer_is_accepted() -> None:
    answer = signed_challenge(CHALLENGE, THEIR_KEY)
    assert answers_challenge(answer, CHALLENGE, THEIR_KEY.peer_id)


@pytest.mark.parametrize(
    "answer",
    [
        signed_challenge(CHALLENGE, OWN_KEY),
        signed_challenge("another", THEIR_KEY),
        {"value": {"value": CHALLENGE}, "proofs": []},
        {"value": {"value": CHALLENGE}, "proofs": signed_challenge("another", THEIR_KEY)["proofs"]},
        {"value": {"value": CHALLENGE}, "proofs": [{"id": THEIR_KEY.peer_id, "signature": 5}]},
        {"value": {"value": CHALLENGE}, "proofs": signed_challenge(CHALLENGE, THEIR_KEY)["proofs"] * 100},
        {"value": CHALLENGE, "proofs": []},
        None,
        [],
    ],
)
def test_whatever_else_is_no_answer_to_the_challenge(answer: object) -> None:
    assert not answers_challenge(answer, CHALLENGE, THEIR_KEY.peer_id)


def test_a_challenge_cosigned_by_somebody_else_is_no_answer() -> None:
    answer = signed_challenge(CHALLENGE, THEIR_KEY)
    answer["proofs"] += signed_challenge(CHALLENGE, OWN_KEY)["proofs"]
    assert not answers_challenge(answer, CHALLENGE, THEIR_KEY.peer_id)
