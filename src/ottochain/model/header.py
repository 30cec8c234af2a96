"""What stands beside a snapshot, because the snapshot's own JSON has no room for it.

The validators vote for ``body_hash``: it binds the snapshot's hash to the facts that the snapshot does not tell. Their
certificate is part of the header, and the header travels wherever the snapshot goes.
"""

from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import Any, Final, Literal

from ottochain.codec import exact_json
from ottochain.codec.exact_json import JsonError
from ottochain.codec.hashing import canonical_hash
from ottochain.model.errors import ModelError

Trigger = Literal["event", "time"]
"""Why a snapshot was made. Only time moves the epoch progress."""

TRIGGERS: Final[tuple[Trigger, ...]] = ("event", "time")


@dataclass(frozen=True, slots=True)
class RejectedUpdate:
    """An update that the chain has decided against: its key, the hash of its value, and why."""

    key: str
    hash: str
    reason: str

    def to_json(self) -> dict[str, str]:
        """The wire form."""
        return {"key": self.key, "hash": self.hash, "reason": self.reason}


@dataclass(frozen=True, slots=True)
class Header:
    """The facts of one snapshot. ``certificate`` is None for what founders make: ordinals 0 and 1.

    ``validators`` voted at this ordinal; ``change`` is the signed change of the set that this snapshot commits;
    ``reopening`` is the signed act that opened the incarnation, in the first snapshot of it.
    """

    chain_id: str
    incarnation: int
    layer: str
    ordinal: int
    trigger: Trigger
    snapshot_hash: str
    validators: tuple[str, ...]
    rejections: tuple[RejectedUpdate, ...] = ()
    change: dict[str, Any] | None = None
    view: int = 0
    certificate: dict[str, Any] | None = None
    reopening: dict[str, Any] | None = None

    @property
    def body_hash(self) -> str:
        """What the validators vote for."""
        return body_hash(self.snapshot_hash, self.trigger, self.rejections, self.change)

    def certified(self, view: int, certificate: dict[str, Any]) -> "Header":
        """This header with the certificate that made it final."""
        return replace(self, view=view, certificate=certificate)

    def to_json(self) -> dict[str, Any]:
        """The wire form."""
        return {
            "chainId": self.chain_id,
            "incarnation": self.incarnation,
            "layer": self.layer,
            "ordinal": self.ordinal,
            "view": self.view,
            "trigger": self.trigger,
            "snapshotHash": self.snapshot_hash,
            "bodyHash": self.body_hash,
            "validators": list(self.validators),
            "rejections": [rejected.to_json() for rejected in self.rejections],
            "change": self.change,
            "reopening": self.reopening,
            "certificate": self.certificate,
        }

    def to_bytes(self) -> bytes:
        """The wire form as text."""
        return exact_json.dumps(self.to_json())

    @classmethod
    def from_bytes(cls, text: bytes) -> "Header":
        """The header of its text; ``ModelError`` if it is none."""
        try:
            return cls.from_json(exact_json.loads(text))
        except JsonError as error:
            raise ModelError(f"expected a header: {error}") from None

    @classmethod
    def from_json(cls, value: object) -> "Header":
        """The header of its wire form; ``ModelError`` if it is none, or if its body hash is not that of its facts."""
        if not isinstance(value, dict):
            raise ModelError(f"expected a header, found {type(value).__name__}")
        header = cls(
            chain_id=_read(value, "chainId", str),
            incarnation=_read(value, "incarnation", int),
            layer=_read(value, "layer", str),
            ordinal=_read(value, "ordinal", int),
            trigger=read_trigger(value.get("trigger")),
            snapshot_hash=_read(value, "snapshotHash", str),
            validators=tuple(_strings(_read(value, "validators", list))),
            rejections=tuple(map(_rejected, _read(value, "rejections", list))),
            change=_read_optional(value, "change"),
            view=_read(value, "view", int),
            certificate=_read_optional(value, "certificate"),
            reopening=_read_optional(value, "reopening"),
        )
        if value.get("bodyHash") != header.body_hash:
            raise ModelError(f"expected the header's bodyHash to be {header.body_hash}, found {value.get('bodyHash')}")
        return header


def body_hash(
    snapshot_hash: str, trigger: Trigger, rejections: Iterable[RejectedUpdate], change: dict[str, Any] | None
) -> str:
    """The hash over everything that a vote decides."""
    return canonical_hash(
        {
            "snapshotHash": snapshot_hash,
            "trigger": trigger,
            "rejections": [rejected.to_json() for rejected in rejections],
            "change": change,
        }
    )


def read_trigger(value: object) -> Trigger:
    """The trigger of its text; ``ModelError`` if it is none."""
    for trigger in TRIGGERS:
        if value == trigger:
            return trigger
    raise ModelError(f"expected trigger to be one of {', '.join(TRIGGERS)}, found {str(value)[:40]!r}")


def _rejected(value: object) -> RejectedUpdate:
    if not isinstance(value, dict):
        raise ModelError("expected a rejection to be an object")
    return RejectedUpdate(_read(value, "key", str), _read(value, "hash", str), _read(value, "reason", str))


def _strings(values: list[Any]) -> list[str]:
    if not all(isinstance(value, str) for value in values):
        raise ModelError("expected validators to be ids")
    return values


def _read(value: dict[str, Any], name: str, kind: type[Any]) -> Any:
    found = value.get(name)
    if not isinstance(found, kind) or isinstance(found, bool):
        raise ModelError(f"expected the header's {name} to be {kind.__name__}, found {type(found).__name__}")
    return found


def _read_optional(value: dict[str, Any], name: str) -> dict[str, Any] | None:
    found: dict[str, Any] | None = None if value.get(name) is None else _read(value, name, dict)
    return found
