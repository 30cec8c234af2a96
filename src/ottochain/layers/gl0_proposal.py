"""The proposal of a global snapshot: what goes in, as validators are sent it."""

import base64
import binascii
from dataclasses import dataclass
from typing import Any

from ottochain.codec import exact_json
from ottochain.codec.exact_json import JsonError
from ottochain.layers.delivery import Delivery
from ottochain.model.errors import ModelError
from ottochain.model.header import Trigger, read_trigger


@dataclass(frozen=True, slots=True)
class GlobalInputs:
    """Everything that decides a global snapshot, but the parent."""

    ordinal: int
    parent: str
    trigger: Trigger
    change: dict[str, Any] | None
    deliveries: tuple[Delivery, ...]

    def to_bytes(self) -> bytes:
        """The proposal. Contents are written in base64: a third of the size of an array of numbers."""
        return exact_json.dumps(
            {
                "ordinal": self.ordinal,
                "parent": self.parent,
                "trigger": self.trigger,
                "change": self.change,
                "binaries": [_delivery_json(each) for each in self.deliveries],
            }
        )

    @classmethod
    def from_bytes(cls, proposal: bytes) -> "GlobalInputs":
        """The inputs of a proposal; ModelError if it is none."""
        try:
            value = exact_json.loads(proposal)
        except JsonError as error:
            raise ModelError(f"expected a proposal: {error}") from None
        if not isinstance(value, dict):
            raise ModelError(f"expected a proposal, found {type(value).__name__}")
        return cls(
            ordinal=_read(value, "ordinal", int),
            parent=_read(value, "parent", str),
            trigger=read_trigger(value.get("trigger")),
            change=None if value.get("change") is None else _read(value, "change", dict),
            deliveries=tuple(_delivery(each) for each in _read(value, "binaries", list)),
        )


def _delivery_json(delivery: Delivery) -> dict[str, Any]:
    binary = delivery.signed.binary
    return {
        "address": delivery.address,
        "lastSnapshotHash": binary.last_snapshot_hash,
        "content": base64.b64encode(binary.content).decode("ascii"),
        "fee": binary.fee,
        "proofs": [proof.to_json() for proof in delivery.signed.proofs],
        "header": None if delivery.header is None else delivery.header.to_json(),
        "founding": delivery.founding,
    }


def _delivery(value: object) -> Delivery:
    if not isinstance(value, dict):
        raise ModelError(f"expected a binary, found {type(value).__name__}")
    try:
        content = base64.b64decode(_read(value, "content", str), validate=True)
    except (binascii.Error, ValueError):
        raise ModelError("expected a binary's content in base64") from None
    binary = {"lastSnapshotHash": value.get("lastSnapshotHash"), "content": content, "fee": value.get("fee")}
    facts = {
        "value": binary,
        "proofs": value.get("proofs"),
        "header": value.get("header"),
        "founding": value.get("founding"),
    }
    return Delivery.from_json(_read(value, "address", str), facts)


def _read(value: dict[str, Any], name: str, kind: type[Any]) -> Any:
    found = value.get(name)
    if not isinstance(found, kind) or isinstance(found, bool):
        raise ModelError(f"expected the proposal's {name} to be {kind.__name__}, found {type(found).__name__}")
    return found
