"""Whom a node turns to in the layer above, and what it keeps of it."""

from __future__ import annotations

from typing import Any

import pytest

from ottochain.crypto.keys import PrivateKey
from ottochain.node.parents import Parents, member_json
from ottochain.node.settings import ParentPeer

IDS = tuple(sorted(PrivateKey.generate().peer_id for _ in range(4)))
CONFIGURED = ParentPeer(IDS[0], "10.0.0.1", 9000)


def members(*indexes: int) -> list[dict[str, Any]]:
    return [member_json(IDS[index], f"10.0.0.{index + 1}", 9000) for index in indexes]


def parents(*validators: str) -> Parents:
    found = Parents(CONFIGURED)
    found.believe(validators)
    return found


def test_at_first_there_is_the_configured_one() -> None:
    assert Parents(CONFIGURED).urls() == ["http://10.0.0.1:9000"]


def test_only_members_that_are_validators_are_turned_to() -> None:
    found = parents(IDS[0], IDS[2])
    found.learn(members(0, 1, 2, 3))
    assert found.urls() == ["http://10.0.0.1:9000", "http://10.0.0.3:9000"]
    found.believe((IDS[0], IDS[2], IDS[3]))
    assert found.urls() == ["http://10.0.0.1:9000", "http://10.0.0.3:9000", "http://10.0.0.4:9000"]


def test_the_configured_address_stays_whatever_members_say_of_it() -> None:
    found = parents(*IDS)
    found.learn([member_json(IDS[0], "10.9.9.9", 1), *members(1)])
    assert found.urls() == ["http://10.0.0.1:9000", "http://10.0.0.2:9000"]


def test_whoever_was_heard_last_comes_first_and_the_others_in_their_turn() -> None:
    found = parents(*IDS)
    found.learn(members(1, 2))
    found.turn_to("http://10.0.0.2:9000")
    assert found.url == "http://10.0.0.2:9000"
    assert found.urls() == ["http://10.0.0.2:9000", "http://10.0.0.3:9000", "http://10.0.0.1:9000"]


@pytest.mark.parametrize(
    "member",
    [
        None,
        "text",
        {},
        {"id": "short", "ip": "10.0.0.2", "publicPort": 9000},
        {"id": IDS[1], "ip": "10.0.0.2", "publicPort": "9000"},
        {"id": IDS[1], "ip": "10.0.0.2", "publicPort": 0},
        {"id": IDS[1], "ip": "10.0.0.2", "publicPort": True},
        {"id": IDS[1], "ip": "user@host/path", "publicPort": 9000},
        {"id": IDS[1], "ip": "", "publicPort": 9000},
        {"id": IDS[1], "ip": None, "publicPort": 9000},
    ],
    ids=str,
)
def test_what_is_no_member_is_passed_over(member: Any) -> None:
    found = parents(*IDS)
    found.learn([member, *members(2)])
    assert found.urls() == ["http://10.0.0.1:9000", "http://10.0.0.3:9000"]
    found.learn({"no": "list"})
    assert len(found.urls()) == 2


def test_no_more_members_are_kept_than_a_layer_can_have() -> None:
    found = parents(*IDS)
    found.learn([*members(1) * 64, *members(2)])
    assert found.urls() == ["http://10.0.0.1:9000", "http://10.0.0.2:9000"]


def test_what_was_kept_is_taken_up_again() -> None:
    before = parents(*IDS)
    before.learn(members(1, 2))
    after = Parents(CONFIGURED)
    after.restore(before.to_text())
    assert (after.urls(), after.validators) == (before.urls(), IDS)


def test_another_configured_parent_begins_anew() -> None:
    before = parents(*IDS)
    before.learn(members(0, 2))
    after = Parents(ParentPeer(IDS[1], "10.0.0.2", 9000))
    after.restore(before.to_text())
    assert (after.urls(), after.validators) == (["http://10.0.0.2:9000"], ())


def test_only_what_is_new_is_to_be_kept() -> None:
    found, changes = Parents(CONFIGURED), []
    found.on_change = lambda: changes.append(found.to_text())
    for _ in range(2):
        found.believe(IDS)
        found.learn(members(1))
        found.turn_to("http://10.0.0.2:9000")
    assert len(changes) == 2
