"""What ML0 knows after a snapshot, and how a metagraph begins."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from ottochain.codec.wire import json_hash, wire_bytes
from ottochain.fibers import FiberState, on_chain_bytes
from ottochain.fibers import genesis as no_fibers
from ottochain.layers.on_chain_text import OnChainText
from ottochain.layers.reopening import reopen
from ottochain.layers.validators import Chain, Validators
from ottochain.model.currency_snapshot import (
    CurrencyInfo,
    GlobalSyncView,
    SnapshotText,
    currency_genesis,
    first_incremental,
)
from ottochain.model.tips import genesis_tips


@dataclass(frozen=True, slots=True)
class Ml0State:
    """The state after snapshot ``ordinal``. Frozen; what did not change is shared with the state before.

    ``tips`` are what the next token blocks may stand on: those that the snapshot lists as remaining, and the blocks
    that it accepted. ``reopening`` is the signed act that opened this incarnation, while no snapshot has been made in
    it.
    """

    chain: Chain
    ordinal: int
    hash: str
    height: int
    sub_height: int
    epoch_progress: int
    info: CurrencyInfo
    fibers: FiberState = field(repr=False)
    global_view: GlobalSyncView | None
    validators: Validators
    tips: Mapping[str, Any] = field(default_factory=genesis_tips, repr=False)
    reopening: dict[str, Any] | None = None
    on_chain: OnChainText | None = field(default=None, repr=False, compare=False)

    def on_chain_text(self) -> OnChainText:
        """The on-chain state as a snapshot carries it."""
        return self.on_chain or OnChainText.of(self.fibers)


@dataclass(frozen=True, slots=True)
class Founded:
    """A new metagraph: the full genesis and the first incremental snapshot, both made by the founder without votes.

    Nothing is decided yet: the id of the metagraph follows from the *signed* genesis, so the founder signs
    ``genesis_hash``, derives the id from the binary's content, and then asks for ``first``.
    """

    genesis: dict[str, Any]
    genesis_wire: bytes
    genesis_hash: str


def found(balances: Mapping[str, int], global_view: GlobalSyncView | None) -> Founded:
    """The genesis of a metagraph with these balances, looking at this global snapshot."""
    value = currency_genesis(balances, on_chain_bytes(no_fibers()), global_view)
    return Founded(value, wire_bytes(value), json_hash(value))


def first(founded: Founded, chain: Chain, validators: Iterable[str]) -> tuple[SnapshotText, Ml0State]:
    """The first incremental snapshot, ordinal 1, and the state after it. Raises MembershipError.

    It repeats the genesis: the same proofs of state, data and epoch progress.
    """
    genesis = founded.genesis
    view = genesis["globalSyncView"]
    fibers = no_fibers()
    on_chain = OnChainText.of(fibers)
    before = Ml0State(
        chain=chain,
        ordinal=0,
        hash=founded.genesis_hash,
        height=0,
        sub_height=0,
        epoch_progress=0,
        info=CurrencyInfo({}, genesis["info"]["balances"]),
        fibers=fibers,
        global_view=None if view is None else GlobalSyncView.from_json(view),
        validators=Validators.founding(tuple(validators)),
        on_chain=on_chain,
    )
    text = first_incremental(before.hash, before.info.balances, on_chain.text, before.global_view).text()
    return text, replace(before, ordinal=1, hash=text.hash, sub_height=1)


def reopened(state: Ml0State, signed: dict[str, Any]) -> Ml0State:
    """The state in a new incarnation, which goes on from here. Raises ModelError with what is wrong."""
    chain, validators = reopen(signed, state.chain, state.validators, state.ordinal, state.hash)
    return replace(state, chain=chain, validators=validators, reopening=signed)
