"""Tokens by the command alone, on real nodes: sent, counted, spent twice in vain, and refused with a reason."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from tests.network.stack import Stack

pytestmark = pytest.mark.network

TOKEN = 10**8
EXAMPLES = Path(__file__).parents[2] / "examples"


def shown(stack: Stack, *words: str, code: int = 0) -> Any:
    return json.loads(stack.ottochain(*words, "--json", code=code).stdout)


def wallet(stack: Stack, name: str) -> str:
    """The address of a new wallet."""
    return str(shown(stack, "wallet", "new", name)[0]["address"])


def balance(stack: Stack, name: str) -> int:
    return int(shown(stack, "wallet", "balance", name)["balances"][0]["token"])


def test_a_chain_of_transfers_is_accepted_and_counted(running: Stack) -> None:
    wallet(running, "chain")
    sent = shown(running, "tx", "send", "chain", "1.5", "chain", "2", "chain", "0.00000001", "--fee", "0.002")
    assert [one["status"] for one in sent] == ["Accepted"] * 3
    assert balance(running, "chain") == 350_000_001
    last = shown(running, "tx", "last-reference", "default")
    assert last["hash"] == sent[-1]["hash"]
    for one in sent:
        assert shown(running, "tx", "status", one["hash"])["ordinal"] == one["ordinal"]
    # The next one follows at once, whichever node is asked.
    assert shown(running, "tx", "send", "chain", "1", "--cl1", running.url("cl1-2", ""))[0]["status"] == "Accepted"


def test_of_a_double_spend_exactly_one_is_accepted(running: Stack) -> None:
    wallet(running, "rich")
    wallet(running, "left")
    wallet(running, "right")
    running.ottochain("tx", "send", "rich", "2000")
    files = []
    for to, node in (("left", "cl1"), ("right", "cl1-1")):
        signed = running.ottochain("tx", "send", to, "1500", "--wallet", "rich", "--print").stdout
        files.append((running.folder / f"{to}.json", node))
        files[-1][0].write_text(signed)
    results = [send_file(running, file, node) for file, node in files]
    assert sum(one["status"] == "Accepted" for one in results) == 1
    assert sorted(balance(running, name) for name in ("left", "right")) == [0, 1500 * TOKEN]
    assert balance(running, "rich") == 500 * TOKEN
    # The winner's file can be sent again: it is the same transaction. The loser's can't.
    again = [send_file(running, file, "cl1-2") for file, _ in files]
    assert [one["status"] == "Accepted" for one in again] == [one["status"] == "Accepted" for one in results]


def send_file(stack: Stack, file: Path, node: str) -> Any:
    """What became of it; exit code 5 goes with everything but acceptance."""
    words = ("tx", "send", "--file", str(file), "--cl1", stack.url(node, ""), "--json")
    done = stack.try_ottochain(*words)
    (result,) = json.loads(done.stdout)
    assert done.returncode == (0 if result["status"] == "Accepted" else 5), done.stderr
    return result


def test_what_can_t_be_paid_is_refused_with_its_reason(running: Stack) -> None:
    wallet(running, "poor")
    done = running.ottochain("tx", "send", "default", "1", "--wallet", "poor", code=5)
    assert "was refused: InsufficientBalance{amount=100000000,balance=0}" in done.stderr
    assert "Next: ottochain wallet balance" in done.stderr
    assert "Traceback" not in done.stderr


def test_files_of_create_are_a_first_chain_of_their_address(running: Stack) -> None:
    wallet(running, "files")
    running.ottochain("tx", "send", "files", "2000")
    words = ("tx", "create", "-d", wallet(running, "receiver"), "-a", "1", "--wallet", "files", "--fee", "200000")
    running.ottochain(*words, "-f", "tx1.json", "--currency", running.token)
    running.ottochain(*words, "-f", "tx2.json", "-p", "tx1.json")
    sent = shown(running, "tx", "send", "--file", "tx1.json", "--file", "tx2.json")
    assert [one["status"] for one in sent] == ["Accepted", "Accepted"]
    assert running.ottochain("tx", "status", "tx2.json").stdout.startswith("Accepted at ordinal ")
    assert balance(running, "receiver") == 2 * TOKEN


def test_locked_and_allowed_tokens_leave_the_balance(running: Stack) -> None:
    address = wallet(running, "apart")
    running.ottochain("tx", "send", "apart", "100")
    assert shown(running, "tx", "lock", "30", "--forever", "--wallet", "apart")[0]["status"] == "Accepted"
    epoch = running.json("ml0", "/snapshots/latest")["value"]["globalSyncView"]["epochProgress"]
    words = ("tx", "allow-spend", running.token, "20", "--wallet", "apart", "--until")
    assert shown(running, *words, str(epoch + 20))[0]["status"] == "Accepted"
    refused = running.ottochain(*words, str(epoch + 1000), code=5)
    assert "TooFarLastValidEpochProgress" in refused.stderr
    assert running.json("ml0", f"/currency/{address}/balance")["balance"] == 50 * TOKEN


def test_the_owner_s_message_stands_in_the_state(running: Stack) -> None:
    before = (running.json("ml0", "/snapshots/latest/combined")[1].get("lastMessages") or {}).get("Owner")
    following = "0" if before is None else str(before["value"]["parentOrdinal"] + 1)
    running.ottochain("message", "owner", "-o", following, "-f", "owner.json")
    assert shown(running, "message", "send", "owner.json")["status"] == "Accepted"
    now = running.json("ml0", "/snapshots/latest/combined")[1]["lastMessages"]["Owner"]
    assert now == json.loads((running.folder / "owner.json").read_text())


def test_an_update_pays_its_fee_when_it_is_accepted(running: Stack) -> None:
    address = wallet(running, "payer")
    running.ottochain("tx", "send", "payer", "10")
    definition = str(EXAMPLES / "approval-workflow" / "definition.json")
    words = ("fiber", "create", definition, "--initial-data", "{}", "--wallet", "payer", "--fee")
    assert shown(running, *words, "2.5")["status"] == "Accepted"
    assert running.json("ml0", f"/currency/{address}/balance")["balance"] == 750_000_000
    assert running.json("ml0", f"/currency/{running.token}/balance")["balance"] >= 250_000_000
    refused = running.ottochain(*words, "10000", code=5)
    assert "SourceWalletNotEnoughBalance" in refused.stderr
    assert "Next: ottochain wallet balance" in refused.stderr
