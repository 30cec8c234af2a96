"""Messages are read as the reference reads them, and nothing that can be sent makes decoding crash."""

from typing import Any

import pytest

from ottochain.codec.exact_json import loads
from ottochain.crypto.proofs import Proof
from ottochain.fibers import (
    ArchiveStateMachine,
    CreateStateMachine,
    DecodeError,
    SignedUpdate,
    decode_message,
    encode_message,
    in_combining_order,
    target_sequence_number_of,
    update_type,
)
from ottochain.fibers.limits import NESTING_MAX

FIBER = "000000a1-0000-4000-8000-0000000000a1"
DEFINITION = {
    "states": {"a": {"id": "a"}},
    "initialState": "a",
    "transitions": [{"from": "a", "to": "a", "eventName": "go", "guard": True, "effect": {}}],
}


def event(**changes: Any) -> dict[str, Any]:
    fields = {"fiberId": FIBER, "eventName": "go", "payload": {}, "targetSequenceNumber": 0}
    return {"TransitionStateMachine": fields | changes}


def creation(**changes: Any) -> dict[str, Any]:
    return {"CreateStateMachine": {"fiberId": FIBER, "definition": DEFINITION, "initialData": {}} | changes}


def script(**changes: Any) -> dict[str, Any]:
    fields = {"fiberId": FIBER, "scriptProgram": 1, "accessControl": {"Public": {}}}
    return {"CreateScript": fields | changes}


def nested(depth: int) -> Any:
    value: Any = 1
    for _ in range(depth):
        value = [value]
    return value


def under_a_tall_stack(height: int, action: Any) -> Any:
    return action() if height == 0 else under_a_tall_stack(height - 1, action)


def test_defaults_and_nulls_stand_in_the_re_encoding() -> None:
    encoded = encode_message(decode_message(creation()))["CreateStateMachine"]
    assert list(encoded) == ["fiberId", "definition", "initialData", "parentFiberId"]
    assert encoded["parentFiberId"] is None
    assert encoded["definition"]["metadata"] is None
    assert encoded["definition"]["states"] == {"a": {"id": "a", "isFinal": False, "metadata": None}}
    assert encoded["definition"]["transitions"][0]["dependencies"] == []
    assert encode_message(decode_message(script()))["CreateScript"]["initialState"] is None


def test_unknown_fields_and_sibling_keys_are_ignored() -> None:
    message = decode_message(event(more=1) | {"Other": {}})
    assert encode_message(message) == event()


def test_the_first_key_names_the_message() -> None:
    with pytest.raises(DecodeError) as caught:
        decode_message({"Other": {}} | event())
    assert str(caught.value) == "Cannot decode as OttochainMessage"
    assert caught.value.detail == "'Other' is not the name of a message"


@pytest.mark.parametrize("value", [{}, [], None, 1, "x"])
def test_what_is_no_object_is_called_empty(value: Any) -> None:
    with pytest.raises(DecodeError, match=r"^Cannot decode as OttochainMessage: JSON is empty$"):
        decode_message(value)


@pytest.mark.parametrize(
    "value",
    [
        event(fiberId="x"),
        event(fiberId=FIBER + "0"),
        event(fiberId=7),
        event(eventName=None),
        event(targetSequenceNumber=-1),
        event(targetSequenceNumber=1 << 63),
        event(targetSequenceNumber=True),
        event(targetSequenceNumber="01"),
        event(targetSequenceNumber=loads("1.5")),
        {"TransitionStateMachine": [1]},
        {"ArchiveStateMachine": {"fiberId": FIBER}},
        creation(parentFiberId="x"),
        creation(definition=[]),
        creation(definition={**DEFINITION, "states": []}),
        creation(definition={**DEFINITION, "states": {"a": {}}}),
        creation(definition={**DEFINITION, "states": {"a": {"id": "a", "isFinal": None}}}),
        creation(definition={**DEFINITION, "states": {"a": {"id": "a", "isFinal": 0}}}),
        creation(definition={**DEFINITION, "initialState": {"value": "a"}}),
        creation(definition={**DEFINITION, "transitions": {}}),
        creation(definition={**DEFINITION, "transitions": [{"from": "a", "to": "a", "eventName": "e", "guard": 1}]}),
        creation(definition={**DEFINITION, "transitions": [{**DEFINITION["transitions"][0], "dependencies": None}]}),
        creation(definition={**DEFINITION, "transitions": [{**DEFINITION["transitions"][0], "dependencies": ["x"]}]}),
        script(accessControl={}),
        script(accessControl={"Public": {}, "Whitelist": {"addresses": []}}),
        script(accessControl={"Whitelist": {"addresses": ["DAG"]}}),
        script(accessControl={"Whitelist": {}}),
        script(accessControl={"FiberOwned": {"fiberId": "x"}}),
        {"CreateScript": {"fiberId": FIBER, "accessControl": {"Public": {}}}},
    ],
)
def test_malformed_messages_are_refused_with_a_detail(value: Any) -> None:
    with pytest.raises(DecodeError) as caught:
        decode_message(value)
    assert str(caught.value) == "Cannot decode as OttochainMessage"
    assert caught.value.detail not in ("", str(caught.value))


def test_ids_are_written_in_lower_case() -> None:
    assert decode_message(event(fiberId=FIBER.upper())).fiber_id == FIBER


@pytest.mark.parametrize(("written", "read"), [(3, 3), ("3", 3), ("3.0", 3), ("1e2", 100), (loads("2.0"), 2)])
def test_sequence_numbers_are_read_as_circe_reads_a_long(written: Any, read: int) -> None:
    assert target_sequence_number_of(decode_message(event(targetSequenceNumber=written))) == read


def test_null_is_a_payload() -> None:
    assert decode_message(event(payload=None)).payload is None  # type: ignore[union-attr]


def test_equal_definitions_are_one_object_whatever_their_spelling() -> None:
    spelled_out = encode_message(decode_message(creation()))
    first, second = decode_message(creation()), decode_message(spelled_out)
    assert isinstance(first, CreateStateMachine)
    assert isinstance(second, CreateStateMachine)
    assert first.definition is second.definition


def test_definitions_that_only_canonical_text_confuses_stay_apart() -> None:
    messages = [
        decode_message(creation(definition={**DEFINITION, "metadata": number})) for number in (2**53, 2**53 + 1)
    ]
    assert [encode_message(message)["CreateStateMachine"]["definition"]["metadata"] for message in messages] == [
        2**53,
        2**53 + 1,
    ]


def test_types_and_targets() -> None:
    message = decode_message({"ArchiveStateMachine": {"fiberId": FIBER, "targetSequenceNumber": 4}})
    assert message == ArchiveStateMachine(FIBER, 4)
    assert update_type(message) == "ArchiveStateMachine"
    assert target_sequence_number_of(message) == 4
    assert target_sequence_number_of(decode_message(creation())) is None


@pytest.mark.parametrize("depth", [NESTING_MAX + 1, 5_000, 100_000])
@pytest.mark.parametrize("place", ["payload", "guard", "effect", "initialData", "scriptProgram"])
def test_deep_messages_are_refused_and_never_crash(depth: int, place: str) -> None:
    transition = DEFINITION["transitions"][0]  # type: ignore[index]
    value = {
        "payload": lambda: event(payload=nested(depth)),
        "guard": lambda: creation(definition={**DEFINITION, "transitions": [{**transition, "guard": nested(depth)}]}),
        "effect": lambda: creation(definition={**DEFINITION, "transitions": [{**transition, "effect": nested(depth)}]}),
        "initialData": lambda: creation(initialData=nested(depth)),
        "scriptProgram": lambda: script(scriptProgram=nested(depth)),
    }[place]()
    with pytest.raises(DecodeError) as caught:
        decode_message(value)
    assert caught.value.detail == f"nested deeper than {NESTING_MAX} levels"


@pytest.mark.parametrize("make", [lambda value: event(payload=value), lambda value: creation(initialData=value)])
def test_the_deepest_message_is_decoded_under_a_tall_stack(make: Any) -> None:
    value = make(nested(NESTING_MAX - 2))
    update = under_a_tall_stack(300, lambda: SignedUpdate.of(decode_message(value), []))
    assert len(update.hash) == 64


@pytest.mark.parametrize("payload", [10**400, "\ud800", {"\ud800": 1}])
def test_what_has_no_canonical_text_is_not_a_signed_update(payload: Any) -> None:
    message = decode_message(event(payload=payload))
    with pytest.raises(DecodeError) as caught:
        SignedUpdate.of(message, [])
    assert caught.value.detail != str(caught.value)


def test_key_tells_copies_with_other_proofs_apart() -> None:
    message = decode_message(event())
    one, two = Proof("aa" * 64, "30"), Proof("bb" * 64, "31")
    assert SignedUpdate.of(message, [one, two]).key == SignedUpdate.of(message, [two, one, two]).key
    keys = {SignedUpdate.of(message, proofs).key for proofs in ([], [one], [two], [one, two])}
    assert len(keys) == 4
    assert len({SignedUpdate.of(message, proofs).hash for proofs in ([], [one])}) == 1


def test_signed_update_survives_json() -> None:
    update = SignedUpdate.of(decode_message(event()), [Proof("aa" * 64, "30")])
    again = SignedUpdate.from_json(update.to_json())
    assert (again.hash, again.key, again.canonical) == (update.hash, update.key, update.canonical)
    for broken in ({}, {"value": event()}, {"value": event(), "proofs": []}, {"value": event(), "proofs": [{}]}, 1):
        with pytest.raises(DecodeError):
            SignedUpdate.from_json(broken)


def test_creations_come_first_and_equals_keep_their_order() -> None:
    def update(value: dict[str, Any]) -> SignedUpdate:
        return SignedUpdate.of(decode_message(value), [])

    batch = [
        update(event(targetSequenceNumber=number, eventName=name)) for number, name in ((2, "a"), (0, "b"), (2, "c"))
    ]
    batch.append(update(creation()))
    ordered = in_combining_order(batch)
    assert ordered[0] is batch[3]
    assert [one.message.event_name for one in ordered[1:]] == ["b", "a", "c"]  # type: ignore[union-attr]
