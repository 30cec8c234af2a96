"""Tokens as a client moves them, with the published SDK."""

from __future__ import annotations

import json
from typing import Any, Final

from constellation_sdk.currency_transaction import create_currency_transaction_batch, hash_currency_transaction
from constellation_sdk.currency_types import TransactionReference, TransferParams
from constellation_sdk.network.metagraph_client import LayerType, MetagraphClient, MetagraphClientConfig
from constellation_sdk.network.types import NetworkError
from tests.network.stack import Stack, until

from ottochain.crypto.keys import PrivateKey

TOKEN: Final = 10**8
ALICE, BOB, CAROL = (PrivateKey.from_hex(f"{digit}{digit}" * 32) for digit in "123")
FEE: Final = 0.002
"""Tokens; lifts the limit for free transactions."""


def enrich(stack: Stack) -> None:
    """Alice and Bob begin with 10,000 tokens each. Before the chain is founded."""
    balances = "".join(f"{key.address},{10_000 * TOKEN}\n" for key in (ALICE, BOB))
    (stack.state / "genesis" / "ml0" / "genesis.csv").write_text(balances)


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


def until_decided(stack: Stack, *names: str, seconds: float = 20.0) -> None:
    """Until none of these CL1 nodes, of all without names, holds anything that is undecided."""
    asked = names or stack.layer("cl1")
    until("all is decided", lambda: not any(undecided(stack, name) for name in asked), seconds)


def undecided(stack: Stack, name: str) -> int:
    """How many items an L1 node holds."""
    return int(stack.json(name, "/ottochain/node")["pool"]["items"])


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
