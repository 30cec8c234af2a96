"""Every rejection with its code, text, rendering and place."""

from typing import Any

import pytest
from tests.fibers.worlds import (
    AT,
    MACHINE,
    OTHER,
    SCRIPT,
    YES,
    after,
    archive,
    call,
    codes,
    definition,
    event,
    machine,
    script,
    transition,
    update,
)

from ottochain.fibers import OnChain, decode_message, genesis, refused_reason, validate_l0, validate_l1, validate_update
from ottochain.fibers.payload_rules import estimated_bytes, structure_rejections

EMPTY = OnChain({}, {})


def rejections(message: dict[str, Any]) -> list[Any]:
    return validate_l1(EMPTY, decode_message(message))


def test_the_answer_of_data_l1_renders_case_classes() -> None:
    found = validate_l1(EMPTY, decode_message(event("go", None) | {}))
    assert refused_reason(found) == f"Invalid data update, reason: Chain(CidNotFound({MACHINE}))"


@pytest.mark.parametrize(
    ("message", "rendered"),
    [
        (machine() | {}, []),
        (
            {"CreateStateMachine": {"fiberId": MACHINE, "definition": definition(states=()), "initialData": {}}},
            ["NoStatesInDefinition", "InitialStateNotFound(StateId(a))"],
        ),
        (
            machine(transition("go", {}, source="x", target="y")),
            ["TransitionFromInvalidState(StateId(x))", "TransitionToInvalidState(StateId(y))"],
        ),
        (machine(transition("go", {}), transition("go", {})), ["DuplicateTransitions"]),
        (machine(transition("go", {}, guard=True), transition("go", {})), ["AmbiguousTransitions"]),
        (machine(transition("go", {}, guard=1), transition("go", {}, guard=2)), []),
        (machine(transition("go", {}, guard=1), transition("go", {}, guard=True)), ["AmbiguousTransitions"]),
        (machine(*(transition(f"e{n}", {}) for n in range(21))), ["TooManyTransitionsPerState(21,20)"]),
        (machine(data=[1]), ["NotMapValue(initialData)"]),
        (machine(parentFiberId=OTHER), [f"ParentFiberNotFound({OTHER})"]),
        (
            machine(transition("go", {"count": 1, "x": 2})),
            ["ReservedOperatorAsFieldName(transition[0].effect,count)"],
        ),
        (script(1, state=[]), ["NotMapValueOrNull(initialState)"]),
        (script(1, state={"x": "y" * 600_000}), ["ValueTooLarge(initialState,1200014,1048576)"]),
    ],
)
def test_creations(message: dict[str, Any], rendered: list[str]) -> None:
    assert [rejection.rendered for rejection in rejections(message)] == rendered


def test_counts_over_their_limits() -> None:
    many_states = definition(states=["a", *(f"s{number}" for number in range(100))])
    many = definition(
        *(transition("go", {}, source=f"s{number}", target="a") for number in range(501)),
        states=["a", *(f"s{number}" for number in range(501))],
    )
    found = [rejection.message for plan in (many_states, many) for rejection in rejections(machine(definition=plan))]
    assert found == [
        "Too many states: 101 (max: 100)",
        "Too many states: 502 (max: 100)",
        "Too many transitions: 501 (max: 500)",
    ]


def test_depths_are_counted_for_all_guards_and_then_for_all_effects() -> None:
    deep: Any = 1
    for _ in range(101):
        deep = {"!": [deep]}
    found = rejections(machine(transition("x", deep, guard=deep), transition("y", {"k": deep})))
    assert [rejection.rendered for rejection in found] == [
        "ExpressionTooDeep(transition[0].guard,101,100)",
        "ExpressionTooDeep(transition[0].effect,101,100)",
        "ExpressionTooDeep(transition[1].effect,101,100)",
    ]
    assert codes(rejections(script(deep))) == ["ExpressionTooDeep"]
    assert rejections(machine(transition("x", {}, guard=deep["!"][0]))) == []


def test_only_the_first_reserved_name_is_reported() -> None:
    found = rejections(
        machine(
            transition("x", {"if": [YES, {"a": {"map": 1, "b": 2}, "min": 3}, {}]}),
            transition("y", {"max": 1, "c": 2}),
        )
    )
    assert [rejection.rendered for rejection in found] == ["ReservedOperatorAsFieldName(transition[0].effect,min)"]
    guard_first = rejections(machine(transition("x", {"max": 1, "c": 2}, guard={"min": 1, "c": 2})))
    assert [rejection.rendered for rejection in guard_first] == ["ReservedOperatorAsFieldName(transition[0].guard,min)"]


def test_reserved_names_among_many_come_in_hash_order() -> None:
    found = rejections(machine(transition("x", dict.fromkeys(["reduce", "a", "b", "c", "merge", "count"], 1))))
    assert codes(found) == ["ReservedOperatorAsFieldName"]
    assert (
        found[0].rendered
        == rejections(machine(transition("x", dict.fromkeys(["count", "c", "merge", "b", "a", "reduce"], 1))))[
            0
        ].rendered
    )


def test_an_event_collects_all_that_is_wrong() -> None:
    payload = {"a": "x" * 10_001, "b": ["ok", "tab\there", {"c": "\x7f"}], "c": list(range(1001))}
    found = validate_l1(EMPTY, decode_message(event("go", payload)))
    assert [rejection.message for rejection in found] == [
        f"Resource with ID {MACHINE} not found",
        "String at payload.a (length 10001) exceeds maximum (10000)",
        "String at payload.b[1] contains control characters",
        "String at payload.b[2].c contains control characters",
        "Array at payload.c (size 1001) exceeds maximum (1000)",
    ]


def test_faults_in_a_large_map_come_in_hash_order() -> None:
    names = ["alpha", "beta", "gamma", "delta", "epsilon", "zeta", "eta", "theta"]
    found = structure_rejections(dict.fromkeys(names, "\n"), "args")
    assert [rejection.rendered for rejection in found] == [
        f"StringContainsControlChars(args.{name})"
        for name in ("alpha", "zeta", "epsilon", "theta", "gamma", "eta", "delta", "beta")
    ]


def test_lengths_are_counted_in_utf16() -> None:
    assert structure_rejections("\U0001f600" * 5000, "p") == []
    assert structure_rejections("\U0001f600" * 5001, "p")[0].message == (
        "String at p (length 10002) exceeds maximum (10000)"
    )
    assert structure_rejections("é" * 10_000, "p") == []


@pytest.mark.parametrize(
    ("value", "size"),
    [(None, 4), (True, 5), (-17, 11), ("aé\U0001f600", 12), ([], 8), ({"ab": [1, None]}, 8 + 4 + 8 + 9 + 4)],
)
def test_estimated_size(value: Any, size: int) -> None:
    assert estimated_bytes(value) == size


def test_estimated_size_of_deep_and_long_values() -> None:
    deep: Any = 1
    for _ in range(150):
        deep = [deep]
    assert estimated_bytes(deep) == 101 * 8 + 100
    assert estimated_bytes(10**5000) == 8 + 5001


def test_arguments_are_checked_for_structure_before_size_and_payloads_after() -> None:
    large = ["x" * 9_999] * 6 + ["\n"]
    assert codes(validate_l1(EMPTY, decode_message(call("m", large)))) == [
        "CidNotFound",
        "StringContainsControlChars",
        "ValueTooLarge",
    ]
    assert codes(validate_l1(EMPTY, decode_message(event("m", large)))) == [
        "CidNotFound",
        "ValueTooLarge",
        "StringContainsControlChars",
    ]


def test_sequence_numbers_may_run_ahead_but_not_fall_behind() -> None:
    state = after(machine(transition("go", {})), event("go"))
    behind, here, ahead = (validate_l1(state.on_chain, decode_message(event("go", at=at))) for at in (0, 1, 9))
    assert [rejection.rendered for rejection in behind] == [
        f"SequenceNumberMismatch({MACHINE},FiberOrdinal(0),FiberOrdinal(1))"
    ]
    assert (here, ahead) == ([], [])


def test_an_unknown_fiber_is_told_once_for_each_rule() -> None:
    state = genesis()
    assert codes(validate_update(state, update(event("go")))) == ["CidNotFound", *["FiberNotFound"] * 3]
    assert codes(validate_update(state, update(archive()))) == ["CidNotFound", *["FiberNotFound"] * 2]
    assert codes(validate_update(state, update(call("m")))) == ["CidNotFound", "OracleNotFound"]


def test_owners_status_and_events() -> None:
    state = after(machine(transition("go", {})))
    stranger = update(event("nope"), "bob")
    assert codes(validate_update(state, stranger)) == ["NotSignedByOwner", "NoTransitionForEvent"]
    assert validate_update(state, update(event("go"), "bob", "alice")) == []
    archived = after(archive(), state=state)
    assert codes(validate_update(archived, update(event("go")))) == ["FiberNotActive"]
    assert codes(validate_update(archived, update(archive(), "bob"))) == ["FiberNotActive", "NotSignedByOwner"]


def test_parents_must_exist_and_be_active() -> None:
    state = after(machine(transition("go", {})), script(1))
    child = machine(fiber_id=OTHER, parentFiberId=MACHINE)
    assert validate_update(state, update(child)) == []
    assert validate_update(state, update(machine(fiber_id=OTHER, parentFiberId=SCRIPT))) == []
    assert codes(validate_update(after(archive(), state=state), update(child))) == ["ParentFiberNotActive"]
    assert codes(validate_update(genesis(), update(child))) == ["ParentFiberNotFound"] * 2


def test_creating_without_proofs() -> None:
    message = decode_message(machine())
    assert codes(validate_l0(genesis(), message, [])) == ["NoProofsProvided"]


def test_scripts_admit_any_signer_of_several() -> None:
    from tests.fibers.worlds import ALICE, BOB

    whitelist = {"Whitelist": {"addresses": [ALICE.address]}}
    state = after(script(1, access=whitelist))
    denied = validate_update(state, update(call("m"), "bob"))
    assert [rejection.message for rejection in denied] == [
        f"Access denied to oracle {SCRIPT} (policy: Whitelist(Set({ALICE.address})))"
    ]
    assert validate_update(state, update(call("m"), "bob", "alice")) == []
    owned = after(machine(), script(1, access={"FiberOwned": {"fiberId": MACHINE}}))
    assert validate_update(owned, update(call("m"))) == []
    assert [rejection.rendered for rejection in validate_update(owned, update(call("m"), "bob"))] == [
        f"OracleAccessDenied({SCRIPT},FiberOwned({MACHINE}))"
    ]
    assert BOB.address not in denied[0].message


def test_a_large_whitelist_is_rendered_as_a_hash_set() -> None:
    from ottochain.fibers.participants import test_key as key_of

    addresses = [key_of(name).address for name in ("alice", "bob", "charlie", "dave", "eve", "grace")]
    policies = [{"Whitelist": {"addresses": given}} for given in (addresses, addresses[::-1])]
    states = [after(script(1, access=policy)) for policy in policies]
    texts = [validate_update(state, update(call("m"), "heidi"))[0].message for state in states]
    assert texts[0] == texts[1]
    assert "Whitelist(HashSet(DAG" in texts[0]


def test_the_rules_of_l0_use_the_state_before_the_block() -> None:
    assert AT.ordinal == 42
    state = after(machine(transition("go", {}), fiber_id=OTHER))
    assert codes(validate_update(state, update(event("go")))) == ["CidNotFound", *["FiberNotFound"] * 3]
