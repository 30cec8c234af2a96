"""``ottochain tx``, ``wallet balance`` and ``message`` against two layers in one: what they send, show, and say."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from tests.cli.json_layers import JsonHandler, JsonLayers

from ottochain.cli import main as cli
from ottochain.crypto.keys import PrivateKey
from ottochain.crypto.transactions import first_reference
from ottochain.ledger.messages import SignedMessage, message_faults
from ottochain.ledger.transactions import SignedTransaction, read_transaction, transaction_faults

DATA = Path(__file__).parents[1] / "crypto" / "data"
ALICE, BOB = (PrivateKey.from_hex(digit * 64) for digit in "12")
TOKEN = BOB.address
LAST = {"ordinal": 7, "hash": "ab" * 32}


class Network(JsonLayers):
    """CL1 and ML0 in one. It takes what comes, unless it was told to refuse, and calls it accepted."""

    def __init__(self) -> None:
        self.taken: list[SignedTransaction] = []
        self.refusals: dict[int, str] = {}
        self.fate: dict[str, Any] | None = {"status": "Accepted", "ordinal": 9, "reason": None}
        outer = self

        class Handler(JsonHandler):
            def do_GET(self) -> None:
                parts = self.path.strip("/").split("/")
                if "last-reference" in parts:
                    last = outer.taken[-1].reference.to_json() if outer.taken else LAST
                    self.answer(200, last)
                elif parts[-1] == "balance":
                    self.answer(200, {"balance": 250_000_000, "ordinal": 9})
                elif parts[:2] == ["ottochain", "data"] and outer.fate:
                    self.answer(200, {"hash": parts[2], **outer.fate})
                else:
                    self.answer(404, None)

            def do_POST(self) -> None:
                signed = read_transaction(json.loads(self.body()))
                if refusal := outer.refusals.get(len(outer.taken)):
                    return self.answer(400, {"errors": [{"message": refusal}]})
                outer.taken.append(signed)
                return self.answer(200, {"hash": signed.hash})

        super().__init__(Handler)


@pytest.fixture
def network() -> Iterator[Network]:
    with closing(Network()) as made:
        yield made


Run = Callable[..., tuple[int, str, str]]


@pytest.fixture
def run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Run:
    """Runs the command in a folder without a deployment, but with Alice's key; gives exit code, result and talk."""
    monkeypatch.chdir(tmp_path)
    for name in ("CL_KEYSTORE", "CL_KEYALIAS", "CL_PASSWORD", "CL_STOREPASS", "OTTOCHAIN_PASSWORD_FILE"):
        monkeypatch.delenv(name, raising=False)
    (tmp_path / "alice.key").write_text(ALICE.hex)
    (tmp_path / "bob.key").write_text(BOB.hex)

    def call(*words: str) -> tuple[int, str, str]:
        monkeypatch.setattr("sys.argv", ["ottochain", *words])
        code = cli.main()
        said = capsys.readouterr()
        return code, said.out, said.err

    return call


@pytest.fixture
def send(run: Run, network: Network) -> Run:
    """``tx send``, signed by Alice."""

    def call(*words: str, key: str = "alice.key") -> tuple[int, str, str]:
        return run("tx", "send", *words, "--cl1", network.url, "--ml0", network.url, "--wallet", f"./{key}")

    return call


def test_a_transfer_follows_the_last_reference_and_is_told_with_its_fate(send: Run, network: Network) -> None:
    code, shown, said = send(BOB.address, "1.5", "--fee", "0.002")
    assert code == 0, said
    (sent,) = network.taken
    assert transaction_faults(sent) == []
    value = sent.value
    assert (value.source, value.destination, value.amount, value.fee) == (
        ALICE.address, BOB.address, 150_000_000, 200_000,
    )  # fmt: skip
    assert value.parent.to_json() == LAST
    assert shown == f"{sent.hash}  1.5 to {BOB.address}, fee 0.002  Accepted at ordinal 9\n"
    assert f"acknowledged by 127.0.0.1:{network.server.server_port}: {sent.hash}" in said


def test_several_become_a_chain(send: Run, network: Network) -> None:
    code, shown, _ = send(BOB.address, "1", BOB.address, "2", BOB.address, "3", "--datum", "--json")
    assert code == 0
    first, second, third = network.taken
    assert [each.value.amount for each in network.taken] == [1, 2, 3]
    assert (second.value.parent, third.value.parent) == (first.reference, second.reference)
    assert [one["status"] for one in json.loads(shown)] == ["Accepted"] * 3


def test_print_sends_nothing_and_what_it_prints_is_sent_as_it_is(send: Run, network: Network, tmp_path: Path) -> None:
    code, shown, said = send(BOB.address, "1", BOB.address, "2", "--print")
    assert (code, network.taken, said) == (0, [], "")
    (tmp_path / "signed.json").write_text(shown)
    assert send("--file", "signed.json")[0] == 0
    assert [each.to_json() for each in network.taken] == json.loads(shown)


def test_after_follows_a_transaction_that_waits(send: Run, network: Network, tmp_path: Path) -> None:
    (tmp_path / "first.json").write_text(send(BOB.address, "1", "--print")[1])
    assert send(BOB.address, "2", "--after", "first.json")[0] == 0
    assert (
        network.taken[0].value.parent == read_transaction(json.loads((tmp_path / "first.json").read_text())).reference
    )
    code, _, said = send(ALICE.address, "2", "--after", "first.json", key="bob.key")
    assert code == 2
    assert "holds a transaction of" in said


def test_a_refusal_ends_with_5_names_what_was_sent_and_sends_no_more(send: Run, network: Network) -> None:
    network.refusals[1] = "InsufficientBalance{amount=2,balance=1}"
    code, shown, said = send(BOB.address, "1", BOB.address, "2", BOB.address, "3")
    assert code == 5
    assert len(network.taken) == 1
    assert [line.split("  ")[-1] for line in shown.splitlines()] == [
        "Waiting",
        "refused: InsufficientBalance{amount=2,balance=1}",
        "not sent",
    ]
    assert "was refused: InsufficientBalance{amount=2,balance=1}" in said
    assert "Next: ottochain wallet balance" in said


def test_a_rejection_ends_with_5_and_the_reason(send: Run, network: Network) -> None:
    network.fate = {"status": "Rejected", "ordinal": 9, "reason": "RejectedTransaction{}"}
    code, shown, said = send(BOB.address, "1")
    assert code == 5
    assert "Rejected at ordinal 9: RejectedTransaction{}" in shown
    assert "was rejected: RejectedTransaction{}" in said


def test_what_nobody_decides_ends_with_3(send: Run, network: Network) -> None:
    network.fate = {"status": "Waiting", "ordinal": None, "reason": None}
    code, shown, said = send(BOB.address, "1", "--seconds", "0.05")
    assert code == 3
    assert "Waiting" in shown
    assert "is acknowledged, and nothing has decided it yet" in said
    assert send(BOB.address, "1", "--no-wait")[0] == 0


def test_what_was_taken_before_may_be_sent_again(send: Run, network: Network) -> None:
    network.refusals[0] = "Conflict{ordinal=8,existingHash=aa,newHash=aa}"
    code, shown, _ = send(BOB.address, "1")
    assert (code, "Accepted at ordinal 9" in shown) == (0, True)
    network.fate = None
    code, _, said = send(BOB.address, "1")
    assert code == 5
    assert "Conflict{" in said
    assert "--after FILE" in said


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ((BOB.address,), "stands alone"),
        (("bob", "1"), "neither an address nor a wallet's name"),
        ((BOB.address, "1.123456789"), "at most 8 decimals"),
        ((BOB.address, "0"), "is no amount"),
        ((BOB.address, "-1"), "No such option"),
        ((BOB.address, "1e3"), "is no amount"),
        ((BOB.address, "1.5", "--datum"), "a whole number"),
        ((BOB.address, "92233720368.54775808"), "at most 92233720368.54775807 tokens"),
        ((ALICE.address, "1"), "would pay itself"),
        ((), "whom to pay"),
        ((BOB.address, "1", "--file", "alice.key"), "whom to pay"),
        (("--file", "alice.key"), "alice.key"),
    ],
)
def test_what_cannot_be_meant_is_refused_before_anybody_is_asked(
    send: Run, network: Network, words: tuple[str, ...], said: str
) -> None:
    code, shown, talk = send(*words)
    assert (code, shown, network.taken) == (2, "", [])
    assert said in talk
    assert ALICE.hex not in talk


def test_a_network_that_is_down_ends_with_3(send: Run, network: Network) -> None:
    network.server.shutdown()
    network.server.server_close()
    code, _, said = send(BOB.address, "1")
    assert code == 3
    assert "connection refused" in said


def test_status_and_last_reference(run: Run, network: Network) -> None:
    nodes = ("--cl1", network.url)
    assert run("tx", "last-reference", BOB.address, *nodes)[1] == f"7 {'ab' * 32}\n"
    assert json.loads(run("tx", "last-reference", BOB.address, "--json", *nodes)[1]) == LAST
    words = ("tx", "status", "cd" * 32, *nodes, "--ml0", network.url)
    assert run(*words) == (0, "Accepted at ordinal 9\n", "")
    assert json.loads(run(*words, "--json")[1])["status"] == "Accepted"
    network.fate = None
    assert json.loads(run(*words, "--json")[1])["status"] == "Unknown"
    code, _, said = run(*words)
    assert code == 5
    assert "no node knows a transaction" in said
    assert run("tx", "status", "cd", *nodes, "--ml0", network.url)[0] == 2


def test_balances_of_both_layers_and_a_dash_for_the_one_that_is_silent(run: Run, network: Network) -> None:
    words = ("wallet", "balance", BOB.address, "--ml0", network.url, "--gl0")
    code, shown, said = run(*words, network.url)
    assert (code, said) == (0, "")
    assert shown.splitlines()[1].split() == ["-", BOB.address, "2.5", "2.5"]
    code, shown, said = run(*words, "http://127.0.0.1:1")
    assert code == 0
    assert shown.splitlines()[1].split()[-2:] == ["2.5", "-"]
    assert "No answer: gl0" in said
    found = json.loads(run(*words, "http://127.0.0.1:1", "--json")[1])
    assert found["balances"] == [{"name": BOB.address, "address": BOB.address, "token": 250_000_000, "dag": None}]
    assert found["ordinals"] == {"ml0": 9, "gl0": None}


# Files, as cl-wallet.jar writes them.


def test_create_writes_a_chain_of_files_without_any_network(run: Run, tmp_path: Path) -> None:
    words = ("tx", "create", "-d", BOB.address, "-a", "3", "--wallet", "./alice.key")
    code, shown, said = run(*words, "-f", "one.json", "--fee", "5")
    assert code == 0, said
    assert run(*words, "--prevTxPath", "one.json", "--nextTxPath", "two.json", "-n")[0] == 0
    text = (tmp_path / "one.json").read_text()
    assert text == json.dumps(json.loads(text), separators=(",", ":"))
    one, two = (read_transaction(json.loads((tmp_path / name).read_text())) for name in ("one.json", "two.json"))
    assert list(json.loads(text)["value"]) == ["source", "destination", "amount", "fee", "parent", "salt"]
    assert (one.value.amount, one.value.fee, one.value.parent.to_json()) == (3 * 10**8, 5, first_reference(None))
    assert (two.value.amount, two.value.parent) == (3, one.reference)
    assert transaction_faults(one) == transaction_faults(two) == []
    assert shown == f"{one.hash}\n"


def test_the_first_of_a_metagraph_names_its_token(run: Run, tmp_path: Path) -> None:
    words = ("tx", "create", "-d", BOB.address, "-a", "3", "-f", "one.json", "--currency", TOKEN)
    assert run(*words, "--wallet", "./alice.key")[0] == 0
    value = json.loads((tmp_path / "one.json").read_text())["value"]
    assert value["parent"] == first_reference(TOKEN)


def test_a_file_that_was_changed_is_not_followed(run: Run, tmp_path: Path) -> None:
    words = ("tx", "create", "-d", BOB.address, "-a", "3", "--wallet", "./alice.key", "-f")
    assert run(*words, "one.json")[0] == 0
    (tmp_path / "one.json").write_text((tmp_path / "one.json").read_text().replace("300000000", "300000001"))
    code, _, said = run(*words, "two.json", "-p", "one.json")
    assert code == 2
    assert "InvalidSigned" in said
    assert not (tmp_path / "two.json").exists()


@pytest.mark.parametrize("option", ["--wallet", "--keystore", None])
def test_any_keystore_signs_as_for_cl_wallet(
    run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, option: str | None
) -> None:
    keystore = str(DATA / "bouncycastle.p12")
    monkeypatch.setenv("CL_PASSWORD", "swordfish")
    monkeypatch.setenv("CL_KEYALIAS", "token-key")
    named = (option, keystore) if option else ()
    if not option:
        monkeypatch.setenv("CL_KEYSTORE", keystore)
    code, _, said = run("tx", "create", "-d", BOB.address, "-a", "3", "-f", "one.json", *named)
    assert code == 0, said
    signed = read_transaction(json.loads((tmp_path / "one.json").read_text()))
    assert signed.source == PrivateKey.from_hex("c0ffee".rjust(64, "0")).address
    assert transaction_faults(signed) == []


def test_who_signs_must_be_named_where_there_is_no_deployment(run: Run) -> None:
    code, _, said = run("tx", "create", "-d", BOB.address, "-a", "3", "-f", "one.json")
    assert code == 2
    assert "no key is named that signs" in said


# Messages.


def test_messages_are_signed_by_each_and_merged(run: Run, tmp_path: Path) -> None:
    words = ("message", "owner", "-a", ALICE.address, "-m", TOKEN, "-o", "0")
    assert run(*words, "-f", "a.json", "--wallet", "./alice.key")[0] == 0
    code, shown, _ = run(*words, "--wallet", "./bob.key")
    assert code == 0
    (tmp_path / "b.json").write_text(shown)
    code, shown, said = run("message", "merge", "a.json", "b.json")
    assert code == 0, said
    merged = SignedMessage.from_json(json.loads(shown))
    assert {proof.id for proof in merged.proofs} == {ALICE.peer_id, BOB.peer_id}
    assert message_faults(merged, {}, TOKEN) == []


def test_other_messages_and_broken_signatures_are_not_merged(run: Run, tmp_path: Path) -> None:
    words = ("-a", ALICE.address, "-m", TOKEN, "--wallet", "./alice.key")
    assert run("message", "owner", *words, "-f", "a.json")[0] == 0
    assert run("message", "staking", *words, "-f", "b.json")[0] == 0
    code, _, said = run("message", "merge", "a.json", "b.json")
    assert (code, "b.json holds another message than a.json" in said) == (2, True)
    (tmp_path / "c.json").write_text((tmp_path / "a.json").read_text().replace("Owner", "Staking"))
    code, _, said = run("message", "merge", "c.json", "a.json")
    assert (code, "does not hold" in said) == (2, True)
