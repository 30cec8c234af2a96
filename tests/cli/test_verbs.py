"""The client verbs against a network of two answers: what they send, show, and end with."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from tests.cli.json_layers import JsonHandler, JsonLayers

from ottochain.cli import main as cli
from ottochain.codec.exact_json import loads
from ottochain.crypto.addresses import STARDUST_ADDRESS
from ottochain.crypto.proofs import verify_all
from ottochain.fibers.updates import SignedUpdate
from ottochain.ledger.fee_transactions import SignedFee, fee_violations

ID = "306c787d-024c-44a6-86fd-5583142ea8ae"
KEY = "11" * 32
TRANSITION = {"from": "draft", "to": "done", "eventName": "finish", "guard": True, "effect": {}}
DEFINITION = {"states": {"draft": {"id": "draft"}}, "initialState": "draft", "transitions": [TRANSITION]}
RECORD: dict[str, Any] = {
    "fiberId": ID, "creationOrdinal": 3, "latestUpdateOrdinal": 5, "definition": DEFINITION, "currentState": "draft",
    "stateData": {"amount": 10**30}, "sequenceNumber": 4, "owners": ["DAG1"], "status": "ACTIVE", "lastReceipt": None,
}  # fmt: skip
RECEIPT = {
    "eventName": "finish", "ordinal": 5, "success": True, "fromState": "draft", "toState": "done", "gasUsed": 7,
    "errorMessage": None,
}  # fmt: skip
SCRIPT: dict[str, Any] = {
    "fiberId": ID, "status": "ACTIVE", "sequenceNumber": 2, "stateData": None, "accessControl": {"Public": {}},
    "owners": ["DAG1"],
    "lastInvocation": {"method": "add", "args": {"a": 1}, "invokedBy": "DAG1", "result": 15, "gasUsed": 19},
}  # fmt: skip
ACCEPTED = {"status": "Accepted", "ordinal": 5, "reason": None}


class Network(JsonLayers):
    """DL1 and ML0 in one: it keeps what was submitted and answers as it was told to."""

    def __init__(self) -> None:
        self.submitted: list[SignedUpdate] = []
        self.refusal: tuple[int, Any] | None = None
        self.fate: Any = ACCEPTED
        self.records = {"state-machines": RECORD, "oracles": SCRIPT}
        outer = self

        class Handler(JsonHandler):
            def do_GET(self) -> None:
                parts = self.path.strip("/").split("/")
                known = outer.records.get(parts[2], {}) if len(parts) == 4 else {}
                found = outer.fate if parts[0] == "data" else known if known.get("fiberId") == parts[-1] else None
                self.answer(200, found)

            def do_POST(self) -> None:
                update = SignedUpdate.from_json(loads(self.body()))
                if outer.refusal:
                    return self.answer(*outer.refusal)
                outer.submitted.append(update)
                return self.answer(200, {"hash": update.hash, "feeHash": None})

        super().__init__(Handler)


@pytest.fixture
def network() -> Iterator[Network]:
    with closing(Network()) as made:
        yield made


Run = Callable[..., tuple[int, str, str]]


@pytest.fixture
def run(network: Network, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Run:
    """Runs a verb against the network, signed with a key file; gives exit code, result and talk."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "my.key").write_text(KEY)
    (tmp_path / "definition.json").write_text(json.dumps(DEFINITION))

    def call(*words: str, signs: bool = True) -> tuple[int, str, str]:
        options = ["--ml0", network.url]
        if signs:
            options += ["--dl1", network.url, "--wallet", "./my.key"]
        monkeypatch.setattr("sys.argv", ["ottochain", *words, *options])
        code = cli.main()
        said = capsys.readouterr()
        return code, said.out, said.err

    return call


def test_create_sends_the_definition_in_the_servers_form_signed(run: Run, network: Network) -> None:
    code, shown, said = run("fiber", "create", "definition.json", "--id", ID, "--initial-data", '{"amount":1.50}')
    assert code == 0, said
    (update,) = network.submitted
    assert verify_all(update.hash, update.proofs)
    sent = json.loads(update.canonical)["CreateStateMachine"]
    assert sent["parentFiberId"] is None
    assert sent["definition"]["states"]["draft"] == {"id": "draft", "isFinal": False, "metadata": None}
    assert sent["definition"]["transitions"][0]["dependencies"] == []
    assert sent["initialData"] == {"amount": 1.5}
    assert "state     draft" in shown
    assert f'data      {{"amount":{10**30}}}' in shown
    assert update.hash in said


def test_an_event_carries_the_machines_sequence_number(run: Run, network: Network) -> None:
    network.records["state-machines"] = {**RECORD, "lastReceipt": RECEIPT}
    code, shown, said = run("fiber", "event", ID, "finish", "--payload", '{"by":"me"}', "--json")
    assert code == 0, said
    sent = json.loads(network.submitted[0].canonical)["TransitionStateMachine"]
    assert (sent["targetSequenceNumber"], sent["eventName"], sent["payload"]) == (4, "finish", {"by": "me"})
    result = json.loads(shown)
    assert (result["status"], result["ordinal"], result["hash"]) == ("Accepted", 5, network.submitted[0].hash)
    assert result["record"]["stateData"] == {"amount": 10**30}


def test_archive_and_invoke_carry_it_too(run: Run, network: Network) -> None:
    assert run("fiber", "archive", ID)[0] == 0
    code, shown, said = run("script", "invoke", ID, "add", "--args", '{"a":1}')
    assert code == 0, said
    assert "result    15" in shown
    archived, invoked = (next(iter(json.loads(update.canonical).values())) for update in network.submitted)
    assert (archived["targetSequenceNumber"], invoked["targetSequenceNumber"]) == (4, 2)


def test_a_script_is_public_unless_something_else_is_said(run: Run, network: Network, tmp_path: Path) -> None:
    (tmp_path / "program.json").write_text('{"+":[1,2]}')
    (tmp_path / "whole.json").write_text('{"scriptProgram":{"+":[1,2]},"initialState":{"n":1}}')
    assert run("script", "create", "program.json", "--id", ID)[0] == 0
    assert run("script", "create", "whole.json", "--id", ID, "--access", '{"Whitelist":{"addresses":[]}}')[0] == 0
    first, second = (json.loads(update.canonical)["CreateScript"] for update in network.submitted)
    assert (first["accessControl"], first["initialState"]) == ({"Public": {}}, None)
    assert (second["accessControl"], second["initialState"]) == ({"Whitelist": {"addresses": []}}, {"n": 1})


def test_reading_needs_no_wallet(run: Run) -> None:
    assert run("fiber", "get", ID, signs=False)[0] == 0
    assert json.loads(run("fiber", "get", ID, "--json", signs=False)[1]) == RECORD
    assert json.loads(run("script", "get", ID, "--json", signs=False)[1]) == SCRIPT


def test_what_is_refused_at_the_door_ends_with_5_and_the_reason(run: Run, network: Network) -> None:
    reason = "Invalid data update, reason: Chain(NotSignedByOwner)"
    network.refusal = 400, {"code": 3, "message": "Invalid request body", "details": {"reason": reason}}
    code, shown, said = run("fiber", "archive", ID)
    assert (code, shown) == (5, "")
    assert "NotSignedByOwner" in said
    assert "Next: sign with the wallet of an owner" in said


def test_what_is_rejected_later_ends_with_5_and_the_reason(run: Run, network: Network) -> None:
    network.fate = {"status": "Rejected", "ordinal": 9, "reason": "FiberNotActive: it is archived"}
    code, shown, said = run("fiber", "archive", ID)
    assert (code, shown) == (5, "")
    assert "rejected at ordinal 9: FiberNotActive: it is archived" in said


def test_an_event_that_the_machine_failed_at_ends_with_5_and_the_receipt(run: Run, network: Network) -> None:
    failed = {**RECEIPT, "success": False, "toState": "draft", "errorMessage": "No guard matched"}
    network.records["state-machines"] = {**RECORD, "lastReceipt": failed}
    code, _, said = run("fiber", "event", ID, "finish")
    assert code == 5
    assert "event 'finish' failed in state 'draft': No guard matched" in said


def test_what_nobody_decides_ends_with_3(run: Run, network: Network) -> None:
    network.fate = {"status": "Waiting", "ordinal": None, "reason": None}
    code, shown, said = run("fiber", "archive", ID, "--seconds", "0.05")
    assert (code, shown) == (3, "")
    assert "is acknowledged" in said


def test_not_waiting_gives_the_hash(run: Run, network: Network) -> None:
    code, shown, said = run("fiber", "archive", ID, "--no-wait", "--json")
    assert code == 0, said
    assert json.loads(shown)["hash"] == network.submitted[0].hash
    assert run("fiber", "archive", ID, "--no-wait")[1] == f"{ID}\n"


def test_a_network_that_is_down_ends_with_3_and_names_who_did_not_answer(run: Run, network: Network) -> None:
    network.server.shutdown()
    network.server.server_close()
    code, _, said = run("fiber", "get", ID, signs=False)
    assert code == 3
    assert f"127.0.0.1:{network.server.server_port} connection refused" in said


def test_a_fee_is_signed_for_this_update_and_sent_beside_it(run: Run) -> None:
    words = ("fiber", "archive", ID, "--fee", "0.5", "--print")
    code, shown, said = run(*words, "--fee-to", STARDUST_ADDRESS)
    assert code == 0, said
    update, fee = SignedUpdate.from_json(loads(shown)["data"]), SignedFee.from_json(loads(shown)["fee"])
    assert (fee.update_hash, fee.amount, fee.destination) == (update.hash, 50_000_000, STARDUST_ADDRESS)
    assert fee_violations(fee) == []
    code, _, said = run("fiber", "archive", ID, "--fee-to", STARDUST_ADDRESS)
    assert (code, "nothing says how much" in said) == (2, True)
    assert run(*words, "--fee-to", "DAG")[0] == 2
    assert run("fiber", "archive", ID, "--fee", "lots")[0] == 2


UNKNOWN = "00000000-0000-0000-0000-000000000000"


@pytest.mark.parametrize(
    ("words", "code", "said"),
    [
        (["fiber", "get", UNKNOWN], 5, "there is no state machine"),
        (["script", "get", UNKNOWN], 5, "there is no script"),
        (["fiber", "event", UNKNOWN, "finish"], 5, "there is no state machine"),
        (["fiber", "event", ID, "finish", "--payload", "{nonsense"], 2, "is not JSON"),
        (["fiber", "event", ID, "finish", "--payload", "@missing.json"], 2, "missing.json could not be read"),
        (["fiber", "create", "definition.json", "--id", "no-uuid"], 2, "this is no message"),
        (["fiber", "create", "missing.json"], 2, "does not exist"),
        (["fiber", "event", ID, "finish", "--ml0", "ftp://x"], 2, "'ftp://x' is no address of a node"),
    ],
)
def test_what_cannot_be_meant_is_refused_in_words(run: Run, words: list[str], code: int, said: str) -> None:
    found = run(*words, signs=words[1] != "get")
    assert (found[0], found[1]) == (code, "")
    assert said in found[2]
    assert KEY not in found[2]
