"""Signing without submitting: what ``--print`` gives, another program can post."""

import json
from pathlib import Path

from ottochain.crypto.proofs import verify_all
from ottochain.fibers.updates import SignedUpdate
from ottochain.ops.inventory.initialising import initialise
from ottochain.ops.wallets import Wallet

from .test_main import run

EXAMPLES = Path(__file__).parents[2] / "examples"
ID = "6e0c1a52-3f5d-4a6e-9a42-0d6c2f7f5b11"


def test_print_gives_a_signed_message_that_a_node_takes_and_submits_nothing(tmp_path: Path) -> None:
    deployment = initialise(tmp_path).deployment
    Wallet("alice", deployment.places.wallets).create()
    definition = EXAMPLES / "approval-workflow" / "definition.json"
    wallets = ("--wallet", "default", "--wallet", "alice")
    done = run("fiber", "create", str(definition), "--id", ID, "--print", *wallets, folder=tmp_path)
    assert done.stderr == ""
    update = SignedUpdate.from_json(json.loads(done.stdout))
    assert (update.fiber_id, update.update_type) == (ID, "CreateStateMachine")
    assert len(update.proofs) == 2
    assert verify_all(update.hash, update.proofs)


def test_a_verb_that_reads_needs_no_deployment_when_the_node_is_named(tmp_path: Path) -> None:
    done = run("fiber", "get", ID, "--ml0", "http://127.0.0.1:1", folder=tmp_path, code=3)
    assert "no node answers" in done.stderr
