"""``ottochain fiber simulate``: the account for people, the results for programs, the errors for both."""

from pathlib import Path

import pytest
from click.testing import CliRunner

from ottochain.cli.fiber_simulate import simulate
from ottochain.codec.exact_json import dumps, loads
from ottochain.ops.errors import UsageError

EXAMPLE = Path(__file__).parents[2] / "examples" / "approval-workflow" / "simulate.json"


def run(*arguments: str, text: str | None = None) -> tuple[int, str]:
    result = CliRunner().invoke(simulate, arguments, input=text)
    if isinstance(result.exception, UsageError):
        raise result.exception
    return result.exit_code, result.output


def test_the_account_tells_validation_guard_receipt_gas_and_state() -> None:
    code, output = run(str(EXAMPLE))
    assert code == 0
    for words in (
        "2. TransitionStateMachine 'submit' on 6e0c1a52-3f5d-4a6e-9a42-0d6c2f7f5b11 at 0 signed by DAG1Z2Ew",
        "validation  valid",
        "guard       transition 0 to submitted: true",
        "receipt     submit: draft → submitted, gas 36",
        '"submittedAt":"2026-01-01T00:00:00.000Z"',
        "NotSignedByOwner: Update not signed by any fiber owner",
        "not applied; alone, without validation, it would do this:",
    ):
        assert words in output


def test_json_has_the_shape_of_case_files() -> None:
    code, output = run(str(EXAMPLE), "--json")
    result = loads(output)
    assert code == 0
    assert result["id"] == "approval-workflow"
    assert [step["expect"]["applied"] for step in result["steps"]] == [True, True, True, False]
    receipt = result["steps"][2]["expect"]["combine"]["stateMachines"]["6e0c1a52-3f5d-4a6e-9a42-0d6c2f7f5b11"][
        "lastReceipt"
    ]
    assert (receipt["ordinal"], receipt["gasUsed"]) == (12, 37)


def test_the_snapshot_can_be_set() -> None:
    _, output = run(str(EXAMPLE), "--json", "--ordinal", "77", "--last-snapshot-hash", "ab", "--epoch-progress", "5")
    created = loads(output)["steps"][0]["expect"]["combine"]["stateMachines"]
    assert [record["creationOrdinal"] for record in created.values()] == [77]


def test_a_collection_is_played_whole_or_by_id() -> None:
    case = loads(EXAMPLE.read_bytes())
    engine = {"id": "engine", "given": {"stateMachines": {}, "scripts": {}}, "fiberId": "none", "signers": []}
    engine["input"] = {"transition": {"eventName": "go", "payload": {}}}
    collection = {
        "cases": [case, {**case, "id": "other"}],
        "engineCases": [engine],
        "orderingCases": [{"messages": [case["steps"][1]["message"], case["steps"][0]["message"]]}],
    }
    text = dumps(collection).decode()
    code, output = run("-", "--json", text=text)
    result = loads(output)
    assert code == 0
    assert [one["id"] for one in result["cases"]] == ["approval-workflow", "other"]
    assert result["engineCases"][0]["expect"]["aborted"]["reason"] == "FiberNotFound"
    assert result["orderingCases"] == [{"order": [1, 0]}]
    assert loads(run("-", "--json", "--case", "other", text=text)[1])["id"] == "other"
    assert loads(run("-", "--json", "--case", "engine", text=text)[1])["id"] == "engine"
    account = run("-", text=text)[1]
    assert "Fiber none not found (gas 0, 0 triggers)" in account
    assert '{"order":[1,0]}' in account


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("{", "not JSON"),
        ("[]", "a file holds a case or a collection of cases, as an object"),
        ("{}", "a case has steps, an engine input or messages to be ordered"),
        ('{"cases": []}', "the collection is empty"),
        ('{"steps": [{"message": {}, "signers": [7]}]}', "a signer is a name or an object, found 7"),
        ('{"steps": 7}', "a part is missing or of the wrong kind"),
        ('{"steps": [7]}', "a part is missing or of the wrong kind"),
        ('{"given": {"onChain": 7}, "steps": []}', "not an on-chain state"),
    ],
)
def test_what_cannot_be_played_is_told(text: str, words: str) -> None:
    for arguments in (["-"], ["-", "--json"]):
        with pytest.raises(UsageError, match=words) as refused:
            run(*arguments, text=text)
        assert refused.value.next_step


def test_messages_that_are_none_are_told_in_their_step() -> None:
    code, output = run("-", text='{"steps": [{"message": {"Nope": {}}, "signers": []}]}')
    assert code == 0
    assert "decoding    Cannot decode as OttochainMessage" in output


def test_one_broken_case_does_not_hide_the_others() -> None:
    case = loads(EXAMPLE.read_bytes())
    text = dumps({"cases": [{"id": "broken", "steps": 7}, case]}).decode()
    for arguments in (["-", "--json"], ["-"]):
        result = CliRunner().invoke(simulate, arguments, input=text)
        assert isinstance(result.exception, UsageError)
        assert "case broken: a part is missing" in result.exception.what
        assert "approval-workflow" in result.output
    told = loads(CliRunner().invoke(simulate, ["-", "--json"], input=text).output)["cases"]
    assert told[0] == {"id": "broken", "error": str(told[0]["error"])}
    assert len(told[1]["steps"]) == 4


def test_results_can_be_played_again() -> None:
    first = run(str(EXAMPLE), "--json", "--ordinal", "42")[1]
    assert run("-", "--json", text=first)[1] == first
