"""The Merkle tree over hashes that global snapshots prove currency snapshots with (Tessellation, ``MerkleTree``)."""

import hashlib
from collections.abc import Sequence
from typing import Any, Final

_LEAF: Final = b"\x00"
_NODE: Final = b"\x01"


def merkle_nodes(inputs: Sequence[str]) -> list[str]:
    """All nodes of the tree over `inputs` (usually hashes), level by level from the leaves up to the root.

    An odd node is paired with itself. ``ValueError`` if there is no input: an empty tree does not exist.
    """
    if not inputs:
        raise ValueError("a Merkle tree needs at least one input")
    level = [_sha256_hex(_LEAF + text.encode()) for text in inputs]
    nodes = list(level)
    while len(level) > 1:
        level = [_parent(level[index], level[min(index + 1, len(level) - 1)]) for index in range(0, len(level), 2)]
        nodes.extend(level)
    return nodes


def merkle_root(inputs: Sequence[str]) -> str:
    """The root of the tree over `inputs`; ``ValueError`` if there is none."""
    return merkle_nodes(inputs)[-1]


def merkle_proof_json(inputs: Sequence[str]) -> dict[str, Any] | None:
    """The wire form of the root, ``{"leafCount", "hash"}``, or ``None`` (JSON null) without inputs."""
    return {"leafCount": len(inputs), "hash": merkle_root(inputs)} if inputs else None


def _parent(left: str, right: str) -> str:
    return _sha256_hex(_NODE + left.encode() + right.encode())


def _sha256_hex(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()
