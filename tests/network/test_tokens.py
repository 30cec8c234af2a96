"""Tokens on a running network, sent by the published SDK: from CL1's 200 to GL0's state, and through kills."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any, Final

import pytest
from constellation_sdk.currency_transaction import create_currency_transaction_batch, hash_currency_transaction
from constellation_sdk.currency_types import TransactionReference, TransferParams
from constellation_sdk.network.metagraph_client import LayerType, MetagraphClient, MetagraphClientConfig
from constellation_sdk.network.types import NetworkError
from tests.network.stack import Stack, until

from ottochain.crypto.keys import PrivateKey

pytestmark = pytest.mark.network

CL1: Final = ("cl1", "cl1-1", "cl1-2")
TOKEN: Final = 10**8
ALICE, BOB, CAROL = (PrivateKey.from_hex(f"{digit}{digit}" * 32) for digit in "123")
FEE: Final = 0.002
"""Tokens; lifts the limit for free transactions."""


@pytest.fixture
def rich(new_stack: Callable[..., Stack]) -> Stack:
    """A stack on which Alice and Bob have 10,000 tokens each."""
    stack = new_stack()
    balances = "".join(f"{key.address},{10_000 * TOKEN}\n" for key in (ALICE, BOB))
    (stack.state / "genesis" / "ml0" / "genesis.csv").write_text(balances)
    stack.up()
    return stack


def client(stack: Stack, name: str = "cl1") -> MetagraphClient:
    return MetagraphClient(MetagraphClientConfig(base_url=stack.url(name, ""), layer=LayerType.CL1))


def transfers(stack: Stack, key: PrivateKey, count: int, *, to: PrivateKey = CAROL, name: str = "cl1") -> list[Any]:
    """Transactions of one token each, that follow each other."""
    last = client(stack, name).get_last_reference(key.address)
    return batch(key, count, last, to=to)


def batch(key: PrivateKey, count: int, last: TransactionReference, *, to: PrivateKey = CAROL) -> list[Any]:
    wanted = [TransferParams(destination=to.address, amount=1, fee=FEE)] * count
    return create_currency_transaction_batch(wanted, key.hex, last)


def hash_of(transaction: Any) -> str:
    return str(hash_currency_transaction(transaction).value)


def send(stack: Stack, transactions: list[Any], name: str = "cl1") -> None:
    for transaction in transactions:
        assert client(stack, name).post_transaction(transaction).hash == hash_of(transaction)


def balance(stack: Stack, key: PrivateKey) -> int:
    return int(stack.json("ml0", f"/currency/{key.address}/balance")["balance"])


def until_decided(stack: Stack) -> None:
    """Until no CL1 node holds anything that is undecided."""
    until("all is decided", lambda: [stack.json(name, "/ottochain/node")["pool"]["items"] for name in CL1] == [0, 0, 0])


def test_tokens_reach_gl0_and_survive_kills(rich: Stack) -> None:
    send(rich, transfers(rich, ALICE, 100))
    until_decided(rich)
    assert balance(rich, CAROL) == 100 * TOKEN

    # Each node does it, one after another for the same address.
    for name in CL1:
        send(rich, transfers(rich, BOB, 5, name=name), name)
        until_decided(rich)
    assert balance(rich, CAROL) == 115 * TOKEN

    # Of a double spend by two nodes exactly one wins.
    last = client(rich).get_last_reference(ALICE.address)
    before = balance(rich, BOB) + balance(rich, CAROL)
    (first,), (second,) = batch(ALICE, 1, last), batch(ALICE, 1, last, to=BOB)
    answers = [refused(rich, first, "cl1"), refused(rich, second, "cl1-1")]
    assert None in answers
    assert all(answer is None or answer.startswith("Conflict{") for answer in answers)
    until_decided(rich)
    assert balance(rich, BOB) + balance(rich, CAROL) == before + TOKEN

    # Everything dies right after the last 200; nothing is lost.
    carol = balance(rich, CAROL)
    send(rich, transfers(rich, BOB, 30))
    rich.kill(*rich.pids())
    rich.up()
    until("what was acknowledged is there", lambda: balance(rich, CAROL) == carol + 30 * TOKEN)
    fees = (100 + 15 + 1 + 30) * int(FEE * TOKEN)
    assert rich.json("ml0", "/currency/total-supply")["total"] == 20_000 * TOKEN - fees

    until("GL0 holds what ML0 says", lambda: gl0_balances(rich)[CAROL.address] == balance(rich, CAROL))


def refused(stack: Stack, transaction: Any, name: str) -> str | None:
    """The reason why a node does not take a transaction; None when it does."""
    try:
        client(stack, name).post_transaction(transaction)
    except NetworkError as error:
        return str(json.loads(error.response)["errors"][0]["message"])
    return None


def gl0_balances(stack: Stack) -> dict[str, int]:
    _, info = stack.json("gl0", "/global-snapshots/latest/combined")
    balances: dict[str, int] = info["lastCurrencySnapshots"][stack.token]["Right"][1]["balances"]
    return balances
