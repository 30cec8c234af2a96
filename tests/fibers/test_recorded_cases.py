"""Every recorded case plays out as it did in the reference: validation, state, hashes, receipts, gas and texts."""

from typing import Any

import pytest
from tests.fibers.cases import cases, lines, settings, whole

from ottochain.codec.exact_json import dumps
from ottochain.fibers.simulate import ContextOverrides, play

CASES = cases("cases.jsonl") | cases("flows.jsonl")
ENGINE_CASES = cases("engine.jsonl")


def in_one_order(value: Any) -> Any:
    """Objects sorted by key: maps of five and more have no order of their own to compare."""
    if isinstance(value, dict):
        return {key: in_one_order(value[key]) for key in sorted(value)}
    return [in_one_order(item) for item in value] if isinstance(value, list) else value


def text(value: Any) -> str:
    return dumps(in_one_order(value)).decode()


@pytest.mark.parametrize("case_id", CASES)
def test_case_plays_as_recorded(case_id: str) -> None:
    case = whole(CASES[case_id])
    played = play(case, settings(), ContextOverrides())
    assert len(played["steps"]) == len(case["steps"])
    for number, (step, recorded) in enumerate(zip(played["steps"], case["steps"], strict=True)):
        assert step.get("updateHash") == recorded.get("updateHash"), f"step {number}"
        assert text(step["expect"]) == text(recorded["expect"]), f"step {number}"


@pytest.mark.parametrize("case_id", ENGINE_CASES)
def test_engine_case_plays_as_recorded(case_id: str) -> None:
    case = whole(ENGINE_CASES[case_id])
    assert text(play(case, settings(), ContextOverrides())["expect"]) == text(case["expect"])


@pytest.mark.parametrize("case", lines("orders.jsonl"))
def test_batch_is_ordered_as_recorded(case: dict[str, Any]) -> None:
    assert play(case, settings(), ContextOverrides())["order"] == case["order"]


def test_message_is_re_encoded_as_recorded() -> None:
    from ottochain.fibers import decode_message, encode_message

    recoded = [
        (step["message"], step["messageEncoded"])
        for case in CASES.values()
        for step in whole(case)["steps"]
        if "messageEncoded" in step
    ]
    assert recoded
    for message, encoded in recoded:
        assert dumps(encode_message(decode_message(message))) == dumps(encoded)
