"""A stack with the reference's rules and timings: what stops there stops here."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest
from tests.network.stack import Stack, until
from tests.network.tokens import ALICE, CAROL, TOKEN, balance, enrich, send, transfers, undecided, until_decided
from tests.network.updates import create, fate, hand_in, settled

from ottochain.crypto.keys import PrivateKey

pytestmark = pytest.mark.network

KEY = PrivateKey.generate()


@pytest.fixture(scope="module")
def rehearsal(tmp_path_factory: pytest.TempPathFactory, template: Path) -> Iterator[Stack]:
    folder = tmp_path_factory.mktemp("rehearsal")
    with closing(Stack(folder, template=template, settings='profile = "tessellation"')) as stack:
        enrich(stack)
        stack.up()
        yield stack


def test_the_deployment_shows_what_follows_from_the_profile(rehearsal: Stack) -> None:
    shown = json.loads(rehearsal.ottochain("deployment", "show", "--json").stdout)
    assert (shown["profile"], shown["need"]) == ("tessellation", {"gl0": 1, "ml0": 1, "cl1": 3, "dl1": 3})
    env = {node["node"]: node["env"] for node in shown["nodes"]}
    assert env["dl1"]["OTTOCHAIN_LEAVING_DELAY_SECONDS"] == "30"
    assert "OTTOCHAIN_L1_BLOCK_INTERVAL_SECONDS=5" in rehearsal.ottochain("deployment", "show").stdout


def test_with_two_l1_nodes_no_block_is_made_and_with_three_they_are(rehearsal: Stack) -> None:
    stack = rehearsal
    assert stack.json("cl1", "/ottochain/node")["quorum"] == stack.json("dl1", "/ottochain/node")["quorum"] == 3
    stack.kill("cl1-2", "dl1-2")
    update = create(KEY)
    hand_in(stack, update)
    send(stack, transfers(stack, ALICE, 2))
    # The second node has signed by then, and that is not enough.
    until("dl1-1 holds the update", lambda: undecided(stack, "dl1-1") == 1)
    until("cl1-1 holds the transactions", lambda: undecided(stack, "cl1-1") == 2)
    assert (told := fate(stack, update.hash)) is not None
    assert told["status"] == "Waiting"
    assert balance(stack, CAROL) == 0

    stack.up()
    assert settled(stack, update.hash)["status"] == "Accepted"
    until_decided(stack)
    assert balance(stack, CAROL) == 2 * TOKEN


def test_who_leaves_is_seen_leaving_until_the_delay_is_over(rehearsal: Stack) -> None:
    stack = rehearsal
    assert stack.post("dl1-1", "/cluster/leave", b"", "cli").status_code == 200
    leaving = stack.json("dl1-1", "/node/info")["id"]

    def seen_leaving() -> bool:
        return {"id": leaving, "state": "Leaving"} in [
            {"id": peer["id"], "state": peer["state"]} for peer in stack.json("dl1", "/cluster/info")
        ]

    until("dl1 sees it leave", seen_leaving)
    assert stack.json("dl1-1", "/node/state") == "Leaving"
