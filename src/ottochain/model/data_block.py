"""The block in which a data L1 hands updates to its metagraph L0 (Tessellation, ``DataApplicationBlock``)."""

import re
from dataclasses import dataclass, field
from typing import Any, Final

from ottochain.codec.wire import json_hash
from ottochain.crypto.proofs import Proof
from ottochain.model.errors import ModelError
from ottochain.model.signed import Signed

_UUID: Final = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}").fullmatch
_HASH: Final = re.compile(r"[0-9a-f]{64}").fullmatch


@dataclass(frozen=True, slots=True)
class DataBlock:
    """Updates in the groups in which they were posted, and the hashes that the proposer gives them.

    ``transactions`` are the signed updates as JSON, not looked into; ``hashes`` has the same shape.
    """

    round_id: str
    transactions: tuple[tuple[dict[str, Any], ...], ...]
    hashes: tuple[tuple[str, ...], ...]

    def to_json(self) -> dict[str, Any]:
        """The wire form."""
        return {
            "roundId": self.round_id,
            "dataTransactions": [list(group) for group in self.transactions],
            "dataTransactionsHashes": [list(group) for group in self.hashes],
        }

    @classmethod
    def from_json(cls, value: object) -> "DataBlock":
        """The block of its wire form; ``ModelError`` if it is none, or if its two lists differ in shape."""
        if not isinstance(value, dict):
            raise ModelError(f"expected a data block, found {type(value).__name__}")
        round_id = value.get("roundId")
        if not isinstance(round_id, str) or not _UUID(round_id.lower()):
            raise ModelError(f"expected a UUID as the block's roundId, found {str(round_id)[:80]!r}")
        transactions = _groups(value.get("dataTransactions"), "dataTransactions", dict)
        hashes = _groups(value.get("dataTransactionsHashes"), "dataTransactionsHashes", str)
        if [len(group) for group in transactions] != [len(group) for group in hashes]:
            raise ModelError("expected as many dataTransactionsHashes as dataTransactions in each group")
        for group in hashes:
            for each in group:
                if not _HASH(each):
                    raise ModelError(f"expected hashes of 64 lower-case hex digits, found {each[:80]!r}")
        return cls(round_id.lower(), transactions, hashes)

    @property
    def hash(self) -> str:
        """The hash that the members of the round sign: of the hashes alone."""
        return json_hash([list(group) for group in self.hashes])


@dataclass(frozen=True, slots=True)
class SignedDataBlock:
    """A data block with the proofs of the L1 nodes that hold its updates."""

    block: DataBlock
    proofs: tuple[Proof, ...]
    hash: str = field(init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "hash", self.block.hash)

    @classmethod
    def from_json(cls, value: object) -> "SignedDataBlock":
        """The signed block of its wire form; ``ModelError`` if it is none."""
        signed = Signed.from_json(value)
        return cls(DataBlock.from_json(signed.value), signed.proofs)

    def to_json(self) -> dict[str, Any]:
        """The wire form."""
        return {"value": self.block.to_json(), "proofs": [proof.to_json() for proof in self.proofs]}


def _groups(value: object, name: str, kind: type[Any]) -> tuple[tuple[Any, ...], ...]:
    if not isinstance(value, list) or not value:
        raise ModelError(f"expected a non-empty array of groups in {name}")
    for group in value:
        if not isinstance(group, list) or not group or not all(isinstance(each, kind) for each in group):
            raise ModelError(f"expected each group of {name} to be a non-empty array of {_NAMES[kind]}")
    return tuple(tuple(group) for group in value)


_NAMES: Final[dict[type[Any], str]] = {dict: "signed updates", str: "hashes"}
