"""The README's walk with the command alone: the approval workflow, then the calculator."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, Final

import pytest
from tests.network.stack import Stack
from tests.network.updates import settled

pytestmark = pytest.mark.network

EXAMPLES: Final = Path(__file__).parents[2] / "examples"


def shown(stack: Stack, *words: str) -> Any:
    return json.loads(stack.ottochain(*words, "--json").stdout)


def approval(stack: Stack, *words: str) -> Any:
    folder = EXAMPLES / "approval-workflow"
    data = f"@{folder / 'initial-data.json'}"
    return shown(stack, "fiber", "create", str(folder / "definition.json"), "--initial-data", data, *words)


def test_the_approval_workflow(running: Stack) -> None:
    created = approval(running)
    fiber = created["fiberId"]
    assert set(created) == {"fiberId", "hash", "status", "ordinal", "record"}
    assert created["record"]["currentState"] == "draft"
    for event, payload, state, gas in (
        ("submit", {"timestamp": "2026-01-01T00:00:00.000Z"}, "submitted", 36),
        ("approve", {"approver": "manager@example.com"}, "approved", 37),
    ):
        done = shown(running, "fiber", "event", fiber, event, "--payload", json.dumps(payload))
        assert done["status"] == "Accepted"
        assert done["record"]["currentState"] == state
        receipt = done["record"]["lastReceipt"]
        assert (receipt["success"], receipt["gasUsed"], receipt["ordinal"]) == (True, gas, done["ordinal"])
    assert shown(running, "fiber", "get", fiber) == running.application(f"/state-machines/{fiber}")
    text = running.ottochain("fiber", "get", fiber).stdout
    assert "state     approved" in text
    assert "approve succeeded" in text


def test_the_calculator(running: Stack) -> None:
    created = shown(running, "script", "create", str(EXAMPLES / "calculator-script" / "definition.json"))
    script = created["fiberId"]
    for method, arguments, result, gas in (
        ("add", {"a": 10, "b": 5}, 15, 19),
        ("subtract", {"a": 20, "b": 8}, 12, 19),
        ("multiply", {"a": 7, "b": 6}, 42, 22),
        ("divide", {"a": 100, "b": 4}, 25, 23),
    ):
        done = shown(running, "script", "invoke", script, method, "--args", json.dumps(arguments))
        last = done["record"]["lastInvocation"]
        assert (last["method"], last["result"], last["gasUsed"]) == (method, result, gas)
    assert shown(running, "script", "get", script)["sequenceNumber"] == 4
    assert "result    25" in running.ottochain("script", "get", script).stdout


def test_archive(running: Stack) -> None:
    fiber = approval(running)["fiberId"]
    assert shown(running, "fiber", "archive", fiber)["record"]["status"] == "ARCHIVED"
    refused = running.ottochain("fiber", "event", fiber, "submit", "--payload", '{"timestamp":"now"}', code=5)
    assert "is not active" in refused.stderr
    assert "Traceback" not in refused.stderr


def test_only_an_owner_s_wallet_moves_a_machine(running: Stack) -> None:
    running.ottochain("wallet", "new", "stranger")
    fiber = approval(running)["fiberId"]
    words = ("fiber", "event", fiber, "submit", "--payload", '{"timestamp":"now"}')
    refused = running.ottochain(*words, "--wallet", "stranger", code=5)
    assert "NotSignedByOwner: Update not signed by any fiber owner" in refused.stderr
    assert "Next: sign with the wallet of an owner" in refused.stderr
    both = shown(running, *words, "--wallet", "stranger", "--wallet", "default")
    assert both["record"]["currentState"] == "submitted"


def test_what_is_not_there_is_refused(running: Stack) -> None:
    nowhere = "00000000-0000-4000-8000-000000000000"
    for words in (("fiber", "get", nowhere), ("fiber", "event", nowhere, "go"), ("script", "get", nowhere)):
        assert f"there is no {'script' if words[0] == 'script' else 'state machine'} {nowhere}" in (
            running.ottochain(*words, code=5).stderr
        )


def test_acknowledged_is_enough_when_one_does_not_want_to_wait(running: Stack) -> None:
    done = approval(running, "--no-wait")
    assert done["status"] == "Waiting"
    assert settled(running, done["hash"])["status"] == "Accepted"
    assert running.application(f"/state-machines/{done['fiberId']}")["currentState"] == "draft"
