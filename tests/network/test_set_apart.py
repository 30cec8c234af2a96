"""Allow-spends, token locks and messages on a running network: from the 200 of CL1 and ML0 to GL0's state."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any, Final

import pytest
from tests.network.stack import Stack, until
from tests.network.tokens import ALICE, BOB, TOKEN, balance, enrich, until_decided

from ledger import kit
from ottochain.codec import exact_json
from ottochain.ledger.messages import SignedMessage
from ottochain.ledger.references import Reference

pytestmark = pytest.mark.network

OWNED: Final = 10_000 * TOKEN


@pytest.fixture(scope="module")
def rich(tmp_path_factory: pytest.TempPathFactory, template: Path) -> Iterator[Stack]:
    """Alice and Bob have 10,000 tokens each."""
    with closing(Stack(tmp_path_factory.mktemp("apart"), template=template)) as stack:
        enrich(stack)
        stack.up()
        yield stack


def body(item: Any) -> bytes:
    return exact_json.dumps(item.to_json())


def last_reference(stack: Stack, path: str) -> Reference:
    return Reference.from_json(stack.json("cl1", f"/{path}/last-reference/{ALICE.address}"))


def seen_by_gl0(stack: Stack) -> dict[str, Any]:
    """The token state of the metagraph that GL0 holds."""
    _, info = stack.json("gl0", "/global-snapshots/latest/combined")
    state: dict[str, Any] = info["lastCurrencySnapshots"][stack.token]["Right"][1]
    return state


def test_what_is_set_apart_waits_is_decided_and_reaches_gl0(rich: Stack) -> None:
    parents = {path: last_reference(rich, path) for path in ("allow-spends", "token-locks")}
    items = {
        "allow-spends": kit.allow(ALICE, 5, parent=parents["allow-spends"], currency=rich.token, until=20),
        "token-locks": kit.lock(ALICE, 7, parent=parents["token-locks"], currency=rich.token, until=None),
    }
    rich.pause("ml0")
    for path, item in items.items():
        answer = rich.post("cl1", f"/{path}", body(item))
        assert (answer.status_code, answer.json()) == (200, {"hash": item.hash})
        shown = rich.json("cl1", f"/{path}/{item.hash}")
        assert shown == {"transaction": item.value.to_json(), "hash": item.hash, "status": "Waiting"}
        assert rich.post("cl1", f"/{path}", body(item)).status_code == 400  # it is there already
    rich.go_on("ml0")

    until_decided(rich)
    until("both are set apart", lambda: balance(rich, ALICE) == OWNED - 12)
    for path, item in items.items():
        until("CL1 knows", lambda path=path, item=item: last_reference(rich, path) == item.reference)
        assert rich.get("cl1", f"/{path}/{item.hash}").status_code == 404
        assert rich.json("ml0", f"/transactions/{item.hash}/errors") is None
    until("GL0 holds it", lambda: bool(seen_by_gl0(rich)["activeTokenLocks"]))
    held = seen_by_gl0(rich)
    assert held["balances"][ALICE.address] == OWNED - 12
    assert ALICE.address in held["activeAllowSpends"]
    assert ALICE.address in held["activeTokenLocks"]
    assert rich.json("ml0", "/currency/total-supply")["total"] == 2 * OWNED - 12


@pytest.mark.parametrize("path", ["transactions", "allow-spends", "token-locks"])
def test_what_its_source_did_not_sign_is_refused(rich: Stack, path: str) -> None:
    make = {"transactions": kit.pay, "allow-spends": kit.allow, "token-locks": kit.lock}[path]
    arguments = (BOB, ALICE) if path == "transactions" else (BOB,)
    item = make(*arguments).to_json()  # type: ignore[operator]
    item["proofs"][0] = kit.pay(ALICE, BOB).to_json()["proofs"][0]
    answer = rich.post("cl1", f"/{path}", exact_json.dumps(item))
    assert answer.status_code == 400
    assert list(answer.json()) == ["errors"]


def test_an_owner_is_told_once_and_gl0_knows(rich: Stack) -> None:
    told = kit.message("Owner", ALICE, 0, metagraph=rich.token)
    assert isinstance(told, SignedMessage)
    answer = rich.post("ml0", "/currency/message", body(told))
    assert (answer.status_code, answer.content) == (204, b"")
    until("GL0 knows the owner", lambda: (seen_by_gl0(rich).get("lastMessages") or {}).get("Owner"))
    again = rich.post("ml0", "/currency/message", body(told))
    assert (again.status_code, again.json()) == (400, {"errors": [{"message": "NotANextMessage{}"}]})


def test_balances_of_the_dag_are_those_of_gl0_s_genesis(rich: Stack) -> None:
    rows = (rich.state / "genesis" / "gl0" / "genesis.csv").read_text().split()
    owned = {address: int(amount) for address, amount in (row.split(",") for row in rows)}
    for address, amount in owned.items():
        assert rich.json("gl0", f"/dag/{address}/balance")["balance"] == amount
    assert rich.json("gl0", "/dag/total-supply")["total"] == sum(owned.values())
    assert rich.json("gl0", "/dag/wallet-count")["count"] == len(owned)
