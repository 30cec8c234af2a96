"""Merkle trees over hashes."""

import json
from pathlib import Path
from typing import Any

import pytest

from ottochain.crypto.merkle import merkle_nodes, merkle_proof_json, merkle_root

CASES = json.loads((Path(__file__).parent / "data" / "merkle.json").read_text(encoding="utf-8"))["cases"]


@pytest.mark.parametrize("case", CASES, ids=lambda case: case["id"])
def test_known_trees(case: dict[str, Any]) -> None:
    assert merkle_nodes(case["inputs"]) == case["nodes"]
    assert merkle_root(case["inputs"]) == case["root"]
    assert merkle_proof_json(case["inputs"]) == {"leafCount": case["leafCount"], "hash": case["root"]}


def test_an_empty_tree_does_not_exist() -> None:
    assert merkle_proof_json([]) is None
    with pytest.raises(ValueError, match="at least one input"):
        merkle_root([])


def test_order_matters() -> None:
    assert merkle_root(["a", "b"]) != merkle_root(["b", "a"])
