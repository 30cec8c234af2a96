"""The proposal of a metagraph's snapshot: what goes in, as validators are sent it."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from ottochain.codec import exact_json
from ottochain.codec.exact_json import JsonError
from ottochain.layers.token_event import TokenEvent
from ottochain.layers.update_block import UpdateBlock
from ottochain.model.currency_snapshot import GlobalSyncView
from ottochain.model.errors import ModelError
from ottochain.model.header import Trigger, read_trigger
from ottochain.model.json_text import array_text, object_text


@dataclass(frozen=True, slots=True)
class Inputs:
    """Everything that decides a snapshot, but the parent.

    ``oversized`` are the round ids of blocks whose single update is rejected because it makes the snapshot too large.
    ``tokens`` are the blocks and messages that move tokens.
    """

    ordinal: int
    parent: str
    trigger: Trigger
    global_view: GlobalSyncView | None
    change: dict[str, Any] | None
    oversized: frozenset[str]
    blocks: tuple[UpdateBlock, ...]
    tokens: tuple[TokenEvent, ...] = ()

    def to_bytes(self) -> bytes:
        """The proposal. Blocks stand in it as they came."""
        view = None if self.global_view is None else self.global_view.to_json()
        return object_text(
            [
                ("ordinal", b"%d" % self.ordinal),
                ("parent", exact_json.dumps(self.parent)),
                ("trigger", exact_json.dumps(self.trigger)),
                ("globalSyncView", exact_json.dumps(view)),
                ("change", exact_json.dumps(self.change)),
                ("oversized", exact_json.dumps(sorted(self.oversized))),
                ("blocks", array_text([block.wire for block in self.blocks])),
                *([("tokens", array_text([event.wire for event in self.tokens]))] if self.tokens else []),
            ]
        )

    @classmethod
    def from_bytes(cls, proposal: bytes) -> "Inputs":
        """The inputs of a proposal; ModelError if it is none."""
        try:
            value = exact_json.loads(proposal)
        except JsonError as error:
            raise ModelError(f"expected a proposal: {error}") from None
        if not isinstance(value, dict):
            raise ModelError(f"expected a proposal, found {type(value).__name__}")
        view = value.get("globalSyncView")
        return cls(
            ordinal=_read(value, "ordinal", int),
            parent=_read(value, "parent", str),
            trigger=read_trigger(value.get("trigger")),
            global_view=None if view is None else GlobalSyncView.from_json(view),
            change=None if value.get("change") is None else _read(value, "change", dict),
            oversized=frozenset(_strings(_read(value, "oversized", list))),
            blocks=tuple(UpdateBlock.from_json(block) for block in _read(value, "blocks", list)),
            tokens=tuple(TokenEvent.from_json(event) for event in _read({"tokens": [], **value}, "tokens", list)),
        )


def _read(value: dict[str, Any], name: str, kind: type[Any]) -> Any:
    found = value.get(name)
    if not isinstance(found, kind) or isinstance(found, bool):
        raise ModelError(f"expected the proposal's {name} to be {kind.__name__}, found {type(found).__name__}")
    return found


def _strings(values: Iterable[object]) -> list[str]:
    strings = [value for value in values if isinstance(value, str)]
    if len(strings) != len(list(values)):
        raise ModelError("expected round ids to be strings")
    return strings
