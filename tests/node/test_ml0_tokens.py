"""ML0's doors for tokens, what they answer, and what the routes tell of balances and refused transactions."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from ledger import kit
from ledger.kit import ALICE, BOB, allow, allow_block, lock, lock_block, message, token_block
from node.layered import Layered, layered
from node.network import until
from ottochain.codec import exact_json
from ottochain.codec.wire import json_hash
from ottochain.ledger.references import Reference
from ottochain.model.node_state import NodeState
from ottochain.node.l0_frames import Spread
from ottochain.node.membership import Peer

BALANCES = f"{ALICE.address},1000\n"


@pytest.fixture
async def network(tmp_path: Path) -> AsyncIterator[Layered]:
    """GL0 and ML0; Alice has 1,000."""
    async with layered(tmp_path, balances_csv=BALANCES) as started:
        await started.found_l0()
        yield started


def initial(network: Layered) -> Reference:
    return Reference(0, json_hash(network.token))


def pay(network: Layered, *args: Any, **more: Any) -> Any:
    return kit.pay(*args, **{"parent": initial(network), **more})


async def posted(network: Layered, path: str, content: Any) -> tuple[int, Any]:
    status, body = await network.running["ml0"].post(path, data=exact_json.dumps(content.to_json()))
    return status, exact_json.loads(body) if body else None


async def balance(network: Layered, address: str, name: str = "ml0", prefix: str = "currency") -> int:
    found = await network.running[name].json(f"/{prefix}/{address}/balance")
    assert found["ordinal"] >= 1
    return int(found["balance"])


async def sent(network: Layered, *items: Any, **more: Any) -> None:
    assert network.ml0.state is not None
    parents = kit.Tips.from_json(network.ml0.state.tips).parents_for(items[0].hash)
    assert (await posted(network, "/currency/l1-output", token_block(*items, parents=parents, **more)))[0] == 200


async def until_decided(network: Layered, *items: Any) -> None:
    await until(lambda: all(network.ml0.outcomes.of_key(item.key) is not None for item in items))


async def test_a_token_block_changes_balances_here_and_at_gl0(network: Layered) -> None:
    payment = pay(network, ALICE, BOB, 60, fee=1)
    await sent(network, payment)
    await until_decided(network, payment)
    assert (await balance(network, ALICE.address), await balance(network, BOB.address)) == (939, 60)
    ml0 = network.running["ml0"]
    assert (await ml0.json("/currency/total-supply"))["total"] == 999
    assert (await ml0.json("/currency/wallet-count"))["count"] == 2
    await network.until_confirmed()
    _, info = await network.running["gl0"].json("/global-snapshots/latest/combined")
    held = info["lastCurrencySnapshots"][network.token]["Right"][1]
    assert held["balances"] == dict(sorted({ALICE.address: 939, BOB.address: 60}.items()))


async def test_the_snapshot_shows_the_block_and_the_combined_state_the_references(network: Layered) -> None:
    payment = pay(network, ALICE, BOB, 60)
    await sent(network, payment)
    await until_decided(network, payment)
    signed, info = await network.running["ml0"].json("/snapshots/latest/combined")
    assert signed["value"]["blocks"][0]["block"]["value"]["transactions"] == [payment.to_json()]
    assert info["lastTxRefs"] == {ALICE.address: payment.reference.to_json()}


async def test_what_waits_survives_a_restart(network: Layered) -> None:
    second = pay(network, ALICE, BOB, 1, parent=pay(network, ALICE, BOB, 60))
    await sent(network, second)
    await network.stop("ml0")
    await network.resume("ml0")
    await sent(network, pay(network, ALICE, BOB, 60))
    await until_decided(network, second)
    assert await balance(network, BOB.address) == 61


async def test_state_and_tips_survive_a_restart(network: Layered) -> None:
    first = pay(network, ALICE, BOB, 60)
    await sent(network, first)
    await until_decided(network, first)
    await network.until_confirmed()
    before = network.ml0.state
    assert before is not None
    await network.stop("ml0", "gl0")
    await network.resume("gl0")
    await network.resume("ml0")
    after = network.ml0.state
    assert after is not None
    assert (after.info, after.tips, after.height) == (before.info, before.tips, before.height)
    second = pay(network, ALICE, BOB, 1, parent=first)
    await sent(network, second)
    await until_decided(network, second)
    await network.until_confirmed()


async def test_why_a_transaction_was_rejected(network: Layered) -> None:
    first, double = pay(network, ALICE, BOB, 60), pay(network, ALICE, kit.CAROL, 60)
    ml0 = network.running["ml0"]
    for item in (first, double):
        await sent(network, item)
        await until_decided(network, item)
    assert await ml0.json(f"/transactions/{first.hash}/errors") is None
    assert await ml0.json(f"/transactions/{'ab' * 32}/errors") is None
    told = await ml0.json(f"/transactions/{double.hash}/errors")
    ordinals = "ParentOrdinalBelowLastTxOrdinal(0,1)"
    assert told["message"] == f"rejected transaction: {ordinals} tx=TransactionReference(1,{double.hash})"
    assert told["description"] is None
    assert told["details"] == {
        "RejectedTransaction": {
            "tx": double.reference.to_json(),
            "reason": {"ParentOrdinalBelowLastTxOrdinal": {"parentOrdinal": 0, "lastTxOrdinal": 1}},
        }
    }
    assert (await ml0.get("/transactions/xyz/errors"))[0] == 404
    await network.stop("ml0")
    await network.resume("ml0")
    again = await network.running["ml0"].json(f"/transactions/{double.hash}/errors")
    assert again["message"].startswith("RejectedTransaction{tx=")


async def test_locks_and_allow_spends_come_in_by_their_own_doors(network: Layered) -> None:
    locked = lock(ALICE, 20, until=None, parent=initial(network), currency=network.token)
    allowed = allow(ALICE, 30, until=99, parent=initial(network), currency=network.token)
    assert (await posted(network, "/currency/l1-token-lock-output", lock_block(1, locked)))[0] == 200
    assert (await posted(network, "/currency/l1-allow-spend-output", allow_block(2, allowed)))[0] == 200
    await until_decided(network, locked, allowed)
    assert await balance(network, ALICE.address) == 950
    await network.until_confirmed()
    _, info = await network.running["gl0"].json("/global-snapshots/latest/combined")
    assert info["activeAllowSpends"][network.token] == {ALICE.address: [allowed.to_json()]}
    assert info["tokenLockBalances"][network.token] == {ALICE.address: 20}


async def test_an_owner_is_told_by_message(network: Layered) -> None:
    token = network.token
    assert token is not None
    owner = message("Owner", ALICE, 0, metagraph=token)
    assert await posted(network, "/currency/message", owner) == (204, None)
    await until(lambda: bool(network.ml0.state and network.ml0.state.info.last_messages))
    assert await posted(network, "/currency/message", owner) == (
        400,
        {"errors": [{"message": "NotANextMessage{}"}]},
    )
    status, told = await posted(network, "/currency/message", message("Owner", BOB, 1, ALICE, metagraph=token))
    assert (status, told["errors"]) == (
        400,
        [{"message": "SignatureValidationError{error=NotSignedByAddressOwner{}}"}],
    )


@pytest.mark.parametrize("path", ["l1-output", "l1-allow-spend-output", "l1-token-lock-output", "message"])
async def test_a_body_of_another_kind_is_answered_as_one_that_cannot_be_read(network: Layered, path: str) -> None:
    for body in (b"x", b"{}", exact_json.dumps(token_block(kit.pay(ALICE, BOB)).to_json())):
        if path == "l1-output" and body.startswith(b'{"value"'):
            continue
        assert await network.running["ml0"].post(f"/currency/{path}", data=body) == (500, b"")


async def test_a_block_that_is_not_signed_is_refused(network: Layered) -> None:
    block = token_block(pay(network, ALICE, BOB, 60)).to_json()
    block["proofs"] = token_block(pay(network, ALICE, BOB, 61)).to_json()["proofs"]
    status, _ = await network.running["ml0"].post("/currency/l1-output", data=exact_json.dumps(block))
    assert status == 400


async def test_balances_of_strangers_and_of_nobody(network: Layered) -> None:
    assert await balance(network, BOB.address) == 0
    assert await balance(network, BOB.address, "gl0", "dag") == 0
    assert (await network.running["ml0"].get("/currency/DAG/balance"))[0] == 404
    assert (await network.running["gl0"].json("/dag/total-supply"))["total"] == 1_000


async def test_what_another_validator_took_belongs_into_this_pool_too(network: Layered) -> None:
    ml0, payment = network.ml0, pay(network, ALICE, BOB, 60)
    assert ml0.state is not None
    parents = kit.Tips.from_json(ml0.state.tips).parents_for(payment.hash)
    body = exact_json.dumps(token_block(payment, parents=parents).to_json())
    peer = Peer(kit.L1[0].peer_id, "127.0.0.1", 1, 2, 0, 0, NodeState.READY, responsive=True, jar="")
    ml0.take_pool_event(peer, Spread("tokens", peer.id, b"{}"))
    ml0.take_pool_event(peer, Spread("tokens", peer.id, body))
    await until_decided(network, payment)
    assert await balance(network, BOB.address) == 60
