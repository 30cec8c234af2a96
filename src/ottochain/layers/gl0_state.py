"""What GL0 knows after a snapshot, and how the global chain begins."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from ottochain.codec.wire import json_hash, wire_bytes
from ottochain.layers.metagraph import Metagraph
from ottochain.layers.reopening import reopen
from ottochain.layers.validators import Chain, Validators
from ottochain.model.currency_snapshot import SnapshotText
from ottochain.model.global_info import GlobalInfo
from ottochain.model.global_snapshot import GlobalIncremental, global_genesis
from ottochain.model.tips import genesis_tips


@dataclass(frozen=True, slots=True)
class Gl0State:
    """The state after global snapshot ``ordinal``.

    ``info`` is the reference's state; ``metagraphs`` is what checking their next binaries takes beside it.
    ``reopening`` is the signed act that opened this incarnation, while no snapshot has been made in it.
    """

    chain: Chain
    ordinal: int
    hash: str
    height: int
    sub_height: int
    epoch_progress: int
    info: GlobalInfo = field(repr=False)
    validators: Validators
    metagraphs: Mapping[str, Metagraph] = field(repr=False)
    tips: Mapping[str, Any] = field(default_factory=genesis_tips, repr=False)
    reopening: dict[str, Any] | None = None


@dataclass(frozen=True, slots=True)
class FoundedGlobal:
    """The full genesis. ``genesis_hash`` is its JSON hash; the reference hashes this one snapshot with Kryo."""

    genesis: dict[str, Any]
    genesis_wire: bytes
    genesis_hash: str


def found(balances: Mapping[str, int], start_epoch: int = 0) -> FoundedGlobal:
    """The genesis of a global chain with these balances."""
    value = global_genesis(balances, start_epoch)
    return FoundedGlobal(value, wire_bytes(value), json_hash(value))


def first(founded: FoundedGlobal, chain: Chain, validators: Iterable[str]) -> tuple[SnapshotText, Gl0State]:
    """The first incremental snapshot, ordinal 1, and the state after it. Made without votes. Raises MembershipError."""
    info = GlobalInfo({}, {}, founded.genesis["info"]["balances"], {}, {})
    epoch_progress = founded.genesis["epochProgress"] + 1
    text = GlobalIncremental(
        ordinal=1,
        height=0,
        sub_height=1,
        last_snapshot_hash=founded.genesis_hash,
        binaries={},
        epoch_progress=epoch_progress,
        tips=genesis_tips(),
        state_proof=info.state_proof(),
    ).text()
    state = Gl0State(
        chain=chain,
        ordinal=1,
        hash=text.hash,
        height=0,
        sub_height=1,
        epoch_progress=epoch_progress,
        info=info,
        validators=Validators.founding(tuple(validators)),
        metagraphs={},
    )
    return text, state


def reopened(state: Gl0State, signed: dict[str, Any]) -> Gl0State:
    """The state in a new incarnation, which goes on from here. Raises ModelError with what is wrong."""
    chain, validators = reopen(signed, state.chain, state.validators, state.ordinal, state.hash)
    return replace(state, chain=chain, validators=validators, reopening=signed)
