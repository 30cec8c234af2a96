"""Messages over the running network, by plain HTTP: paths, statuses, keys and bodies are the reference's."""

from __future__ import annotations

import json
import uuid
from collections.abc import Callable
from itertools import cycle
from pathlib import Path
from typing import Any, Final

import pytest
from tests.fibers.cases import cases, example
from tests.network.stack import APPLICATION, DL1, Stack, until
from tests.network.updates import (
    TALLY,
    accepted,
    add,
    assert_all_in_gl0,
    blocks,
    create,
    create_script,
    hand_in,
    invoke,
    post,
    seen_by,
    settled,
    signed,
    signed_by_sdk,
)

from ottochain.codec.canonical import canonical_bytes
from ottochain.codec.exact_json import dumps, loads
from ottochain.codec.hashing import sha256_hex
from ottochain.codec.wire import json_hash, signed_bytes
from ottochain.crypto.keys import PrivateKey
from ottochain.crypto.proofs import Proof, verify
from ottochain.fibers.participants import test_key as participant

pytestmark = pytest.mark.network

EXAMPLES: Final = Path(__file__).parents[2] / "examples"
FLOWS: Final = cases("examples.jsonl")
ALICE: Final = participant("alice")

MACHINE_KEYS: Final = [
    "fiberId", "creationOrdinal", "previousUpdateOrdinal", "latestUpdateOrdinal", "definition", "currentState",
    "stateData", "stateDataHash", "sequenceNumber", "owners", "status", "lastReceipt", "parentFiberId",
    "childFiberIds",
]  # fmt: skip
RECEIPT_KEYS: Final = [
    "fiberId", "sequenceNumber", "eventName", "ordinal", "fromState", "toState", "success", "gasUsed",
    "triggersFired", "errorMessage", "sourceFiberId", "emittedEvents",
]  # fmt: skip
SCRIPT_KEYS: Final = [
    "fiberId", "creationOrdinal", "latestUpdateOrdinal", "scriptProgram", "stateData", "stateDataHash",
    "accessControl", "sequenceNumber", "owners", "status", "lastInvocation",
]  # fmt: skip
INVOCATION_KEYS: Final = ["fiberId", "method", "args", "result", "gasUsed", "invokedAt", "invokedBy"]


def message_of(step: dict[str, Any], load: Callable[[str], Any]) -> dict[str, Any]:
    fiber = {"fiberId": step["fiberId"]}
    match step["action"]:
        case "createStateMachine":
            founded = {"definition": load(step["definition"]), "initialData": load(step["initialData"])}
            return {"CreateStateMachine": fiber | founded | {"parentFiberId": None}}
        case "createScript":
            return {"CreateScript": fiber | load(step["definition"])}
        case "transition":
            wanted = ("eventName", "payload", "targetSequenceNumber")
            return {"TransitionStateMachine": fiber | {key: step[key] for key in wanted}}
        case _:
            wanted = ("method", "args", "targetSequenceNumber")
            return {"InvokeScript": fiber | {key: step[key] for key in wanted}}


@pytest.mark.parametrize("flow_id", FLOWS)
def test_flow_of_an_example(running: Stack, flow_id: str) -> None:
    """As in the recording, but for fresh ids, the ordinals, and what depends on them."""
    text = dumps(FLOWS[flow_id]).decode()
    fresh = {step["fiberId"]: str(uuid.uuid4()) for step in FLOWS[flow_id]["steps"]}

    def renamed(text: str) -> Any:
        for old, new in fresh.items():
            text = text.replace(old, new)
        return json.loads(text)

    flow = renamed(text)
    keys = [participant(name).hex for name in flow["signers"]]
    known: dict[str, int] = {}
    for step, name in zip(flow["steps"], cycle(DL1), strict=False):
        for fiber, sequence in known.items():
            seen_by(running, name, fiber, sequence)
        message = message_of(step, lambda path: renamed((EXAMPLES / path).read_text()))
        ordinal = accepted(running, signed_by_sdk(message, *keys), name)
        expect = step["expect"]
        scripts = expect.get("scripts", {})
        for fiber in {step["fiberId"], *scripts} - set(scripts):
            machine = running.application(f"/state-machines/{fiber}")
            assert {key: machine[key] for key in ("currentState", "sequenceNumber", "status", "stateData")} == {
                key: expect[key] for key in ("currentState", "sequenceNumber", "status", "stateData")
            }
            known[fiber] = machine["sequenceNumber"]
            if "receipt" in expect:
                assert machine["lastReceipt"].items() >= {"ordinal": ordinal, **expect["receipt"]}.items()
        for fiber, fields in scripts.items():
            script = running.application(f"/oracles/{fiber}")
            assert script["stateData"] == fields["stateData"]
            assert script["sequenceNumber"] == fields["sequenceNumber"]
            assert (script["lastInvocation"] or {}).items() >= fields.get("invocation", {}).items()
            known[fiber] = script["sequenceNumber"]


def test_a_machine_is_shown_with_all_its_keys(running: Stack) -> None:
    created = create(ALICE)
    born = accepted(running, created)
    record = running.application(f"/state-machines/{created.fiber}")
    assert list(record) == MACHINE_KEYS
    data_hash = sha256_hex(canonical_bytes({"total": 0}))
    assert record == {
        "fiberId": created.fiber,
        "creationOrdinal": born,
        "previousUpdateOrdinal": born,
        "latestUpdateOrdinal": born,
        "definition": TALLY,
        "currentState": "open",
        "stateData": {"total": 0},
        "stateDataHash": data_hash,
        "sequenceNumber": 0,
        "owners": [ALICE.address],
        "status": "ACTIVE",
        "lastReceipt": None,
        "parentFiberId": None,
        "childFiberIds": [],
    }
    moved = accepted(running, add(ALICE, created.fiber, 0, 7))
    record = running.application(f"/state-machines/{created.fiber}")
    receipt = record["lastReceipt"]
    assert list(receipt) == RECEIPT_KEYS
    assert (receipt["ordinal"], receipt["sequenceNumber"], receipt["success"]) == (moved, 1, True)
    assert (record["previousUpdateOrdinal"], record["latestUpdateOrdinal"]) == (born, moved)
    assert running.application(f"/state-machines/{created.fiber}/events") == [receipt]

    accepted(running, add(ALICE, created.fiber, 1, 0))
    failed = running.application(f"/state-machines/{created.fiber}")
    assert (failed["sequenceNumber"], failed["stateData"]) == (1, {"total": 7})
    assert failed["lastReceipt"]["errorMessage"] == "No guard matched from open on add (1 guards tried)"

    elsewhere = accepted(running, create(ALICE))
    assert elsewhere > moved
    assert running.application(f"/state-machines/{created.fiber}/events") == []


def test_a_script_is_shown_with_all_its_keys(running: Stack) -> None:
    created = create_script(ALICE)
    accepted(running, created)
    assert list(running.application(f"/oracles/{created.fiber}")) == SCRIPT_KEYS
    invoked = accepted(running, invoke(ALICE, created.fiber, 0, {"a": 8, "b": 2}))
    record = running.application(f"/oracles/{created.fiber}")
    last = record["lastInvocation"]
    assert list(last) == INVOCATION_KEYS
    assert (last["result"], last["invokedAt"], last["invokedBy"]) == (4, invoked, ALICE.address)
    assert (record["stateData"], record["sequenceNumber"]) == (4, 1)
    assert running.application(f"/oracles/{created.fiber}/invocations") == [last]


@pytest.mark.parametrize(("kind", "log"), [("state-machines", "events"), ("oracles", "invocations")])
def test_collections_and_what_is_not_there(running: Stack, kind: str, log: str) -> None:
    made = create(ALICE) if kind == "state-machines" else create_script(ALICE)
    accepted(running, made)
    everything = running.application(f"/{kind}")
    assert everything[made.fiber] == running.application(f"/{kind}/{made.fiber}")
    assert made.fiber in running.application(f"/{kind}?status=ACTIVE")
    assert made.fiber not in running.application(f"/{kind}?status=ARCHIVED")
    for path in (f"/{kind}?status=Active", f"/{kind}?status=", f"/{kind}/no-uuid", f"/{kind}/no-uuid/{log}"):
        response = running.get("ml0", APPLICATION + path)
        assert (response.status_code, response.text) == (404, "Not found"), path
    absent = running.get("ml0", f"{APPLICATION}/{kind}/{uuid.uuid4()}")
    assert (absent.status_code, absent.content) == (200, b"null")
    assert running.application(f"/{kind}/{uuid.uuid4()}/{log}") == []
    assert running.application(f"/{kind}/{made.fiber.upper()}") == everything[made.fiber]


def test_an_archived_machine_takes_no_more_events(running: Stack) -> None:
    created = create(ALICE)
    accepted(running, created)

    accepted(running, signed({"ArchiveStateMachine": {"fiberId": created.fiber, "targetSequenceNumber": 0}}, ALICE))
    assert running.application(f"/state-machines/{created.fiber}")["status"] == "ARCHIVED"
    assert created.fiber in running.application("/state-machines?status=ARCHIVED")
    found = settled(running, hand_in(running, add(ALICE, created.fiber, 0)))
    assert found["status"] == "Rejected"
    assert f"Fiber {created.fiber} is not active" in found["reason"]


def test_checkpoint_and_on_chain_are_what_the_snapshot_commits_to(running: Stack) -> None:
    accepted(running, create(ALICE))
    ordinal = running.ordinal("ml0")
    checkpoint = loads(running.get("ml0", f"{APPLICATION}/checkpoint").content)
    assert list(checkpoint) == ["ordinal", "state"]
    assert checkpoint["ordinal"] == ordinal
    assert list(checkpoint["state"]) == ["stateMachines", "scripts"]
    snapshot = running.json("ml0", f"/snapshots/{ordinal}")
    data = snapshot["value"]["dataApplication"]
    assert data["calculatedStateProof"] == sha256_hex(canonical_bytes(checkpoint["state"]))
    on_chain = running.application("/onchain")
    assert list(on_chain) == ["fiberCommits", "latestLogs"]
    assert signed_bytes(data["onChainState"]) == canonical_bytes(on_chain)
    for kind in ("stateMachines", "scripts"):
        for fiber, record in checkpoint["state"][kind].items():
            commit = on_chain["fiberCommits"][fiber]
            assert commit["recordHash"] == sha256_hex(canonical_bytes(record))
            assert commit["sequenceNumber"] == record["sequenceNumber"]
    for name in DL1:
        until(f"{name} follows", lambda name=name: running.application("/onchain", name) == on_chain)


def test_every_block_is_signed_by_a_threshold_and_every_snapshot_is_in_gl0(running: Stack) -> None:
    since, since_gl0 = running.ordinal("ml0"), running.ordinal("gl0")
    for name in DL1:
        accepted(running, create(ALICE), name)
    members = {running.json(name, "/node/info")["id"] for name in DL1}
    found = 0
    for _, block in blocks(running, since):
        found += 1
        signers = {proof["id"] for proof in block["proofs"]}
        assert len(signers) >= 2
        assert signers <= members
        block_hash = json_hash(block["value"]["dataTransactionsHashes"])
        assert all(verify(block_hash, Proof(proof["id"], proof["signature"])) for proof in block["proofs"])
    assert found >= 3
    assert_all_in_gl0(running, since_gl0)


def test_snapshots_form_a_chain_of_signed_values(running: Stack) -> None:
    accepted(running, create(ALICE))
    for layer, prefix in (("gl0", "global-snapshots"), ("ml0", "snapshots")):
        head = running.ordinal(layer)
        identity = running.json(layer, "/node/info")["id"]
        parent = None
        for ordinal in range(max(1, head - 20), head + 1):
            whole = loads(running.get(layer, f"/{prefix}/{ordinal}").content)
            own = running.json(layer, f"/{prefix}/{ordinal}/hash")
            assert json_hash(whole["value"]) == own
            assert parent in (None, whole["value"]["lastSnapshotHash"])
            assert running.get(layer, f"/{prefix}/{own}").json()["value"]["ordinal"] == ordinal
            assert [proof["id"] for proof in whole["proofs"]] == [identity]
            assert all(verify(own, Proof(proof["id"], proof["signature"])) for proof in whole["proofs"])
            parent = own


def test_data_takes_both_shapes_and_says_what_waits(running: Stack) -> None:
    bare, wrapped = create(ALICE), create(ALICE)
    assert post(running, bare).json() == {"hash": bare.hash, "feeHash": None}
    response = running.post("dl1-2", "/data", b'{"data":%b,"fee":null}' % wrapped.body)
    assert (response.status_code, response.json()) == (200, {"hash": wrapped.hash, "feeHash": None})
    assert settled(running, bare.hash)["status"] == settled(running, wrapped.hash)["status"] == "Accepted"
    both = {json.dumps(update.message, sort_keys=True) for update in (bare, wrapped)}
    until("they wait no more", lambda: not both & _waiting(running))
    unknown = running.get("dl1", f"/data/{'0' * 64}")
    assert (unknown.status_code, unknown.content) == (404, b"")
    assert running.get("dl1", "/data/no-hash").status_code == 404


def _waiting(stack: Stack) -> set[str]:
    return {json.dumps(each["value"], sort_keys=True) for (each,) in stack.json("dl1", "/data")}


def test_the_hash_and_the_fee_of_a_message_can_be_asked_for(running: Stack) -> None:
    update = create(ALICE)
    for name in ("ml0", "dl1"):
        response = running.post(name, f"{APPLICATION}/util/hash", update.body)
        assert list(response.json()) == ["protocol message hash", "protocol message"]
        assert response.json() == {"protocol message hash": update.hash, "protocol message": dict(update.message)}
        broken = running.post(name, f"{APPLICATION}/util/hash", b'{"value":{}}')
        assert (broken.status_code, broken.json()["code"]) == (500, 3)
    response = running.post("dl1", "/data/estimate-fee", json.dumps(update.message).encode())
    assert response.json() == {"fee": 0, "updateHash": update.hash}


@pytest.mark.parametrize(("name", "service"), [("ml0", "ottochain-ml0"), ("dl1", "ottochain-dl1")])
def test_version(running: Stack, name: str, service: str) -> None:
    shown = running.application("/version", name)
    wanted = ["service", "version", "name", "scalaVersion", "sbtVersion", "gitCommit", "buildTime"]
    assert list(shown)[:8] == [*wanted, "tessellationVersion"]
    assert (shown["service"], shown["version"]) == (service, "0.6.0")
    assert shown["tessellationVersion"] == running.json(name, "/node/info")["version"]


def test_public_answers_carry_the_node_s_id_and_let_browsers_read(running: Stack) -> None:
    for name in ("gl0", "ml0", "cl1", "dl1"):
        response = running.http.get(running.url(name, "/node/info"), headers={"Origin": "http://a.example"})
        assert response.headers["X-Id"] == response.json()["id"]
        assert response.headers["Access-Control-Allow-Origin"] == "*"
        assert ("Request-Signature" in response.headers) == (name in ("gl0", "ml0"))


def test_the_signing_client_of_others_needs_nothing_of_ours(running: Stack) -> None:
    """The approval workflow's first message, its definition written with all defaults, by a key the SDK made."""
    import constellation_sdk

    key = constellation_sdk.generate_key_pair()
    definition = example("approval-workflow/definition.json")
    data = example("approval-workflow/initial-data.json")
    fiber = str(uuid.uuid4())
    message = {
        "CreateStateMachine": {"fiberId": fiber, "definition": definition, "initialData": data, "parentFiberId": None}
    }
    accepted(running, signed_by_sdk(message, key.private_key), "dl1-1")
    record = running.application(f"/state-machines/{fiber}")
    assert (record["owners"], record["currentState"]) == ([key.address], "draft")


def test_the_same_update_on_all_three_nodes_is_applied_once(running: Stack) -> None:
    """As the reference's own end-to-end client posts."""
    update = create(PrivateKey.generate())
    for name in DL1:
        hand_in(running, update, name)
    ordinals = {settled(running, update.hash, name)["ordinal"] for name in DL1}
    assert len(ordinals) == 1
    later = accepted(running, create(ALICE))
    assert later not in ordinals
    standing = [
        ordinal for ordinal, block in blocks(running) if [update.hash] in block["value"]["dataTransactionsHashes"]
    ]
    assert standing == list(ordinals)
