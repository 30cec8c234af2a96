"""Tokens on a running network, sent by the published SDK: from CL1's 200 to GL0's state, and through kills."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

import pytest
from tests.network.stack import Stack, until
from tests.network.tokens import (
    ALICE,
    BOB,
    CAROL,
    FEE,
    TOKEN,
    balance,
    batch,
    client,
    enrich,
    gl0_balances,
    refused,
    send,
    transfers,
    until_decided,
)

pytestmark = pytest.mark.network

CL1: Final = ("cl1", "cl1-1", "cl1-2")


@pytest.fixture
def rich(new_stack: Callable[..., Stack]) -> Stack:
    """A stack on which Alice and Bob have 10,000 tokens each."""
    stack = new_stack()
    enrich(stack)
    stack.up()
    return stack


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
